/* span_delete.h -- traces go: one by one, with their project, or because of their age.
 *
 * Who deletes writes down what is to go (gone_traces, gone_projects) in the transaction that the
 * client is told of; the rows follow in small pieces, in retention_step, whatever stops in between.
 * With a span go its values, attachments and blobs, its feedback and tokens, its share, and what
 * rules have noted of it. A trace that has fitted into one piece is gone at once.
 *
 *   age      a trace goes when its root (or, without one, a span of it) has not changed for as long
 *            as its project says: keep_us, else the tier "longlived" for extended_us, else usual_us
 *   kept     (kept_traces.h) because of feedback or a rule: extended_us from the last time on
 *
 * What was still on its way when a client deleted its trace does not bring parts of it back: for
 * TRACE_REMEMBERED_US spans_apply drops what comes of the trace (deleted_traces), until its root is
 * posted anew.
 *
 * How far each project has been looked at stands in `sequences` ("retention_traces_…"). */
#ifndef STORE_SPAN_DELETE_H
#define STORE_SPAN_DELETE_H

#include "store/span.h"
#include "store/store.h"

#define TRACE_REMEMBERED_US (7 * 24 * INT64_C(3600) * US_PER_SECOND)

struct trace_ages { /* 0: for ever */
    int64_t usual_us, extended_us;
};

/* All spans of the trace; *rows_left counts down, and what is left then is noted. In a write. */
enum err trace_delete(struct tx *tx, struct str tenant, const struct uuid *trace_id,
                      int64_t *rows_left) MUST_USE;
/* What there is of the trace goes in later pieces. In a write. */
enum err trace_note(struct tx *tx, struct str tenant, const struct uuid *trace_id,
                    int64_t now_us) MUST_USE;
/* How long a project keeps its traces, 0: for ever; its trace_tier and keep_us are the columns `at`
 * and behind. */
int64_t trace_age_read(const struct db_rows *rows, int at, const struct trace_ages *ages);
/* The project's row has gone: its spans will. */
enum err project_spans_forget(struct tx *tx, int64_t project_no) MUST_USE;

/* One piece of all that is to go: at most *rows_left spans. */
enum err traces_delete_step(struct tx *tx, int64_t now_us, const struct trace_ages *ages,
                            int64_t *rows_left) MUST_USE;

#endif
