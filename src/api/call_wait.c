/* Calls that wait for something in the store: each looks, parks, and looks again after a nudge.
 *
 *   call_then_wait ──▶ reading ──▶ the step asks for more? ──no──▶ its next stage, or the reply
 *                        ▲                   │ yes
 *                        └── nudge, timer ── parked
 *
 * A nudge that comes while it reads makes it read once more, so none is lost between the look and
 * the parking. */
#include "api/call_priv.h"

#include "base/mem.h"

#define SLOW_MS 1000 /* how long a lost nudge can delay */

struct api_waits {
    struct list all;
    bool is_draining;
};

enum err call_then_wait(struct call *call, const struct call_wait *wait, call_tx_step step)
{
    call->waiter.wait = *wait;
    call->next = CALL_WAIT;
    call->tx_step = step;
    return OK;
}

bool call_wait_is_over(const struct call *call)
{
    return call->waiter.is_last;
}

static struct loop *loop_of(struct call *call)
{
    return http_exchange_loop(call->exchange);
}

static void look(struct call *call)
{
    struct call_waiter *waiter = &call->waiter;

    waiter->is_reading = true;
    waiter->is_nudged = false;
    waiter->is_last = waiter->is_over;
    timer_stop(&waiter->timer);
    call_read_start(call);
}

static void wake(struct call *call)
{
    if (call->waiter.is_reading)
        call->waiter.is_nudged = true;
    else
        look(call);
}

static void end(struct call *call)
{
    call->waiter.is_over = true;
    wake(call);
}

static void on_timer(struct timer *timer)
{
    struct call *call = CONTAINER_OF(timer, struct call, waiter.timer);

    if (loop_mono_ms(loop_of(call)) >= call->waiter.until_ms)
        end(call);
    else
        wake(call);
}

static void on_gone(struct http_exchange *exchange)
{
    end(http_exchange_data(exchange));
}

static void begin(struct call *call)
{
    struct call_waiter *waiter = &call->waiter;
    struct api_waits *waits = api_waits(call->api);

    waiter->until_ms = loop_mono_ms(loop_of(call)) + waiter->wait.timeout_ms;
    waiter->is_over = waits->is_draining || http_exchange_is_gone(call->exchange);
    timer_init(&waiter->timer, loop_of(call), on_timer);
    list_push(&waits->all, &waiter->node);
    http_exchange_on_gone(call->exchange, on_gone);
}

static void park(struct call *call)
{
    struct call_waiter *waiter = &call->waiter;
    int64_t left_ms = waiter->until_ms - loop_mono_ms(loop_of(call));

    REQUIRE(!waiter->is_last);
    waiter->is_reading = false;
    if (left_ms <= 0)
        waiter->is_over = true;
    if (waiter->is_nudged || waiter->is_over)
        look(call);
    else
        timer_start(&waiter->timer, left_ms < SLOW_MS ? left_ms : SLOW_MS);
}

void call_wait_start(struct call *call)
{
    if (call->waiter.until_ms == 0) {
        begin(call);
        look(call);
    } else {
        park(call);
    }
}

void call_wait_leave(struct call *call)
{
    struct call_waiter *waiter = &call->waiter;

    if (waiter->until_ms == 0)
        return;
    waiter->until_ms = 0;
    timer_stop(&waiter->timer);
    list_remove(&waiter->node);
    http_exchange_on_gone(call->exchange, NULL);
}

/* ---- the calls of one loop ---- */

static void wake_topic(struct api_waits *waits, enum topic topic, struct str key)
{
    struct list *node = waits->all.next;

    while (node != &waits->all) {
        struct call *call = LIST_ITEM(node, struct call, waiter.node);
        const struct call_wait *wait = &call->waiter.wait;

        node = node->next;
        if (wait->topic == topic &&
            (str_is_none(wait->key) || str_is_none(key) || str_eq(wait->key, key)))
            wake(call);
    }
}

static void on_log(void *context, struct str key)
{
    wake_topic(context, TOPIC_DELIVERY_LOG, key);
}

static void on_due(void *context, struct str key)
{
    wake_topic(context, TOPIC_DELIVERY_DUE, key);
}

struct api_waits *api_waits_new(struct store *store, struct loop *loop)
{
    struct api_waits *waits = MEM_NEW(struct api_waits);

    list_init(&waits->all);
    store_subscribe(store, TOPIC_DELIVERY_LOG, loop, on_log, waits);
    store_subscribe(store, TOPIC_DELIVERY_DUE, loop, on_due, waits);
    return waits;
}

void api_waits_drain(struct api_waits *waits)
{
    struct list *node = waits->all.next;

    waits->is_draining = true;
    while (node != &waits->all) {
        struct call *call = LIST_ITEM(node, struct call, waiter.node);

        node = node->next;
        end(call);
    }
}

void api_waits_free(struct api_waits *waits)
{
    mem_free(waits);
}
