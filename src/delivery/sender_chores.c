/* Deliveries that follow their endpoint's state, and those that expire: piece by piece, with
 * pauses, so that a large backlog delays nobody. What is left to do stands in the store. */
#include "base/log.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"
#include "store/outbox_upkeep.h"

#define PAUSE_MS 100

static enum err chores_apply(struct tx *tx, struct store_work *work)
{
    struct chores_work *u = CONTAINER_OF(work, struct chores_work, work);
    enum err err = outbox_shift(tx, CHORES_PIECE, &u->shifted);

    return err ? err : outbox_expire(tx, &u->delivery->config.rules, CHORES_PIECE, &u->expired);
}

static void chores_done(struct store_work *work, enum err err)
{
    struct chores_work *u = CONTAINER_OF(work, struct chores_work, work);
    struct delivery *d = u->delivery;

    u->is_busy = false;
    if (d->phase != PHASE_RUNNING) {
        stop_check(d);
        return;
    }
    failure_log_note(&u->failures, loop_mono_ms(d->loop), err, LOG_WARN, "delivery",
                     "chores failed");
    if (!err && u->expired)
        log_warn("delivery", "%zu deliveries have expired", u->expired);
    if (err || u->shifted || u->expired)
        timer_start(&d->chores_timer, err ? RETRY_MS : PAUSE_MS);
}

void chores_start(struct delivery *d)
{
    struct chores_work *u = &d->chores;

    if (u->is_busy || timer_is_running(&d->chores_timer) || d->phase != PHASE_RUNNING)
        return;
    u->is_busy = true;
    u->delivery = d;
    u->work = (struct store_work){
        .apply = chores_apply, .done = chores_done, .reply_to = d->loop, .class = STORE_BULK};
    store_write(d->config.store, &u->work);
}
