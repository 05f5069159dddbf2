/* cron_plan.h -- what a cron's request says, and what each of its firings asks for.
 *
 * A cron's body is that of "create a run" with schedule, timezone, end_time, enabled and
 * on_run_completed besides; the rest of it is the payload that each firing replays. Nothing here
 * touches the database. */
#ifndef AGENT_CRON_PLAN_H
#define AGENT_CRON_PLAN_H

#include "agent/run_request.h"
#include "store/crons.h"

/* Takes over what the body says; what it leaves out stays as it is in *cron (an end_time or
 * timezone of null clears it, metadata is merged). Checks every field, the run's arguments too;
 * fills *request with these. cron->assistant_id becomes what the body names, an id or a graph's
 * name. ERR_INVALID: error->text names the field. Strings live in `arena` or in the body. */
enum err cron_plan_read(struct arena *arena, struct str body, const struct json *root,
                        struct cron_row *cron, struct run_request *request,
                        struct request_error *error) MUST_USE;

/* Sets cron->next_us: the first firing after `after_us`, 0 if it is disabled or past its end.
 * ERR_INVALID if schedule or time zone mean nothing (any more). */
enum err cron_plan_next(struct cron_row *cron, int64_t after_us,
                        struct request_error *error) MUST_USE;

/* The request of one firing. */
enum err cron_plan_request(struct arena *arena, const struct cron_row *cron,
                           struct run_request *request, struct request_error *error) MUST_USE;

#endif
