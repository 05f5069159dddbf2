/* The event streaming protocol by SSE: one stream, one subscription, open until the client leaves.
 */
#include "api/protocol_priv.h"

#include "base/mem.h"
#include "format/sse.h"

#define SSE_BATCH_MAX (256 * MIB)

struct protocol_stream {
    struct list node; /* in the loop's streams */
    struct http_exchange *exchange;
    struct protocol_feed *feed;
    struct timer heartbeat;
    int64_t heartbeat_ms;
    struct buf out; /* events to be sent together */
};

struct subscribe_call {
    struct protocol_filter filter;
    struct arena arena; /* of the filter, which outlives the call */
};

static void stream_free(struct protocol_stream *stream)
{
    timer_stop(&stream->heartbeat);
    list_remove(&stream->node);
    protocol_feed_free(stream->feed);
    buf_release(&stream->out);
    mem_free(stream);
}

/* The server stops: the connection breaks off, so that the client comes back later. */
void protocol_stream_break(struct list *node)
{
    struct protocol_stream *stream = LIST_ITEM(node, struct protocol_stream, node);
    struct http_exchange *exchange = stream->exchange;

    stream_free(stream);
    http_break(exchange);
}

static void on_gone(struct http_exchange *exchange)
{
    stream_free(http_exchange_data(exchange));
    http_end(exchange);
}

static void on_drain(struct http_exchange *exchange)
{
    const struct protocol_stream *stream = http_exchange_data(exchange);

    protocol_feed_more(stream->feed);
}

static void on_event(void *context, struct str method, int64_t seq, struct str event)
{
    struct protocol_stream *stream = context;
    char id[24];
    int len = snprintf(id, sizeof(id), "%lld", (long long)seq);

    sse_write(&stream->out, &(struct sse_event){method, event, str_range(id, (size_t)len)});
}

static bool on_flush(void *context)
{
    struct protocol_stream *stream = context;

    if (stream->out.len > 0) {
        http_write(stream->exchange, buf_str(&stream->out));
        timer_start(&stream->heartbeat, stream->heartbeat_ms);
    }
    buf_release(&stream->out);
    return http_pending_bytes(stream->exchange) <= PROTOCOL_PENDING_MAX;
}

static void on_fail(void *context, enum err err)
{
    struct protocol_stream *stream = context;
    struct http_exchange *exchange = stream->exchange;

    stream_free(stream);
    if (err == ERR_NOT_FOUND) /* the thread was deleted: nothing more will come */
        http_end(exchange);
    else
        http_break(exchange);
}

static const struct protocol_feed_events feed_events = {on_event, on_flush, on_fail};

static void on_heartbeat(struct timer *timer)
{
    struct protocol_stream *stream = CONTAINER_OF(timer, struct protocol_stream, heartbeat);
    struct buf out;

    timer_start(&stream->heartbeat, stream->heartbeat_ms);
    buf_init(&out, KIB);
    sse_write_heartbeat(&out);
    http_write(stream->exchange, buf_str(&out));
    buf_release(&out);
}

static void stream_take(struct call *call)
{
    struct subscribe_call *subscribe = call->data;
    struct protocol_stream *stream = MEM_NEW(struct protocol_stream);
    struct http_exchange *exchange = call->exchange;

    stream->exchange = exchange;
    stream->heartbeat_ms = call->setup->heartbeat_ms;
    buf_init(&stream->out, SSE_BATCH_MAX);
    list_push(&api_protocol_streams(call->api)->streams, &stream->node);
    stream->feed = protocol_feed_for(call, false, &feed_events, stream);
    REQUIRE(
        !protocol_feed_subscribe(stream->feed, STR("sse"), &subscribe->arena, &subscribe->filter));
    timer_init(&stream->heartbeat, http_exchange_loop(exchange), on_heartbeat);
    timer_start(&stream->heartbeat, stream->heartbeat_ms);
    http_exchange_set_data(exchange, stream);
    http_exchange_on_gone(exchange, on_gone);
    http_exchange_on_drain(exchange, on_drain);
    call_begin(call, STR("text/event-stream"));
    call_free(call);
    http_exchange_shed(exchange);
    if (http_exchange_is_gone(exchange)) /* while the thread was looked up */
        on_gone(exchange);
}

static enum err thread_find(struct tx *tx, struct call *call)
{
    struct subscribe_call *subscribe = call->data;
    struct thread thread;
    const struct json *params;
    const char *why;
    enum err err = thread_get(tx, call->principal.tenant, call->params[0], tx->arena, &thread);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Thread with ID %.*s not found", STR_ARG(call->params[0]));
    if (err)
        return err;
    /* Once more, into memory that lasts as long as the stream. */
    arena_init(&subscribe->arena);
    err =
        json_parse(&subscribe->arena, arena_str(&subscribe->arena, call->body_text), &params, NULL);
    if (!err)
        err = protocol_filter_read(params, &subscribe->filter, &why);
    if (err) {
        arena_release(&subscribe->arena);
        return err;
    }
    return call_then_take(call, stream_take);
}

enum err protocol_stream_prepare(struct call *call)
{
    struct subscribe_call *subscribe = ARENA_NEW(call->arena, struct subscribe_call);
    const char *why;
    enum err err;

    if ((err = call_param_uuid(call, 0, "thread_id")) || (err = call_body_object(call)))
        return err;
    if (protocol_filter_read(call->body, &subscribe->filter, &why))
        return call_refuse(call, why);
    call->data = subscribe;
    return call_then_read(call, thread_find);
}
