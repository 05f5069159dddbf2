/* spans.h -- the table spans: changes are merged in, whatever their order, and spans are read.
 *
 * spans_apply is the one way in. A span is inserted by the first change that tells of it; changes
 * that are repeated change nothing that can be seen. It may be called for many changes at once, and
 * should: change_seq is taken for all of them under one lock, which on PostgreSQL also keeps other
 * nodes out of what is merged here until the commit.
 *
 * A parent may be named by its alias too: in OpenTelemetry a child knows the root of its trace by a
 * span id, while here the root has the trace's id. The child's row then names the parent itself. */
#ifndef STORE_SPANS_H
#define STORE_SPANS_H

#include "store/span.h"
#include "store/span_values.h"

/* In a write. Post and patch of one span that stand side by side are written at once. */
enum err spans_apply(struct tx *tx, struct str tenant, const struct span_change *changes,
                     size_t count) MUST_USE;

/* ERR_NOT_FOUND; also of one that is not placed yet. Strings live in the arena. */
enum err spans_get(struct tx *tx, struct str tenant, struct uuid span_id, struct arena *arena,
                   struct span_row *span) MUST_USE;

/* Something that is said of the span, apart from it, has changed: its change_seq rises. In a write.
 */
enum err spans_touch(struct tx *tx, struct str tenant, struct uuid span_id) MUST_USE;

/* For other files of the store that read spans: "SELECT " SPAN_COLUMNS " FROM spans …", each row
 * read from column `first` on. */
#define SPAN_COLUMNS                                                                               \
    "span_no, tenant, span_id, trace_id, parent_id, project_no, dotted_order, depth, is_root, "    \
    "name, run_type, status, start_us, end_us, first_token_us, tags, thread_id, example_id, "      \
    "error_preview, prompt_tokens, completion_tokens, total_tokens, prompt_cost, "                 \
    "completion_cost, total_cost, usage, posted, patched, change_seq, received_us, modified_us, "  \
    "alias_id, mark_low, mark_high"
#define SPAN_COLUMN_COUNT 34
void span_row_read(const struct db_rows *rows, int first, struct arena *arena,
                   struct span_row *span);

/* Pure: what a change makes of a span. One that is not there yet is all zero but for span_no,
 * tenant and received_us. Strings are borrowed from both. Where it stands in its trace is said by
 * span_place, as far as no dotted order was given. */
void span_merge(struct span_row *span, const struct span_change *change);
/* Below its parent, or for itself (NULL). The dotted order lives in the arena. */
void span_place(struct span_row *span, const struct span_row *parent, struct arena *arena);

#endif
