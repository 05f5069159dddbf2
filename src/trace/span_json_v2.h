/* span_json_v2.h -- a span as the v2 reading API shows it: only what is selected; costs are
 * numbers, enumerations in capitals, times with their offset. */
#ifndef TRACE_SPAN_JSON_V2_H
#define TRACE_SPAN_JSON_V2_H

#include "trace/span_json.h"

/* The bit of a name ("START_TIME"); 0: no such name. */
uint64_t span_v2_select(struct str name);
#define SPAN_V2_SELECT_ID UINT64_C(1) /* ID */
/* Bits that no name has: of whoever shows more than a span's members. `i`: 0 to 2 */
#define SPAN_V2_SELECT_OTHER(i) (UINT64_C(1) << (61 + (i)))

/* What has to be loaded for it, in the bits of span_select; without feedback_stats. */
uint64_t span_v2_needs(uint64_t select);
bool span_v2_wants_feedback(uint64_t select);

/* view->select is of span_v2_select; span->feedback_stats is of FEEDBACK_STATS_V2. */
void span_json_v2_write(struct json_writer *json, const struct span *span,
                        const struct span_view *view);
/* The members without braces. */
void span_json_v2_members(struct json_writer *json, const struct span *span,
                          const struct span_view *view);

#endif
