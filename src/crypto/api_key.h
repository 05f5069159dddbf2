/* api_key.h -- the keys with which programs call the server.
 *
 *   key = "rbk_" 40 of 0-9 A-Z a-z         238 bits, so a plain hash is enough: nothing to guess
 *
 * The key is shown once and never stored; its SHA-256 as 64 hex digits is. */
#ifndef CRYPTO_API_KEY_H
#define CRYPTO_API_KEY_H

#include "base/str.h"
#include "crypto/sha256.h"

#define API_KEY_PREFIX "rbk_"
#define API_KEY_BYTES 44

struct api_key_text {
    char text[API_KEY_BYTES + 1];
};

struct str api_key_make(struct api_key_text *text); /* borrows *text; wipe it when shown */
/* Of this form? Keys brought along by other systems need not be. */
bool api_key_is_ours(struct str key);
struct str api_key_hash(struct str key, struct sha256_text *text); /* borrows *text */
/* Is `hash` the stored hash of this key? In constant time. */
bool api_key_matches(struct str key, struct str hash);

#endif
