/* kept_traces.h -- the table kept_traces: traces that somebody wants to keep longer than others of
 * their project. */
#ifndef STORE_KEPT_TRACES_H
#define STORE_KEPT_TRACES_H

#include "base/uuid.h"
#include "store/span_delete.h"
#include "store/store.h"

/* From now on, if it is not the first time. In a write. */
enum err kept_traces_add(struct tx *tx, struct str tenant, struct uuid trace_id) MUST_USE;
enum err kept_traces_has(struct tx *tx, struct str tenant, struct uuid trace_id,
                         bool *has) MUST_USE;
/* From now on it has the age of its project. In a write. */
enum err kept_traces_remove(struct tx *tx, struct str tenant, struct uuid trace_id) MUST_USE;
/* Of those kept for extended_us, the ones that their project would keep no longer are noted as
 * gone (gone_traces); the others are kept for as long as it says, from the last change of their
 * root. So being kept never makes a trace's life shorter. *more: there may be others. In a write.
 */
enum err kept_traces_end(struct tx *tx, int64_t now_us, const struct trace_ages *ages,
                         bool *more) MUST_USE;

#endif
