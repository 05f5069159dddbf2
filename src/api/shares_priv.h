/* shares_priv.h -- what both forms of /public/{token} share. */
#ifndef API_SHARES_PRIV_H
#define API_SHARES_PRIV_H

#include "api/call.h"
#include "store/span_scan.h"

/* The walk over what is below a shared span goes in pieces, at most so many:
 * beyond, a page of v1 is short and has a cursor; v2 has no pages and ends there. */
#define SHARES_PIECE 500
#define SHARES_PIECES_MAX 40

/* The shared span of the token in the path. ERR_NOT_FOUND: the reply is filled. */
enum err shares_root(struct tx *tx, struct call *call, struct span_row *root) MUST_USE;
/* Is it the root, or below it? */
bool shares_is_below(const struct span_row *root, const struct span_row *row);

#endif
