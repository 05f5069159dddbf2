/* header_text_test.c -- bytes of headers survive the way through JSON, and nothing else gets in. */
#include "base/test.h"
#include "format/header_text.h"

static void every_byte_comes_back(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (int byte = 0x21; byte < 0x100; byte++) {
        char bytes[3] = {'a', (char)byte, 'z'};
        struct str text = header_text_of(&arena, str_range(bytes, 3)), value = STR_NONE;

        assert_int_equal(text.len, byte < 0x80 ? 3 : 4);
        assert_int_equal(header_text_read(&arena, text, &value), byte == 0x7f ? ERR_INVALID : OK);
        if (byte != 0x7f)
            assert_true(str_eq(value, str_range(bytes, 3)));
    }
    arena_release(&arena);
}

static void what_is_no_value_is_refused(void **state)
{
    static const char *const texts[] = {"a\nb",     "a\rb", "\x01", "\xe2\x82\xac",
                                        "\xc4\x80", "\xff", "\xc3", "\xc1\xbf"};
    struct arena arena;
    struct str value;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(header_text_read(&arena, str_of(texts[i]), &value), ERR_INVALID);
    assert_int_equal(header_text_read(&arena, STR("a\0b"), &value), ERR_INVALID);
    assert_int_equal(header_text_read(&arena, STR(" a\tb "), &value), OK);
    ASSERT_STR(value, "a\tb");
    assert_int_equal(header_text_read(&arena, STR(""), &value), OK);
    ASSERT_STR(value, "");
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("every byte of a value comes back", every_byte_comes_back),
    TEST("what may not stand in a value is refused", what_is_no_value_is_refused),
};

int main(void)
{
    return RUN_TESTS(tests);
}
