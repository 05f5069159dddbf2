/* quota_clock.h -- measures what limited workspaces hold (store/quota.h), one after the other.
 *
 * Each round reads one piece of a walk, so that it stands between other work. Every node walks by
 * itself; what another has measured meanwhile is measured later. Lives on the loop. */
#ifndef AGENT_QUOTA_CLOCK_H
#define AGENT_QUOTA_CLOCK_H

#include "base/metrics.h"
#include "store/store.h"

extern struct metric quota_measured_bytes;

struct quota_clock;

struct quota_clock *quota_clock_new(struct loop *loop, struct store *store);
/* Before the store is closed. */
void quota_clock_close(struct quota_clock *clock);
void quota_clock_free(struct quota_clock *clock);

#endif
