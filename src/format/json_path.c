/* A way into JSON text. */
#include "format/json_path.h"

#include "base/json.h"

static enum err refuse(const char **why, const char *words)
{
    *why = words;
    return ERR_INVALID;
}

/* Takes one step off the front of *text, which is not empty. */
static enum err step_parse(struct str *text, struct json_path_step *step, const char **why)
{
    size_t end;

    if (text->data[0] != '[') {
        for (end = 0; end < text->len && text->data[end] != '.' && text->data[end] != '['; end++)
            ;
        if (end == 0)
            return refuse(why, "a name is missing");
        *step = (struct json_path_step){.name = str_first(*text, end)};
    } else {
        end = str_find_char(*text, ']');
        *step = (struct json_path_step){.name = STR_NONE};
        if (end == text->len || str_to_i64(str_range(text->data + 1, end - 1), &step->index))
            return refuse(why,
                          "a position must be a whole number in brackets, such as [0] or [-1]");
        end++;
        if (end < text->len && text->data[end] != '.' && text->data[end] != '[')
            return refuse(why, "after a position must come a dot, another position or the end");
    }
    *text = str_from(*text, end);
    return OK;
}

enum err json_path_parse(struct str text, struct json_path *path, const char **why)
{
    struct json_path parsed = {0};
    enum err err;

    if (text.len == 0 || text.data[0] == '[')
        return refuse(why, "it must begin with a name");
    while (text.len > 0) {
        if (parsed.count == JSON_PATH_STEPS_MAX)
            return refuse(why, "it has too many steps");
        if ((err = step_parse(&text, &parsed.steps[parsed.count++], why)))
            return err;
        if (text.len == 0 || text.data[0] != '.')
            continue;
        text = str_from(text, 1);
        if (text.len == 0 || text.data[0] == '[')
            return refuse(why, "a name is missing");
    }
    *path = parsed;
    return OK;
}

static int64_t count_of(struct str array)
{
    struct str key, value;
    size_t position = 0;
    int64_t count = 0;

    while (json_raw_next(array, &position, &key, &value))
        count++;
    return count;
}

static struct str item_at(struct str array, int64_t index)
{
    struct str key, value;
    size_t position = 0;

    if (index < 0)
        index += count_of(array);
    for (int64_t i = 0; index >= 0 && json_raw_next(array, &position, &key, &value); i++)
        if (i == index)
            return value;
    return STR_NONE;
}

struct str json_path_find(const struct json_path *path, size_t first, struct str json_text)
{
    for (size_t i = first; i < path->count && !str_is_none(json_text); i++) {
        const struct json_path_step *step = &path->steps[i];
        bool is_index = str_is_none(step->name);

        if (json_text.len == 0 || json_text.data[0] != (is_index ? '[' : '{'))
            return STR_NONE;
        json_text = is_index ? item_at(json_text, step->index) : json_raw(json_text, step->name);
    }
    return json_text;
}
