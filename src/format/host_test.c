/* host_test.c -- hosts and what pretends to be one. */
#include "base/test.h"
#include "format/host.h"

static void accepted(void **state)
{
    static const struct {
        const char *text;
        enum host_kind kind;
    } cases[] = {
        {"example.com", HOST_NAME},
        {"localhost", HOST_NAME},
        {"a-b.c", HOST_NAME},
        {"my_service", HOST_NAME},
        {"xn--bcher-kva.de", HOST_NAME},
        {"abc.de", HOST_NAME},
        {"dead.beef", HOST_NAME},
        {"1.2.3.4.com", HOST_NAME},
        {"0x7f.com", HOST_NAME},
        {"1a", HOST_NAME},
        {"127.0.0.1", HOST_IPV4},
        {"0.0.0.0", HOST_IPV4},
        {"255.255.255.255", HOST_IPV4},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum host_kind kind = HOST_IPV6;
        const char *why = NULL;
        assert_int_equal(host_parse(str_of(cases[i].text), &kind, &why), OK);
        assert_int_equal(kind, cases[i].kind);
    }
}

static void refused(void **state)
{
    static const char *const cases[] = {
        "", ".", "..", "a..b", ".a", "a.", "example.com.", "127.0.0.1.", "-a", "a-", "a.-b.c",
        "a b", "a\tb", "a/b", "a%41", "a%00", "a@b", "a:b", "[a]",
        "b\xc3\xbc"
        "cher.de",
        "\xef\xbc\x91",
        "a\xc2\xad"
        "b",
        "a\xe3\x80\x82"
        "b",
        "a*b", "*",
        /* other spellings of 127.0.0.1 */
        "0177.1", "0x7f.1", "2130706433", "127.1", "127.0.1", "0x7f000001", "0x7f.0x0.0x0.0x1",
        "017700000001", "0177.0.0.01", "127.0.0.01", "127.0.0.1.1", "127.0.0.256", "0X7F.1",
        "1.2.3.0x4", "a.1", "a.0x1", "example.0x", "00000000.0", "127.0.0.0000000001", "4294967296",
        "1.2.3.1234"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum host_kind kind = HOST_IPV6;
        const char *why = NULL;
        if (host_parse(str_of(cases[i]), &kind, &why) == OK)
            fail_msg("%s", cases[i]);
        assert_non_null(why);
        assert_int_equal(kind, HOST_IPV6);
    }
}

static void lengths(void **state)
{
    char text[HOST_NAME_BYTES_MAX + 1];
    enum host_kind kind;
    const char *why;

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(host_parse(str_range(text, 63), &kind, &why), OK);
    assert_int_equal(host_parse(str_range(text, 64), &kind, &why), ERR_INVALID);
    for (size_t i = 60; i < sizeof(text); i += 60)
        text[i] = '.';
    assert_int_equal(host_parse(str_range(text, HOST_NAME_BYTES_MAX), &kind, &why), OK);
    assert_int_equal(host_parse(str_range(text, HOST_NAME_BYTES_MAX + 1), &kind, &why),
                     ERR_INVALID);
}

static void ipv6(void **state)
{
    static const char *const good[] = {"::", "::1", "2001:DB8::1", "::ffff:127.0.0.1",
                                       "1:2:3:4:5:6:7:8"};
    static const char *const bad[] = {"",
                                      ":",
                                      ":::",
                                      "1",
                                      "1::2::3",
                                      "fe80::1%eth0",
                                      "[::1]",
                                      "12345::",
                                      "::ffff:127.1",
                                      "1:2:3:4:5:6:7:8:9",
                                      " ::1",
                                      "127.0.0.1",
                                      "::g"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(host_is_ipv6(str_of(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(host_is_ipv6(str_of(bad[i])));
    assert_false(host_is_ipv6(STR("::1\0x")));
}

static const struct CMUnitTest tests[] = {
    TEST("names and dotted quads are hosts", accepted),
    TEST("other spellings of addresses and odd names are none", refused),
    TEST("labels have 63 characters, names 253", lengths),
    TEST("IPv6 has no zone and no brackets here", ipv6),
};

int main(void)
{
    return RUN_TESTS(tests);
}
