/* api_key_test.c -- form and hash of keys. */
#include "base/test.h"
#include "crypto/api_key.h"
#include "crypto/random.h"

static void form(void **state)
{
    struct api_key_text a, b;

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(api_key_is_ours(api_key_make(&a)));
    assert_true(str_starts(str_of(a.text), STR("rbk_")));
    assert_int_equal(strlen(a.text), 44);
    assert_string_not_equal(a.text, api_key_make(&b).data);
    a.text[10] = '-';
    assert_false(api_key_is_ours(str_of(a.text)));
    assert_false(api_key_is_ours(STR("rbk_")));
    assert_false(api_key_is_ours(STR("rbl_0123456789012345678901234567890123456789")));
    assert_false(api_key_is_ours(STR("rbk_012345678901234567890123456789012345678\0")));
    assert_false(api_key_is_ours(STR_NONE));
}

static void hashing(void **state)
{
    struct sha256_text text;
    struct str hash = api_key_hash(STR("rbk_0123456789012345678901234567890123456789"), &text);

    (void)state;
    assert_int_equal(hash.len, 64);
    assert_true(api_key_matches(STR("rbk_0123456789012345678901234567890123456789"), hash));
    assert_false(api_key_matches(STR("rbk_0123456789012345678901234567890123456788"), hash));
    assert_false(api_key_matches(STR(""), hash));
    assert_false(api_key_matches(STR("rbk_0123456789012345678901234567890123456789"), STR_NONE));
    assert_false(
        api_key_matches(STR("rbk_0123456789012345678901234567890123456789"), str_first(hash, 63)));
}

static const struct CMUnitTest tests[] = {
    TEST("a new key has our form and is unlike the last", form),
    TEST("only the key itself matches its stored hash", hashing),
};

int main(void)
{
    return RUN_TESTS(tests);
}
