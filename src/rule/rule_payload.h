/* rule_payload.h -- what a rule's webhook says (B2-B8). */
#ifndef RULE_RULE_PAYLOAD_H
#define RULE_RULE_PAYLOAD_H

#include "base/buf.h"
#include "store/feedback.h"

struct blob_store;

/* Where receivers find large values; borrowed. */
struct rule_links {
    struct str base_url;            /* of this server; no slash at its end */
    const struct blob_store *blobs; /* may give links of its own; NULL: there is none */
};

/* One of `runs`: everything the v1 API shows of the span, and is_root, modified_at, tenant_id.
 * Inputs and outputs of more than RULE_INLINE_BYTES_MAX are null, with a link that opens them
 * for a day (B4). *feedback: what its stats were made of. In the arena. */
struct rule_place {
    struct str project_id; /* UUID text */
    const struct rule_links *links;
};
enum err rule_payload_run(struct tx *tx, const struct span_row *row, const struct rule_place *place,
                          struct arena *arena, struct str *run,
                          struct feedback_rows **feedback) MUST_USE;

#define RULE_INLINE_BYTES_MAX (256 * KIB)

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
