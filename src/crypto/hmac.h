/* hmac.h -- HMAC-SHA256 under one key, used many times.
 *
 * The keyed state is made once; each sign starts from it, which costs half of a fresh one. One
 * thread at a time. */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "base/str.h"

#define HMAC_BYTES 32

struct hmac {
    struct evp_mac_ctx_st *keyed;
};

/* The key is copied. */
void hmac_init(struct hmac *h, struct str key);
void hmac_release(struct hmac *h);
/* Of the parts, one behind the other. */
void hmac_sign(struct hmac *h, const struct str *parts, size_t count, uint8_t mac[HMAC_BYTES]);

#endif
