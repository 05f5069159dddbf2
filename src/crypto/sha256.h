/* sha256.h -- SHA-256 of a text, at once or in pieces, as bytes and as 64 lower-case hex digits;
 * SHA-1 and MD5 where a protocol names them (the handshake of WebSocket, the bulk removal of S3),
 * for nothing else. */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include "base/str.h"

#define SHA256_BYTES 32
#define SHA1_BYTES 20
#define MD5_BYTES 16

struct sha256 {
    uint8_t bytes[SHA256_BYTES];
};

struct sha256_text {
    char text[2 * SHA256_BYTES + 1];
};

/* Of the empty text. */
#define SHA256_OF_NOTHING STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

struct sha256 sha256_of(struct str text);
struct str sha256_write(const struct sha256 *digest, struct sha256_text *text); /* borrows *text */

/* In pieces: begin, add, then end, which may be left out only by giving up. */
struct sha256_run {
    struct evp_md_ctx_st *context;
};
void sha256_begin(struct sha256_run *run);
void sha256_add(struct sha256_run *run, struct str bytes);
struct sha256 sha256_end(struct sha256_run *run);
void sha256_give_up(struct sha256_run *run); /* harmless after the end */

void sha1_of(struct str text, uint8_t bytes[SHA1_BYTES]);
/* False: this machine's OpenSSL does not do MD5. */
bool md5_of(struct str text, uint8_t bytes[MD5_BYTES]);

#endif
