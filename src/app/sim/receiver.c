/* receiver.c -- a host that gets webhooks. */
#include "app/sim/receiver.h"

#include "io/loop.h"
#include "io/stream.h"

#define REQUEST_BYTES_MAX (4 * MIB)
#define SLOW_MS_MAX 4000
#define RETRY_AFTER_S_MAX 30

/* One connection; in the trial's arena. */
struct line {
    struct receiver *receiver;
    struct stream *stream;
    struct buf in;
    struct timer slow;
    struct str left; /* of a slow answer */
};

static void line_close(struct line *line, bool reset)
{
    timer_stop(&line->slow);
    stream_close(line->stream, reset);
    buf_release(&line->in);
    line->stream = NULL;
}

/* ---- answers ---- */

static void on_slow(struct timer *timer)
{
    struct line *line = CONTAINER_OF(timer, struct line, slow);
    struct str byte = str_first(line->left, 1);

    line->left = str_from(line->left, 1);
    stream_write(line->stream, &byte, 1);
    if (line->left.len > 0)
        timer_start(&line->slow, (int64_t)rng_below(&line->receiver->trial->rng, SLOW_MS_MAX));
}

static struct str busy_answer(struct trial *trial, int64_t retry_after_s)
{
    return arena_printf(&trial->arena,
                        "HTTP/1.1 %d No\r\nretry-after: %d\r\ncontent-length: 0\r\n\r\n",
                        trial_once_in(trial, 2) ? 429 : 503, (int)retry_after_s);
}

static struct str answer_text(struct trial *trial, enum mood mood, const struct copy *copy)
{
    static const struct str texts[MOOD_COUNT] = {
        [MOOD_GOOD] = {"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 40},
        [MOOD_SERVER_ERROR] = {"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", 38},
        [MOOD_SLOW] = {"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 38},
        [MOOD_GARBAGE] = {"\x16\x03\x01 SSH-2.0 hello\r\n\r\n", 21},
        [MOOD_HALF] = {"HTTP/1.1 200 OK\r\ncontent-le", 27},
        [MOOD_GONE] = {"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", 40},
        [MOOD_REJECTS] = {"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", 38},
    };

    return mood == MOOD_BUSY ? busy_answer(trial, copy->retry_after_s) : texts[mood];
}

static enum mood mood_draw(const struct receiver *receiver)
{
    struct rng *rng = &receiver->trial->rng;
    enum mood mood = MOOD_GOOD;

    if (receiver->is_healed || receiver->moods == 0 || rng_below(rng, 10) < receiver->good_of)
        return MOOD_GOOD;
    do
        mood = (enum mood)rng_below(rng, MOOD_COUNT);
    while (!(receiver->moods & (1u << mood)));
    return mood;
}

/* False: the connection is closed. */
static bool answer(struct line *line, enum mood mood, const struct copy *copy)
{
    struct str text = answer_text(line->receiver->trial, mood, copy);

    if (mood == MOOD_SILENT)
        return true;
    if (mood == MOOD_SLOW) {
        line->left = text;
        timer_start(&line->slow, 0);
        return true;
    }
    if (mood != MOOD_CLOSES && mood != MOOD_RESETS)
        stream_write(line->stream, &text, 1);
    if (mood != MOOD_HALF && mood != MOOD_CLOSES && mood != MOOD_RESETS)
        return true;
    line_close(line, mood == MOOD_RESETS);
    return false;
}

/* ---- requests ---- */

static struct str field(struct str head, struct str name)
{
    struct str value = str_from(head, str_find(head, name) + name.len);

    return str_trim(str_first(value, str_find(value, STR("\r\n"))));
}

/* Takes the first whole request off the front; false if there is none. */
static bool request_take(struct line *line, struct copy *copy)
{
    struct arena *arena = &line->receiver->trial->arena;
    struct str all = buf_str(&line->in), head, rest;
    size_t end = str_find(all, STR("\r\n\r\n"));
    int64_t len = 0;

    if (end == all.len)
        return false;
    head = str_first(all, end + 2);
    if (str_to_i64(field(head, STR("\r\nContent-Length:")), &len) || len < 0) {
        trial_complain(line->receiver->trial, "a webhook without a length: %.*s", STR_ARG(head));
        return false;
    }
    if (all.len < end + 4 + (size_t)len)
        return false;
    rest = str_from(head, str_find_char(head, ' ') + 1);
    *copy = (struct copy){
        .target = arena_str(arena, str_first(rest, str_find_char(rest, ' '))),
        .webhook_id = arena_str(arena, field(head, STR("\r\nwebhook-id:"))),
        .body = arena_str(arena, str_first(str_from(all, end + 4), (size_t)len)),
    };
    if (str_to_i64(field(head, STR("\r\nwebhook-attempt:")), &copy->attempt))
        copy->attempt = 0;
    buf_consume(&line->in, end + 4 + (size_t)len);
    return true;
}

static void on_read(void *context, struct str bytes)
{
    struct line *line = context;
    struct receiver *receiver = line->receiver;
    struct copy copy;

    buf_add(&line->in, bytes);
    while (line->stream && request_take(line, &copy)) {
        enum mood mood = mood_draw(receiver);

        copy.retry_after_s = (int64_t)rng_below(&receiver->trial->rng, RETRY_AFTER_S_MAX);
        trial_note(receiver->trial, "%.*s got %.*s, mood %d", STR_ARG(copy.target),
                   STR_ARG(copy.webhook_id), (int)mood);
        if (receiver->on_copy)
            receiver->on_copy(receiver->context, &copy, mood);
        if (!answer(line, mood, &copy))
            return;
    }
}

static void on_end(void *context, enum stream_end end UNUSED, const char *why UNUSED)
{
    line_close(context, false);
}

static const struct stream_events events = {on_read, on_end, NULL};

static void on_accept(void *context, struct stream *stream)
{
    struct receiver *receiver = context;
    struct line *line = ARENA_NEW(&receiver->trial->arena, struct line);

    line->receiver = receiver;
    line->stream = stream;
    buf_init(&line->in, REQUEST_BYTES_MAX);
    timer_init(&line->slow, sim_outside_loop(receiver->trial->sim), on_slow);
    stream_set_events(stream, &events, line);
    stream_start(stream);
}

void receiver_open(struct receiver *receiver, struct address at)
{
    struct sim *sim = receiver->trial->sim;
    struct listener_config config = {.on_accept = on_accept, .context = receiver};
    struct address bound;
    const char *why;

    REQUIRE(!listen_socket_open(sim_outside_world(sim), at, &config.socket, &bound, &why));
    (void)loop_listen(sim_outside_loop(sim), &config);
}
