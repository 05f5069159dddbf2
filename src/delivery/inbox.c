/* inbox.c -- the receiver of inbox.h, on raw streams. */
#include "delivery/inbox.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"
#include "io/stream.h"

#define REQUEST_BYTES_MAX (64 * MIB)

struct connection {
    struct list node;
    struct inbox *inbox;
    struct stream *stream;
    struct buf in;
    struct timer timer;
    struct inbox_reply reply;
    bool is_waiting; /* for its timer: what else comes stays in `in` */
};

static void connection_free(struct connection *c, bool reset)
{
    timer_stop(&c->timer);
    list_remove(&c->node);
    stream_close(c->stream, reset);
    buf_release(&c->in);
    mem_free(c);
}

static struct str header_in(struct str head, const char *name)
{
    struct str line;

    while (str_split(&head, '\n', &line)) {
        size_t colon = str_find_char(line, ':');

        if (colon < line.len && str_eq_nocase(str_first(line, colon), str_of(name)))
            return str_trim(str_from(line, colon + 1));
    }
    return STR_NONE;
}

static int64_t number_in(struct str head, const char *name)
{
    int64_t value = 0;

    return str_to_i64(header_in(head, name), &value) ? 0 : value;
}

static void keep(struct inbox *inbox, const struct inbox_request *request)
{
    size_t index = atomic_load(&inbox->count);
    struct inbox_request *kept;

    if (!inbox->keeps_nothing && index < INBOX_KEPT_MAX) {
        pthread_mutex_lock(&inbox->lock);
        kept = ARENA_NEW(&inbox->arena, struct inbox_request);
        *kept = *request;
        kept->head = arena_str(&inbox->arena, request->head);
        kept->body = arena_str(&inbox->arena, request->body);
        kept->webhook_id = arena_str(&inbox->arena, request->webhook_id);
        inbox->kept[index] = kept;
        pthread_mutex_unlock(&inbox->lock);
    }
    atomic_fetch_add(&inbox->count, 1);
}

/* False: the connection is gone. */
static bool act(struct connection *c)
{
    const struct inbox_reply *reply = &c->reply;
    struct str body = reply->bytes ? str_of(reply->bytes) : STR("");
    char head[512];
    int len;

    c->is_waiting = false;
    switch (reply->act) {
    case INBOX_HANG:
        c->is_waiting = true;
        return true;
    case INBOX_RESET:
    case INBOX_CLOSE:
        connection_free(c, reply->act == INBOX_RESET);
        return false;
    case INBOX_SEND:
        stream_write(c->stream, &body, 1);
        connection_free(c, false);
        return false;
    case INBOX_ANSWER:
        break;
    }
    len = snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n",
                   reply->status ? reply->status : 200, body.len,
                   reply->headers ? reply->headers : "");
    stream_write(c->stream, (const struct str[]){str_range(head, (size_t)len), body}, 2);
    return true;
}

static struct inbox_reply reply_to(struct inbox *inbox, const struct inbox_request *request)
{
    struct inbox_reply reply;

    if (inbox->decide)
        return inbox->decide(inbox, request);
    pthread_mutex_lock(&inbox->lock);
    reply = inbox->reply;
    pthread_mutex_unlock(&inbox->lock);
    return reply;
}

void inbox_set_reply(struct inbox *inbox, struct inbox_reply reply)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->reply = reply;
    pthread_mutex_unlock(&inbox->lock);
}

/* Takes one whole request off the front; false if there is none, or the connection is gone. */
static bool serve_one(struct connection *c)
{
    struct str in = buf_str(&c->in);
    size_t head_len = str_find(in, STR("\r\n\r\n"));
    struct inbox_request request;
    size_t body_len;

    if (c->is_waiting || head_len == in.len)
        return false;
    request.head = str_first(in, head_len);
    body_len = (size_t)number_in(request.head, "Content-Length");
    if (in.len < head_len + 4 + body_len)
        return false;
    request.body = str_first(str_from(in, head_len + 4), body_len);
    request.webhook_id = header_in(request.head, "webhook-id");
    request.attempt = number_in(request.head, "webhook-attempt");
    request.at_us = loop_mono_us(c->inbox->loop);
    /* Whoever waits for the count may then change what the next one is answered. */
    c->reply = reply_to(c->inbox, &request);
    keep(c->inbox, &request);
    buf_consume(&c->in, head_len + 4 + body_len);
    if (c->reply.delay_ms == 0)
        return act(c);
    c->is_waiting = true;
    timer_start(&c->timer, c->reply.delay_ms);
    return false;
}

static void on_timer(struct timer *timer)
{
    struct connection *c = CONTAINER_OF(timer, struct connection, timer);

    if (act(c))
        while (serve_one(c))
            continue;
}

static void on_read(void *context, struct str bytes)
{
    struct connection *c = context;

    buf_add(&c->in, bytes);
    while (serve_one(c))
        continue;
}

static void on_end(void *context, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    connection_free(context, false);
}

static void on_accept(void *context, struct stream *stream)
{
    static const struct stream_events events = {.on_read = on_read, .on_end = on_end};
    struct inbox *inbox = context;
    struct connection *c = MEM_NEW(struct connection);

    c->inbox = inbox;
    c->stream = stream;
    buf_init(&c->in, REQUEST_BYTES_MAX);
    timer_init(&c->timer, inbox->loop, on_timer);
    list_push(&inbox->connections, &c->node);
    stream_set_events(stream, &events, c);
    stream_start(stream);
}

void inbox_open(struct inbox *inbox, struct world *world)
{
    struct address at = {.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}, .port = inbox->port};
    struct address bound = {0};
    const char *why = "";

    inbox->world = world;
    pthread_mutex_init(&inbox->lock, NULL);
    arena_init(&inbox->arena);
    list_init(&inbox->connections);
    inbox->loop = world_loop_new(world, "inbox");
    assert_int_equal(listen_socket_open(world, at, &inbox->socket, &bound, &why), OK);
    inbox->port = bound.port;
    inbox->listener = loop_listen(inbox->loop, &(struct listener_config){.socket = inbox->socket,
                                                                         .on_accept = on_accept,
                                                                         .context = inbox});
    loop_start(inbox->loop);
}

static void on_stop(struct message *message)
{
    struct inbox *inbox = CONTAINER_OF(message, struct inbox, stop_message);

    listener_close(inbox->listener);
    while (!list_is_empty(&inbox->connections))
        connection_free(LIST_ITEM(inbox->connections.next, struct connection, node), true);
    loop_stop(inbox->loop);
}

void inbox_close(struct inbox *inbox)
{
    inbox->stop_message.deliver = on_stop;
    loop_post(inbox->loop, &inbox->stop_message);
    loop_free(inbox->loop);
    listen_socket_close(inbox->socket);
    arena_release(&inbox->arena);
    pthread_mutex_destroy(&inbox->lock);
}

const char *inbox_url(const struct inbox *inbox, const char *path, char *text, size_t bytes)
{
    (void)snprintf(text, bytes, "http://127.0.0.1:%u%s", (unsigned)inbox->port, path);
    return text;
}

size_t inbox_count(struct inbox *inbox)
{
    return atomic_load(&inbox->count);
}

size_t inbox_count_of(struct inbox *inbox, struct str webhook_id)
{
    size_t found = 0, count = inbox_count(inbox);

    pthread_mutex_lock(&inbox->lock);
    for (size_t i = 0; i < count && i < INBOX_KEPT_MAX; i++)
        found += str_eq(inbox->kept[i]->webhook_id, webhook_id);
    pthread_mutex_unlock(&inbox->lock);
    return found;
}

struct str inbox_header(struct inbox *inbox, size_t index, const char *name)
{
    struct str value;

    REQUIRE(index < inbox_count(inbox) && index < INBOX_KEPT_MAX);
    pthread_mutex_lock(&inbox->lock);
    value = header_in(inbox->kept[index]->head, name);
    pthread_mutex_unlock(&inbox->lock);
    return value;
}
