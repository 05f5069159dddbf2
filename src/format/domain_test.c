/* domain_test.c -- who an allow-list lets in. */
#include "base/test.h"
#include "format/domain.h"

static void matching(void **state)
{
    static const struct {
        const char *pattern, *host;
        bool admits;
    } cases[] = {
        {"example.com", "example.com", true},
        {"Example.COM", "example.com", true},
        {"example.com", "a.example.com", false},
        {"example.com", "evilexample.com", false},
        {"example.com", "example.com.evil.net", false},
        {"*.example.com", "a.example.com", true},
        {"*.example.com", "a.b.example.com", true},
        {"*.Example.com", "A.EXAMPLE.com", true},
        {"*.example.com", "example.com", false},
        {"*.example.com", ".example.com", false},
        {"*.example.com", "a..example.com", false},
        {"*.example.com", "evilexample.com", false},
        {"*.example.com", "a.example.com.evil.net", false},
        {"*.example.com", "a.example.com.", false},
        {"*.example.com", "a.example.comx", false},
        {"*.internal", "db.internal", true},
        {"*", "example.com", false},
        {"*.*.com", "a.b.com", false},
        {"a*.example.com", "ab.example.com", false},
        {"*example.com", "evilexample.com", false},
        {"*.", "a.", false},
        {"*..com", "a..com", false},
        {"", "", false},
        {"", "a", false},
        {"127.0.0.1", "127.0.0.1", true},
        {"*.0.0.1", "127.0.0.1", false},
        {"*.1", "127.0.0.1", false},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"https://example.com", "example.com", false},
        {"example.com:443", "example.com", false},
        {"example.com.", "example.com", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (domain_admits(str_of(cases[i].pattern), str_of(cases[i].host)) != cases[i].admits)
            fail_msg("%s %s", cases[i].pattern, cases[i].host);
}

static void checking(void **state)
{
    static const char *const bad[] = {"",     "*",     "*.",      "**.a.b",      "a.*.b",
                                      "*a.b", "a b",   "a.b/",    "http://a.b",  "a.b:80",
                                      "a.b.", "127.1", "*.0.0.1", "*.127.0.0.1", "[::1]"};
    const char *why;

    (void)state;
    assert_int_equal(domain_pattern_check(STR("*.a.b"), &why), OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        why = NULL;
        if (domain_pattern_check(str_of(bad[i]), &why) != ERR_INVALID)
            fail_msg("%s", bad[i]);
        assert_non_null(why);
    }
}

static void lists(void **state)
{
    struct str patterns[] = {STR("a.b"), STR("*.c.d")};

    (void)state;
    assert_true(domain_list_admits(patterns, 2, STR("x.c.d")));
    assert_false(domain_list_admits(patterns, 2, STR("c.d")));
    assert_false(domain_list_admits(NULL, 0, STR("a.b")));
}

static const struct CMUnitTest tests[] = {
    TEST("a host matches itself, a wildcard only true subdomains", matching),
    TEST("patterns that could surprise are refused with a reason", checking),
    TEST("one matching pattern is enough, none admits nothing", lists),
};

int main(void)
{
    return RUN_TESTS(tests);
}
