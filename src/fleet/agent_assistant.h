/* agent_assistant.h -- the assistant that an agent is too, as long as others may run it.
 *
 * Name and description follow the agent. While its triggers are paused the assistant's metadata say
 * `triggers_paused`, and no cron makes runs of it (agent/cron_fire.h). */
#ifndef FLEET_AGENT_ASSISTANT_H
#define FLEET_AGENT_ASSISTANT_H

#include "fleet/agents.h"

/* The assistant says what the agent says; of one that is nobody else's to run there is none. */
enum err agent_assistant_follow(struct agent_work *work, const struct fleet_agent *agent,
                                bool is_paused) MUST_USE;
/* With the schedules that run it. */
enum err agent_assistant_remove(struct agent_work *work, const struct fleet_agent *agent) MUST_USE;

#endif
