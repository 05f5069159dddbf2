/* rewrite_test.c -- requests that make runs, as they go on to the upstream. */
#include "base/golden.h"
#include "gateway/rewrite.h"

static struct str rewritten(struct arena *arena, const char *body, const char *intent_id,
                            bool makes_thread)
{
    struct rewrite rewrite = {
        .body = str_of(body), .intent_id = str_of(intent_id), .makes_thread = makes_thread};
    struct str out = STR_NONE;

    assert_int_equal(json_parse(arena, rewrite.body, &rewrite.root, NULL), OK);
    assert_int_equal(rewrite_run(arena, &rewrite, &out), OK);
    return out;
}

static void expect(const char *body, const char *intent_id, bool makes_thread, const char *wanted)
{
    struct arena arena;

    arena_init(&arena);
    ASSERT_STR(rewritten(&arena, body, intent_id, makes_thread), wanted);
    arena_release(&arena);
}

static void the_rest_stays(void **state)
{
    (void)state;
    expect(
        "{\"assistant_id\":\"a\", \"webhook\":\"http://x/\",\"input\":{\"n\":1.0e2, \"k\" : [ ]}}",
        "i", false,
        "{\"assistant_id\":\"a\",\"input\":{\"n\":1.0e2, \"k\" : [ ]},"
        "\"metadata\":{\"runbell_intent\":\"i\"}}");
    expect("{\"w\\u0065bhook\":\"http://x/\",\"metadata\":{\"a\":{\"webhook\":1}}}", "i", false,
           "{\"metadata\":{\"a\":{\"webhook\":1},\"runbell_intent\":\"i\"}}");
    expect("{\"webhook\":\"http://x/\",\"metadata\":null}", "i", false,
           "{\"metadata\":{\"runbell_intent\":\"i\"}}");
    expect("{\"webhook\":\"http://x/\",\"metadata\":7}", "i", false, "{\"metadata\":7}");
    expect("{\"webhook\":\"http://x/\",\"b\":2}", NULL, false, "{\"b\":2}");
}

static void a_run_alone_gets_a_thread(void **state)
{
    (void)state;
    expect("{\"webhook\":\"u\",\"on_completion\":\"delete\",\"if_not_exists\":\"reject\",\"a\":1}",
           "i", true,
           "{\"a\":1,\"metadata\":{\"runbell_intent\":\"i\"},\"if_not_exists\":\"create\"}");
}

static void the_mark_is_taken_out(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    ASSERT_STR(rewrite_unmark(&arena, STR("{\"a\":1,\"runbell_intent\":\"i\",\"b\":2}")),
               "{\"a\":1,\"b\":2}");
    ASSERT_STR(rewrite_unmark(&arena, STR_NONE), NULL);
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_rest_stays),
    cmocka_unit_test(a_run_alone_gets_a_thread),
    cmocka_unit_test(the_mark_is_taken_out),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
