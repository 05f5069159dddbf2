/* Asks a live run to end. */
#include "agent/run_cancel.h"

#include "agent/run_end.h"

enum err run_cancel(struct tx *tx, const struct agent_config *config, const struct run *run,
                    struct str action)
{
    struct thread thread;
    struct run fresh;
    bool ended;
    enum err err = thread_get_for_update(tx, run->tenant, run->thread_id, tx->arena, &thread);

    if (err && err != ERR_NOT_FOUND)
        return err;
    /* Again, now that the thread is held: another node may have claimed it. */
    err = run_get(tx, run->tenant, STR_NONE, run->run_id, tx->arena, &fresh);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    run = &fresh;
    if (str_eq(run->status, RUN_PENDING)) {
        const struct run_outcome outcome = {.status = RUN_INTERRUPTED};

        err = run_set_cancel(tx, run, action);
        return err ? err : run_finish(tx, config, run, &outcome, &ended);
    }
    if (!str_eq(run->status, RUN_RUNNING))
        return OK;
    err = run_set_cancel(tx, run, action);
    if (!err)
        tx_notify(tx, TOPIC_RUN_CANCEL, run->run_id);
    return err;
}

enum err run_end_by_delete(struct tx *tx, const struct agent_config *config, const struct run *run)
{
    const struct run_outcome outcome = {.status = RUN_INTERRUPTED};
    bool ended;

    if (!run_status_is_live(run->status))
        return OK;
    tx_notify(tx, TOPIC_RUN_CANCEL, run->run_id);
    return run_finish(tx, config, run, &outcome, &ended);
}
