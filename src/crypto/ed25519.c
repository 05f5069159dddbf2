/* ed25519.c -- libsodium's Ed25519, keys checked when they come in. */
#include "crypto/ed25519.h"

#include <sodium.h>

#include "crypto/random.h"
#include "crypto/secret.h"

#define SEED_BYTES 32

static_assert(ED25519_SECRET_BYTES == crypto_sign_SECRETKEYBYTES, "libsodium's form of the key");
static_assert(ED25519_SIGNATURE_BYTES == crypto_sign_BYTES, "libsodium's form of the signature");
static_assert(SEED_BYTES == crypto_sign_SEEDBYTES, "libsodium's form of the seed");

static void from_seed(const uint8_t *seed, struct ed25519_secret *secret)
{
    uint8_t public_key[ED25519_PUBLIC_BYTES];

    secret_library_ready();
    REQUIRE(crypto_sign_seed_keypair(public_key, secret->bytes, seed) == 0);
}

void ed25519_make(struct ed25519_secret *secret)
{
    uint8_t seed[SEED_BYTES];

    random_bytes(seed, sizeof(seed));
    from_seed(seed, secret);
    secret_wipe(seed, sizeof(seed));
}

enum err ed25519_from_bytes(struct str bytes, struct ed25519_secret *secret)
{
    struct ed25519_secret derived;
    enum err err = ERR_INVALID;

    if (bytes.len != ED25519_SECRET_BYTES)
        return ERR_INVALID;
    from_seed((const uint8_t *)bytes.data, &derived);
    /* Signing with a foreign public half would give the seed away. */
    if (secret_equals(bytes, str_range((const char *)derived.bytes, sizeof(derived.bytes)))) {
        *secret = derived;
        err = OK;
    }
    secret_wipe(&derived, sizeof(derived));
    return err;
}

struct ed25519_public ed25519_public_of(const struct ed25519_secret *secret)
{
    struct ed25519_public public_key;

    memcpy(public_key.bytes, secret->bytes + SEED_BYTES, sizeof(public_key.bytes));
    return public_key;
}

static const unsigned char *bytes_of(struct str text)
{
    return (const unsigned char *)(text.data ? text.data : "");
}

void ed25519_sign(const struct ed25519_secret *secret, struct str message,
                  uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    secret_library_ready();
    REQUIRE(crypto_sign_detached(signature, NULL, bytes_of(message), message.len, secret->bytes) ==
            0);
}

bool ed25519_verifies(const struct ed25519_public *public_key, struct str message,
                      const uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    secret_library_ready();
    return crypto_sign_verify_detached(signature, bytes_of(message), message.len,
                                       public_key->bytes) == 0;
}
