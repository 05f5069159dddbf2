/* traces_v2_priv.h -- what the files of the v2 reading API share. */
#ifndef API_TRACES_V2_PRIV_H
#define API_TRACES_V2_PRIV_H

#include "api/traces_priv.h"

/* Loads what is missing of a span whose row and project are known; `select` is of span_v2_select.
 */
enum err traces_v2_fill(struct tx *tx, uint64_t select, struct arena *arena,
                        struct span *span) MUST_USE;

/* The bit of a name that may be selected; 0: there is no such name. */
typedef uint64_t (*traces_v2_bit)(struct str name);

/* `selects` of the body, or of the query string; 0: there is none. ERR_INVALID: the reply is
 * filled. */
enum err traces_v2_body_selects(struct call *call, traces_v2_bit bit, uint64_t *select) MUST_USE;
enum err traces_v2_query_selects(struct call *call, traces_v2_bit bit, uint64_t *select) MUST_USE;

/* The end of a page, behind its items: `cursor` leads to the next one, if there is one. */
void traces_v2_page_end(struct json_writer *json, bool has_more, struct str cursor);

#endif
