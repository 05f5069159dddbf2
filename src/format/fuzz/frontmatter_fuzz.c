/* The body is the text's end; without a block it is the whole text; values hold no NUL. */
#include "format/frontmatter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size), why = STR_NONE;
    struct frontmatter front;
    struct arena arena;

    arena_init(&arena);
    if (frontmatter_parse(&arena, text, &front, &why)) {
        REQUIRE(!str_is_none(why));
    } else {
        REQUIRE(front.body.len <= text.len && str_ends(text, front.body));
        REQUIRE(front.is_there || (front.body.len == text.len && front.count == 0));
        for (size_t i = 0; i < front.count; i++)
            REQUIRE(str_find_char(front.entries[i].value, '\0') == front.entries[i].value.len);
    }
    arena_release(&arena);
    return 0;
}
