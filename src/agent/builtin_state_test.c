/* builtin_state_test.c -- the state of a built-in agent's thread: merged, rendered (golden files in
 * builtin_state_test/), stored and loaded. */
#include "base/golden.h"

#include "agent/builtin_state.h"

#define CREATED_US INT64_C(1795237957533121) /* 2026-11-21T05:12:37.533121 */

static int setup(void **state)
{
    static struct arena arena;

    arena_init(&arena);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_release(*state);
    return 0;
}

/* ---- values ---- */

static void messages_are_put_behind_and_the_rest_over(void **state)
{
    static const struct {
        const char *base, *input, *expected;
    } cases[] = {
        {NULL, NULL, "{\"messages\":[]}"},
        {"null", "null", "{\"messages\":[]}"},
        {NULL, "{}", "{\"messages\":[]}"},
        {NULL, "{\"messages\":[1, 2]}", "{\"messages\":[1, 2]}"},
        {"{\"messages\":[0]}", NULL, "{\"messages\":[0]}"},
        {"{\"messages\":[0]}", "[3]", "{\"messages\":[0]}"},
        {"{\"messages\":[0]}", "{\"messages\":[]}", "{\"messages\":[0]}"},
        {"{\"messages\":[ ]}", "{\"messages\":[ 1 ]}", "{\"messages\":[1]}"},
        {"{\"messages\":[0]}", "{\"messages\":[1]}", "{\"messages\":[0,1]}"},
        {"{\"messages\":[0]}", "{\"messages\":\"no list\"}", "{\"messages\":[0]}"},
        {"{\"a\":1,\"messages\":[0],\"b\":1}", "{\"b\":2.50,\"c\":{\"d\": 1}}",
         "{\"a\":1,\"messages\":[0],\"b\":2.50,\"c\":{\"d\": 1}}"},
        /* The script is what to do, not state. */
        {NULL, "{\"script\":[{\"say\":\"x\"}],\"messages\":[1]}", "{\"messages\":[1]}"},
        {NULL, "{\"a\\u0022b\":1}", "{\"messages\":[],\"a\\u0022b\":1}"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ASSERT_STR(builtin_values_merge(*state, str_of(cases[i].base), str_of(cases[i].input)),
                   cases[i].expected);
}

static void a_message_is_put_behind(void **state)
{
    struct arena *arena = *state;
    struct str message = builtin_message(arena, STR("a \"word\"\n"));
    struct str values = STR("{\"messages\":[],\"a\":1}");

    ASSERT_STR(message, "{\"role\":\"assistant\",\"content\":\"a \\\"word\\\"\\n\"}");
    values = builtin_values_add(arena, values, message);
    values = builtin_values_add(arena, values, STR("2"));
    ASSERT_STR(values,
               "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a \\\"word\\\"\\n\"},2],"
               "\"a\":1}");
}

/* ---- rendering ---- */

static struct builtin_state ended(void)
{
    return (struct builtin_state){
        .thread_id = STR("019aa501-0000-7000-8000-000000000002"),
        .checkpoint_id = STR("1f0c6a31-0000-6000-8000-000000000002"),
        .parent_id = STR("1f0c6a31-0000-6000-8000-000000000001"),
        .values = STR("{\"messages\":[{\"role\":\"user\",\"content\":\"Hello!\"}]}"),
        .metadata = STR("{\"graph_id\":\"script\",\"step\":1}"),
        .next = STR("[]"),
        .created_us = CREATED_US,
    };
}

static struct builtin_state waiting(void)
{
    struct builtin_state state = ended();

    state.parent_id = STR_NONE;
    state.next = STR("[\"script\"]");
    state.task_id = STR("0b7c2f0e-0000-5000-8000-000000000003");
    state.interrupts = STR("[{\"id\":\"i\",\"value\":{\"question\":\"continue?\"}}]");
    state.script = STR("[{\"interrupt\":{}},{\"say\":\"more\"}]");
    state.at = 1;
    return state;
}

static void a_thread_state_has_every_key(void **state)
{
    struct builtin_state at_end = ended(), at_stop = waiting();

    ASSERT_GOLDEN(builtin_render(*state, &at_end), GOLDEN, "ended");
    ASSERT_GOLDEN(builtin_render(*state, &at_stop), GOLDEN, "waiting");
}

/* ---- storing ---- */

static struct checkpoint checkpoint_of(struct arena *arena, const struct builtin_state *state)
{
    return (struct checkpoint){.thread_id = state->thread_id,
                               .checkpoint_id = state->checkpoint_id,
                               .parent_id = state->parent_id,
                               .serde = BUILTIN_SERDE,
                               .body = builtin_body(arena, state),
                               .metadata = state->metadata};
}

static void assert_same(struct arena *arena, const struct builtin_state *expected)
{
    struct checkpoint checkpoint = checkpoint_of(arena, expected);
    struct builtin_state loaded;

    assert_int_equal(builtin_load(arena, &checkpoint, &loaded), OK);
    assert_true(str_eq(builtin_render(arena, &loaded), builtin_render(arena, expected)));
    assert_true(str_eq(loaded.script, expected->script));
    assert_true(str_is_none(loaded.script) == str_is_none(expected->script));
    assert_true(str_is_none(loaded.interrupts) == str_is_none(expected->interrupts));
    assert_int_equal(loaded.at, expected->at);
    assert_int_equal(loaded.created_us, expected->created_us);
    assert_true(str_eq(builtin_body(arena, &loaded), checkpoint.body));
}

static void what_is_stored_is_loaded(void **state)
{
    struct builtin_state at_end = ended(), at_stop = waiting();

    assert_same(*state, &at_end);
    assert_same(*state, &at_stop);
}

static void what_is_not_ours_is_refused(void **state)
{
    struct arena *arena = *state;
    struct builtin_state at_end = ended(), loaded;
    struct checkpoint checkpoint = checkpoint_of(arena, &at_end);

    checkpoint.serde = STR("msgpack");
    assert_int_equal(builtin_load(arena, &checkpoint, &loaded), ERR_INVALID);
    checkpoint.serde = BUILTIN_SERDE;
    checkpoint.body = STR("{\"values\":");
    assert_int_equal(builtin_load(arena, &checkpoint, &loaded), ERR_INVALID);
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), setup, teardown, NULL                                              \
    }

static const struct CMUnitTest tests[] = {
    CASE("messages are put behind the others, the rest over the old",
         messages_are_put_behind_and_the_rest_over),
    CASE("a message is put behind the others", a_message_is_put_behind),
    CASE("a ThreadState has every key in its order", a_thread_state_has_every_key),
    CASE("what is stored is loaded again", what_is_stored_is_loaded),
    CASE("what is not ours is refused", what_is_not_ours_is_refused),
};

int main(void)
{
    return RUN_TESTS(tests);
}
