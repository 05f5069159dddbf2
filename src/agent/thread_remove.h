/* thread_remove.h -- deletes a thread with everything that hangs on it: one transaction. */
#ifndef AGENT_THREAD_REMOVE_H
#define AGENT_THREAD_REMOVE_H

#include "agent/agent_config.h"
#include "store/threads.h"

/* Its live runs end first, so that each has its event. ERR_NOT_FOUND. */
enum err thread_remove(struct tx *tx, const struct agent_config *config, struct str tenant,
                       struct str thread_id) MUST_USE;

#endif
