/* loopback_test.c -- a run's token opens its own tenant's data as its own user, and no other's,
 * until the key changes. */
#include "base/test.h"

#include "auth/loopback.h"

static void a_token_opens_its_tenant(void **state)
{
    static const struct loopback_caller callers[] = {
        {{"a.b", 3}, {NULL, 0}},
        {{"default", 7}, {"{\"identity\":\"ann\"}", 18}},
        {{"x", 1}, {"{}", 2}},
    };
    struct loopback mine, other;
    struct arena arena;

    (void)state;
    loopback_init(&mine);
    loopback_init(&other);
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        struct loopback_caller caller = {STR_NONE, STR("?")};
        struct str token;

        arena_init(&arena);
        token = loopback_token(&mine, &callers[i], &arena);
        assert_true(loopback_admits(&mine, token, &arena, &caller));
        ASSERT_STR(caller.tenant, callers[i].tenant.data);
        ASSERT_STR(caller.user, callers[i].user.data);
        assert_false(loopback_admits(&other, token, &arena, &caller));
        arena_release(&arena);
    }
}

static void what_is_no_token_opens_nothing(void **state)
{
    const struct loopback_caller who = {STR("a"), STR("{\"identity\":\"ann\"}")};
    struct loopback_caller caller;
    struct loopback mine;
    struct arena arena;
    struct str token;

    (void)state;
    arena_init(&arena);
    loopback_init(&mine);
    token = loopback_token(&mine, &who, &arena);
    for (size_t len = 0; len < token.len; len++)
        assert_false(loopback_admits(&mine, str_first(token, len), &arena, &caller));
    for (size_t i = 0; i < token.len; i++) {
        char *copy = arena_cstr(&arena, token);

        copy[i] = copy[i] == 'x' ? 'y' : 'x';
        assert_false(loopback_admits(&mine, str_of(copy), &arena, &caller));
    }
    assert_false(loopback_admits(&mine, STR_NONE, &arena, &caller));
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("a token opens its own tenant's data, as its own user", a_token_opens_its_tenant),
    TEST("no part and no change of a token opens anything", what_is_no_token_opens_nothing),
};

int main(void)
{
    return RUN_TESTS(tests);
}
