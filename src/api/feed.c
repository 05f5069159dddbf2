/* feed.c -- see feed.h. A follower belongs to its net loop; while a reader has it, the loop leaves
 * its `feed` alone. */
#include "api/feed.h"

#include "api/call_priv.h"
#include "base/list.h"
#include "base/mem.h"
#include "format/sse.h"

#define PENDING_BYTES_MAX (256 * KIB) /* unsent bytes beyond which no more is read */
#define LOOK_MS 5000                  /* a nudge may be lost */

struct follower {
    struct store_work work;
    struct list node;
    struct api_feeds *feeds;
    const struct api_setup *setup;
    struct http_exchange *exchange; /* NULL: ended while a reader had it */
    const struct feed_source *source;
    struct timer heartbeat;
    struct arena arena; /* tenant and key */
    struct feed feed;
    bool is_reading, look_again;
    int64_t looked_ms;
};

struct watch { /* context of one topic's subscription */
    struct api_feeds *feeds;
    enum topic topic;
    bool is_subscribed;
};

struct api_feeds {
    struct list all;
    struct watch watches[TOPIC_COUNT];
};

struct api_feeds *api_feeds_new(void)
{
    struct api_feeds *feeds = MEM_NEW(struct api_feeds);

    list_init(&feeds->all);
    for (int topic = 0; topic < TOPIC_COUNT; topic++)
        feeds->watches[topic] = (struct watch){feeds, (enum topic)topic, false};
    return feeds;
}

void api_feeds_free(struct api_feeds *feeds)
{
    mem_free(feeds);
}

static void follower_free(struct follower *f)
{
    arena_release(&f->arena);
    arena_release(&f->feed.arena);
    buf_release(&f->feed.out);
    mem_free(f);
}

/* Takes it off the loop; the exchange is the caller's to end. */
static struct http_exchange *follower_end(struct follower *f)
{
    struct http_exchange *exchange = f->exchange;

    f->exchange = NULL;
    timer_stop(&f->heartbeat);
    list_remove(&f->node);
    if (!f->is_reading)
        follower_free(f);
    return exchange;
}

void api_feeds_drain(struct api_feeds *feeds)
{
    while (!list_is_empty(&feeds->all))
        http_break(follower_end(LIST_ITEM(feeds->all.next, struct follower, node)));
}

/* ---- looking ---- */

static void look(struct follower *f);

static enum err read_apply(struct tx *tx, struct store_work *work)
{
    struct follower *f = CONTAINER_OF(work, struct follower, work);

    arena_reset(&f->feed.arena);
    buf_clear(&f->feed.out);
    f->feed.next_cursor = f->feed.cursor;
    f->feed.more = false;
    return f->source->read(tx, &f->feed);
}

static void read_done(struct store_work *work, enum err err)
{
    struct follower *f = CONTAINER_OF(work, struct follower, work);

    f->is_reading = false;
    if (!f->exchange) {
        follower_free(f);
        return;
    }
    if (err == ERR_NOT_FOUND) {
        http_end(follower_end(f));
        return;
    }
    if (err) /* the slow look comes */
        return;
    f->feed.cursor = f->feed.next_cursor;
    f->look_again |= f->feed.more;
    if (f->feed.out.len) {
        timer_start(&f->heartbeat, f->setup->heartbeat_ms);
        http_write(f->exchange, buf_str(&f->feed.out));
        buf_clear(&f->feed.out);
    }
    if (f->look_again)
        look(f);
}

static void look(struct follower *f)
{
    f->look_again = true;
    if (f->is_reading || http_pending_bytes(f->exchange) > PENDING_BYTES_MAX)
        return;
    f->look_again = false;
    f->is_reading = true;
    f->looked_ms = loop_mono_ms(http_exchange_loop(f->exchange));
    f->work.apply = read_apply;
    f->work.done = read_done;
    f->work.reply_to = http_exchange_loop(f->exchange);
    store_read(f->setup->store, &f->work);
}

static void on_nudge(void *context, struct str key)
{
    const struct watch *watch = context;
    struct list *all = &watch->feeds->all, *next;

    for (struct list *node = all->next; node != all; node = next) {
        struct follower *f = LIST_ITEM(node, struct follower, node);

        next = node->next;
        if (f->source->topic == watch->topic &&
            (str_is_none(key) || str_is_none(f->feed.key) || str_eq(key, f->feed.key)))
            look(f);
    }
}

static void on_drain(struct http_exchange *exchange)
{
    struct follower *f = http_exchange_data(exchange);

    if (f->look_again)
        look(f);
}

static void on_gone(struct http_exchange *exchange)
{
    http_end(follower_end(http_exchange_data(exchange)));
}

static void on_heartbeat(struct timer *timer)
{
    struct follower *f = CONTAINER_OF(timer, struct follower, heartbeat);
    struct buf out;

    timer_start(&f->heartbeat, f->setup->heartbeat_ms);
    buf_init(&out, KIB);
    sse_write_heartbeat(&out);
    http_write(f->exchange, buf_str(&out));
    buf_release(&out);
    if (loop_mono_ms(timer->loop) - f->looked_ms >= LOOK_MS)
        look(f);
}

/* ---- the start ---- */

enum err call_get_cursor(struct call *call, int64_t fallback, int64_t *cursor)
{
    struct str last =
        http_header_find(call->request->headers, call->request->header_count, "last-event-id");

    *cursor = fallback;
    if (!str_is_empty(last)) {
        if (!str_to_i64(last, cursor) && *cursor >= 0)
            return OK;
        call_fail(call, 422, "Last-Event-ID: must be the id of an event of this stream");
        return ERR_INVALID;
    }
    return call_query_int(call, "after", 0, INT64_MAX, cursor);
}

enum err call_then_feed(struct call *call, const struct feed_source *source, struct str key,
                        int64_t cursor)
{
    call->next = CALL_FEED;
    call->feed = (struct call_feed){source, key, cursor};
    return OK;
}

static void subscribe(struct follower *f)
{
    struct watch *watch = &f->feeds->watches[f->source->topic];

    if (watch->is_subscribed)
        return;
    watch->is_subscribed = true;
    store_subscribe(f->setup->store, watch->topic, http_exchange_loop(f->exchange), on_nudge,
                    watch);
}

void feed_start(struct call *call)
{
    struct follower *f = MEM_NEW(struct follower);
    struct http_exchange *exchange = call->exchange;

    arena_init(&f->arena);
    arena_init(&f->feed.arena);
    buf_init(&f->feed.out, FEED_BYTES_MAX);
    f->feeds = api_feeds(call->api);
    f->setup = call->setup;
    f->exchange = exchange;
    f->source = call->feed.source;
    f->feed.tenant = arena_str(&f->arena, call->principal.tenant);
    f->feed.key = arena_str(&f->arena, call->feed.key);
    f->feed.cursor = call->feed.cursor;
    list_push(&f->feeds->all, &f->node);
    timer_init(&f->heartbeat, http_exchange_loop(exchange), on_heartbeat);
    timer_start(&f->heartbeat, f->setup->heartbeat_ms);
    http_exchange_set_data(exchange, f);
    http_exchange_on_gone(exchange, on_gone);
    http_exchange_on_drain(exchange, on_drain);
    call_begin(call, STR("text/event-stream"));
    call_free(call);
    http_exchange_shed(exchange);
    if (http_exchange_is_gone(exchange)) {
        on_gone(exchange);
        return;
    }
    subscribe(f);
    look(f);
}
