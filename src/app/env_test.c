/* Tests of the environment: who wins, and what workers get. */
#include "app/env.h"

#include "base/test.h"

static const char *const process[] = {
    "HOME=/root", "BOTH=process", "EMPTY=", "OURS=x", "ODD", NULL};
static const struct env_variable added[] = {
    {{"BOTH", 4}, {"file", 4}},
    {{"TWICE", 5}, {"1", 1}},
    {{"TWICE", 5}, {"2", 1}},
};
static const struct env env = {process, added, 3};

static void precedence(void **state)
{
    (void)state;
    ASSERT_STR(env_find(&env, STR("HOME")), "/root");
    ASSERT_STR(env_find(&env, STR("BOTH")), "file");
    ASSERT_STR(env_find_process(&env, STR("BOTH")), "process");
    ASSERT_STR(env_find_process(&env, STR("TWICE")), "2");
    ASSERT_STR(env_find(&env, STR("EMPTY")), "");
    ASSERT_STR(env_find(&env, STR("ODD")), NULL);
    ASSERT_STR(env_find(&env, STR("HOM")), NULL);
}

static bool is_ours(struct str name)
{
    return str_eq(name, STR("OURS"));
}

static void workers(void **state)
{
    static const char *const extra[] = {"LGW_FD=3", "HOME=/elsewhere", NULL};
    static const char *const expected[] = {"EMPTY=",   "BOTH=file",       "TWICE=2",
                                           "LGW_FD=3", "HOME=/elsewhere", NULL};
    const char *const *list;
    struct arena arena;
    size_t i;

    (void)state;
    arena_init(&arena);
    list = env_for_workers(&env, is_ours, extra, &arena);
    for (i = 0; expected[i] && list[i]; i++)
        assert_string_equal(list[i], expected[i]);
    assert_null(list[i]);
    assert_null(expected[i]);
    arena_release(&arena);
}

static void no_environment(void **state)
{
    static const char *const extra[] = {NULL};
    const struct env none = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    ASSERT_STR(env_find(&none, STR("A")), NULL);
    assert_null(env_for_workers(&none, is_ours, extra, &arena)[0]);
    arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("the file wins for workers and templates, the process for settings", precedence),
        TEST("workers get both, each name once, without the server's own", workers),
        TEST("no environment at all is one too", no_environment),
    };

    return RUN_TESTS(tests);
}
