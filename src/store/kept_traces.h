/* kept_traces.h -- the table kept_traces: traces that somebody wants to keep longer than others of
 * their project. */
#ifndef STORE_KEPT_TRACES_H
#define STORE_KEPT_TRACES_H

#include "base/uuid.h"
#include "store/store.h"

/* From now on, if it is not the first time. In a write. */
enum err kept_traces_add(struct tx *tx, struct str tenant, struct uuid trace_id) MUST_USE;
enum err kept_traces_has(struct tx *tx, struct str tenant, struct uuid trace_id,
                         bool *has) MUST_USE;

#endif
