/* json.c -- parsing into the arena and reading values. */
#include "base/json.h"

#include "base/json_priv.h"

/* A struct json is never defined: its address is that of a yyjson_val. yyjson 0.10 takes values
 * that are not const and does not change them. */
yyjson_val *json_val(const struct json *value)
{
    return (yyjson_val *)(uintptr_t)value;
}

static const struct json *json_of(const yyjson_val *val)
{
    return (const struct json *)(const void *)val;
}

static void *alc_malloc(void *arena, size_t bytes)
{
    return arena_alloc(arena, bytes);
}

static void *alc_realloc(void *arena, void *memory, size_t old_bytes, size_t bytes)
{
    void *larger;

    if (bytes <= old_bytes)
        return memory;
    larger = arena_alloc(arena, bytes);
    memcpy(larger, memory, old_bytes);
    return larger;
}

static void alc_free(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

/* yyjson itself has no limit of depth. Values stand one behind the other in the order of the
 * text, so a stack of "where does this container end" is enough. */
static bool depth_is_allowed(yyjson_val *root)
{
    const yyjson_val *ends[JSON_DEPTH_MAX];
    const yyjson_val *end = unsafe_yyjson_get_next(root);
    size_t depth = 0;

    for (yyjson_val *val = root; val < end; val++) {
        while (depth && val >= ends[depth - 1])
            depth--;
        if (!yyjson_is_ctn(val))
            continue;
        if (depth == JSON_DEPTH_MAX)
            return false;
        ends[depth++] = unsafe_yyjson_get_next(val);
    }
    return true;
}

static enum err refuse(struct json_error *error, size_t position, const char *reason)
{
    if (error)
        *error = (struct json_error){.position = position, .reason = reason};
    return ERR_INVALID;
}

enum err json_parse(struct arena *arena, struct str text, const struct json **root,
                    struct json_error *error)
{
    yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, arena};
    yyjson_read_err read_error = {0};
    yyjson_doc *doc;

    if (text.len == 0)
        return refuse(error, 0, "the text is empty");
    doc = yyjson_read_opts((char *)(uintptr_t)text.data, text.len, YYJSON_READ_NOFLAG, &alc,
                           &read_error);
    if (!doc)
        return refuse(error, read_error.pos, read_error.msg);
    if (!depth_is_allowed(yyjson_doc_get_root(doc)))
        return refuse(error, 0, "nested too deeply");
    *root = json_of(yyjson_doc_get_root(doc));
    return OK;
}

enum json_type json_type(const struct json *value)
{
    switch (yyjson_get_type(json_val(value))) {
    case YYJSON_TYPE_NULL:
        return JSON_NULL;
    case YYJSON_TYPE_BOOL:
        return JSON_BOOL;
    case YYJSON_TYPE_NUM:
        return JSON_NUMBER;
    case YYJSON_TYPE_STR:
        return JSON_STRING;
    case YYJSON_TYPE_ARR:
        return JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return JSON_OBJECT;
    default:
        return JSON_ABSENT;
    }
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_ABSENT] = "nothing",   [JSON_NULL] = "null",       [JSON_BOOL] = "a boolean",
        [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
        [JSON_OBJECT] = "an object",
    };

    return names[type];
}

bool json_is_null(const struct json *value)
{
    return yyjson_is_null(json_val(value));
}

bool json_is_absent(const struct json *value)
{
    return !value || yyjson_is_null(json_val(value));
}

struct str json_string(const struct json *value)
{
    yyjson_val *val = json_val(value);

    return yyjson_is_str(val) ? str_range(yyjson_get_str(val), yyjson_get_len(val)) : STR_NONE;
}

bool json_bool(const struct json *value, bool fallback)
{
    return yyjson_is_bool(json_val(value)) ? yyjson_get_bool(json_val(value)) : fallback;
}

int64_t json_i64(const struct json *value, int64_t fallback)
{
    yyjson_val *val = json_val(value);

    if (yyjson_is_sint(val))
        return yyjson_get_sint(val);
    if (yyjson_is_uint(val) && yyjson_get_uint(val) <= INT64_MAX)
        return (int64_t)yyjson_get_uint(val);
    /* 3.0 and 3e2 are integers too; beyond 2^53 a double is no longer exact. */
    if (yyjson_is_real(val)) {
        double real = yyjson_get_real(val);
        if (real >= -0x1.0p53 && real <= 0x1.0p53 && (double)(int64_t)real == real)
            return (int64_t)real;
    }
    return fallback;
}

bool json_is_integer(const struct json *value)
{
    return json_i64(value, 0) == json_i64(value, 1);
}

double json_double(const struct json *value, double fallback)
{
    yyjson_val *val = json_val(value);

    return yyjson_is_num(val) ? yyjson_get_num(val) : fallback;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return json_get_str(object, str_of(key));
}

const struct json *json_get_str(const struct json *object, struct str key)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(json_val(object));
    yyjson_val *found = NULL;
    yyjson_val *name;

    /* All of them: the last of several equal keys counts, as in JavaScript, Python and jsonb. */
    while ((name = yyjson_obj_iter_next(&iter)))
        if (unsafe_yyjson_equals_strn(name, key.data, key.len))
            found = yyjson_obj_iter_get_val(name);
    return json_of(found);
}

bool json_has_text(const struct json *object, const char *key)
{
    return !str_is_empty(json_string(json_get(object, key)));
}

size_t json_count(const struct json *value)
{
    return yyjson_is_ctn(json_val(value)) ? yyjson_get_len(json_val(value)) : 0;
}

const struct json *json_item(const struct json *array, size_t index)
{
    return json_of(yyjson_arr_get(json_val(array), index));
}

struct json_iter json_iter(const struct json *array_or_object)
{
    yyjson_val *val = json_val(array_or_object);

    if (!yyjson_is_ctn(val))
        return (struct json_iter){.container = NULL};
    return (struct json_iter){.container = array_or_object, .next = unsafe_yyjson_get_first(val)};
}

bool json_next(struct json_iter *iter, struct str *key, const struct json **value)
{
    yyjson_val *val = json_val(iter->next);

    if (iter->index >= json_count(iter->container))
        return false;
    if (key)
        *key = STR_NONE;
    if (json_type(iter->container) == JSON_OBJECT) {
        if (key)
            *key = json_string(json_of(val));
        val++;
    }
    if (value)
        *value = json_of(val);
    iter->next = unsafe_yyjson_get_next(val);
    iter->index++;
    return true;
}
