/* webhooks.h -- who may see and change a Fleet webhook, and how it is kept with its endpoint: what
 * one transaction does.
 *
 * Administrators and whoever made a webhook see and change it; for everybody else it does not
 * exist. Whoever may write an agent may publish it by any webhook of the workspace, knowing its
 * name and its form, not where it leads. */
#ifndef FLEET_WEBHOOKS_H
#define FLEET_WEBHOOKS_H

#include "fleet/agents.h"
#include "store/fleet_webhooks.h"

bool webhook_is_seen_by(const struct fleet_webhook *webhook, const struct person *person);

/* Its endpoint (kind "fleet", the webhook's own) and its row; fills in endpoint_id and times. */
enum err webhook_create(struct tx *tx, struct fleet_webhook *webhook) MUST_USE;
/* The row anew. Where the URL changes, the endpoint is another one. What was secret of the first
 * goes along to the same origin only; *has_lost: there was something, and it did not. ERR_DENIED:
 * it cannot be opened. */
enum err webhook_change(struct tx *tx, struct fleet_webhook *webhook, struct str old_url,
                        bool *has_lost) MUST_USE;
/* Row and endpoint; what has not been delivered is given up. */
enum err webhook_remove(struct tx *tx, const struct fleet_webhook *webhook) MUST_USE;

#endif
