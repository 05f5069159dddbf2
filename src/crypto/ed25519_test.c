/* ed25519_test.c -- signatures with each bit changed. */
#include "base/test.h"
#include "crypto/ed25519.h"

static void own_signature(void **state)
{
    struct ed25519_secret secret;
    struct ed25519_public public_key;
    uint8_t signature[ED25519_SIGNATURE_BYTES];

    (void)state;
    ed25519_make(&secret);
    public_key = ed25519_public_of(&secret);
    ed25519_sign(&secret, STR("text"), signature);
    assert_true(ed25519_verifies(&public_key, STR("text"), signature));
    assert_false(ed25519_verifies(&public_key, STR("texT"), signature));
    for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(ed25519_verifies(&public_key, STR("text"), signature));
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ed25519_sign(&secret, STR_NONE, signature);
    assert_true(ed25519_verifies(&public_key, STR(""), signature));
}

static void halves(void **state)
{
    struct ed25519_secret secret, other;
    struct str bytes = {(const char *)secret.bytes, sizeof(secret.bytes)};

    (void)state;
    ed25519_make(&secret);
    assert_int_equal(ed25519_from_bytes(bytes, &other), OK);
    assert_memory_equal(&secret, &other, sizeof(secret));
    assert_int_equal(ed25519_from_bytes(str_first(bytes, 63), &other), ERR_INVALID);
    secret.bytes[40] ^= 1;
    assert_int_equal(ed25519_from_bytes(bytes, &other), ERR_INVALID);
}

static const struct CMUnitTest tests[] = {
    TEST("a signature is verified, none with a bit changed is", own_signature),
    TEST("a secret whose halves do not belong together is refused", halves),
};

int main(void)
{
    return RUN_TESTS(tests);
}
