/* named.h -- what routes of named things have in common (store/named.h): datasets, annotation
 * queues and what belongs to them. */
#ifndef API_NAMED_H
#define API_NAMED_H

#include "api/call.h"
#include "store/named.h"

/* The next stage of a route whose parameter 0 is a UUID, which `param` calls; the last one also
 * has a body, an object. */
enum err named_then_read(struct call *call, const char *param, call_tx_step step) MUST_USE;
enum err named_then_write(struct call *call, const char *param, call_tx_step step) MUST_USE;
enum err named_then_change(struct call *call, const char *param, call_tx_step step) MUST_USE;

/* What the query of a list asks for: `ids` is the key of ids; a page has at most 100. */
enum err named_filter_read(struct call *call, const char *ids,
                           struct named_filter *filter) MUST_USE;
/* The body's `name`, if it has one, else what *name is; it must be 1 to NAMED_BYTES_MAX bytes. */
enum err named_name_read(struct call *call, struct str *name) MUST_USE;
/* The body's `id`, or a new one. */
enum err named_id_read(struct call *call, struct str *id) MUST_USE;

#endif
