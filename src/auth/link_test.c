/* link_test.c -- tokens open what they were made for, and nothing else. */
#include "auth/link.h"

#include "base/test.h"

static struct keyring *ring_new(uint32_t id)
{
    struct keyring_keys keys = {.count = 1};

    seal_key_make(&keys.keys[0], id);
    return keyring_new(&keys);
}

static void there_and_back(void **state)
{
    struct keyring *ring = ring_new(1), *other = ring_new(1);
    struct link in = {STR("tenant"), {{1, 2, 3}}, STR("attachment.\xc3\xa9 x"), 1000}, out;
    struct arena arena;
    struct buf token;

    (void)state;
    arena_init(&arena);
    buf_init(&token, MIB);
    link_write(ring, &in, &token);
    for (size_t i = 0; i < token.len; i++)
        assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                               token.data[i]));
    assert_int_equal(link_read(ring, &arena, buf_str(&token), 999, &out), OK);
    ASSERT_STR(out.tenant, "tenant");
    ASSERT_STR(out.name, "attachment.\xc3\xa9 x");
    assert_true(uuid_eq(out.span_id, in.span_id));
    assert_int_equal(link_read(ring, &arena, buf_str(&token), 1000, &out), ERR_DENIED);
    assert_int_equal(link_read(other, &arena, buf_str(&token), 0, &out), ERR_DENIED);
    for (size_t i = 0; i < token.len; i++) { /* no sign of it may change */
        token.data[i] ^= 1;
        assert_int_equal(link_read(ring, &arena, buf_str(&token), 0, &out), ERR_DENIED);
        token.data[i] ^= 1;
        assert_int_equal(link_read(ring, &arena, str_first(buf_str(&token), i), 0, &out),
                         ERR_DENIED);
    }
    buf_release(&token);
    arena_release(&arena);
    keyring_free(ring);
    keyring_free(other);
}

static const struct CMUnitTest tests[] = {
    TEST("a token opens what it was made for, until it expires; a changed one opens nothing",
         there_and_back),
};

int main(void)
{
    return RUN_TESTS(tests);
}
