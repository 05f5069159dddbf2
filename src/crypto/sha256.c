/* sha256.c -- OpenSSL's SHA-256 in one call. */
#include "crypto/sha256.h"

#include <openssl/evp.h>

struct sha256 sha256_of(struct str text)
{
    struct sha256 digest;
    unsigned len = 0;

    REQUIRE(
        EVP_Digest(text.data ? text.data : "", text.len, digest.bytes, &len, EVP_sha256(), NULL));
    REQUIRE(len == SHA256_BYTES);
    return digest;
}

struct str sha256_write(const struct sha256 *digest, struct sha256_text *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SHA256_BYTES; i++) {
        text->text[2 * i] = digits[digest->bytes[i] >> 4];
        text->text[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    text->text[sizeof(text->text) - 1] = '\0';
    return str_range(text->text, sizeof(text->text) - 1);
}

void sha1_of(struct str text, uint8_t bytes[SHA1_BYTES])
{
    unsigned len = 0;

    REQUIRE(EVP_Digest(text.data ? text.data : "", text.len, bytes, &len, EVP_sha1(), NULL));
    REQUIRE(len == SHA1_BYTES);
}
