/* header_test.c -- fields that users may and may not set. */
#include "base/test.h"
#include "format/header.h"

static void names(void **state)
{
    static const char *const bad[] = {"",    " ",   "a b", "a:",       ":a",    "a\r\nb",
                                      "a\n", "(a)", "a/b", "\xc3\xa4", "a\x7f", "a\"",
                                      "a[",  "a{",  "a,b", "a;b",      "a=b"};

    (void)state;
    assert_true(header_name_is_valid(STR("X-Api_Key.2~")));
    assert_true(header_name_is_valid(STR("!#$%&'*+-.^_`|~")));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(header_name_is_valid(str_of(bad[i])));
    assert_false(header_name_is_valid(STR("a\0b")));
    assert_false(header_name_is_valid(STR_NONE));
}

static void every_byte_of_a_name(void **state)
{
    static const char letters[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    (void)state;
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;

        assert_int_equal(header_name_is_valid(str_range(&byte, 1)),
                         c != 0 && strchr(letters, c) != NULL);
    }
}

static void values(void **state)
{
    static const char *const bad[] = {" a",   "a ",      "a\t",          "a\r\nX: y", "a\nb",
                                      "a\rb", "a\x7f",   "\xc3\xa4",     "a\x01",     "a\x0b",
                                      "\xff", "a\r\n b", "a\xe2\x80\xa8"};

    (void)state;
    assert_true(header_value_is_valid(STR("")));
    assert_true(header_value_is_valid(STR("Bearer a\tb ~!\"")));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(header_value_is_valid(str_of(bad[i])));
    assert_false(header_value_is_valid(STR("a\0b")));
}

static void lengths(void **state)
{
    static char text[HEADER_VALUE_BYTES_MAX + 1];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_true(header_name_is_valid(str_range(text, HEADER_NAME_BYTES_MAX)));
    assert_false(header_name_is_valid(str_range(text, HEADER_NAME_BYTES_MAX + 1)));
    assert_true(header_value_is_valid(str_range(text, HEADER_VALUE_BYTES_MAX)));
    assert_false(header_value_is_valid(str_range(text, HEADER_VALUE_BYTES_MAX + 1)));
}

static void reserved(void **state)
{
    static const char *const ours[] = {"Host",
                                       "CONTENT-LENGTH",
                                       "transfer-encoding",
                                       "Connection",
                                       "TE",
                                       "Expect",
                                       "Upgrade",
                                       "Webhook-Signature",
                                       "content-type",
                                       "Accept-Encoding",
                                       "proxy-authorization",
                                       "Webhook-Attempt",
                                       "webhook-",
                                       "traceparent"};
    static const char *const theirs[] = {"authorization", "cookie", "user-agent", "x-host",
                                         "hos",           "hosts",  "webhooks",   ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        assert_true(header_is_reserved(str_of(ours[i])));
    for (size_t i = 0; i < ARRAY_LEN(theirs); i++)
        assert_false(header_is_reserved(str_of(theirs[i])));
}

static const struct CMUnitTest tests[] = {
    TEST("a name is a token", names),
    TEST("each of the 256 bytes is a letter of a token, or is not", every_byte_of_a_name),
    TEST("a value cannot carry a second header", values),
    TEST("names and values have a maximum", lengths),
    TEST("framing, routing and signature fields are not for users", reserved),
};

int main(void)
{
    return RUN_TESTS(tests);
}
