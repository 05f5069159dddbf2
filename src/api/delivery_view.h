/* delivery_view.h -- what a caller is told of attempts (docs/security.md, threats 29 and 30): the
 * receivers' text is for roles with the permission `answers`; how far an attempt got that had no
 * answer is for keys of all workspaces, which whoever runs the server has. So are notices of kind
 * `system`: they say it in their bodies, and go to a URL that is not the workspace's. For others
 * neither they nor their endpoints exist. */
#ifndef API_DELIVERY_VIEW_H
#define API_DELIVERY_VIEW_H

#include "api/call.h"
#include "delivery/delivery_json.h"

struct delivery_view delivery_view_of(const struct call *call);
/* The kind that does not exist for this caller; STR_NONE: there is none. */
struct str delivery_view_hidden_kind(const struct call *call);
/* The delivery, if it exists for this caller; else ERR_NOT_FOUND. */
enum err delivery_view_get(struct tx *tx, const struct call *call, int64_t delivery_id,
                           struct arena *arena, struct delivery_row *delivery) MUST_USE;
/* Did it end in a way that this caller is told of in one word? Then how soon is not told either. */
bool delivery_view_hides_end(const struct call *call, const struct delivery_row *delivery);

/* Before a test send, in its transaction: a workspace that has made many without an answer is asked
 * to wait. ERR_DENIED: the reply (429) is filled. */
enum err delivery_tests_spend(struct tx *tx, struct call *call) MUST_USE;

#endif
