/* endpoint_fixture.h -- for tests of endpoints: short words for what is asked of one, over the
 * outbox's fixture. Tenant "t", kind "run". */
#ifndef STORE_ENDPOINT_FIXTURE_H
#define STORE_ENDPOINT_FIXTURE_H

#include "store/endpoints.h"
#include "store/outbox_fixture.h"

#define ENDPOINT_ORIGIN "https://a.example:443"
#define ENDPOINT_URL "https://a.example/hook"

/* What the event does not say is the fixture's. */
void endpoint_rig_add(struct outbox_rig *rig, struct outbox_event event);
void endpoint_rig_add_many(struct outbox_rig *rig, const char *url, int count);
/* Makes the endpoint of ENDPOINT_URL as told; its id is in rig->arena. */
struct str endpoint_rig_make(struct outbox_rig *rig, struct endpoint_row told);
struct endpoint_row endpoint_rig_get(struct outbox_rig *rig, struct str endpoint_id);
struct endpoint_backlog endpoint_rig_backlog(struct outbox_rig *rig, struct str endpoint_id);
void endpoint_rig_set_state(struct outbox_rig *rig, struct str endpoint_id,
                            enum endpoint_state state);
/* In pieces of `limit`, until nothing is left to move; returns how many pieces had something. */
int endpoint_rig_shift(struct outbox_rig *rig, size_t limit);
void endpoint_rig_settle(struct outbox_rig *rig, const struct outbox_outcome *outcome);
/* Claims first tries of ENDPOINT_ORIGIN; how many there were. */
size_t endpoint_rig_claim_count(struct outbox_rig *rig, unsigned room);

#endif
