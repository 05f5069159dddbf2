/* Deletes a thread with everything that hangs on it. */
#include "agent/thread_remove.h"

#include "agent/run_cancel.h"

#define LIVE_PAGE 1000 /* live runs ended per round */

enum err thread_remove(struct tx *tx, const struct agent_config *config, struct str tenant,
                       struct str thread_id)
{
    struct thread thread;
    struct runs live = {0};
    enum err err = thread_get_for_update(tx, tenant, thread_id, tx->arena, &thread);

    if (err)
        return err;
    do { /* each round ends those it found */
        err = run_list_live(tx, tenant, thread_id, LIVE_PAGE, tx->arena, &live);
        for (size_t i = 0; !err && i < live.count; i++)
            err = run_end_by_delete(tx, config, &live.list[i]);
    } while (!err && live.count == LIVE_PAGE);
    if (err)
        return err;
    err = thread_delete(tx, tenant, thread_id);
    return err == ERR_NOT_FOUND ? OK : err; /* it went with its last run */
}
