/* link.c -- plain = span id (16) · expires (8, big-endian) · length of the tenant (1) · tenant ·
 * name */
#include "auth/link.h"

#include "crypto/base64.h"

#define HOUR_US (INT64_C(3600) * US_PER_SECOND)

#define HEAD_BYTES (16 + 8 + 1)
#define TOKEN_BYTES_MAX (8 * KIB)

static struct seal_binding binding(void)
{
    return (struct seal_binding){
        .tenant = STR(""), .table = STR("links"), .column = STR("token"), .row = STR("")};
}

/* base64 to base64url and back. */
static void swap(char *text, size_t len, const char *from, const char *to)
{
    for (size_t i = 0; i < len; i++)
        for (size_t j = 0; j < 2; j++)
            if (text[i] == from[j]) {
                text[i] = to[j];
                break;
            }
}

int64_t link_end_us(int64_t now_us)
{
    return now_us - now_us % HOUR_US + 25 * HOUR_US;
}

void link_write(struct keyring *ring, const struct link *link, struct buf *out)
{
    struct seal_binding where = binding();
    struct buf plain, sealed;
    size_t from = out->len;

    REQUIRE(link->tenant.len < 256);
    buf_init(&plain, TOKEN_BYTES_MAX);
    buf_init(&sealed, TOKEN_BYTES_MAX);
    buf_add(&plain, str_range((const char *)link->span_id.bytes, sizeof(link->span_id.bytes)));
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_add_char(&plain, (char)((uint64_t)link->expires_us >> shift));
    buf_add_char(&plain, (char)link->tenant.len);
    buf_add(&plain, link->tenant);
    buf_add(&plain, link->name);
    keyring_seal(ring, &sealed, &where, buf_str(&plain), NULL);
    base64_write(out, buf_str(&sealed));
    while (out->len > from && out->data[out->len - 1] == '=')
        buf_truncate(out, out->len - 1);
    if (!out->failed)
        swap(out->data + from, out->len - from, "+/", "-_");
    buf_release(&plain);
    buf_release(&sealed);
}

static enum err token_decode(struct arena *arena, struct str token, struct str *sealed)
{
    size_t padded = (token.len + 3) / 4 * 4, len;
    char *text = arena_alloc(arena, padded);
    char *bytes = arena_alloc(arena, padded);

    memcpy(text, token.data, token.len);
    memset(text + token.len, '=', padded - token.len);
    swap(text, token.len, "-_", "+/");
    if (base64_decode(str_range(text, padded), bytes, padded, &len))
        return ERR_DENIED;
    *sealed = str_range(bytes, len);
    return OK;
}

enum err link_read(struct keyring *ring, struct arena *arena, struct str token, int64_t now_us,
                   struct link *link)
{
    struct seal_binding where = binding();
    struct str sealed, plain, rest;
    uint64_t expires = 0;
    size_t tenant_len;

    if (token.len == 0 || token.len > TOKEN_BYTES_MAX || token_decode(arena, token, &sealed) ||
        keyring_open(ring, arena, &where, sealed, &plain) || plain.len < HEAD_BYTES)
        return ERR_DENIED;
    for (size_t i = 16; i < 24; i++)
        expires = expires << 8 | (unsigned char)plain.data[i];
    tenant_len = (unsigned char)plain.data[24];
    rest = str_from(plain, HEAD_BYTES);
    if (rest.len < tenant_len || (int64_t)expires <= now_us)
        return ERR_DENIED;
    memcpy(link->span_id.bytes, plain.data, sizeof(link->span_id.bytes));
    link->expires_us = (int64_t)expires;
    link->tenant = str_first(rest, tenant_len);
    link->name = str_from(rest, tenant_len);
    return OK;
}
