/* Whatever JSON stands in a template, and whatever the variables hold, what comes out is JSON; and
 * without a placeholder the template comes out as it is. */
#include "format/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct arena *arena, struct str object, const struct json *root,
                  const struct template_fill *fill)
{
    const struct json *filled;
    struct json_writer w;
    struct buf out;

    buf_init(&out, MIB);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    template_write_members(&w, object, fill, NULL, 0);
    json_end_object(&w);
    if (!out.failed) {
        REQUIRE(json_parse(arena, buf_str(&out), &filled, NULL) == OK);
        REQUIRE(json_count(filled) == json_count(root));
        REQUIRE(!fill->is_verbatim || json_equals(root, filled));
    }
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);
    size_t cut = str_find_char(text, '\0');
    struct template_variable variables[] = {{STR("a"), str_from(text, cut + 1), STR_NONE},
                                            {STR("b_c"), STR("1.5"), STR("1.5")}};
    struct template_fill fill = {.variables = variables, .count = 2, .escapes_markup = true};
    const struct json *root;
    struct str names[4];
    struct arena arena;

    arena_init(&arena);
    text = str_first(text, cut);
    if (json_parse(&arena, text, &root, NULL) == OK && json_type(root) == JSON_OBJECT) {
        check(&arena, text, root, &fill);
        (void)template_unknown(text, &fill, &arena, names, 4);
        fill.is_verbatim = true;
        check(&arena, text, root, &fill);
    }
    arena_release(&arena);
    return 0;
}
