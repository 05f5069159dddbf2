/* base64.h -- RFC 4648 base64 with padding, the standard alphabet.
 *
 * Reading is strict: no blanks, padding as it must be, unused bits zero, so one value has one text.
 * Both ways take the same time for all bytes of a length, since keys pass through here; what
 * everybody may see anyway need not. */
#ifndef CRYPTO_BASE64_H
#define CRYPTO_BASE64_H

#include "base/buf.h"

void base64_write(struct buf *out, struct str bytes);
/* The same text, several times faster, in a time that tells of the bytes: for no secret. */
void base64_write_open(struct buf *out, struct str bytes);
/* ERR_INVALID if it is not base64, ERR_LIMIT if it has more than `bytes_max` bytes. *len is how
 * many. */
enum err base64_decode(struct str text, void *bytes, size_t bytes_max, size_t *len) MUST_USE;

#endif
