/* What a path finds is a piece of the text. The input up to the first NUL is the path, the rest the
 * text. */
#include "base/json.h"
#include "format/json_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_range((const char *)data, size), text, found;
    size_t cut = str_find_char(input, '\0');
    const struct json *root;
    struct json_path path;
    struct arena arena;
    const char *why;

    if (json_path_parse(str_first(input, cut), &path, &why))
        return 0;
    REQUIRE(path.count > 0 && path.count <= JSON_PATH_STEPS_MAX);
    text = str_trim(str_from(input, cut + 1));
    arena_init(&arena);
    if (!json_parse(&arena, text, &root, NULL)) {
        found = json_path_find(&path, 0, text);
        REQUIRE(str_is_none(found) ||
                (found.data >= text.data && found.data + found.len <= text.data + text.len));
    }
    arena_release(&arena);
    return 0;
}
