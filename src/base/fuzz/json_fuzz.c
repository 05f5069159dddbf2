/* The scanner of raw text and the parser see the same members; what is written again is equal; raw
 * text that is no JSON is never read beyond its end. */
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_members(struct str text, const struct json *root)
{
    struct str raw_key, raw_value, key;
    const struct json *value;
    struct json_iter iter = json_iter(root);
    size_t position = 0;

    while (json_next(&iter, &key, &value)) {
        struct arena arena;
        const struct json *again = NULL;
        REQUIRE(json_raw_next(text, &position, &raw_key, &raw_value));
        arena_init(&arena);
        REQUIRE(json_parse(&arena, raw_value, &again, NULL) == OK && json_equals(again, value));
        if (json_type(root) == JSON_OBJECT) {
            REQUIRE(json_parse(&arena, json_raw(text, key), &again, NULL) == OK);
            REQUIRE(json_equals(again, json_get_str(root, key)));
        }
        arena_release(&arena);
    }
    if (json_count(root))
        REQUIRE(!json_raw_next(text, &position, &raw_key, &raw_value));
}

static void check_written(struct arena *arena, struct str text, const struct json *root)
{
    const struct json *again = NULL;
    struct json_writer w;
    struct buf out;

    buf_init(&out, 64 * MIB);
    json_writer_init(&w, &out);
    json_value_out(&w, root);
    REQUIRE(json_parse(arena, buf_str(&out), &again, NULL) == OK && json_equals(again, root));
    REQUIRE(json_contains(root, root));
    if (json_type(root) == JSON_OBJECT) {
        buf_clear(&out);
        json_merge(&out, text, text);
        REQUIRE(json_parse(arena, buf_str(&out), &again, NULL) == OK && json_equals(again, root));
    }
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);
    const struct json *root = NULL;
    struct str key, value;
    struct arena arena;
    size_t position = 0;

    arena_init(&arena);
    while (json_raw_next(text, &position, &key, &value))
        REQUIRE(value.data >= text.data && value.data + value.len <= text.data + text.len);
    (void)json_raw(text, STR("a"));
    if (json_parse(&arena, text, &root, NULL) == OK) {
        check_members(text, root);
        check_written(&arena, text, root);
        char *copy = arena_cstr(&arena, text);
        json_scrub_nul(copy, size);
        REQUIRE(json_parse(&arena, str_range(copy, size), &root, NULL) == OK);
    }
    arena_release(&arena);
    return 0;
}
