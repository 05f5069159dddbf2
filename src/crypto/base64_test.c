/* base64_test.c -- the vectors of RFC 4648 and strictness. */
#include "base/test.h"
#include "crypto/base64.h"

static void vectors(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfb", "//77"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        char bytes[6];
        size_t len = 99;
        buf_init(&out, 9);
        base64_write(&out, str_of(cases[i][0]));
        ASSERT_STR(buf_str(&out), cases[i][1]);
        assert_int_equal(base64_decode(buf_str(&out), bytes, sizeof(bytes), &len), OK);
        ASSERT_STR(str_range(bytes, len), cases[i][0]);
        buf_clear(&out);
        base64_write_open(&out, str_of(cases[i][0]));
        ASSERT_STR(buf_str(&out), cases[i][1]);
        buf_release(&out);
    }
}

static void refused(void **state)
{
    static const char *const cases[] = {
        "Z",      "Zg",   "Zg=",  "Zg===", "Zh==", "Zm9=",     "Zm 9v",
        "Zm9v\n", "Zm9-", "Zm9_", "====",  "Z===", "Zg==Zg==", "=Zg="};
    char bytes[16];
    size_t len = 99;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (base64_decode(str_of(cases[i]), bytes, sizeof(bytes), &len) != ERR_INVALID)
            fail_msg("%s", cases[i]);
    assert_int_equal(len, 99);
}

static void limits(void **state)
{
    char bytes[2];
    size_t len = 0;

    (void)state;
    assert_int_equal(base64_decode(STR("Zm8="), bytes, 2, &len), OK);
    assert_int_equal(base64_decode(STR("Zm9v"), bytes, 2, &len), ERR_LIMIT);
    assert_int_equal(base64_decode(STR("Zm8="), bytes, 1, &len), ERR_LIMIT);
}

static const struct CMUnitTest tests[] = {
    TEST("texts are those of RFC 4648", vectors),
    TEST("one value has one text", refused),
    TEST("more bytes than there is room for are refused", limits),
};

int main(void)
{
    return RUN_TESTS(tests);
}
