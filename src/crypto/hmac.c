/* hmac.c -- one keyed EVP_MAC, started again for each signature. */
#include "crypto/hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

void hmac_init(struct hmac *h, struct str key)
{
    char digest_name[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    /* A NULL key would mean "the key set before". */
    const char *key_data = key.data ? key.data : "";

    REQUIRE(mac);
    h->keyed = EVP_MAC_CTX_new(mac); /* holds a reference of its own */
    REQUIRE(h->keyed);
    REQUIRE(EVP_MAC_init(h->keyed, (const unsigned char *)key_data, key.len, params) == 1);
    EVP_MAC_free(mac);
}

void hmac_release(struct hmac *h)
{
    EVP_MAC_CTX_free(h->keyed);
    h->keyed = NULL;
}

void hmac_sign(struct hmac *h, const struct str *parts, size_t count, uint8_t mac[HMAC_BYTES])
{
    size_t len = 0;

    REQUIRE(h->keyed);
    REQUIRE(EVP_MAC_init(h->keyed, NULL, 0, NULL) == 1); /* back to the keyed state */
    for (size_t i = 0; i < count; i++)
        if (parts[i].len)
            REQUIRE(EVP_MAC_update(h->keyed, (const unsigned char *)parts[i].data, parts[i].len));
    REQUIRE(EVP_MAC_final(h->keyed, mac, &len, HMAC_BYTES) == 1 && len == HMAC_BYTES);
}
