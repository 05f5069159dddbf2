/* squeeze_test.c -- small, and as it was again. */
#include "format/squeeze.h"

#include "base/test.h"

static void what_was_squeezed_comes_back(void **state)
{
    struct squeezer *squeezer = squeezer_new();
    struct arena arena;
    struct buf text, small;

    (void)state;
    arena_init(&arena);
    buf_init(&text, 1 * MIB);
    buf_init(&small, 1 * MIB);
    for (int i = 0; i < 5000; i++) {
        struct str back;

        buf_addf(&text, "{\"key%d\": \"value\"},", i);
        if (i % 500)
            continue;
        buf_truncate(&small, 0);
        buf_add(&small, STR("x"));
        if (!squeeze_write(squeezer, NULL, &small, buf_str(&text)))
            continue;
        assert_true(small.len < text.len + 1);
        assert_int_equal(squeeze_read(NULL, str_from(buf_str(&small), 1), text.len, &arena, &back),
                         OK);
        assert_true(str_eq(back, buf_str(&text)));
        assert_int_equal(
            squeeze_read(NULL, str_from(buf_str(&small), 1), text.len - 1, &arena, &back),
            ERR_LIMIT);
    }
    assert_true(small.len > 1 && small.len < text.len / 4);
    buf_release(&small);
    buf_release(&text);
    arena_release(&arena);
    squeezer_free(squeezer);
}

static void with_words_it_is_smaller(void **state)
{
    const struct str text =
        STR("{\"metadata\":{\"customer\":\"acme\"},\"runtime\":{\"sdk\":\"langsmith-py\"}}");
    struct squeeze_words
        *words = squeeze_words_new(
            STR("\"runtime\":{\"sdk\":\"langsmith-py\",{\"metadata\":{\"customer\":\"")),
        *others = squeeze_words_new(STR("something else that is as long as a few words are"));
    struct squeezer *squeezer = squeezer_new();
    struct arena arena;
    struct buf bare, small;
    struct str back;

    (void)state;
    arena_init(&arena);
    buf_init(&bare, 1 * KIB);
    buf_init(&small, 1 * KIB);
    if (!squeeze_write(squeezer, NULL, &bare, text))
        buf_add(&bare, text);
    assert_true(squeeze_write(squeezer, words, &small, text));
    assert_true(small.len + 20 < bare.len);
    assert_int_equal(squeeze_read(words, buf_str(&small), 1 * KIB, &arena, &back), OK);
    assert_true(str_eq(back, text));
    assert_false(!squeeze_read(others, buf_str(&small), 1 * KIB, &arena, &back) &&
                 str_eq(back, text));
    buf_release(&small);
    buf_release(&bare);
    arena_release(&arena);
    squeezer_free(squeezer);
    squeeze_words_free(others);
    squeeze_words_free(words);
}

static void what_would_grow_is_left(void **state)
{
    struct squeezer *squeezer = squeezer_new();
    struct buf out;

    (void)state;
    buf_init(&out, 1 * KIB);
    assert_false(squeeze_write(squeezer, NULL, &out, STR("a9f0")));
    assert_int_equal(out.len, 0);
    assert_false(out.failed);
    buf_release(&out);
    squeezer_free(squeezer);
}

static void what_is_broken_is_refused(void **state)
{
    struct squeezer *squeezer = squeezer_new();
    struct arena arena;
    struct buf small;
    struct str back;
    char text[1000];

    (void)state;
    arena_init(&arena);
    buf_init(&small, 2 * KIB);
    memset(text, 'a', sizeof(text));
    assert_true(squeeze_write(squeezer, NULL, &small, str_range(text, sizeof(text))));
    for (size_t len = 0; len < small.len; len++)
        assert_int_equal(squeeze_read(NULL, str_first(buf_str(&small), len), 2000, &arena, &back),
                         ERR_INVALID);
    assert_int_equal(squeeze_read(NULL, STR("no frame at all"), 2000, &arena, &back), ERR_INVALID);
    buf_release(&small);
    arena_release(&arena);
    squeezer_free(squeezer);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_squeezed_comes_back),
        cmocka_unit_test(with_words_it_is_smaller),
        cmocka_unit_test(what_would_grow_is_left),
        cmocka_unit_test(what_is_broken_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
