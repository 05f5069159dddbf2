/* webhook_signature.h -- the webhook-signature header of Standard Webhooks.
 *
 *   signed   = webhook-id "." webhook-timestamp (seconds) "." body
 *   header   = signature *(" " signature)          one for each key, so keys can be changed in
 * peace signature = "v1," base64(HMAC-SHA256)  |  "v1a," base64(Ed25519) secret   = "whsec_"
 * base64(24–64 bytes) | "whsk_" base64(64 bytes)     "whpk_": the public key
 *
 * A key holds a keyed state that is used again: one thread at a time. */
#ifndef CRYPTO_WEBHOOK_SIGNATURE_H
#define CRYPTO_WEBHOOK_SIGNATURE_H

#include "base/buf.h"
#include "crypto/ed25519.h"
#include "crypto/hmac.h"

#define WEBHOOK_KEYS_MAX 10
#define WEBHOOK_SIGNATURE_BYTES_MAX 100 /* of one, with the blank before it */

struct webhook_key {
    bool is_ed25519;
    struct hmac hmac;
    struct ed25519_secret ed25519;
};

struct webhook_message {
    struct str id; /* without a dot */
    int64_t timestamp_s;
    struct str body;
};

/* From the text of a secret. ERR_INVALID with *why (static, never the secret). */
enum err webhook_key_init(struct webhook_key *key, struct str secret, const char **why) MUST_USE;
void webhook_key_release(struct webhook_key *key);
/* "whpk_…" of an Ed25519 key, for the receiver. */
void webhook_key_write_public(struct buf *out, const struct webhook_key *key);

/* New secrets: "whsec_…", "whsk_…". */
void webhook_secret_make(struct buf *out);
void webhook_secret_make_ed25519(struct buf *out);

void webhook_signature_write(struct buf *out, struct webhook_key *keys, size_t count,
                             const struct webhook_message *message);
/* Does one of the signatures in the header belong to one of the keys? In constant time for each
 * pair. The caller judges the age of the timestamp. */
bool webhook_signature_verifies(struct str header, struct webhook_key *keys, size_t count,
                                const struct webhook_message *message);

#endif
