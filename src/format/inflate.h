/* inflate.h -- undoes a Content-Encoding as the body comes: gzip, zlib ("deflate") and zstd.
 *
 * Both bound what a stranger can make us hold: the output is handed on in pieces of
 * INFLATE_PIECE_BYTES, in all at most `bytes_max`; zstd's window is at most 8 MiB. Several members
 * or frames in a row are one body. Here and in squeeze.h are the only includers of zlib and zstd.
 */
#ifndef FORMAT_INFLATE_H
#define FORMAT_INFLATE_H

#include "base/str.h"

#define INFLATE_PIECE_BYTES ((size_t)32 * 1024)

enum inflate_kind { INFLATE_NONE, INFLATE_GZIP, INFLATE_ZLIB, INFLATE_ZSTD };

struct inflate;

/* Of a Content-Encoding header; STR_NONE, "" and "identity" are INFLATE_NONE. ERR_INVALID: another,
 * or more than one. */
enum err inflate_kind_of(struct str content_encoding, enum inflate_kind *kind) MUST_USE;

/* on_piece: an error it returns ends the reading and comes back from inflate_feed. */
struct inflate *inflate_new(enum inflate_kind kind, size_t bytes_max,
                            enum err (*on_piece)(void *context, struct str piece), void *context);
void inflate_free(struct inflate *inflate); /* NULL is fine */
/* ERR_INVALID: not of that kind; ERR_LIMIT: more than bytes_max, or too large a window. */
enum err inflate_feed(struct inflate *inflate, struct str bytes) MUST_USE;
/* The same, but at most one piece: what was taken is off the front of *bytes; *more: there may be
 * another piece, even without further input. So that whoever takes the pieces can rest. */
enum err inflate_step(struct inflate *inflate, struct str *bytes, bool *more) MUST_USE;
/* At the end of the body: ERR_INVALID if it stops in the middle. */
enum err inflate_end(struct inflate *inflate) MUST_USE;

#endif
