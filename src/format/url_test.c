/* url_test.c -- parts of good URLs, reasons for bad ones. */
#include "base/test.h"
#include "format/url.h"

static struct arena arena;

static int end_arena(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct url parsed(const char *text)
{
    struct url url = {.port = 0};
    const char *why = NULL;

    if (url_parse(&arena, str_of(text), &url, &why))
        fail_msg("%s: %s", text, why);
    return url;
}

static void parts(void **state)
{
    struct url url = parsed("HTTPS://API.Example.com:8443/a/%7Eb;c?x=1&y=a?b#frag?ment");

    (void)state;
    assert_true(url.scheme_is_https);
    assert_int_equal(url.host_kind, HOST_NAME);
    ASSERT_STR(url.host, "api.example.com");
    assert_int_equal(url.port, 8443);
    assert_true(url.has_port);
    ASSERT_STR(url.path, "/a/%7Eb;c");
    ASSERT_STR(url.query, "x=1&y=a?b");
    ASSERT_STR(url.target, "/a/%7Eb;c?x=1&y=a?b");
    url = parsed("http://[2001:DB8::1]:8080");
    assert_int_equal(url.host_kind, HOST_IPV6);
    ASSERT_STR(url.host, "2001:db8::1");
    assert_int_equal(url.port, 8080);
    url = parsed("http://[::1]/");
    assert_int_equal(url.port, 80);
    assert_false(url.has_port);
    assert_int_equal(parsed("https://127.0.0.1/").host_kind, HOST_IPV4);
}

static void targets(void **state)
{
    static const struct {
        const char *text, *target, *path, *query;
    } cases[] = {
        {"https://h?secret=x", "/?secret=x", "", "secret=x"},
        {"https://h", "/", "", NULL},
        {"https://h?", "/?", "", ""},
        {"https://h#f", "/", "", NULL},
        {"https://h/#f", "/", "/", NULL},
        {"https://h/?#f", "/?", "/", ""},
        {"https://h?a#b?c", "/?a", "", "a"},
        {"https://h:443?a=/b", "/?a=/b", "", "a=/b"},
        {"https://h//a/../b/./", "//a/../b/./", "//a/../b/./", NULL},
        {"https://h/%zz%2e?+%20", "/%zz%2e?+%20", "/%zz%2e", "+%20"},
        {"https://h/@a:b", "/@a:b", "/@a:b", NULL},
        {"/hooks?x=1#f", "/hooks?x=1", "/hooks", "x=1"},
        {"/", "/", "/", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url url = parsed(cases[i].text);
        ASSERT_STR(url.target, cases[i].target);
        ASSERT_STR(url.path, cases[i].path);
        ASSERT_STR(url.query, cases[i].query);
        assert_int_equal(url.is_relative, cases[i].text[0] == '/');
    }
}

static const char *const hostile[] = {"",
                                      "h",
                                      "ftp://h/",
                                      "file:///etc/passwd",
                                      "gopher://h",
                                      "javascript:alert(1)",
                                      "data:,x",
                                      "unix:/x",
                                      "http:/h",
                                      "http:h",
                                      "http:///h",
                                      "http://",
                                      "https://",
                                      "http://?x",
                                      "http://#",
                                      "//h/x",
                                      "http:\\\\h",
                                      "http://h\\@evil/",
                                      "http://h\\x",
                                      "https:/\\h",
                                      " http://h",
                                      "http://h ",
                                      "http://h/a b",
                                      "http://h/\tx",
                                      "http://h/\r\nX: y",
                                      "http://h\n",
                                      "h\x7fttp://h",
                                      "http://h/\x01",
                                      "http://user@h/",
                                      "http://user:pw@h/",
                                      "http://:@h/",
                                      "http://@h/",
                                      "http://h@/",
                                      "http://a@b@c/",
                                      "http://h:/",
                                      "http://h:0/",
                                      "http://h:65536/",
                                      "http://h:080/",
                                      "http://h:-1/",
                                      "http://h:+1/",
                                      "http://h:1a/",
                                      "http://h:99999999999/",
                                      "http://h:80:80/",
                                      "http://[::1",
                                      "http://[::1]x",
                                      "http://[::1]:",
                                      "http://[]/",
                                      "http://[127.0.0.1]/",
                                      "http://[fe80::1%25eth0]/",
                                      "http://[fe80::1%eth0]/",
                                      "http://[::1]]/",
                                      "http://::1/",
                                      "http://h./",
                                      "http://.h/",
                                      "http://a..b/",
                                      "http://127.1/",
                                      "http://0x7f.1/",
                                      "http://2130706433/",
                                      "http://0177.0.0.1/",
                                      "http://127.0.0.1./",
                                      "http://h%41/",
                                      "http://h%2eevil/",
                                      ("http://b\xc3\xbc"
                                       "cher.de/"),
                                      "http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/",
                                      "http://h/\xc3\xa4",
                                      "http://h?\xff",
                                      "http://h#\xc3\xa4",
                                      "http://-h/",
                                      "http://h_/\\",
                                      "http://h;x/",
                                      "http://h,g/",
                                      "http://(h)/",
                                      "http://h\"/",
                                      "http://<h>/",
                                      "http://{h}/",
                                      "httpss://h",
                                      "http//h",
                                      "http ://h",
                                      "\xef\xbb\xbfhttp://h",
                                      "/a b",
                                      "/\\h",
                                      "\\/h",
                                      "/a\n",
                                      "?x=1",
                                      "#f",
                                      "a/b"};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        struct url url = {.port = 7};
        const char *why = NULL;
        if (url_parse(&arena, str_of(hostile[i]), &url, &why) != ERR_INVALID)
            fail_msg("%s", hostile[i]);
        assert_non_null(why);
        assert_int_equal(url.port, 7);
    }
}

static void nul_and_absent(void **state)
{
    struct url url;
    const char *why = NULL;

    (void)state;
    assert_int_equal(url_parse(&arena, STR("http://h\0.evil/"), &url, &why), ERR_INVALID);
    assert_int_equal(url_parse(&arena, STR_NONE, &url, &why), ERR_INVALID);
}

static void own_reason(void **state)
{
    struct url url;
    const char *why = NULL;

    (void)state;
    assert_int_equal(url_parse(&arena, STR("https://a:b@h/"), &url, &why), ERR_INVALID);
    assert_non_null(strstr(why, "user name"));
    assert_int_equal(url_parse(&arena, STR("https://b\xc3\xbc.de/"), &url, &why), ERR_INVALID);
    assert_non_null(strstr(why, "punycode"));
}

static void maximum(void **state)
{
    static char text[URL_BYTES_MAX + 1];
    struct url url;
    const char *why = NULL;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "http://h/", 9);
    assert_int_equal(url_parse(&arena, str_range(text, URL_BYTES_MAX), &url, &why), OK);
    assert_int_equal(url_parse(&arena, str_range(text, URL_BYTES_MAX + 1), &url, &why), ERR_LIMIT);
}

static void host_header(void **state)
{
    static const struct {
        const char *text, *host, *origin;
    } cases[] = {
        {"https://h/", "h", "https://h:443"},
        {"https://h:443/", "h", "https://h:443"},
        {"https://h:80/", "h:80", "https://h:80"},
        {"http://H:80/", "h", "http://h:80"},
        {"http://[::1]:81/", "[::1]:81", "http://[::1]:81"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url url = parsed(cases[i].text);
        struct buf host, origin;
        buf_init(&host, 100);
        buf_init(&origin, 100);
        url_write_host(&host, &url);
        url_write_origin(&origin, &url);
        ASSERT_STR(buf_str(&host), cases[i].host);
        ASSERT_STR(buf_str(&origin), cases[i].origin);
        buf_release(&host);
        buf_release(&origin);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("a URL falls into its parts", parts),
    TEST("path and query reach the request line as given, an empty path as /", targets),
    TEST("what two libraries could read in two ways is refused with a reason", refused),
    TEST("a NUL does not end a URL", nul_and_absent),
    TEST("userinfo and names outside ASCII have reasons of their own", own_reason),
    TEST("a URL has a maximum", maximum),
    TEST("the Host header leaves the usual port out, the origin never", host_header),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, end_arena);
}
