/* filter_test.c -- what filters become, and whom they admit. */
#include "base/test.h"

#define NINE_DEEP                                                                                  \
    "{\"$or\":[{\"$or\":[{\"$or\":[{\"$or\":[{\"$or\":[{\"$or\":[{\"$or\":[{\"$or\":[{\"$or\":"    \
    "[{\"a\":1}]}]}]}]}]}]}]}]}]}"

#include "auth/filter.h"
#include "base/buf.h"

static void filters_become_alternatives(void **state)
{
    static const char *const cases[][2] = {
        {"{\"owner\":\"ann\"}", "[{\"owner\":\"ann\"}]"},
        {"{\"owner\":{\"$eq\":\"ann\"},\"n\":7,\"b\":true,\"x\":null}",
         "[{\"owner\":\"ann\",\"n\":7,\"b\":true,\"x\":null}]"},
        {"{\"m\":{\"$contains\":\"ann\"}}", "[{\"m\":[\"ann\"]}]"},
        {"{\"m\":{\"$contains\":[\"a\",\"b\",\"a\"]},\"k\":1}", "[{\"m\":[\"a\",\"b\"],\"k\":1}]"},
        {"{\"$or\":[{\"a\":1},{\"b\":2,\"c\":3}]}", "[{\"a\":1},{\"b\":2,\"c\":3}]"},
        {"{\"z\":0,\"$or\":[{\"a\":1},{\"b\":2}]}", "[{\"z\":0,\"a\":1},{\"z\":0,\"b\":2}]"},
        {"{\"$and\":[{\"a\":1},{\"$or\":[{\"b\":2},{\"b\":3}]},{\"b\":3}]}", "[{\"a\":1,\"b\":3}]"},
        {"{\"$and\":[{\"owner\":\"a\"},{\"owner\":\"b\"}]}", "[]"},
        {"{\"$and\":[{\"m\":{\"$contains\":1}},{\"m\":{\"$contains\":2}}]}", "[{\"m\":[1,2]}]"},
        {"{\"$and\":[{\"m\":{\"$contains\":1}},{\"m\":1}]}", "[]"},
        {"{\"$or\":[]}", "[]"},
        {"{\"$or\":[{},{\"a\":1}]}", "[{},{\"a\":1}]"},
        {"{\"a\\\"b\":\"c\\\\d\"}", "[{\"a\\\"b\":\"c\\\\d\"}]"},
    };
    struct arena arena;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str alternatives;
        const char *why = "";

        arena_init(&arena);
        assert_int_equal(auth_filter_read(&arena, str_of(cases[i][0]), &alternatives, &why), OK);
        ASSERT_STR(alternatives, cases[i][1]);
        arena_release(&arena);
    }
}

static void what_filters_nothing_is_none(void **state)
{
    static const char *const cases[] = {"null", "{}", "{\"$and\":[]}", "{\"$and\":[{},{}]}"};
    struct arena arena;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str alternatives = STR("x");
        const char *why = "";

        arena_init(&arena);
        assert_int_equal(auth_filter_read(&arena, str_of(cases[i]), &alternatives, &why), OK);
        assert_true(str_is_none(alternatives));
        arena_release(&arena);
    }
}

static void what_is_no_filter_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "\"x\"",
        "true",
        "{\"a\":[1]}",
        "{\"a\":{}}",
        "{\"a\":{\"$ne\":1}}",
        "{\"a\":{\"b\":1}}",
        "{\"a\":{\"$eq\":[1]}}",
        "{\"a\":{\"$contains\":[[1]]}}",
        "{\"$not\":{\"a\":1}}",
        "{\"$or\":{\"a\":1}}",
        "{\"$and\":[1]}",
        NINE_DEEP,
    };
    struct arena arena;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str alternatives;
        const char *why = NULL;

        arena_init(&arena);
        assert_int_equal(auth_filter_read(&arena, str_of(cases[i]), &alternatives, &why),
                         ERR_INVALID);
        assert_non_null(why);
        arena_release(&arena);
    }
}

/* Six choices of two make 64 alternatives; a member more than there is room for. */
static void large_filters_are_refused(void **state)
{
    struct arena arena;
    struct str alternatives;
    const char *why;
    struct buf text;

    (void)state;
    arena_init(&arena);
    buf_init(&text, MIB);
    buf_add_cstr(&text, "{\"$and\":[");
    for (int i = 0; i < 6; i++)
        buf_addf(&text, "%s{\"$or\":[{\"a%d\":1},{\"b%d\":1}]}", i ? "," : "", i, i);
    buf_add_cstr(&text, "]}");
    assert_int_equal(auth_filter_read(&arena, buf_str(&text), &alternatives, &why), ERR_INVALID);
    buf_clear(&text);
    for (int i = 0; i <= AUTH_TERMS_MAX; i++)
        buf_addf(&text, "%s\"k%d\":1", i ? "," : "{", i);
    buf_add_cstr(&text, "}");
    assert_int_equal(auth_filter_read(&arena, buf_str(&text), &alternatives, &why), ERR_INVALID);
    buf_release(&text);
    arena_release(&arena);
}

static void metadata_fit_one_alternative(void **state)
{
    static const struct {
        const char *alternatives, *metadata;
        bool fits;
    } cases[] = {
        {"[{\"owner\":\"ann\"}]", "{\"owner\":\"ann\",\"x\":1}", true},
        {"[{\"owner\":\"ann\"}]", "{\"owner\":\"Ann\"}", false},
        {"[{\"owner\":\"ann\"}]", "{}", false},
        {"[{\"owner\":\"ann\"}]", "{\"owner\":[\"ann\"]}", false},
        {"[{\"m\":[\"a\",\"b\"]}]", "{\"m\":[\"b\",\"c\",\"a\"]}", true},
        {"[{\"m\":[\"a\",\"b\"]}]", "{\"m\":[\"a\"]}", false},
        {"[{\"m\":[\"a\"]}]", "{\"m\":\"a\"}", false},
        {"[{\"a\":1},{\"b\":2}]", "{\"b\":2}", true},
        {"[{\"x\":null}]", "{\"x\":null}", true},
        {"[{\"x\":null}]", "{}", false},
        {"[]", "{\"a\":1}", false},
        {"[{}]", "{}", true},
        {"[{\"a\":1}]", "not JSON", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(
            auth_filter_admits(str_of(cases[i].alternatives), str_of(cases[i].metadata)),
            cases[i].fits);
    assert_true(auth_filter_admits(STR_NONE, STR("{}")));
}

static const struct CMUnitTest tests[] = {
    TEST("filters become alternatives", filters_become_alternatives),
    TEST("a filter without conditions is none", what_filters_nothing_is_none),
    TEST("what is no filter is refused, with the reason", what_is_no_filter_is_refused),
    TEST("filters have bounds", large_filters_are_refused),
    TEST("metadata fit if they contain one alternative", metadata_fit_one_alternative),
};

int main(void)
{
    return RUN_TESTS(tests);
}
