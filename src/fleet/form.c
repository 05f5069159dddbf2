/* form.c -- reads a form, and fills it in. */
#include "fleet/form.h"

#define NAME_BYTES_MAX 64
#define OPTIONS_MAX 500

static const char *const type_names[] = {
    [FORM_STRING] = "string",     [FORM_NUMBER] = "number", [FORM_BOOLEAN] = "boolean",
    [FORM_TEXTAREA] = "textarea", [FORM_JSON] = "json",     [FORM_SELECT] = "select",
};

/* Programs that move forms from elsewhere write types that are not documented, such as "text". */
static void take_type(struct form_field *field, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(type_names); i++) {
        if (!str_eq(name, str_of(type_names[i])))
            continue;
        field->type = (enum form_type)i;
        return;
    }
    field->type = FORM_STRING;
    field->unknown_type = name;
}

/* ---- values ---- */

static const struct json *option_value(const struct json *option)
{
    return json_type(option) == JSON_OBJECT ? json_get(option, "value") : option;
}

static bool is_option(const struct json *options, const struct json *value)
{
    struct json_iter iter = json_iter(options);
    const struct json *option;
    struct str key;

    while (json_next(&iter, &key, &option))
        if (json_equals(option_value(option), value))
            return true;
    return false;
}

static bool has_line_end(struct str text)
{
    return str_find_char(text, '\n') < text.len || str_find_char(text, '\r') < text.len;
}

static bool is_json_text(struct arena *arena, struct str text)
{
    const struct json *parsed;

    return json_parse(arena, str_trim(text), &parsed, NULL) == OK;
}

/* NULL: it may stand there. */
static const char *wrong_with(struct arena *arena, const struct form_field *field,
                              const struct json *value)
{
    enum json_type type = json_type(value);

    switch (field->type) {
    case FORM_STRING:
        if (type != JSON_STRING)
            return "must be a text";
        return has_line_end(json_string(value)) ? "must be a text on one line" : NULL;
    case FORM_TEXTAREA:
        return type == JSON_STRING ? NULL : "must be a text";
    case FORM_NUMBER:
        return type == JSON_NUMBER ? NULL : "must be a number";
    case FORM_BOOLEAN:
        return type == JSON_BOOL ? NULL : "must be true or false";
    case FORM_SELECT:
        return is_option(field->options, value) ? NULL : "must be the value of one of its options";
    case FORM_JSON:
        return type != JSON_STRING || is_json_text(arena, json_string(value)) ? NULL
                                                                              : "must be JSON";
    }
    return NULL;
}

/* ---- the form ---- */

static enum err refuse(struct arena *arena, struct str *why, size_t index, const char *words)
{
    *why = arena_printf(arena, "form_schema: fields[%zu] %s", index, words);
    return ERR_INVALID;
}

static const char *wrong_with_options(const struct json *options)
{
    struct json_iter iter = json_iter(options);
    const struct json *option;
    struct str key;

    if (json_type(options) != JSON_ARRAY || json_count(options) == 0)
        return "is a select and must have options";
    if (json_count(options) > OPTIONS_MAX)
        return "has more than 500 options";
    while (json_next(&iter, &key, &option))
        if (json_type(option_value(option)) == JSON_ABSENT)
            return "has an option without a value";
    return NULL;
}

static const char *field_read(struct arena *arena, const struct json *json, struct str text,
                              struct form_field *field)
{
    const struct json *type = json_get(json, "type"), *label = json_get(json, "label");
    const struct json *required = json_get(json, "required"), *preset = json_get(json, "default");
    const char *wrong = NULL;

    if (json_type(json) != JSON_OBJECT)
        return "must be an object";
    *field = (struct form_field){.name = json_string(json_get(json, "name")),
                                 .unknown_type = STR_NONE,
                                 .options = json_get(json, "options")};
    take_type(field, json_string(type));
    if (str_is_empty(field->name) || field->name.len > NAME_BYTES_MAX)
        return "must have a name of 1 to 64 bytes";
    if (type && json_type(type) != JSON_STRING)
        return "must have a text for its type";
    if (label && json_type(label) != JSON_STRING)
        return "must have a text for its label";
    if (required && json_type(required) != JSON_BOOL)
        return "must say true or false for required";
    if (field->type == FORM_SELECT && (wrong = wrong_with_options(field->options)))
        return wrong;
    if (!json_is_absent(preset)) {
        if (wrong_with(arena, field, preset))
            return "has a default that it would not take itself";
        field->default_text = json_raw(text, STR("default"));
    }
    field->is_required =
        json_bool(required, field->type != FORM_BOOLEAN && str_is_none(field->default_text));
    return NULL;
}

static bool is_twice(const struct form *form, struct str name)
{
    for (size_t i = 0; i < form->count; i++)
        if (str_eq(form->fields[i].name, name))
            return true;
    return false;
}

static enum err fields_read(struct arena *arena, const struct json *list, struct form *form,
                            struct str *why)
{
    struct str key, text;
    size_t position = 0;

    form->fields = ARENA_ARRAY(arena, struct form_field, json_count(list) + 1);
    while (json_raw_next(form->fields_text, &position, &key, &text)) {
        struct form_field field;
        const char *wrong = field_read(arena, json_item(list, form->count), text, &field);

        if (!wrong && is_twice(form, field.name))
            wrong = "has the name of another one";
        if (wrong)
            return refuse(arena, why, form->count, wrong);
        form->fields[form->count++] = field;
    }
    return OK;
}

enum err form_parse(struct arena *arena, struct str text, struct form *form, struct str *why)
{
    struct form found = {.fields_text = STR("[]")};
    const struct json *root, *list;
    enum err err;

    *why = STR("form_schema: must be {\"fields\": […]} with at most 50 fields in 64 KiB");
    if (str_is_none(text) || str_eq(str_trim(text), STR("null"))) {
        *form = found;
        return OK;
    }
    text = str_trim(text);
    if (text.len > FORM_BYTES_MAX || json_parse(arena, text, &root, NULL))
        return ERR_INVALID;
    list = json_type(root) == JSON_OBJECT ? json_get(root, "fields") : root;
    if (!json_is_absent(list)) {
        if (json_type(list) != JSON_ARRAY || json_count(list) > FORM_FIELDS_MAX)
            return ERR_INVALID;
        found.fields_text = list == root ? text : json_raw(text, STR("fields"));
    } else if (json_type(root) != JSON_OBJECT) {
        return ERR_INVALID;
    }
    if ((err = fields_read(arena, list, &found, why)))
        return err;
    *form = found;
    return OK;
}

/* ---- filling it in ---- */

struct filling {
    struct arena *arena;
    const struct form *form;
    struct json_writer out;
    struct form_problems *problems;
};

static void problem(struct filling *f, struct str field, const char *message)
{
    f->problems->list[f->problems->count++] =
        (struct form_problem){arena_str(f->arena, field), str_of(message)};
}

/* What an editor of JSON gives is text; what is passed on is what it says. */
static struct str spoken(const struct form_field *field, const struct json *value, struct str raw)
{
    return field->type == FORM_JSON && json_type(value) == JSON_STRING
               ? str_trim(json_string(value))
               : raw;
}

static void fill_one(struct filling *f, const struct form_field *field, const struct json *value,
                     struct str raw)
{
    const char *wrong;

    if (json_is_absent(value)) {
        if (!str_is_none(field->default_text)) {
            json_key_str(&f->out, field->name);
            json_raw_out(&f->out, field->default_text);
        } else if (field->type == FORM_BOOLEAN && !field->is_required) {
            json_key_str(&f->out, field->name);
            json_bool_out(&f->out, false);
        } else if (field->is_required) {
            problem(f, field->name, "must be given");
        }
        return;
    }
    if ((wrong = wrong_with(f->arena, field, value))) {
        problem(f, field->name, wrong);
        return;
    }
    json_key_str(&f->out, field->name);
    json_raw_out(&f->out, spoken(field, value, raw));
}

static void find_strangers(struct filling *f, const struct json *input)
{
    struct json_iter iter = json_iter(input);
    const struct json *value;
    struct str key;

    while (json_next(&iter, &key, &value)) {
        if (is_twice(f->form, key))
            continue;
        problem(f, str_first(key, NAME_BYTES_MAX), "is no field of this form");
        return; /* one will do */
    }
}

enum err form_fill(struct arena *arena, const struct form *form, struct str input,
                   struct str *filled, struct form_problems *problems)
{
    struct filling f = {.arena = arena, .form = form, .problems = problems};
    const struct json *root = NULL;
    struct buf out;

    problems->list = ARENA_ARRAY(arena, struct form_problem, form->count + 2);
    problems->count = 0;
    input = str_is_none(input) || str_eq(input, STR("null")) ? STR("{}") : str_trim(input);
    if (input.len > FORM_INPUT_BYTES_MAX || json_parse(arena, input, &root, NULL) ||
        json_type(root) != JSON_OBJECT) {
        problem(&f, STR("input"), "must be an object of at most 256 KiB");
        return ERR_INVALID;
    }
    buf_init(&out, 2 * FORM_INPUT_BYTES_MAX);
    json_writer_init(&f.out, &out);
    json_begin_object(&f.out);
    for (size_t i = 0; i < form->count; i++)
        fill_one(&f, &form->fields[i], json_get_str(root, form->fields[i].name),
                 json_raw(input, form->fields[i].name));
    find_strangers(&f, root);
    json_end_object(&f.out);
    *filled = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return problems->count ? ERR_INVALID : OK;
}
