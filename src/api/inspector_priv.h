/* inspector_priv.h -- what the parts of the inspector share: what one answers (inspector_answer.c),
 * inspectors (inspector.c), what they keep (inspected.c), requests that come (inspector_receive.c).
 */
#ifndef API_INSPECTOR_PRIV_H
#define API_INSPECTOR_PRIV_H

#include "api/call.h"

#define INSPECTOR_PATH "/in/"
#define ANSWER_HEADERS_MAX 20

/* ---- what an inspector answers: JSON with status, headers, body, delay_ms, fail_first, script
 * ----
 */

/* From the members of the call's body, over `base`; in the arena. ERR_INVALID: the reply is filled.
 */
enum err answer_read(struct call *call, struct str base, struct str *answer) MUST_USE;
extern const struct str answer_default;

struct answer {
    int status;
    int64_t delay_ms;
    struct http_header headers[ANSWER_HEADERS_MAX];
    size_t header_count;
    struct str body;
};

/* Of the nth request, from 1. */
void answer_find(struct arena *arena, struct str json, int64_t nth, struct answer *answer);

/* The inspector that the first path parameter names (id or slug). ERR_NOT_FOUND: the reply is
 * filled. */
enum err inspector_of(struct tx *tx, struct call *call, struct inspector *inspector) MUST_USE;

#endif
