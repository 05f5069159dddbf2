/* Decoded text is UTF-8 without NUL, and escaping it again gives text that decodes to the same.
 * Texts are in the order of their escaped forms. */
#include "format/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct arena *arena, struct str text)
{
    struct buf out;
    struct str back;

    REQUIRE(str_is_utf8(text) && str_find_char(text, '\0') == text.len);
    buf_init(&out, 8 * MIB);
    percent_write(&out, text);
    REQUIRE(path_segment_decode(arena, buf_str(&out), &back) == OK && str_eq(back, text));
    buf_release(&out);
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void check_order(struct str a, struct str b)
{
    struct buf left, right;

    buf_init(&left, 8 * MIB);
    buf_init(&right, 8 * MIB);
    percent_write(&left, a);
    percent_write(&right, b);
    REQUIRE(sign(percent_compare(a, b)) == sign(str_compare(buf_str(&left), buf_str(&right))));
    buf_release(&left);
    buf_release(&right);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);
    struct query query;
    struct arena arena;
    const char *why = NULL;
    struct str segment;

    arena_init(&arena);
    if (query_parse(&arena, text, &query, &why) == OK) {
        for (size_t i = 0; i < query.count; i++) {
            check_text(&arena, query.pairs[i].name);
            check_text(&arena, query.pairs[i].value);
        }
    }
    if (path_segment_decode(&arena, text, &segment) == OK)
        check_text(&arena, segment);
    check_order(str_first(text, size / 2), str_from(text, size / 2));
    arena_release(&arena);
    return 0;
}
