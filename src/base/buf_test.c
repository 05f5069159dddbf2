/* buf_test.c -- the maximum and both ends of a buffer. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"

static void maximum(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 5);
    buf_add_cstr(&b, "abc");
    buf_add_cstr(&b, "defg");
    assert_true(b.failed);
    buf_add_cstr(&b, "x");
    ASSERT_STR(buf_str(&b), "abc");
    buf_clear(&b);
    buf_add_cstr(&b, "12345");
    assert_false(b.failed);
    ASSERT_STR(buf_str(&b), "12345");
    assert_string_equal(buf_cstr(&b), "12345");
    assert_null(buf_reserve(&b, SIZE_MAX));
    buf_release(&b);
}

static void exact_fit_of_printf(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 3);
    buf_addf(&b, "%d", 123);
    ASSERT_STR(buf_str(&b), "123");
    buf_addf(&b, "%d", 4);
    assert_true(b.failed);
    buf_release(&b);
}

static void empty_is_not_absent(void **state)
{
    struct buf b;
    size_t len = 9;

    (void)state;
    buf_init(&b, 0);
    ASSERT_STR(buf_str(&b), "");
    assert_string_equal(buf_cstr(&b), "");
    buf_add(&b, STR_NONE);
    assert_false(b.failed);
    char *memory = buf_take(&b, &len);
    assert_int_equal(len, 0);
    mem_free(memory);
    buf_release(&b);
}

static void kept(void **state)
{
    struct arena arena;
    struct str text;
    struct buf b;

    (void)state;
    arena_init(&arena);
    buf_init(&b, 3);
    buf_add_cstr(&b, "abc");
    text = buf_keep(&b, &arena);
    assert_null(b.data);
    ASSERT_STR(text, "abc");
    assert_false(str_is_none(buf_keep(&b, &arena)));
    buf_add_cstr(&b, "abcd");
    assert_true(str_is_none(buf_keep(&b, &arena)));
    assert_null(b.data);
    buf_add_cstr(&b, "d"); /* as new */
    ASSERT_STR(buf_keep(&b, &arena), "d");
    arena_release(&arena);
}

static void integers(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_add_i64(&b, INT64_MIN);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, INT64_MAX);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, 0);
    ASSERT_STR(buf_str(&b), "-9223372036854775808 9223372036854775807 0");
    buf_release(&b);
}

static void both_ends(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    for (int i = 0; i < 100; i++)
        buf_add(&b, STR("0123456789"));
    assert_false(b.failed);
    buf_consume(&b, 993);
    ASSERT_STR(buf_str(&b), "3456789");
    buf_truncate(&b, 2);
    memcpy(buf_reserve(&b, 2), "ab", 2);
    buf_added(&b, 2);
    ASSERT_STR(buf_str(&b), "34ab");
    buf_consume(&b, 4);
    ASSERT_STR(buf_str(&b), "");
    buf_release(&b);
}

static const struct CMUnitTest tests[] = {
    TEST("nothing is appended beyond the maximum nor after it", maximum),
    TEST("printf may fill it to the last byte", exact_fit_of_printf),
    TEST("an empty buffer is not absent", empty_is_not_absent),
    TEST("what is kept outlives the buffer, and is absent if the buffer failed", kept),
    TEST("the largest and smallest integers are written", integers),
    TEST("bytes leave at both ends", both_ends),
};

int main(void)
{
    return RUN_TESTS(tests);
}
