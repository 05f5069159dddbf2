/* fetch_test.c -- streaming requests to one chosen server, against sockets that do what the tests
 * tell them. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"
#include "http/client_rig.h"
#include "http/fetch.h"
#include "io/real_world.h"

struct seen {
    struct loop *loop;
    struct fetch *fetch;
    int status, heads;
    uint64_t length;
    char body[4096];
    size_t body_len;
    enum fetch_end end;
    bool cancels_at_head;
};

static void on_head(void *context, const struct fetch_head *head)
{
    struct seen *seen = context;

    seen->heads++;
    seen->status = head->status;
    seen->length = head->has_length ? head->length : 0;
    if (seen->cancels_at_head) {
        fetch_cancel(seen->fetch);
        loop_stop(seen->loop);
    }
}

static void on_body(void *context, struct str piece)
{
    struct seen *seen = context;

    assert_true(seen->body_len + piece.len < sizeof(seen->body));
    memcpy(seen->body + seen->body_len, piece.data, piece.len);
    seen->body_len += piece.len;
    if (seen->status == 101) /* what came is sent back, once */
        fetch_write(seen->fetch, STR("bye"));
}

static void on_end(void *context, enum fetch_end end, const char *why)
{
    struct seen *seen = context;

    assert_non_null(why);
    seen->end = end;
    loop_stop(seen->loop);
}

static const struct fetch_events events = {on_head, on_body, on_end, NULL, NULL};

/* Requests one after the other over one client. */
static void ask(uint16_t port, const struct fetch_request *request, struct seen *seen, size_t count)
{
    struct world *world = real_world_new();
    struct fetch_origin origin = {.host = STR("127.0.0.1"), .port = port};

    for (size_t i = 0; i < count; i++) {
        struct loop *loop = world_loop_new(world, "fetch");
        struct fetch_client *client =
            fetch_client_new(&(struct fetch_client_config){.loop = loop,
                                                           .origin = origin,
                                                           .connect_ms = 2000,
                                                           .header_bytes_max = 4096,
                                                           .idle_max = 4,
                                                           .idle_ms = 1000});

        seen[i].loop = loop;
        seen[i].fetch = fetch_start(client, request, &events, &seen[i]);
        loop_run(loop);
        fetch_client_free(client);
        loop_free(loop);
    }
    real_world_free(world);
}

static void say(struct receiver *receiver, int fd)
{
    const char *const *script = receiver->script;

    if (!receiver_read(receiver, fd))
        return;
    for (size_t i = 0; script[i]; i++)
        receiver_write(fd, str_of(script[i]));
}

/* What one GET sees of a server that says this, then closes. */
static struct seen answer(const char *const *script, struct fetch_request request)
{
    struct receiver receiver = {.serve = say, .script = script};
    struct seen seen = {0};

    receiver_start(&receiver);
    request.method = STR("GET");
    request.target = STR("/");
    request.all_ms = 3000;
    ask(receiver.port, &request, &seen, 1);
    receiver_stop(&receiver);
    return seen;
}

static void pieces_come_as_they_are(void **state)
{
    const char *const script[] = {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n",
                                  "Transfer-Encoding: chunked\r\n\r\n3\r\nab", "c\r\n0\r\n\r\n",
                                  NULL};
    struct seen seen = answer(script, (struct fetch_request){0});

    (void)state;
    assert_int_equal(seen.end, FETCH_DONE);
    assert_int_equal(seen.heads, 1);
    assert_int_equal(seen.status, 404);
    ASSERT_STR(str_range(seen.body, seen.body_len), "abc");
}

static void ends_are_told_apart(void **state)
{
    const char *const nothing[] = {NULL};
    const char *const nonsense[] = {"SSH-2.0-x\r\n", NULL};
    const char *const cut[] = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", NULL};
    const char *const to_the_end[] = {"HTTP/1.1 200 OK\r\n\r\nabc", NULL};
    const char *const upgraded[] = {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                    "Connection: Upgrade\r\n\r\n",
                                    NULL};
    struct seen seen = {0};

    (void)state;
    assert_int_equal(answer(nothing, (struct fetch_request){0}).end, FETCH_LOST);
    assert_int_equal(answer(nonsense, (struct fetch_request){0}).end, FETCH_LOST);
    assert_int_equal(answer(upgraded, (struct fetch_request){0}).end, FETCH_LOST); /* not asked */
    assert_int_equal(answer(cut, (struct fetch_request){0}).end, FETCH_CUT);
    assert_int_equal(answer(to_the_end, (struct fetch_request){0}).end, FETCH_DONE);
    ask(1, &(struct fetch_request){.method = STR("GET"), .target = STR("/")}, &seen, 1);
    assert_int_equal(seen.end, FETCH_UNREACHABLE);
}

static void an_upgrade_is_raw(void **state)
{
    const char *const script[] = {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\n\r\nhello",
                                  NULL};
    struct seen seen = answer(script, (struct fetch_request){.upgrades = true});

    (void)state;
    assert_int_equal(seen.status, 101);
    assert_int_equal(seen.end, FETCH_DONE);
    ASSERT_STR(str_range(seen.body, seen.body_len), "hello");
}

static void it_may_be_cancelled_in_a_callback(void **state)
{
    const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", NULL};
    struct receiver receiver = {.serve = say, .script = script};
    struct seen seen = {.cancels_at_head = true, .end = FETCH_LOST};

    (void)state;
    receiver_start(&receiver);
    ask(receiver.port, &(struct fetch_request){.method = STR("GET"), .target = STR("/")}, &seen, 1);
    receiver_stop(&receiver);
    assert_int_equal(seen.heads, 1);
    assert_int_equal(seen.body_len, 0);
    assert_int_equal(seen.end, FETCH_LOST); /* as before: nothing was told */
}

/* ---- a body that comes while it is sent ---- */

#define BODY_BYTES (32 * MIB) /* more than sockets hold */
#define PIECE_BYTES (64 * KIB)

struct sending {
    struct seen seen;
    size_t left;
    int continues;
};

static void on_more(void *context)
{
    static char piece[PIECE_BYTES];
    struct sending *sending = context;

    while (sending->left > 0 && fetch_pending_bytes(sending->seen.fetch) < PIECE_BYTES) {
        sending->left -= PIECE_BYTES;
        fetch_write(sending->seen.fetch, str_range(piece, PIECE_BYTES));
    }
}

/* A body of this length; 0: in chunks. */
static struct sending send_body(struct receiver *receiver, const struct fetch_events *with,
                                uint64_t length)
{
    struct fetch_request request = {.method = STR("PUT"),
                                    .target = STR("/"),
                                    .has_body = true,
                                    .body_more = length,
                                    .is_chunked = length == 0,
                                    .all_ms = 5000};
    struct world *world = real_world_new();
    struct loop *loop = world_loop_new(world, "fetch");
    struct fetch_client *client = fetch_client_new(
        &(struct fetch_client_config){.loop = loop,
                                      .origin = {.host = STR("127.0.0.1"), .port = receiver->port},
                                      .connect_ms = 2000,
                                      .header_bytes_max = 4096,
                                      .idle_max = 4,
                                      .idle_ms = 1000});
    struct sending sending = {.seen = {.loop = loop}, .left = length};

    sending.seen.fetch = fetch_start(client, &request, with, &sending);
    loop_run(loop);
    fetch_client_free(client);
    loop_free(loop);
    real_world_free(world);
    return sending;
}

static const struct fetch_events sending_events = {on_head, on_body, on_end, on_more, NULL};

static struct sending send_large(struct receiver *receiver)
{
    return send_body(receiver, &sending_events, BODY_BYTES);
}

static void answer_one(struct receiver *receiver, int fd)
{
    static char piece[PIECE_BYTES];
    size_t left = BODY_BYTES;
    ssize_t count;

    while (left > 0 && (count = recv(fd, piece, sizeof(piece), 0)) > 0)
        left -= (size_t)count < left ? (size_t)count : left; /* the head is counted too */
    atomic_fetch_add(&receiver->requests, 1);
    receiver_write(fd, STR(RECEIVER_OKAY));
    while (recv(fd, piece, sizeof(piece), 0) > 0)
        continue;
}

static void a_large_body_comes_while_it_is_sent(void **state)
{
    struct receiver receiver = {.serve = answer_one};
    struct sending sending;

    (void)state;
    receiver_start(&receiver);
    sending = send_large(&receiver);
    receiver_stop(&receiver);
    assert_int_equal(sending.seen.end, FETCH_DONE);
    assert_int_equal(sending.seen.status, 200);
    assert_int_equal(sending.left, 0);
    ASSERT_STR(str_range(sending.seen.body, sending.seen.body_len), "ok");
    assert_int_equal(atomic_load(&receiver.requests), 1);
}

/* The head alone is enough for a no. */
static void refuse_early(struct receiver *receiver UNUSED, int fd)
{
    char start[100];

    assert_true(recv(fd, start, sizeof(start), 0) > 0);
    receiver_write(fd, STR("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"));
    usleep(300000);
}

static void a_body_that_is_refused_goes_no_further(void **state)
{
    struct receiver receiver = {.serve = refuse_early};
    struct sending sending;

    (void)state;
    receiver_start(&receiver);
    sending = send_large(&receiver);
    receiver_stop(&receiver);
    assert_int_equal(sending.seen.end, FETCH_DONE);
    assert_int_equal(sending.seen.status, 403);
    assert_true(sending.left > 0);
}

/* Answers when three bytes have come in chunks, and goes on reading. */
static void answer_within_chunks(struct receiver *receiver, int fd)
{
    char text[4096];
    size_t len = 0;
    ssize_t count;
    bool is_told = false;

    while ((count = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0) {
        len += (size_t)count;
        text[len] = '\0';
        if (!is_told && strstr(text, "\r\n\r\n3\r\nabc\r\n")) {
            is_told = true;
            receiver_write(fd, STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
                                   "Content-Length: 2\r\n\r\no"));
        }
        if (strstr(text, "\r\n2\r\nde\r\n0\r\n\r\n")) {
            atomic_fetch_add(&receiver->requests, 1);
            receiver_write(fd, STR("k"));
        }
    }
}

static void on_chunk_more(void *context)
{
    struct sending *sending = context;

    if (sending->left++ == 0)
        fetch_write(sending->seen.fetch, STR("abc"));
}

static void on_chunk_head(void *context, const struct fetch_head *head)
{
    struct sending *sending = context;

    on_head(context, head);
    fetch_write(sending->seen.fetch, STR(""));
    fetch_write(sending->seen.fetch, STR("de"));
    fetch_write_end(sending->seen.fetch);
}

static void on_continue(void *context)
{
    struct sending *sending = context;

    sending->continues++;
}

static void chunks_go_on_behind_the_head_of_an_answer(void **state)
{
    static const struct fetch_events chunk_events = {on_chunk_head, on_body, on_end, on_chunk_more,
                                                     on_continue};
    struct receiver receiver = {.serve = answer_within_chunks};
    struct sending sending;

    (void)state;
    receiver_start(&receiver);
    sending = send_body(&receiver, &chunk_events, 0);
    receiver_stop(&receiver);
    assert_int_equal(sending.seen.end, FETCH_DONE);
    assert_int_equal(sending.continues, 1);
    ASSERT_STR(str_range(sending.seen.body, sending.seen.body_len), "ok");
    assert_int_equal(atomic_load(&receiver.requests), 1);
}

/* Says no, and closes with most of the body unread: the kernel resets the connection. */
static void refuse_and_close(struct receiver *receiver UNUSED, int fd)
{
    char start[100];

    assert_true(recv(fd, start, sizeof(start), 0) > 0);
    receiver_write(fd, STR("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"));
}

static void an_early_answer_survives_the_reset_behind_it(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct receiver receiver = {.serve = refuse_and_close};
        struct sending sending;

        receiver_start(&receiver);
        sending = send_large(&receiver);
        receiver_stop(&receiver);
        assert_int_equal(sending.seen.end, FETCH_DONE);
        assert_int_equal(sending.seen.status, 413);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pieces_come_as_they_are),
    cmocka_unit_test(ends_are_told_apart),
    cmocka_unit_test(an_upgrade_is_raw),
    cmocka_unit_test(it_may_be_cancelled_in_a_callback),
    cmocka_unit_test(a_large_body_comes_while_it_is_sent),
    cmocka_unit_test(a_body_that_is_refused_goes_no_further),
    cmocka_unit_test(chunks_go_on_behind_the_head_of_an_answer),
    cmocka_unit_test(an_early_answer_survives_the_reset_behind_it),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
