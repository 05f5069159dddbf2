/* What waits where, for /metrics: counted now and then, page by page, and so that it takes a tenth
 * of a reader's time at most, however large the backlog is. */
#include "delivery/delivery_metrics.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"

#define PAGE_ROWS 2000
#define SHARE 10 /* one part for the census, the rest for everybody else */

static enum err census_apply(struct tx *tx, struct store_work *work)
{
    struct census_work *c = CONTAINER_OF(work, struct census_work, work);

    /* May run again: from where the last page ended. */
    c->next = c->census;
    arena_reset(&c->arenas[!c->arena]);
    return outbox_census_step(tx, &c->next, PAGE_ROWS, &c->arenas[!c->arena]);
}

static void publish(const struct delivery *d, const struct outbox_census *census)
{
    int64_t now_us = store_now_us(d->config.store), oldest_us = census->oldest_us;

    for (unsigned i = 0; i < CENSUS_QUEUE_COUNT; i++)
        metric_set(&delivery_queue_depth, i, census->queue[i]);
    for (unsigned i = 0; i < CENSUS_ENDPOINT_COUNT; i++)
        metric_set(&delivery_endpoint_state, i, census->endpoints[i]);
    metric_set(&delivery_log_bytes, 0, census->log_bytes);
    metric_set(&delivery_queue_oldest, 0, oldest_us && oldest_us < now_us ? now_us - oldest_us : 0);
}

static void census_done(struct store_work *work, enum err err)
{
    struct census_work *c = CONTAINER_OF(work, struct census_work, work);
    struct delivery *d = c->delivery;
    int64_t took_ms = loop_mono_ms(d->loop) - c->began_ms;

    c->is_busy = false;
    if (d->phase != PHASE_RUNNING) {
        stop_check(d);
        return;
    }
    if (!err) {
        c->census = c->next;
        c->arena = !c->arena;
    }
    if (c->census.is_done) {
        publish(d, &c->census);
        c->census = (struct outbox_census){0};
        took_ms = took_ms > d->config.tuning.survey_ms ? took_ms : d->config.tuning.survey_ms;
        timer_start(&d->census_timer, took_ms);
        return;
    }
    timer_start(&d->census_timer, err ? RETRY_MS : took_ms * (SHARE - 1));
}

void census_start(struct delivery *d)
{
    struct census_work *c = &d->census;

    if (c->is_busy || d->phase != PHASE_RUNNING)
        return;
    c->is_busy = true;
    c->delivery = d;
    c->began_ms = loop_mono_ms(d->loop);
    c->work = (struct store_work){.apply = census_apply, .done = census_done, .reply_to = d->loop};
    store_read(d->config.store, &c->work);
}
