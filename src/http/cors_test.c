/* cors_test.c -- which origins are let in, and what browsers are told. */
#include "base/test.h"

#include "base/buf.h"
#include "http/cors.h"

static void patterns_match_the_whole_origin(void **state)
{
    static const struct {
        const char *pattern, *origin;
        bool fits;
    } cases[] = {
        {"https://.*\\.example\\.com", "https://a.example.com", true},
        {"https://.*\\.example\\.com", "https://a.example.com.evil.org", false},
        {"https://.*\\.example\\.com", "https://aXexample.com", false},
        {"example", "https://example.com", false},
        {"^https://(?:app|www)\\.x\\.org$", "https://www.x.org", true},
        {"https://a|https://b", "https://b", true},
        {"https://a|https://b", "https://bad", false},
        {"http://localhost:\\d+", "http://localhost:5173", true},
        {"http://localhost:[\\d]{4}", "http://localhost:51730", false},
        {"https?://[a-z\\-.]+", "http://a-b.c", true},
        {"http://\\D+", "http://a1", false},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cors_rules rules = {.pattern = NULL};
        struct str why = STR_NONE;

        if (cors_pattern(&rules, str_of(cases[i].pattern), &arena, &why))
            fail_msg("%s: %.*s", cases[i].pattern, STR_ARG(why));
        if (cors_allows(&rules, str_of(cases[i].origin)) != cases[i].fits)
            fail_msg("%s on %s", cases[i].pattern, cases[i].origin);
        cors_release(&rules);
    }
    arena_release(&arena);
}

static void patterns_that_cannot_be_are_refused(void **state)
{
    static const char *const cases[] = {"(?=x)", "(?i)x", "a(b", "[a"};
    struct cors_rules rules = {.pattern = NULL};
    struct arena arena;
    struct str why;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(cors_pattern(&rules, str_of(cases[i]), &arena, &why), ERR_INVALID);
        assert_true(why.len > 0 && !rules.pattern);
    }
    arena_release(&arena);
}

static struct str told(struct arena *arena, const struct cors_rules *rules, const char *origin,
                       bool is_preflight, const char *asked)
{
    struct http_header headers[CORS_HEADERS_MAX];
    size_t count = cors_headers(rules, str_of(origin), is_preflight, str_of(asked), arena, headers);
    struct str text;
    struct buf out;

    buf_init(&out, 4 * KIB);
    for (size_t i = 0; i < count; i++) {
        struct str name = headers[i].name;

        if (str_starts(name, STR("access-control-")))
            name = str_from(name, 15);
        buf_addf(&out, "%.*s=%.*s;", STR_ARG(name), STR_ARG(headers[i].value));
    }
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void browsers_are_told(void **state)
{
    static const struct str origins[] = {{"https://a", 9}};
    struct cors_rules rules = {.origins = origins,
                               .origin_count = 1,
                               .methods = STR("GET"),
                               .headers = STR("x-a"),
                               .exposed = STR("x-b"),
                               .credentials = true,
                               .max_age_s = 7};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    ASSERT_STR(told(&arena, &rules, "https://a", false, NULL),
               "vary=Origin;allow-origin=https://a;allow-credentials=true;expose-headers=x-b;");
    ASSERT_STR(told(&arena, &rules, "https://b", false, NULL), "vary=Origin;");
    ASSERT_STR(told(&arena, &rules, NULL, false, NULL), "vary=Origin;");
    ASSERT_STR(told(&arena, &rules, "https://a", true, "x-c"),
               "vary=Origin;allow-origin=https://a;allow-credentials=true;allow-methods=GET;"
               "allow-headers=x-a;max-age=7;");
    rules.headers = STR("*");
    ASSERT_STR(told(&arena, &rules, "https://a", true, "x-c"),
               "vary=Origin;allow-origin=https://a;allow-credentials=true;allow-methods=GET;"
               "allow-headers=x-c;max-age=7;");
    rules.allows_all = true;
    ASSERT_STR(told(&arena, &rules, "https://b", false, NULL),
               "allow-origin=*;expose-headers=x-b;");
    arena_release(&arena);
}

static void without_rules_every_page_may_call(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    ASSERT_STR(told(&arena, &cors_open, NULL, false, NULL),
               "allow-origin=*;expose-headers=content-location,location,x-pagination-total,"
               "x-pagination-next,x-request-id,retry-after,ratelimit-limit,"
               "ratelimit-remaining,ratelimit-reset;");
    ASSERT_STR(told(&arena, &cors_open, "https://a", true, "x-c"),
               "allow-origin=*;allow-methods=GET, POST, PUT, PATCH, DELETE, OPTIONS;"
               "allow-headers=*;max-age=600;");
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("a pattern has to match the whole origin", patterns_match_the_whole_origin),
    TEST("what is no pattern, or beyond what is known, is refused",
         patterns_that_cannot_be_are_refused),
    TEST("a page that is let in is named, with credentials; another is not", browsers_are_told),
    TEST("without rules every page may call, without credentials",
         without_rules_every_page_may_call),
};

int main(void)
{
    return RUN_TESTS(tests);
}
