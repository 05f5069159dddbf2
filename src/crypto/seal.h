/* seal.h -- secrets at rest: XChaCha20-Poly1305, each bound to the place where it is stored.
 *
 *   sealed = version (1 byte: 1) | key id (4, big-endian) | nonce (24) | ciphertext | tag (16)
 *
 * The tag also covers the first five bytes and the binding (each part with its length), so a sealed
 * value opens only under its key, in its row and column. The nonce is random: 24 bytes never meet
 * again. To change keys, put the new one first in the ring and seal again what has an older id; a
 * key leaves the ring when no row has its id. */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/arena.h"
#include "base/buf.h"

#define SEAL_KEY_BYTES 32
#define SEAL_OVERHEAD_BYTES (1 + 4 + 24 + 16)

struct seal_key {
    uint32_t id;
    uint8_t bytes[SEAL_KEY_BYTES];
};

/* Newest first. The keys belong to whoever made the array. */
struct seal_ring {
    const struct seal_key *keys;
    size_t count;
};

struct seal_binding {
    struct str tenant;
    struct str table;
    struct str column;
    struct str row;
};

/* "<id>:<base64 of 32 bytes>", as an operator keeps it in a file. */
enum err seal_key_parse(struct str text, struct seal_key *key) MUST_USE;
void seal_key_make(struct seal_key *key, uint32_t id);
void seal_key_write(struct buf *out, const struct seal_key *key);

/* Under the first key of the ring. */
void seal_write(struct buf *out, const struct seal_ring *ring, const struct seal_binding *binding,
                struct str plain);
/* *plain lives in the arena (wipe it when done). ERR_INVALID: not this layout; ERR_NOT_FOUND: its
 * key is not in the ring; ERR_DENIED: changed, cut, or taken from another place. */
enum err seal_open(struct arena *arena, const struct seal_ring *ring,
                   const struct seal_binding *binding, struct str sealed,
                   struct str *plain) MUST_USE;
/* Under which key it is sealed, without opening it. */
enum err seal_key_id(struct str sealed, uint32_t *id) MUST_USE;

#endif
