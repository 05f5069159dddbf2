/* Threads whose life is over: deleted, or all but their last state. In small pieces. */
#include "agent/dispatch_priv.h"

#include "base/mem.h"
#include "store/checkpoints.h"

#define THREADS_AT_ONCE 50
#define PAUSE_MS 100 /* between two pieces of a sweep */

struct sweep {
    struct store_work work;
    struct dispatch *dispatch;
    int64_t limit;
    size_t count; /* of what the piece has found */
};

/* A thread on which something runs is not found: its life begins anew when that ends. */
static enum err sweep_apply(struct tx *tx, struct store_work *work)
{
    struct sweep *sweep = CONTAINER_OF(work, struct sweep, work);
    struct thread *found;
    enum err err = thread_list_expired(tx, sweep->limit, tx->arena, &found, &sweep->count);

    for (size_t i = 0; !err && i < sweep->count; i++) {
        const struct thread *thread = &found[i];

        if (str_eq(thread->ttl_strategy, THREAD_KEEP_LATEST)) {
            err = checkpoints_keep_latest(tx, thread->tenant, thread->thread_id);
            if (!err)
                err = thread_expire(tx, thread);
        } else {
            err = thread_delete(tx, thread->tenant, thread->thread_id);
            err = err == ERR_NOT_FOUND ? OK : err;
        }
    }
    return err;
}

static void sweep_done(struct store_work *work, enum err err)
{
    struct sweep *sweep = CONTAINER_OF(work, struct sweep, work);
    struct dispatch *d = sweep->dispatch;
    bool more = !err && sweep->count > 0 && sweep->count == (size_t)sweep->limit;

    d->works_open--;
    failure_log_note(&d->sweep_failures, loop_mono_ms(dispatch_loop(d)), err, LOG_ERROR, "agent",
                     "threads whose life is over could not be deleted");
    d->swept += (int64_t)sweep->count;
    if (!more || d->swept >= d->config->thread_life.sweep_limit) {
        more = false;
        d->swept = 0;
    }
    if (!d->is_stopping)
        timer_start(&d->sweep, more ? PAUSE_MS : d->config->thread_life.sweep_interval_ms);
    mem_free(sweep);
    dispatch_maybe_stopped(d);
}

void thread_sweep_start(struct timer *timer)
{
    struct dispatch *d = CONTAINER_OF(timer, struct dispatch, sweep);
    struct sweep *sweep = MEM_NEW(struct sweep);
    int64_t left = d->config->thread_life.sweep_limit - d->swept;

    sweep->dispatch = d;
    sweep->limit = left < THREADS_AT_ONCE ? left : THREADS_AT_ONCE;
    sweep->work.apply = sweep_apply;
    sweep->work.done = sweep_done;
    sweep->work.reply_to = d->setup.loop;
    sweep->work.class = STORE_BULK;
    d->works_open++;
    store_write(d->setup.store, &sweep->work);
}
