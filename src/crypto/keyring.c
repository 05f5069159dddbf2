/* keyring.c -- the keys behind a lock that is held for one operation, and their file's text. */
#include "crypto/keyring.h"

#include <pthread.h>

#include "base/mem.h"
#include "crypto/random.h"
#include "crypto/secret.h"

/* ---- the file ---- */

static bool has_id(const struct keyring_keys *keys, uint32_t id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->keys[i].id == id)
            return true;
    return false;
}

static enum err parse_line(struct str line, struct keyring_keys *keys, const char **why)
{
    struct seal_key *key = &keys->keys[keys->count];

    if (keys->count == KEYRING_KEYS_MAX) {
        *why = "it has more than 16 keys; drop those that no row needs any more";
        return ERR_LIMIT;
    }
    if (seal_key_parse(line, key)) {
        *why = "each line must be a key, a number, a colon and base64 of 32 bytes, or begin with #";
        return ERR_INVALID;
    }
    if (has_id(keys, key->id)) {
        *why = "two of its keys have the same number";
        return ERR_INVALID;
    }
    keys->count++;
    return OK;
}

enum err keyring_keys_parse(struct str text, struct keyring_keys *keys, const char **why)
{
    struct str rest = text, line;
    enum err err = OK;

    keys->count = 0;
    while (!err && str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        if (line.len && line.data[0] != '#')
            err = parse_line(line, keys, why);
    }
    if (!err && keys->count == 0) {
        *why = "it has no key";
        err = ERR_INVALID;
    }
    if (err)
        secret_wipe(keys, sizeof(*keys));
    return err;
}

void keyring_keys_write(struct buf *out, const struct keyring_keys *keys)
{
    buf_add(out,
            STR("# The keys that seal Runbell's secrets; the first one seals, all of them open.\n"
                "# Without them headers and signing keys in the store cannot be read: keep a "
                "copy apart from\n# the store's backups. See runbell secrets --help.\n"));
    for (size_t i = 0; i < keys->count; i++) {
        seal_key_write(out, &keys->keys[i]);
        buf_add_char(out, '\n');
    }
}

enum err keyring_keys_add(struct keyring_keys *keys)
{
    uint32_t id = 0;

    if (keys->count == KEYRING_KEYS_MAX)
        return ERR_LIMIT;
    while (id == 0 || has_id(keys, id))
        random_bytes(&id, sizeof(id));
    memmove(&keys->keys[1], &keys->keys[0], keys->count * sizeof(keys->keys[0]));
    seal_key_make(&keys->keys[0], id);
    keys->count++;
    return OK;
}

enum err keyring_keys_remove(struct keyring_keys *keys, uint32_t id)
{
    size_t at = 0;

    while (at < keys->count && keys->keys[at].id != id)
        at++;
    if (at == keys->count)
        return ERR_NOT_FOUND;
    if (at == 0)
        return ERR_CONFLICT;
    keys->count--;
    memmove(&keys->keys[at], &keys->keys[at + 1], (keys->count - at) * sizeof(keys->keys[0]));
    secret_wipe(&keys->keys[keys->count], sizeof(keys->keys[0]));
    return OK;
}

/* ---- the ring ---- */

struct keyring {
    pthread_mutex_t lock;
    struct keyring_keys keys;
};

struct keyring *keyring_new(const struct keyring_keys *keys)
{
    struct keyring *ring = MEM_NEW(struct keyring);

    REQUIRE(keys->count > 0 && keys->count <= KEYRING_KEYS_MAX);
    pthread_mutex_init(&ring->lock, NULL);
    ring->keys = *keys;
    return ring;
}

void keyring_free(struct keyring *ring)
{
    if (!ring)
        return;
    pthread_mutex_destroy(&ring->lock);
    secret_wipe(&ring->keys, sizeof(ring->keys));
    mem_free(ring);
}

static bool same_keys(const struct keyring_keys *a, const struct keyring_keys *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->keys[i].id != b->keys[i].id ||
            !secret_equals(str_range((const char *)a->keys[i].bytes, SEAL_KEY_BYTES),
                           str_range((const char *)b->keys[i].bytes, SEAL_KEY_BYTES)))
            return false;
    return true;
}

bool keyring_replace(struct keyring *ring, const struct keyring_keys *keys)
{
    bool is_same;

    REQUIRE(keys->count > 0 && keys->count <= KEYRING_KEYS_MAX);
    pthread_mutex_lock(&ring->lock);
    is_same = same_keys(&ring->keys, keys);
    ring->keys = *keys;
    pthread_mutex_unlock(&ring->lock);
    return !is_same;
}

size_t keyring_ids(struct keyring *ring, uint32_t ids[KEYRING_KEYS_MAX])
{
    size_t count;

    pthread_mutex_lock(&ring->lock);
    count = ring->keys.count;
    for (size_t i = 0; i < count; i++)
        ids[i] = ring->keys.keys[i].id;
    pthread_mutex_unlock(&ring->lock);
    return count;
}

void keyring_seal(struct keyring *ring, struct buf *out, const struct seal_binding *binding,
                  struct str plain, uint32_t *key_id)
{
    struct seal_ring keys;

    pthread_mutex_lock(&ring->lock);
    keys = (struct seal_ring){.keys = ring->keys.keys, .count = ring->keys.count};
    seal_write(out, &keys, binding, plain);
    if (key_id)
        *key_id = ring->keys.keys[0].id;
    pthread_mutex_unlock(&ring->lock);
}

enum err keyring_open(struct keyring *ring, struct arena *arena, const struct seal_binding *binding,
                      struct str sealed, struct str *plain)
{
    struct seal_ring keys;
    enum err err;

    pthread_mutex_lock(&ring->lock);
    keys = (struct seal_ring){.keys = ring->keys.keys, .count = ring->keys.count};
    err = seal_open(arena, &keys, binding, sealed, plain);
    pthread_mutex_unlock(&ring->lock);
    return err;
}
