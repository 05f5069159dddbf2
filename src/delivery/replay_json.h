/* replay_json.h -- how bulk replays look in the API. URLs are masked.
 *
 *   {"replay_id": "…", "state": "running", "filter": {"state": "dead", "endpoint_id": "…",
 *    "since": "…"}, "to_url": null, "rate": 200, "expected": 120, "expected_is_exact": true,
 *    "matched": 40, "queued": 38, "skipped": 2, "failed": 0, "cursor": 4711, "last": 5000,
 *    "created_at": "…", "updated_at": "…", "ended_at": null}
 *
 * With its outcomes it has one key more: "outcomes": {"waiting": 3, "done": 35, "dead": 0,
 * "is_exact": true}. */
#ifndef DELIVERY_REPLAY_JSON_H
#define DELIVERY_REPLAY_JSON_H

#include "base/json.h"
#include "store/replays.h"

/* outcomes NULL: without them. */
void replay_json_out(struct json_writer *w, const struct replay_row *replay,
                     const struct replay_outcomes *outcomes);

#endif
