/* The check says of every text what the reader of base/json.h says; but that one refuses numbers
 * that no double holds. */
#include "format/json_check.h"

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);
    struct json_check check = {0};
    struct json_error error = {0};
    const struct json *root;
    struct arena arena;
    enum err err;

    arena_init(&arena);
    err = json_parse(&arena, text, &root, &error);
    json_check_feed(&check, text);
    if (!err || !strstr(error.reason, "infinity"))
        REQUIRE(json_check_is_json(&check) == !err);
    arena_release(&arena);
    return 0;
}
