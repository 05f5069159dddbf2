/* Asks a live run to end. */
#include "agent/run_cancel.h"

#include "agent/run_end.h"

enum err run_cancel(struct tx *tx, const struct agent_config *config, const struct run *run,
                    struct str action)
{
    bool ended;
    enum err err;

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
