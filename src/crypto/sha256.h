/* sha256.h -- SHA-256 of a text, as bytes and as 64 lower-case hex digits; SHA-1 where a protocol
 * names it (the handshake of WebSocket), for nothing else. */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include "base/str.h"

#define SHA256_BYTES 32
#define SHA1_BYTES 20

struct sha256 {
    uint8_t bytes[SHA256_BYTES];
};

struct sha256_text {
    char text[2 * SHA256_BYTES + 1];
};

struct sha256 sha256_of(struct str text);
struct str sha256_write(const struct sha256 *digest, struct sha256_text *text); /* borrows *text */

void sha1_of(struct str text, uint8_t bytes[SHA1_BYTES]);

#endif
