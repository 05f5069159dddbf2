/* "select" of thread states: which members are answered, and which keys of the values. */
#include "api/threads_priv.h"

#define VALUES "values."

static const char *const members[] = {
    "values",     "next", "tasks", "metadata", "created_at", "checkpoint", "parent_checkpoint",
    "interrupts", NULL};

/* values.messages → messages; else STR_NONE. */
static struct str key_of(struct str name)
{
    if (!str_starts(name, STR(VALUES)) || name.len == strlen(VALUES))
        return STR_NONE;
    return str_from(name, strlen(VALUES));
}

enum err state_select_check(struct call *call, const struct json *names)
{
    return search_select_check(call, names, members, VALUES);
}

static bool is_selected(const struct json *names, struct str member)
{
    struct json_iter iter = json_iter(names);
    const struct json *name;

    while (json_next(&iter, NULL, &name))
        if (str_eq(json_string(name), member))
            return true;
    return false;
}

/* The selected keys of the values; nothing at all if none is asked for. */
static void values_out(struct json_writer *json, struct str values, const struct json *names)
{
    struct json_iter iter = json_iter(names);
    const struct json *name;
    bool is_begun = false;

    while (json_next(&iter, NULL, &name)) {
        struct str key = key_of(json_string(name)), value;

        if (str_is_none(key))
            continue;
        if (!is_begun) {
            json_key(json, "values");
            json_begin_object(json);
            is_begun = true;
        }
        value = str_starts(values, STR("{")) ? json_raw(values, key) : STR_NONE;
        if (str_is_none(value))
            continue;
        json_key_str(json, key);
        json_raw_out(json, value);
    }
    if (is_begun)
        json_end_object(json);
}

static void state_out(struct json_writer *json, struct str state, const struct json *names)
{
    struct str member, value;
    size_t position = 0;

    json_begin_object(json);
    while (json_raw_next(state, &position, &member, &value)) {
        if (is_selected(names, member)) {
            json_key_raw(json, member);
            json_raw_out(json, value);
        } else if (str_eq(member, STR("values"))) {
            values_out(json, value, names);
        }
    }
    json_end_object(json);
}

void state_select_out(struct json_writer *json, struct str answer, const struct json *names)
{
    struct str state, none;
    size_t position = 0;

    if (!names) {
        json_raw_out(json, answer);
    } else if (str_starts(answer, STR("["))) {
        json_begin_array(json);
        while (json_raw_next(answer, &position, &none, &state))
            state_out(json, state, names);
        json_end_array(json);
    } else {
        state_out(json, answer, names);
    }
}
