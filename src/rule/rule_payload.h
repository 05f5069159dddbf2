/* rule_payload.h -- what a rule's webhook says (B2-B8). */
#ifndef RULE_RULE_PAYLOAD_H
#define RULE_RULE_PAYLOAD_H

#include "base/buf.h"
#include "store/feedback.h"

/* One of `runs`: everything the v1 API shows of the span, and is_root, modified_at, tenant_id.
 * *feedback: what its stats were made of. In the arena. */
enum err rule_payload_run(struct tx *tx, const struct span_row *row, struct str project_id,
                          struct arena *arena, struct str *run,
                          struct feedback_rows **feedback) MUST_USE;

struct rule_window {
    struct str rule_id;
    int64_t start_us, end_us;
    bool is_backfill;
};

/* The body around runs that are rendered. */
struct rule_letter {
    const struct rule_window *window;
    const struct str *runs;
    struct feedback_rows *const *feedback; /* of each run */
    size_t count;
};
void rule_payload_write(struct buf *out, const struct rule_letter *letter, struct arena *arena);

#endif
