/* Looks variables up, and makes the environment of workers. */
#include "app/env.h"

static bool split(const char *entry, struct str *name, struct str *value)
{
    struct str text = str_of(entry);
    size_t at = str_find_char(text, '=');

    *name = str_first(text, at);
    *value = str_from(text, at + 1);
    return at < text.len;
}

static struct str find_in_process(const struct env *env, struct str name)
{
    struct str found, value;

    for (size_t i = 0; env->process && env->process[i]; i++)
        if (split(env->process[i], &found, &value) && str_eq(found, name))
            return value;
    return STR_NONE;
}

static struct str find_added(const struct env *env, struct str name)
{
    for (size_t i = env->added_count; i > 0; i--)
        if (str_eq(env->added[i - 1].name, name))
            return env->added[i - 1].value;
    return STR_NONE;
}

struct str env_find(const struct env *env, struct str name)
{
    struct str value = find_added(env, name);

    return str_is_none(value) ? find_in_process(env, name) : value;
}

struct str env_find_process(const struct env *env, struct str name)
{
    struct str value = find_in_process(env, name);

    return str_is_none(value) ? find_added(env, name) : value;
}

/* ---- workers ---- */

static bool is_in(const char *const *list, struct str name)
{
    struct str found, value;

    for (size_t i = 0; list[i]; i++)
        if (split(list[i], &found, &value) && str_eq(found, name))
            return true;
    return false;
}

static size_t length_of(const char *const *list)
{
    size_t count = 0;

    while (list && list[count])
        count++;
    return count;
}

const char *const *env_for_workers(const struct env *env, bool (*is_ours)(struct str name),
                                   const char *const *extra, struct arena *arena)
{
    size_t process_count = length_of(env->process), extra_count = length_of(extra), count = 0;
    const char **list =
        ARENA_ARRAY(arena, const char *, process_count + env->added_count + extra_count + 1);
    struct str name, value;

    for (size_t i = 0; i < process_count; i++)
        if (split(env->process[i], &name, &value) && str_is_none(find_added(env, name)) &&
            !is_ours(name) && !is_in(extra, name))
            list[count++] = arena_cstr(arena, str_of(env->process[i]));
    for (size_t i = 0; i < env->added_count; i++) {
        const struct env_variable *variable = &env->added[i];

        /* Of equal names only the last counts. */
        if (find_added(env, variable->name).data == variable->value.data &&
            !is_ours(variable->name) && !is_in(extra, variable->name))
            list[count++] =
                arena_cstr(arena, arena_printf(arena, "%.*s=%.*s", STR_ARG(variable->name),
                                               STR_ARG(variable->value)));
    }
    for (size_t i = 0; i < extra_count; i++)
        list[count++] = extra[i];
    return list;
}
