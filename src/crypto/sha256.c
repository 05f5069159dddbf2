/* sha256.c -- OpenSSL's digests. */
#include "crypto/sha256.h"

#include <openssl/evp.h>

#include "base/hex.h"

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
    hex_write(text->text, digest->bytes, SHA256_BYTES);
    text->text[sizeof(text->text) - 1] = '\0';
    return str_range(text->text, sizeof(text->text) - 1);
}

void sha256_begin(struct sha256_run *run)
{
    run->context = EVP_MD_CTX_new();
    REQUIRE(run->context && EVP_DigestInit_ex(run->context, EVP_sha256(), NULL));
}

void sha256_add(struct sha256_run *run, struct str bytes)
{
    if (bytes.len)
        REQUIRE(EVP_DigestUpdate(run->context, bytes.data, bytes.len));
}

struct sha256 sha256_end(struct sha256_run *run)
{
    struct sha256 digest;
    unsigned len = 0;

    REQUIRE(EVP_DigestFinal_ex(run->context, digest.bytes, &len) && len == SHA256_BYTES);
    sha256_give_up(run);
    return digest;
}

void sha256_give_up(struct sha256_run *run)
{
    EVP_MD_CTX_free(run->context);
    run->context = NULL;
}

void sha1_of(struct str text, uint8_t bytes[SHA1_BYTES])
{
    unsigned len = 0;

    REQUIRE(EVP_Digest(text.data ? text.data : "", text.len, bytes, &len, EVP_sha1(), NULL));
    REQUIRE(len == SHA1_BYTES);
}

bool md5_of(struct str text, uint8_t bytes[MD5_BYTES])
{
    unsigned len = 0;

    return EVP_Digest(text.data ? text.data : "", text.len, bytes, &len, EVP_md5(), NULL) == 1 &&
           len == MD5_BYTES;
}
