/* endpoint_json.h -- how endpoints look in the API. URLs are masked, as in delivery_json.h.
 *
 *   {"endpoint_id": "…", "kind": "run", "url": "https://host/hook?token=***",
 *    "origin": "https://host:443", "name": null, "policy": "durable", "own_policy": null,
 *    "rate_limit": null, "rate_burst": null, "in_flight_max": null, "ordering": "none",
 *    "expires_after_s": null, "state": "active", "state_reason": null, "state_since": null,
 *    "health": "well", "failing_since": null, "failures": 0, "resting_until": null,
 *    "last_sequence": 17, "created_at": "…", "updated_at": "…"}
 *
 * With its backlog it has one key more: "backlog": {"due", "sending", "held", "next_attempt_at"};
 * with a view "sender": {"breaker": "closed", "concurrency": 16, "in_flight": 3, "waiting": 0,
 * "reopens_at": null}, in the words of a breaker: one that lets nothing through is open. Without a
 * view it is null: the sender has nothing to do with its origin now, or was not asked.
 *
 * Whoever is not told why there was no answer (delivery_json.h) gets times of failures to the
 * minute, and no view: how soon something failed would say it, and an origin is not theirs alone.
 */
#ifndef DELIVERY_ENDPOINT_JSON_H
#define DELIVERY_ENDPOINT_JSON_H

#include "base/json.h"
#include "delivery/delivery_json.h"
#include "delivery/policies.h"
#include "delivery/sender_view.h"
#include "store/endpoints.h"

struct endpoint_teller {
    const struct policy_set *policies;
    struct delivery_view told; /* what the caller is told */
    int64_t now_us;
};

/* `backlog` and `view` may be NULL. */
void endpoint_json_out(struct json_writer *w, const struct endpoint_teller *teller,
                       const struct endpoint_row *endpoint, const struct endpoint_backlog *backlog,
                       const struct origin_view *view);

#endif
