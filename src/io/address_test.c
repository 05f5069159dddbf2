/* address_test.c -- text of addresses. */
#include "base/test.h"

#include "io/address.h"

static void addresses_survive_text(void **state UNUSED)
{
    static const char *const texts[] = {"0.0.0.0:0",   "127.0.0.1:8123", "255.255.255.255:65535",
                                        "[::1]:0",     "[::]:80",        "[2001:db8::a:1]:443",
                                        "10.0.0.1:22", "[fe80::1]:1",    "[::ffff:1.2.3.4]:9"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct address address;
        struct address_text text;

        assert_int_equal(address_parse_host_port(str_of(texts[i]), &address), OK);
        ASSERT_STR(address_write(&address, &text), texts[i]);
    }
}

static void bad_addresses_are_refused(void **state UNUSED)
{
    static const char *const texts[] = {"",
                                        ":",
                                        "1.2.3.4",
                                        "1.2.3.4:",
                                        "1.2.3:80",
                                        "1.2.3.4:65536",
                                        "1.2.3.4:-1",
                                        "1.2.3.4:+80",
                                        "::1:80",
                                        "[1.2.3.4]:80",
                                        "[::1]",
                                        "[::1]80",
                                        "01.2.3.4:80",
                                        "0x7f.1:80",
                                        "1.2.3.4 :80",
                                        "[::1%lo]:80",
                                        "host:80",
                                        "1.2.3.4:123456",
                                        "[]:80",
                                        "256.1.1.1:1",
                                        "[:::]:1",
                                        "1.2.3.4:8a"};
    static const char with_nul[] = "1.2.3.4\0x";
    struct address address = {.port = 7};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(address_parse_host_port(str_of(texts[i]), &address), ERR_INVALID);
    assert_int_equal(address_parse_ip(str_range(with_nul, sizeof(with_nul) - 1), &address),
                     ERR_INVALID);
    assert_int_equal(address.port, 7);
}

static void check_loopback(const char *text, bool expected)
{
    struct address address;

    assert_int_equal(address_parse_ip(str_of(text), &address), OK);
    assert_int_equal(address_is_loopback(&address), expected);
}

static void loopback_is_known(void **state UNUSED)
{
    check_loopback("127.0.0.1", true);
    check_loopback("127.255.0.9", true);
    check_loopback("::1", true);
    check_loopback("::ffff:127.0.0.1", true);
    check_loopback("128.0.0.1", false);
    check_loopback("::2", false);
    check_loopback("::", false);
    check_loopback("0.0.0.0", false);
    check_loopback("::ffff:10.0.0.1", false);
}

static void equality_minds_family_and_port(void **state UNUSED)
{
    struct address a, b;

    assert_int_equal(address_parse_host_port(STR("1.2.3.4:5"), &a), OK);
    b = a;
    b.port = 6;
    assert_true(address_eq(&a, &a));
    assert_true(address_eq_ip(&a, &b));
    assert_false(address_eq(&a, &b));
    assert_int_equal(address_parse_ip(STR("::ffff:1.2.3.4"), &b), OK);
    assert_false(address_eq_ip(&a, &b));
}

static const struct CMUnitTest tests[] = {
    TEST("an address survives being written and parsed", addresses_survive_text),
    TEST("what is not exactly an address is refused", bad_addresses_are_refused),
    TEST("loopback addresses are known in both families", loopback_is_known),
    TEST("equality minds family and port", equality_minds_family_and_port),
};

int main(void)
{
    return RUN_TESTS(tests);
}
