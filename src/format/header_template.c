/* header_template.c -- one pass over the text, one look-up for each variable. */
#include "format/header_template.h"

#include "base/buf.h"
#include "format/header.h"

static bool is_name(struct str text)
{
    if (text.len == 0 || (text.data[0] >= '0' && text.data[0] <= '9'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

/* Unlike header_value_is_valid it does not mind blanks at the ends: other text may follow. */
static bool has_bad_character(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < 0x20 && c != '\t') || c > 0x7e)
            return true;
    }
    return false;
}

/* `inside` stands between the braces. */
static enum err put_variable(struct arena *arena, struct buf *out, struct str inside,
                             const struct header_variables *variables, struct str *why)
{
    struct str reference = str_trim(inside);
    struct str name = str_from(reference, 4);
    struct str value;

    if (!str_starts(reference, STR("env.")) || !is_name(name)) {
        *why = arena_str(arena, STR("between ${{ and }} only env.NAME may stand"));
        return ERR_INVALID;
    }
    if (!str_starts(name, variables->prefix)) {
        *why = arena_printf(arena, "the variable %.*s does not begin with %.*s", STR_ARG(name),
                            STR_ARG(variables->prefix));
        return ERR_DENIED;
    }
    value = variables->find(variables->context, name);
    if (str_is_none(value)) {
        *why = arena_printf(arena, "the variable %.*s is not set", STR_ARG(name));
        return ERR_NOT_FOUND;
    }
    if (has_bad_character(value)) {
        *why = arena_printf(arena,
                            "the value of the variable %.*s has a line break, a control or "
                            "a non-ASCII character",
                            STR_ARG(name));
        return ERR_INVALID;
    }
    buf_add(out, value);
    return OK;
}

static enum err put_all(struct arena *arena, struct buf *out, struct str text,
                        const struct header_variables *variables, struct str *why)
{
    const struct str open = STR("${{"), close = STR("}}");

    for (;;) {
        size_t at = str_find(text, open);
        buf_add(out, str_first(text, at));
        if (at == text.len)
            return OK;
        text = str_from(text, at + open.len);
        at = str_find(text, close);
        if (at == text.len) {
            *why = arena_str(arena, STR("a ${{ is not closed by }}"));
            return ERR_INVALID;
        }
        enum err err = put_variable(arena, out, str_first(text, at), variables, why);
        if (err)
            return err;
        text = str_from(text, at + close.len);
    }
}

enum err header_template_resolve(struct arena *arena, struct str text,
                                 const struct header_variables *variables, struct str *value,
                                 struct str *why)
{
    struct buf out;
    enum err err;

    REQUIRE(variables->find);
    if (has_bad_character(text)) {
        *why = arena_str(arena, STR("it has a line break, a control or a non-ASCII character"));
        return ERR_INVALID;
    }
    buf_init(&out, HEADER_VALUE_BYTES_MAX);
    err = put_all(arena, &out, text, variables, why);
    if (!err && out.failed) {
        *why = arena_printf(arena, "it is longer than %d bytes", HEADER_VALUE_BYTES_MAX);
        err = ERR_LIMIT;
    }
    if (!err) {
        *value = arena_str(arena, str_trim(buf_str(&out)));
        REQUIRE(header_value_is_valid(*value));
    }
    buf_release(&out);
    return err;
}
