/* delivery_json.h -- how deliveries and attempts look in the API. URLs are masked: a token in a
 * query is a secret of whoever gave it.
 *
 *   {"delivery_id": 7, "webhook_id": "msg_…", "kind": "run", "object_id": "…", "endpoint_id": "…",
 *    "url": "https://host/hook?token=***", "origin": "https://host:443", "policy": "durable",
 *    "state": "due", "state_reason": "timeout", "attempts": 2, "next_attempt_at": "…",
 * "created_at": "…", "updated_at": "…", "ended_at": null, "resend_of": null, "replay_id": null,
 *    "cancelled": false,    "last_result": "timeout", "last_status": null, "last_message": "…",
 * "content_type": "application/json", "body_bytes": 1234}
 *
 * With its attempts it has one key more, "attempt_log".
 *
 * What is told depends on who asks. Who may not see answers gets none of the receiver's text. Who
 * is not told of the network gets the same word, `unreachable`, for every attempt that got no
 * answer, whatever stood in its way, no phases, no address, and times to the minute: else a URL and
 * the log would be a port scanner inside this server's network. */
#ifndef DELIVERY_DELIVERY_JSON_H
#define DELIVERY_DELIVERY_JSON_H

#include "base/json.h"
#include "store/delivery_feed.h"

struct delivery_view {
    bool has_answers; /* what receivers have said */
    bool has_network; /* why there was no answer, and when exactly */
};

/* The time, for whom how long something took is hidden from the end of its minute. */
int64_t delivery_view_time(bool is_hidden, int64_t at_us);
/* Is it one of those whose end is told in one word? */
bool delivery_view_hides(struct delivery_view view, struct str result, int64_t status);

void delivery_json_out(struct json_writer *w, struct delivery_view view,
                       const struct delivery_row *delivery);
void delivery_json_out_with_attempts(struct json_writer *w, struct delivery_view view,
                                     const struct delivery_row *delivery,
                                     const struct attempt_row *attempts, size_t count);
/* {"attempts": […]}, the first first. */
void delivery_json_out_attempts(struct json_writer *w, struct delivery_view view,
                                const struct attempt_row *attempts, size_t count);
void delivery_json_out_attempt(struct json_writer *w, struct delivery_view view,
                               const struct attempt_row *attempt);
/* Where it stands, in a sentence; static text, or its reason's. */
struct str delivery_json_verdict(const struct delivery_row *delivery);
/* {"deliveries": […], "next_before": 7 or null}: the cursor of the next page. */
void delivery_json_out_page(struct json_writer *w, struct delivery_view view,
                            const struct delivery_page *page);
/* {"position": 9, "at": "…", "state": "done", "delivery": {…}, "attempt": {…} or null} */
void delivery_json_out_change(struct json_writer *w, struct delivery_view view,
                              const struct feed_row *row);

#endif
