/* A filter is refused with a reason, or becomes alternatives: JSON, within its bounds, which admit
 * the metadata that they are made of, and no others by accident. */
#include "auth/filter.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each alternative, as metadata, fits. */
static void check_alternatives(struct arena *arena, struct str alternatives)
{
    const struct json *all;
    struct str key, one;
    size_t position = 0;

    REQUIRE(json_parse(arena, alternatives, &all, NULL) == OK);
    REQUIRE(json_type(all) == JSON_ARRAY && json_count(all) <= AUTH_ALTERNATIVES_MAX);
    while (json_raw_next(alternatives, &position, &key, &one))
        REQUIRE(auth_filter_admits(alternatives, one));
    if (json_count(all) == 0)
        REQUIRE(!auth_filter_admits(alternatives, STR("{\"a\":1}")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size), alternatives = STR("?");
    const char *why = NULL;
    struct arena arena;

    arena_init(&arena);
    if (auth_filter_read(&arena, text, &alternatives, &why)) {
        REQUIRE(why && why[0]);
        REQUIRE(str_eq(alternatives, STR("?")));
    } else if (!str_is_none(alternatives)) {
        check_alternatives(&arena, alternatives);
    }
    arena_release(&arena);
    return 0;
}
