/* base64.c -- libsodium's base64 with our limits; OpenSSL's, which looks its digits up. */
#include "crypto/base64.h"

#include <openssl/evp.h>
#include <sodium.h>

#define VARIANT sodium_base64_VARIANT_ORIGINAL

void base64_write(struct buf *out, struct str bytes)
{
    size_t len = sodium_base64_encoded_len(bytes.len, VARIANT) - 1;
    char *room = buf_reserve(out, len + 1); /* libsodium writes a NUL */

    if (!room)
        return;
    sodium_bin2base64(room, len + 1, (const unsigned char *)bytes.data, bytes.len, VARIANT);
    buf_added(out, len);
}

void base64_write_open(struct buf *out, struct str bytes)
{
    size_t len = (bytes.len + 2) / 3 * 4;
    char *room = buf_reserve(out, len + 1); /* OpenSSL writes a NUL */

    if (!room)
        return;
    REQUIRE(bytes.len <= INT_MAX / 2);
    EVP_EncodeBlock((unsigned char *)room, (const unsigned char *)bytes.data, (int)bytes.len);
    buf_added(out, len);
}

static size_t padding_len(struct str text)
{
    return str_ends(text, STR("==")) ? 2 : str_ends(text, STR("=")) ? 1 : 0;
}

enum err base64_decode(struct str text, void *bytes, size_t bytes_max, size_t *len)
{
    size_t decoded_len = 0;

    if (text.len % 4)
        return ERR_INVALID;
    if (text.len / 4 * 3 > bytes_max + padding_len(text))
        return ERR_LIMIT;
    if (sodium_base642bin(bytes, bytes_max, text.data, text.len, NULL, &decoded_len, NULL,
                          VARIANT) != 0)
        return ERR_INVALID;
    *len = decoded_len;
    return OK;
}
