/* GET /v1/deliveries/stream: what happens to deliveries, as it happens, by SSE.
 *
 * A tail pulls: it reads the feed from its position on, sends what it found, and reads again when
 * that has left for the network and there was a nudge (or a slow timer stands in for a lost one).
 * So a slow reader holds back nobody, and one that comes back with Last-Event-ID misses nothing. */
#include "api/delivery_tail.h"
#include "api/delivery_filter.h"
#include "api/delivery_view.h"

#include "base/mem.h"
#include "format/sse.h"
#include "store/delivery_feed.h"

#define PENDING_BYTES_MAX (256 * KIB) /* unsent bytes beyond which no more is pulled */
#define BATCH_BYTES_MAX (16 * MIB)
#define SLOW_MS 1000
#define FROM_NOW (-1)

struct tail {
    struct list node;
    struct store_work work;
    struct http_exchange *exchange;
    struct store *store;
    int64_t heartbeat_ms;
    struct arena arena; /* the filter */
    struct delivery_filter filter;
    struct delivery_view view;
    struct arena page_arena;
    struct feed_page page;
    struct timer heartbeat, slow;
    bool is_reading, is_nudged, is_over;
};

struct api_tails {
    struct list all;
};

/* ---- the end ---- */

static void tail_free(struct tail *tail)
{
    timer_stop(&tail->heartbeat);
    timer_stop(&tail->slow);
    list_remove(&tail->node);
    arena_release(&tail->arena);
    arena_release(&tail->page_arena);
    mem_free(tail);
}

/* The bytes may go nowhere, but the exchange has to be ended; not while a reader has the work. */
static void end(struct tail *tail)
{
    struct http_exchange *exchange = tail->exchange;

    tail->is_over = true;
    if (tail->is_reading)
        return;
    tail_free(tail);
    http_end(exchange);
}

static void on_gone(struct http_exchange *exchange)
{
    end(http_exchange_data(exchange));
}

/* ---- pulling ---- */

static enum err read_apply(struct tx *tx, struct store_work *work)
{
    struct tail *tail = CONTAINER_OF(work, struct tail, work);

    arena_reset(&tail->page_arena);
    tail->page.count = 0;
    tail->page.more = false;
    if (tail->page.position == FROM_NOW)
        return delivery_feed_last(tx, &tail->page.position);
    return delivery_feed_read(tx, &tail->filter, &tail->page_arena, &tail->page);
}

static void send_page(struct tail *tail)
{
    struct buf out, data;

    buf_init(&out, BATCH_BYTES_MAX);
    buf_init(&data, MIB);
    for (size_t i = 0; i < tail->page.count; i++) {
        const struct feed_row *row = &tail->page.found[i];
        struct json_writer json;
        char id[24];
        int id_len = snprintf(id, sizeof(id), "%lld", (long long)row->position);

        buf_clear(&data);
        json_writer_init(&json, &data);
        delivery_json_out_change(&json, tail->view, row);
        sse_write(&out, &(struct sse_event){row->has_attempt ? STR("attempt") : STR("delivery"),
                                            buf_str(&data), str_range(id, (size_t)id_len)});
    }
    if (out.len > 0) {
        http_write(tail->exchange, buf_str(&out));
        timer_start(&tail->heartbeat, tail->heartbeat_ms);
    }
    buf_release(&data);
    buf_release(&out);
}

static void pull(struct tail *tail)
{
    tail->is_nudged = true;
    if (tail->is_reading || http_pending_bytes(tail->exchange) > PENDING_BYTES_MAX)
        return;
    tail->is_reading = true;
    tail->is_nudged = false;
    timer_stop(&tail->slow);
    store_read(tail->store, &tail->work);
}

static void read_done(struct store_work *work, enum err err)
{
    struct tail *tail = CONTAINER_OF(work, struct tail, work);

    tail->is_reading = false;
    if (tail->is_over) {
        end(tail);
        return;
    }
    if (!err)
        send_page(tail);
    timer_start(&tail->slow, SLOW_MS);
    if (!err && (tail->page.more || tail->is_nudged))
        pull(tail);
}

static void on_drain(struct http_exchange *exchange)
{
    struct tail *tail = http_exchange_data(exchange);

    if (tail->is_nudged)
        pull(tail);
}

static void on_slow(struct timer *timer)
{
    struct tail *tail = CONTAINER_OF(timer, struct tail, slow);

    timer_start(&tail->slow, SLOW_MS);
    pull(tail);
}

static void on_heartbeat(struct timer *timer)
{
    struct tail *tail = CONTAINER_OF(timer, struct tail, heartbeat);
    struct buf out;

    timer_start(&tail->heartbeat, tail->heartbeat_ms);
    buf_init(&out, KIB);
    sse_write_heartbeat(&out);
    http_write(tail->exchange, buf_str(&out));
    buf_release(&out);
}

/* ---- the start ---- */

struct tail_start {
    struct delivery_filter filter;
    int64_t after;
};

enum err delivery_tail_prepare(struct call *call)
{
    struct tail_start *start = ARENA_NEW(call->arena, struct tail_start);
    struct str last =
        http_header_find(call->request->headers, call->request->header_count, "last-event-id");
    enum err err;

    start->after = FROM_NOW;
    if ((err = delivery_filter_read(call, DELIVERY_FILTER_SEARCH, &start->filter)) ||
        (err = call_query_int(call, "after", 0, INT64_MAX, &start->after)))
        return err;
    if (!str_is_none(start->filter.text) || start->filter.since_us || start->filter.until_us) {
        call_fail(call, 422,
                  "text, since, until: a live tail does not take them; `after` and "
                  "Last-Event-ID say where it begins");
        return ERR_INVALID;
    }
    if (!str_is_empty(last) && (str_to_i64(last, &start->after) || start->after < 0)) {
        call_fail(call, 422, "Last-Event-ID: must be the id of an event of this stream");
        return ERR_INVALID;
    }
    call->data = start;
    return call_then_take(call, delivery_tail_start);
}

static struct delivery_filter filter_keep(struct arena *arena, const struct delivery_filter *filter)
{
    struct delivery_filter kept = *filter;
    struct str *const texts[] = {&kept.tenant,     &kept.object_id, &kept.endpoint_id,
                                 &kept.webhook_id, &kept.kind,      &kept.state,
                                 &kept.result,     &kept.url,       &kept.replay_id};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = arena_str(arena, *texts[i]);
    return kept;
}

static struct tail *tail_new(struct call *call)
{
    const struct tail_start *start = call->data;
    struct loop *loop = http_exchange_loop(call->exchange);
    struct tail *tail = MEM_NEW(struct tail);

    arena_init(&tail->arena);
    arena_init(&tail->page_arena);
    tail->exchange = call->exchange;
    tail->store = call->setup->store;
    tail->heartbeat_ms = call->setup->heartbeat_ms;
    tail->filter = filter_keep(&tail->arena, &start->filter);
    tail->view = delivery_view_of(call);
    tail->page.position = start->after;
    tail->work = (struct store_work){.apply = read_apply, .done = read_done, .reply_to = loop};
    timer_init(&tail->heartbeat, loop, on_heartbeat);
    timer_init(&tail->slow, loop, on_slow);
    return tail;
}

void delivery_tail_start(struct call *call)
{
    struct tail *tail = tail_new(call);
    struct http_exchange *exchange = call->exchange;

    list_push(&api_tails(call->api)->all, &tail->node);
    http_exchange_set_data(exchange, tail);
    http_exchange_on_gone(exchange, on_gone);
    http_exchange_on_drain(exchange, on_drain);
    call_begin(call, STR("text/event-stream"));
    call_free(call);
    http_exchange_shed(exchange);
    timer_start(&tail->heartbeat, tail->heartbeat_ms);
    /* The first read of one that begins now only finds its place: the next may follow at once. */
    pull(tail);
    tail->is_nudged = true;
    if (http_exchange_is_gone(exchange))
        end(tail);
}

/* ---- the tails of one loop ---- */

static void on_log(void *context, struct str key)
{
    struct api_tails *tails = context;

    (void)key;
    for (struct list *node = tails->all.next; node != &tails->all; node = node->next)
        pull(LIST_ITEM(node, struct tail, node));
}

struct api_tails *api_tails_new(struct store *store, struct loop *loop)
{
    struct api_tails *tails = MEM_NEW(struct api_tails);

    list_init(&tails->all);
    store_subscribe(store, TOPIC_DELIVERY_LOG, loop, on_log, tails);
    return tails;
}

void api_tails_drain(struct api_tails *tails)
{
    struct list *node = tails->all.next;

    while (node != &tails->all) {
        struct tail *tail = LIST_ITEM(node, struct tail, node);

        node = node->next;
        end(tail);
    }
}

void api_tails_free(struct api_tails *tails)
{
    mem_free(tails);
}
