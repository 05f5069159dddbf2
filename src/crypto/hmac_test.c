/* hmac_test.c -- the vectors of RFC 4231, again and again. */
#include "base/test.h"
#include "crypto/hmac.h"

/* RFC 4231, case 2. */
static const uint8_t expected[HMAC_BYTES] = {
    0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
    0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};

static void reuse(void **state)
{
    struct str whole[] = {STR("what do ya want for nothing?")};
    struct str parts[] = {STR("what do ya "), STR_NONE, STR("want for"), STR(" nothing?")};
    uint8_t mac[HMAC_BYTES];
    struct hmac h;

    (void)state;
    hmac_init(&h, STR("Jefe"));
    for (int round = 0; round < 3; round++) {
        hmac_sign(&h, whole, ARRAY_LEN(whole), mac);
        assert_memory_equal(mac, expected, sizeof(mac));
        hmac_sign(&h, parts, ARRAY_LEN(parts), mac);
        assert_memory_equal(mac, expected, sizeof(mac));
        hmac_sign(&h, NULL, 0, mac);
        assert_memory_not_equal(mac, expected, sizeof(mac));
    }
    hmac_release(&h);
}

static void empty_key(void **state)
{
    struct str text[] = {STR("x")};
    uint8_t a[HMAC_BYTES], b[HMAC_BYTES];
    struct hmac none, empty;

    (void)state;
    hmac_init(&none, STR_NONE);
    hmac_init(&empty, STR(""));
    hmac_sign(&none, text, 1, a);
    hmac_sign(&empty, text, 1, b);
    assert_memory_equal(a, b, sizeof(a));
    hmac_release(&none);
    hmac_release(&empty);
}

static const struct CMUnitTest tests[] = {
    TEST("one keyed state signs again and again, in whatever parts", reuse),
    TEST("an empty key is a key", empty_key),
};

int main(void)
{
    return RUN_TESTS(tests);
}
