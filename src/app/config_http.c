/* `http` of langgraph.json: the mount prefix, groups of routes that are switched off, and the
 * request headers that reach the configuration of runs. */
#include "app/config_priv.h"

static bool is_path_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           memchr("/-._~", c, 5) != NULL;
}

static enum err read_mount_prefix(struct config_reader *r, const struct json *http)
{
    const struct json *value = json_get(http, "mount_prefix");
    struct str prefix = json_string(value);
    size_t at = 0;

    if (json_is_absent(value))
        return OK;
    while (at < prefix.len && is_path_char(prefix.data[at]))
        at++;
    if (json_type(value) != JSON_STRING || at < prefix.len ||
        (prefix.len > 0 && prefix.data[0] != '/') || str_ends(prefix, STR("/")) ||
        str_contains(prefix, STR("//")))
        return config_refuse(r,
                             "%s: http.mount_prefix must be a path such as \"/agents\", with a "
                             "slash at its beginning and none at its end",
                             r->file);
    r->config->mount_prefix = arena_str(r->arena, prefix);
    return OK;
}

static enum err read_switches(struct config_reader *r, const struct json *http)
{
    static const struct {
        const char *key;
        enum route_group group;
    } switches[] = {
        {"disable_assistants", ROUTE_GROUP_ASSISTANTS},
        {"disable_threads", ROUTE_GROUP_THREADS},
        {"disable_runs", ROUTE_GROUP_RUNS},
        {"disable_store", ROUTE_GROUP_STORE},
        {"disable_meta", ROUTE_GROUP_META},
        {"disable_mcp", ROUTE_GROUP_MCP},
    };

    for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
        const struct json *value = json_get(http, switches[i].key);

        if (!json_is_absent(value) && json_type(value) != JSON_BOOL)
            return config_refuse(r, "%s: http.%s must be true or false", r->file, switches[i].key);
        if (json_bool(value, false))
            r->config->disabled_groups |= 1u << switches[i].group;
    }
    return OK;
}

static struct str lower(struct arena *arena, struct str text)
{
    char *copy = arena_cstr(arena, text);

    for (char *c = copy; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
    return str_range(copy, text.len);
}

/* Both spellings of a list are in use: "includes" and "include". */
static enum err read_patterns(struct config_reader *r, const struct json *lists,
                              const char *keys[2], const struct str **patterns, size_t *count)
{
    const struct json *list = json_get(lists, keys[0]), *item;
    struct str *found;
    struct json_iter iter;

    list = list ? list : json_get(lists, keys[1]);
    if (json_is_absent(list))
        return OK;
    found = ARENA_ARRAY(r->arena, struct str, json_count(list) + 1);
    iter = json_iter(list);
    while (json_type(list) == JSON_ARRAY && json_next(&iter, NULL, &item))
        found[(*count)++] = lower(r->arena, json_string(item));
    for (size_t i = 0; i < *count; i++)
        if (str_is_empty(found[i]))
            list = NULL;
    if (json_type(list) != JSON_ARRAY)
        return config_refuse(
            r, "%s: http.configurable_headers.%s must be an array like [\"x-user-*\"]", r->file,
            keys[0]);
    *patterns = found;
    return OK;
}

static enum err read_headers(struct config_reader *r, const struct json *http)
{
    static const char *includes[2] = {"includes", "include"},
                      *excludes[2] = {"excludes", "exclude"};
    const struct json *lists = json_get(http, "configurable_headers");
    struct api_copied_headers *headers = &r->config->copied_headers;
    enum err err;

    if (json_is_absent(lists))
        return OK;
    if (json_type(lists) != JSON_OBJECT)
        return config_refuse(r,
                             "%s: http.configurable_headers must be an object like "
                             "{\"includes\": [\"x-user-*\"]}",
                             r->file);
    err = read_patterns(r, lists, includes, &headers->includes, &headers->include_count);
    return err ? err
               : read_patterns(r, lists, excludes, &headers->excludes, &headers->exclude_count);
}

enum err config_read_http(struct config_reader *r)
{
    const struct json *http = json_get(r->root, "http");
    enum err err = read_mount_prefix(r, http);

    if (err || (err = read_switches(r, http)) || (err = config_read_cors(r, http)))
        return err;
    return read_headers(r, http);
}
