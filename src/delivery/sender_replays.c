/* Bulk replays (store/replays.h), piece by piece: a reader looks for the next matches, the writer
 * sends them once more. Where each job stands is in the store, so that nothing here is missed. */
#include "delivery/sender_priv.h"
#include "io/loop.h"

/* Between two pieces, of whichever jobs: the log is searched for them beside other work. */
#define PAUSE_MS 20

static enum err find_apply(struct tx *tx, struct store_work *work)
{
    struct replays_work *r = CONTAINER_OF(work, struct replays_work, work);
    enum err err;

    arena_reset(&r->arena);
    r->next_us = 0;
    err = replay_find(tx, &r->arena, &r->piece);
    r->has_piece = err == OK;
    return err == ERR_NOT_FOUND ? replay_next_due(tx, &r->next_us) : err;
}

static enum err take_apply(struct tx *tx, struct store_work *work)
{
    return replay_take(tx, &CONTAINER_OF(work, struct replays_work, work)->piece);
}

/* Was this a step that goes on? */
static bool goes_on(struct replays_work *r, enum err err)
{
    struct delivery *d = r->delivery;

    r->is_busy = false;
    if (d->phase != PHASE_RUNNING) {
        stop_check(d);
        return false;
    }
    failure_log_note(&r->failures, loop_mono_ms(d->loop), err, LOG_WARN, "delivery",
                     "pieces of replays failed");
    if (!err)
        return true;
    timer_start(&d->replays_timer, RETRY_MS);
    return false;
}

static void take_done(struct store_work *work, enum err err)
{
    struct replays_work *r = CONTAINER_OF(work, struct replays_work, work);

    if (goes_on(r, err))
        timer_start(&r->delivery->replays_timer, PAUSE_MS);
}

/* Other nodes may add jobs: the survey looks for them again. */
static void sleep_until(struct delivery *d, int64_t next_us)
{
    int64_t wait_ms = (next_us - loop_wall_us(d->loop)) / US_PER_MS;

    if (next_us && wait_ms < d->config.tuning.survey_ms)
        timer_start(&d->replays_timer, wait_ms > PAUSE_MS ? wait_ms : PAUSE_MS);
}

static void find_done(struct store_work *work, enum err err)
{
    struct replays_work *r = CONTAINER_OF(work, struct replays_work, work);
    struct delivery *d = r->delivery;

    if (!goes_on(r, err))
        return;
    if (!r->has_piece) {
        sleep_until(d, r->next_us);
        return;
    }
    r->is_busy = true;
    r->work = (struct store_work){
        .apply = take_apply, .done = take_done, .reply_to = d->loop, .class = STORE_BULK};
    store_write(d->config.store, &r->work);
}

void replays_start(struct delivery *d)
{
    struct replays_work *r = &d->replays;

    if (r->is_busy || d->phase != PHASE_RUNNING)
        return;
    timer_stop(&d->replays_timer);
    r->is_busy = true;
    r->delivery = d;
    r->work = (struct store_work){.apply = find_apply, .done = find_done, .reply_to = d->loop};
    store_read(d->config.store, &r->work);
}
