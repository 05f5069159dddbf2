/* erasure_upkeep.c -- a look on a reader ──▶ if one is open: a piece on the writer, a pause, the
 * next ──▶ a rest. What fails is tried again at the next look. */
#include "app/erasure_upkeep.h"

#include "base/failure_log.h"
#include "base/mem.h"
#include "store/erasures.h"

#define LOOK_MS (2 * MS_PER_SECOND)
#define PAUSE_MS 10

struct erasure_upkeep {
    struct loop *loop;
    struct store *store;
    struct timer timer;
    struct store_work work;
    bool is_open, more;
    bool is_stopped;
    struct failure_log failures;
};

static void rest(struct erasure_upkeep *upkeep, int64_t delay_ms)
{
    if (!upkeep->is_stopped)
        timer_start(&upkeep->timer, delay_ms);
}

static enum err step_apply(struct tx *tx, struct store_work *work)
{
    return erasure_step(tx, &CONTAINER_OF(work, struct erasure_upkeep, work)->more);
}

static void step_done(struct store_work *work, enum err err)
{
    struct erasure_upkeep *upkeep = CONTAINER_OF(work, struct erasure_upkeep, work);

    failure_log_note(&upkeep->failures, loop_mono_ms(upkeep->loop), err, LOG_ERROR, "app",
                     "an erasure did not go on");
    upkeep->is_open = !err && upkeep->more;
    rest(upkeep, upkeep->is_open ? PAUSE_MS : LOOK_MS);
}

static enum err look_apply(struct tx *tx, struct store_work *work)
{
    return erasure_is_open(tx, &CONTAINER_OF(work, struct erasure_upkeep, work)->is_open);
}

static void look_done(struct store_work *work, enum err err)
{
    struct erasure_upkeep *upkeep = CONTAINER_OF(work, struct erasure_upkeep, work);

    rest(upkeep, !err && upkeep->is_open ? 0 : LOOK_MS);
}

static void on_timer(struct timer *timer)
{
    struct erasure_upkeep *upkeep = CONTAINER_OF(timer, struct erasure_upkeep, timer);

    upkeep->work = (struct store_work){.apply = upkeep->is_open ? step_apply : look_apply,
                                       .done = upkeep->is_open ? step_done : look_done,
                                       .reply_to = upkeep->loop,
                                       .class = STORE_BULK};
    if (upkeep->is_open)
        store_write(upkeep->store, &upkeep->work);
    else
        store_read(upkeep->store, &upkeep->work);
}

struct erasure_upkeep *erasure_upkeep_new(struct loop *loop, struct store *store)
{
    struct erasure_upkeep *upkeep = MEM_NEW(struct erasure_upkeep);

    upkeep->loop = loop;
    upkeep->store = store;
    timer_init(&upkeep->timer, loop, on_timer);
    rest(upkeep, LOOK_MS);
    return upkeep;
}

void erasure_upkeep_stop(struct erasure_upkeep *upkeep)
{
    if (!upkeep)
        return;
    upkeep->is_stopped = true;
    timer_stop(&upkeep->timer);
}

void erasure_upkeep_free(struct erasure_upkeep *upkeep)
{
    if (!upkeep)
        return;
    timer_stop(&upkeep->timer);
    mem_free(upkeep);
}
