/* ed25519.h -- Ed25519 signatures, for receivers that should verify without being able to sign. */
#ifndef CRYPTO_ED25519_H
#define CRYPTO_ED25519_H

#include "base/str.h"

#define ED25519_SECRET_BYTES 64 /* the seed, then the public key */
#define ED25519_PUBLIC_BYTES 32
#define ED25519_SIGNATURE_BYTES 64

struct ed25519_secret {
    uint8_t bytes[ED25519_SECRET_BYTES];
};

struct ed25519_public {
    uint8_t bytes[ED25519_PUBLIC_BYTES];
};

void ed25519_make(struct ed25519_secret *secret);
/* ERR_INVALID if the length is wrong or the halves do not belong together. */
enum err ed25519_from_bytes(struct str bytes, struct ed25519_secret *secret) MUST_USE;
struct ed25519_public ed25519_public_of(const struct ed25519_secret *secret);
void ed25519_sign(const struct ed25519_secret *secret, struct str message,
                  uint8_t signature[ED25519_SIGNATURE_BYTES]);
bool ed25519_verifies(const struct ed25519_public *public_key, struct str message,
                      const uint8_t signature[ED25519_SIGNATURE_BYTES]);

#endif
