/* keyring.h -- the sealing keys of this process, for all threads, and the file they stand in.
 *
 *   file = *( line LF )        line = "#" anything | blank | <id> ":" base64(32 bytes)
 *
 * The first key of the file seals; all of them open. The keys can be replaced while others seal and
 * open: an operation sees the keys of before or of after. Ids are random, so that keys made at
 * different places never share one. */
#ifndef CRYPTO_KEYRING_H
#define CRYPTO_KEYRING_H

#include "crypto/seal.h"

#define KEYRING_KEYS_MAX 16
#define KEYRING_FILE_BYTES_MAX (4 * KIB)

struct keyring_keys {
    struct seal_key keys[KEYRING_KEYS_MAX]; /* newest first */
    size_t count;
};

/* ERR_INVALID or ERR_LIMIT with *why: static, never a key. Wipe *keys when done. */
enum err keyring_keys_parse(struct str text, struct keyring_keys *keys, const char **why) MUST_USE;
void keyring_keys_write(struct buf *out, const struct keyring_keys *keys);
/* A new key in front. ERR_LIMIT: there are KEYRING_KEYS_MAX. */
enum err keyring_keys_add(struct keyring_keys *keys) MUST_USE;
/* ERR_NOT_FOUND; ERR_CONFLICT: it is the one that seals. */
enum err keyring_keys_remove(struct keyring_keys *keys, uint32_t id) MUST_USE;

struct keyring;

/* Copies the keys; there is at least one. */
struct keyring *keyring_new(const struct keyring_keys *keys);
void keyring_free(struct keyring *ring); /* wipes them; NULL is fine */
/* Copies; false: they are the same as before. */
bool keyring_replace(struct keyring *ring, const struct keyring_keys *keys);

/* Their ids, the one that seals first; returns how many. */
size_t keyring_ids(struct keyring *ring, uint32_t ids[KEYRING_KEYS_MAX]);

/* As seal_write and seal_open (seal.h). *key_id (may be NULL): under which key. */
void keyring_seal(struct keyring *ring, struct buf *out, const struct seal_binding *binding,
                  struct str plain, uint32_t *key_id);
enum err keyring_open(struct keyring *ring, struct arena *arena, const struct seal_binding *binding,
                      struct str sealed, struct str *plain) MUST_USE;

#endif
