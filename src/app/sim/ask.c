/* ask.c -- a client's request. */
#include "app/sim/ask.h"

#include "io/loop.h"
#include "io/stream.h"

#define ANSWER_BYTES_MAX (16 * MIB)

/* In the trial's arena. */
struct asking {
    struct ask ask;
    struct connecting *connecting; /* NULL: over */
    struct stream *stream;         /* NULL: not yet, or over */
    struct timer patience;
    struct buf in;
};

/* ---- reading the answer ---- */

struct str answer_header(const struct answer *answer, struct str name)
{
    struct str rest = answer->head, line;

    while (str_split(&rest, '\n', &line)) {
        struct str field;

        if (str_split(&line, ':', &field) && str_eq_nocase(field, name))
            return str_trim(line);
    }
    return STR_NONE;
}

static int64_t hex_number(struct str text)
{
    int64_t number = 0;

    for (size_t i = 0; i < text.len; i++) {
        size_t digit = str_find_char(STR("0123456789abcdef"), (char)(text.data[i] | 0x20));

        if (digit == 16)
            break;
        number = number * 16 + (int64_t)digit;
    }
    return number;
}

/* Takes the frames of a chunked body out; true if it was whole. */
static bool chunks_join(struct arena *arena, struct str chunked, struct str *body)
{
    char *to = arena_alloc(arena, chunked.len + 1);
    size_t len = 0;
    bool is_whole = false;

    while (!is_whole) {
        size_t end = str_find(chunked, STR("\r\n"));
        size_t size = (size_t)hex_number(str_first(chunked, end));
        struct str piece = str_first(str_from(chunked, end + 2), size);

        if (end == chunked.len)
            break;
        is_whole = size == 0;
        memcpy(to + len, piece.data, piece.len);
        len += piece.len;
        chunked = str_from(chunked, end + 2 + size + 2);
    }
    *body = str_range(to, len);
    return is_whole;
}

static void answer_parse(struct arena *arena, struct str all, struct answer *answer)
{
    size_t end = str_find(all, STR("\r\n\r\n"));
    int64_t status = 0, length = 0;
    struct str text;

    *answer = (struct answer){.head = STR(""), .body = STR("")};
    if (end == all.len || !str_starts(all, STR("HTTP/1.1 ")))
        return;
    answer->head = str_first(all, end);
    answer->body = str_from(all, end + 4);
    if (!str_to_i64(str_first(str_from(all, 9), 3), &status))
        answer->status = (int)status;
    text = answer_header(answer, STR("content-length"));
    if (str_eq_nocase(answer_header(answer, STR("transfer-encoding")), STR("chunked")))
        answer->is_whole = chunks_join(arena, answer->body, &answer->body);
    else if (!str_is_none(text))
        answer->is_whole = !str_to_i64(text, &length) && answer->body.len == (size_t)length;
    else
        answer->is_whole = status == 204;
}

/* ---- the connection ---- */

static void over(struct asking *asking, bool reset)
{
    struct answer answer;

    timer_stop(&asking->patience);
    if (asking->connecting)
        connecting_cancel(asking->connecting);
    if (asking->stream)
        stream_close(asking->stream, reset);
    asking->connecting = NULL;
    asking->stream = NULL;
    answer_parse(&asking->ask.trial->arena, buf_str(&asking->in), &answer);
    trial_note(asking->ask.trial, "%.*s %.*s -> %d%s, %zu bytes", STR_ARG(asking->ask.method),
               STR_ARG(asking->ask.target), answer.status, answer.is_whole ? "" : " (cut off)",
               answer.body.len);
    asking->ask.on_answer(asking->ask.context, &answer);
    buf_release(&asking->in);
}

static void on_patience(struct timer *timer)
{
    struct asking *asking = CONTAINER_OF(timer, struct asking, patience);

    over(asking, asking->ask.leaves_rudely);
}

static void on_read(void *context, struct str bytes)
{
    struct asking *asking = context;

    buf_add(&asking->in, bytes);
}

static void on_end(void *context, enum stream_end end UNUSED, const char *why UNUSED)
{
    over(context, false);
}

static const struct stream_events events = {on_read, on_end, NULL};

static void on_connected(void *context, enum err err, const char *why UNUSED, struct stream *stream)
{
    struct asking *asking = context;
    const struct ask *ask = &asking->ask;
    struct str head;

    asking->connecting = NULL;
    asking->stream = stream;
    if (err) {
        over(asking, false);
        return;
    }
    head = arena_printf(&ask->trial->arena,
                        "%.*s %.*s HTTP/1.1\r\nhost: runbell\r\nconnection: close\r\n%.*s"
                        "content-type: application/json\r\ncontent-length: %zu\r\n\r\n",
                        STR_ARG(ask->method), STR_ARG(ask->target), STR_ARG(ask->headers),
                        ask->body.len);
    stream_set_events(stream, &events, asking);
    stream_start(stream);
    stream_write(stream, (struct str[]){head, ask->body}, 2);
}

void ask_send(const struct ask *ask)
{
    struct asking *asking = ARENA_NEW(&ask->trial->arena, struct asking);
    struct loop *loop = sim_outside_loop(ask->trial->sim);

    asking->ask = *ask;
    buf_init(&asking->in, ANSWER_BYTES_MAX);
    timer_init(&asking->patience, loop, on_patience);
    timer_start(&asking->patience, ask->patience_ms);
    asking->connecting = loop_connect(loop, ask->to, on_connected, asking);
}
