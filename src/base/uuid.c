/* uuid.c -- bits of the versions in their places. */
#include "base/uuid.h"

#include <openssl/evp.h>

#include "base/hex.h"

#define SHA1_BYTES 20
/* Ticks of 100 ns from 1582-10-15, where v6 counts from, to 1970. */
#define TICKS_TO_1970 UINT64_C(0x01B21DD213814000)

const struct uuid uuid_namespace_assistants = {{0x6b, 0xa7, 0xb8, 0x21, 0x9d, 0xad, 0x11, 0xd1,
                                                0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};

static struct uuid with_version(struct uuid id, unsigned version)
{
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | version << 4);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

struct uuid uuid_v4(struct rng *rng)
{
    struct uuid id;

    rng_bytes(rng, id.bytes, sizeof(id.bytes));
    return with_version(id, 4);
}

struct uuid uuid_v5(struct uuid name_space, struct str name)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct uuid id;

    REQUIRE(context);
    REQUIRE(EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1);
    REQUIRE(EVP_DigestUpdate(context, name_space.bytes, sizeof(name_space.bytes)) == 1);
    REQUIRE(EVP_DigestUpdate(context, name.data, name.len) == 1);
    REQUIRE(EVP_DigestFinal_ex(context, digest, &digest_len) == 1 && digest_len == SHA1_BYTES);
    EVP_MD_CTX_free(context);
    memcpy(id.bytes, digest, sizeof(id.bytes));
    return with_version(id, 5);
}

static void put_big_endian(uint8_t *bytes, size_t count, uint64_t value)
{
    for (size_t i = count; i-- > 0; value >>= 8)
        bytes[i] = (uint8_t)value;
}

struct uuid uuid_v6(struct rng *rng, int64_t wall_us, uint16_t sequence)
{
    uint64_t ticks = (uint64_t)wall_us * 10 + TICKS_TO_1970;
    struct uuid id;

    put_big_endian(id.bytes, 6, ticks >> 12);
    put_big_endian(id.bytes + 6, 2, ticks & 0x0fff);
    put_big_endian(id.bytes + 8, 2, sequence & 0x3fff);
    rng_bytes(rng, id.bytes + 10, 6);
    id.bytes[10] |= 1; /* a multicast address: says that the node is random */
    return with_version(id, 6);
}

struct uuid uuid_v7(struct rng *rng, int64_t wall_us)
{
    uint64_t ms = (uint64_t)(wall_us / US_PER_MS);
    uint64_t us = (uint64_t)(wall_us % US_PER_MS);
    struct uuid id;

    put_big_endian(id.bytes, 6, ms);
    /* The twelve bits behind the version carry the fraction of the millisecond. */
    put_big_endian(id.bytes + 6, 2, us * 4096 / 1000);
    rng_bytes(rng, id.bytes + 8, 8);
    return with_version(id, 7);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool has_dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

enum err uuid_parse(struct str text, struct uuid *id)
{
    struct uuid parsed;
    size_t at = 0;

    if (text.len != UUID_TEXT_BYTES)
        return ERR_INVALID;
    for (size_t i = 0; i < sizeof(parsed.bytes); i++) {
        if (has_dash_before(i) && text.data[at++] != '-')
            return ERR_INVALID;
        int high = hex_value(text.data[at++]);
        int low = hex_value(text.data[at++]);
        if (high < 0 || low < 0)
            return ERR_INVALID;
        parsed.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *id = parsed;
    return OK;
}

enum err uuid_parse_loose(struct str text, struct uuid *id)
{
    struct uuid_text dashed;
    size_t at = 0;

    if (text.len != 32)
        return uuid_parse(text, id);
    for (size_t i = 0; i < sizeof(id->bytes); i++) {
        if (has_dash_before(i))
            dashed.text[at++] = '-';
        dashed.text[at++] = text.data[2 * i];
        dashed.text[at++] = text.data[2 * i + 1];
    }
    return uuid_parse(str_range(dashed.text, at), id);
}

bool uuid_is_valid(struct str text)
{
    struct uuid ignored;

    return uuid_parse(text, &ignored) == OK;
}

struct str uuid_write(struct uuid id, struct uuid_text *text)
{
    size_t at = 0;

    for (size_t i = 0; i < sizeof(id.bytes); i++, at += 2) {
        if (has_dash_before(i))
            text->text[at++] = '-';
        hex_write(text->text + at, &id.bytes[i], 1);
    }
    text->text[at] = '\0';
    return str_range(text->text, at);
}
