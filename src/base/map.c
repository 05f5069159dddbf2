/* map.c -- open addressing with linear probing and SipHash-1-3. */
#include "base/map.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/rng.h"

#define CAP_MIN 8

struct map_entry {
    uint64_t hash;
    size_t key_len;
    char *key; /* NULL: free */
    void *value;
};

static uint64_t hash_key[2];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void hash_key_from_kernel(void)
{
    struct rng rng;

    if (hash_key[0] | hash_key[1])
        return;
    rng_seed_from_kernel(&rng);
    hash_key[0] = rng_next(&rng);
    hash_key[1] = rng_next(&rng);
}

void map_set_seed(uint64_t seed)
{
    struct rng rng;

    rng_seed(&rng, seed);
    hash_key[0] = rng_next(&rng);
    hash_key[1] = rng_next(&rng);
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3. */
static uint64_t hash_of(struct str key)
{
    uint64_t v[4] = {hash_key[0] ^ 0x736f6d6570736575, hash_key[1] ^ 0x646f72616e646f6d,
                     hash_key[0] ^ 0x6c7967656e657261, hash_key[1] ^ 0x7465646279746573};
    size_t whole = key.len / 8 * 8;
    uint64_t word;

    for (size_t at = 0; at < whole; at += 8) {
        memcpy(&word, key.data + at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    if (key.len > whole)
        memcpy(&word, key.data + whole, key.len - whole);
    word ^= (uint64_t)key.len << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m)
{
    pthread_once(&hash_key_once, hash_key_from_kernel);
    *m = (struct map){.entries = NULL};
}

void map_release(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        mem_free(m->entries[i].key);
    mem_free(m->entries);
    *m = (struct map){.entries = NULL};
}

/* Linear probing: the entry of `key`, or the free one where it would go. cap > 0. */
static struct map_entry *slot_of(const struct map *m, struct str key, uint64_t hash)
{
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_entry *entry = &m->entries[i];
        if (!entry->key ||
            (entry->hash == hash && str_eq(str_range(entry->key, entry->key_len), key)))
            return entry;
    }
}

/* At most three quarters full, so a free entry ends every probe. */
static void grow_if_needed(struct map *m)
{
    struct map old = *m;

    if (m->cap && (m->count + 1) * 4 <= m->cap * 3)
        return;
    m->cap = old.cap ? old.cap * 2 : CAP_MIN;
    m->entries = mem_alloc_zero(m->cap * sizeof(*m->entries));
    for (size_t i = 0; i < old.cap; i++) {
        struct map_entry *entry = &old.entries[i];
        if (entry->key)
            *slot_of(m, str_range(entry->key, entry->key_len), entry->hash) = *entry;
    }
    mem_free(old.entries);
}

void *map_find(const struct map *m, struct str key)
{
    if (!m->count)
        return NULL;
    return slot_of(m, key, hash_of(key))->value;
}

void *map_put(struct map *m, struct str key, void *value)
{
    uint64_t hash = hash_of(key);
    struct map_entry *entry;
    void *before;

    REQUIRE(value);
    grow_if_needed(m);
    entry = slot_of(m, key, hash);
    before = entry->value;
    if (!entry->key) {
        entry->key = mem_alloc(key.len);
        if (key.len)
            memcpy(entry->key, key.data, key.len);
        entry->key_len = key.len;
        entry->hash = hash;
        m->count++;
    }
    entry->value = value;
    return before;
}

/* Moves later entries of the probe chain back over the gap, so that no tombstones are needed. */
static void close_gap(struct map *m, size_t gap)
{
    size_t mask = m->cap - 1;

    for (size_t i = (gap + 1) & mask; m->entries[i].key; i = (i + 1) & mask) {
        size_t home = m->entries[i].hash & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            m->entries[gap] = m->entries[i];
            gap = i;
        }
    }
    m->entries[gap] = (struct map_entry){.key = NULL};
}

void *map_remove(struct map *m, struct str key)
{
    struct map_entry *entry;
    void *value;

    if (!m->count)
        return NULL;
    entry = slot_of(m, key, hash_of(key));
    if (!entry->key)
        return NULL;
    value = entry->value;
    mem_free(entry->key);
    m->count--;
    close_gap(m, (size_t)(entry - m->entries));
    return value;
}

bool map_next(const struct map *m, size_t *position, struct str *key, void **value)
{
    while (*position < m->cap) {
        const struct map_entry *entry = &m->entries[(*position)++];
        if (!entry->key)
            continue;
        if (key)
            *key = str_range(entry->key, entry->key_len);
        if (value)
            *value = entry->value;
        return true;
    }
    return false;
}
