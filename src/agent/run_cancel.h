/* run_cancel.h -- asks a live run to end: at once while it is pending, through its executor while
 * it runs. */
#ifndef AGENT_RUN_CANCEL_H
#define AGENT_RUN_CANCEL_H

#include "agent/agent_config.h"
#include "store/runs.h"

/* `action`: interrupt (what it did stays) or rollback (row and checkpoints go). A run that has
 * ended already is left alone: OK. */
enum err run_cancel(struct tx *tx, const struct agent_config *config, const struct run *run,
                    struct str action) MUST_USE;

/* Ends a live run because its row is about to be deleted: as cancelled, at once, with its webhook;
 * its executor is told. */
enum err run_end_by_delete(struct tx *tx, const struct agent_config *config,
                           const struct run *run) MUST_USE;

#endif
