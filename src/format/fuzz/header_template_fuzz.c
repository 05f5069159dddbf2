/* What a template resolves to is always a valid header value, whatever the variables hold: the
 * input after the first NUL is their value. */
#include "format/header.h"
#include "format/header_template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str find(void *context, struct str name)
{
    return str_ends(name, STR("X")) ? STR_NONE : *(struct str *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);
    size_t cut = str_find_char(text, '\0');
    struct str variable = str_from(text, cut + 1);
    struct header_variables variables = {.find = find, .context = &variable, .prefix = STR("L")};
    struct str value = STR_NONE, why = STR_NONE;
    struct arena arena;

    arena_init(&arena);
    if (header_template_resolve(&arena, str_first(text, cut), &variables, &value, &why) == OK)
        REQUIRE(header_value_is_valid(value));
    else
        REQUIRE(!str_is_none(why));
    (void)header_name_is_valid(text);
    arena_release(&arena);
    return 0;
}
