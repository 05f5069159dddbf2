/* arena_test.c -- alignment, resets and copies of an arena. */
#include "base/arena.h"
#include "base/test.h"

static void pieces_are_apart(void **state)
{
    struct arena a;
    unsigned char *pieces[200];

    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        pieces[i] = arena_alloc(&a, i * 37);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)i, i * 37);
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        for (size_t j = 0; j < i * 37; j++)
            assert_int_equal(pieces[i][j], (unsigned char)i);
    arena_release(&a);
}

static void large_piece_keeps_the_current_block(void **state)
{
    struct arena a;
    char *before, *after;

    (void)state;
    arena_init(&a);
    before = arena_alloc(&a, 16);
    memset(arena_alloc_zero(&a, MIB), 1, MIB);
    after = arena_alloc(&a, 16);
    assert_ptr_equal(after, before + 16);
    arena_release(&a);
    assert_int_equal(a.total_bytes, 0);
}

static void reset(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a);
    arena_reset(&a);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 100; i++)
            memset(arena_alloc(&a, 1000), round, 1000);
        arena_alloc(&a, MIB);
        assert_true(a.total_bytes > MIB);
        arena_reset(&a);
        assert_true(a.total_bytes <= 4 * KIB);
        assert_int_equal(a.used_bytes, 0);
    }
    arena_release(&a);
}

static void reset_keeps_what_was_needed(void **state)
{
    struct arena a;
    char *first = NULL;

    (void)state;
    arena_init_keeping(&a, MIB);
    for (int round = 0; round < 20; round++) {
        char *piece = arena_alloc(&a, 1000);

        /* Once it has grown, all of a round fits into the block that was kept. */
        if (round > 10)
            assert_ptr_equal(piece, first);
        first = piece;
        for (int i = 0; i < 700; i++)
            memset(arena_alloc(&a, 1000), round, 1000);
        if (round > 10)
            assert_true(a.total_bytes <= MIB);
        arena_reset(&a);
    }
    arena_alloc(&a, 2 * MIB); /* more than it may keep */
    arena_reset(&a);
    assert_true(a.total_bytes <= MIB && a.total_bytes > 0);
    arena_release(&a);
    assert_int_equal(a.total_bytes, 0);
}

static void lists_grow(void **state)
{
    struct item {
        int64_t number;
        struct str text;
    } *list = NULL;
    size_t cap = 0;
    struct arena a;

    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < 1000; i++) {
        struct item *before = list;
        size_t room = cap;

        list = arena_more(&a, list, i, &cap, sizeof(*list));
        assert_true(i < cap);
        assert_true(i < room ? list == before && cap == room : list != before && cap > i);
        for (size_t k = i; k < cap; k++) /* nothing of what was in this memory before */
            assert_true(list[k].number == 0 && str_is_none(list[k].text));
        list[i] = (struct item){(int64_t)i, STR("x")};
        if (before && i == room) /* whoever kept the old one still has it */
            assert_int_equal(before[i - 1].number, i - 1);
    }
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(list[i].number, i);
        ASSERT_STR(list[i].text, "x");
    }
    arena_release(&a);
}

static void text(void **state)
{
    struct arena a;
    struct str parts[] = {STR("a"), STR_NONE, STR("bc")};

    (void)state;
    arena_init(&a);
    ASSERT_STR(arena_str(&a, STR_NONE), NULL);
    ASSERT_STR(arena_str(&a, STR("")), "");
    assert_string_equal(arena_cstr(&a, STR("abc")), "abc");
    assert_string_equal(arena_cstr(&a, STR_NONE), "");
    ASSERT_STR(arena_printf(&a, "%d-%s", 1, "x"), "1-x");
    ASSERT_STR(arena_concat(&a, parts, ARRAY_LEN(parts)), "abc");
    ASSERT_STR(arena_concat(&a, NULL, 0), "");
    arena_release(&a);
}

static void words(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    ASSERT_STR(arena_words(&arena, (const char *const[]){"one", NULL}), "one");
    ASSERT_STR(arena_words(&arena, (const char *const[]){"one", "two", NULL}), "one or two");
    ASSERT_STR(arena_words(&arena, (const char *const[]){"a", "b", "c", NULL}), "a, b or c");
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("words are listed as people do", words),
    TEST("pieces are aligned and do not overlap", pieces_are_apart),
    TEST("a large piece does not waste the current block", large_piece_keeps_the_current_block),
    TEST("a reset keeps one small block", reset),
    TEST("a reset keeps what was needed, up to a limit", reset_keeps_what_was_needed),
    TEST("a list that grows keeps its items and has nothing behind them", lists_grow),
    TEST("absent text stays absent, empty text stays empty", text),
};

int main(void)
{
    return RUN_TESTS(tests);
}
