/* loopback_test.c -- a run's token opens its own tenant's data and no other's, until the key
 * changes. */
#include "base/test.h"

#include "auth/loopback.h"

static void a_token_opens_its_tenant(void **state)
{
    struct loopback mine, other;
    struct arena arena;
    struct str token, tenant = STR_NONE;

    (void)state;
    arena_init(&arena);
    loopback_init(&mine);
    loopback_init(&other);
    token = loopback_token(&mine, STR("a.b"), &arena);
    assert_true(loopback_admits(&mine, token, &tenant));
    ASSERT_STR(tenant, "a.b");
    assert_false(loopback_admits(&other, token, &tenant));
    arena_release(&arena);
}

static void what_is_no_token_opens_nothing(void **state)
{
    struct loopback mine;
    struct arena arena;
    struct str token, tenant;

    (void)state;
    arena_init(&arena);
    loopback_init(&mine);
    token = loopback_token(&mine, STR("a"), &arena);
    for (size_t len = 0; len < token.len; len++)
        assert_false(loopback_admits(&mine, str_first(token, len), &tenant));
    for (size_t i = 0; i < token.len; i++) {
        char *copy = arena_cstr(&arena, token);

        copy[i] = copy[i] == 'x' ? 'y' : 'x';
        assert_false(loopback_admits(&mine, str_of(copy), &tenant));
    }
    assert_false(loopback_admits(&mine, STR_NONE, &tenant));
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("a token opens its own tenant's data only", a_token_opens_its_tenant),
    TEST("no part and no change of a token opens anything", what_is_no_token_opens_nothing),
};

int main(void)
{
    return RUN_TESTS(tests);
}
