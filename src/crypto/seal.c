/* seal.c -- the layout, what the tag covers, and the ring of keys. */
#include "crypto/seal.h"

#include <sodium.h>

#include "crypto/base64.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#define VERSION 1
#define HEAD_BYTES 5 /* version and key id */
#define NONCE_BYTES 24
#define TAG_BYTES 16
#define BINDING_BYTES_MAX (64 * KIB)

static_assert(NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "the cipher's nonce");
static_assert(TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "the cipher's tag");
static_assert(SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the cipher's key");
static_assert(SEAL_OVERHEAD_BYTES == HEAD_BYTES + NONCE_BYTES + TAG_BYTES, "the whole layout");

enum err seal_key_parse(struct str text, struct seal_key *key)
{
    size_t colon = str_find_char(text, ':');
    struct seal_key parsed;
    int64_t id = 0;
    size_t len = 0;

    if (str_to_i64(str_first(text, colon), &id) != OK || id < 0 || id > UINT32_MAX)
        return ERR_INVALID;
    if (base64_decode(str_from(text, colon + 1), parsed.bytes, sizeof(parsed.bytes), &len) != OK ||
        len != SEAL_KEY_BYTES)
        return ERR_INVALID;
    parsed.id = (uint32_t)id;
    *key = parsed;
    secret_wipe(&parsed, sizeof(parsed));
    return OK;
}

void seal_key_make(struct seal_key *key, uint32_t id)
{
    key->id = id;
    random_bytes(key->bytes, sizeof(key->bytes));
}

void seal_key_write(struct buf *out, const struct seal_key *key)
{
    buf_add_i64(out, key->id);
    buf_add_char(out, ':');
    base64_write(out, str_range((const char *)key->bytes, sizeof(key->bytes)));
}

static void put_big_endian(uint8_t bytes[4], uint32_t value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        bytes[i] = (uint8_t)value;
}

enum err seal_key_id(struct str sealed, uint32_t *id)
{
    const uint8_t *bytes = (const uint8_t *)sealed.data;

    if (sealed.len < SEAL_OVERHEAD_BYTES || bytes[0] != VERSION)
        return ERR_INVALID;
    *id = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
    return OK;
}

static void put_part(struct buf *out, struct str part)
{
    uint8_t len[4];

    put_big_endian(len, (uint32_t)part.len);
    buf_add(out, str_range((const char *)len, sizeof(len)));
    buf_add(out, part);
}

/* What the tag covers besides the plain text. With lengths, so that "ab","c" is not "a","bc". */
static void put_covered(struct buf *out, const uint8_t head[HEAD_BYTES],
                        const struct seal_binding *binding)
{
    buf_init(out, BINDING_BYTES_MAX);
    buf_add(out, str_range((const char *)head, HEAD_BYTES));
    put_part(out, binding->tenant);
    put_part(out, binding->table);
    put_part(out, binding->column);
    put_part(out, binding->row);
    REQUIRE(!out->failed);
}

void seal_write(struct buf *out, const struct seal_ring *ring, const struct seal_binding *binding,
                struct str plain)
{
    uint8_t *room = (uint8_t *)buf_reserve(out, SEAL_OVERHEAD_BYTES + plain.len);
    const uint8_t *text = (const uint8_t *)(plain.data ? plain.data : "");
    unsigned long long len = 0;
    struct buf covered;

    REQUIRE(ring->count > 0);
    if (!room)
        return;
    secret_library_ready();
    room[0] = VERSION;
    put_big_endian(room + 1, ring->keys[0].id);
    random_bytes(room + HEAD_BYTES, NONCE_BYTES);
    put_covered(&covered, room, binding);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        room + HEAD_BYTES + NONCE_BYTES, &len, text, plain.len, (const uint8_t *)covered.data,
        covered.len, NULL, room + HEAD_BYTES, ring->keys[0].bytes);
    REQUIRE(len == plain.len + TAG_BYTES);
    buf_added(out, SEAL_OVERHEAD_BYTES + plain.len);
    buf_release(&covered);
}

static const struct seal_key *ring_find(const struct seal_ring *ring, uint32_t id)
{
    for (size_t i = 0; i < ring->count; i++)
        if (ring->keys[i].id == id)
            return &ring->keys[i];
    return NULL;
}

enum err seal_open(struct arena *arena, const struct seal_ring *ring,
                   const struct seal_binding *binding, struct str sealed, struct str *plain)
{
    const uint8_t *bytes = (const uint8_t *)sealed.data;
    const struct seal_key *key;
    unsigned long long len = 0;
    struct buf covered;
    uint8_t *text;
    uint32_t id = 0;
    int failed;

    if (seal_key_id(sealed, &id) != OK)
        return ERR_INVALID;
    key = ring_find(ring, id);
    if (!key)
        return ERR_NOT_FOUND;
    secret_library_ready();
    put_covered(&covered, bytes, binding);
    text = arena_alloc(arena, sealed.len);
    failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        text, &len, NULL, bytes + HEAD_BYTES + NONCE_BYTES, sealed.len - HEAD_BYTES - NONCE_BYTES,
        (const uint8_t *)covered.data, covered.len, bytes + HEAD_BYTES, key->bytes);
    buf_release(&covered);
    if (failed)
        return ERR_DENIED;
    *plain = str_range((const char *)text, (size_t)len);
    return OK;
}
