/* Finds langgraph.json, parses it, reads its `env`, and warns of keys that do nothing here. */
#include "app/config_priv.h"
#include "base/log.h"
#include "base/nearest.h"
#include "io/disk.h"

#define FILE_BYTES_MAX (4 * MIB)
#define ENV_FILE_BYTES_MAX MIB
#define TYPO_DISTANCE_MAX 2

/* ---- finding and parsing ---- */

static const char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? "/" : arena_cstr(arena, str_range(path, (size_t)(slash - path)));
}

static enum err refuse_json(struct config_reader *r, struct str text, struct json_error error)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < error.position && i < text.len; i++) {
        column = text.data[i] == '\n' ? 1 : column + 1;
        line += text.data[i] == '\n';
    }
    return config_refuse(r, "%s: line %zu, column %zu: this is not JSON: %s", r->file, line, column,
                         error.reason);
}

static enum err parse(struct config_reader *r, struct str text)
{
    struct json_error error = {0};

    if (str_starts(text, STR("\xEF\xBB\xBF")))
        text = str_from(text, 3);
    if (json_parse(r->arena, text, &r->root, &error))
        return refuse_json(r, text, error);
    if (json_type(r->root) != JSON_OBJECT)
        return config_refuse(r, "%s must be an object like {\"graphs\": {…}}, not %s", r->file,
                             json_type_name(json_type(r->root)));
    r->config->file_text = text;
    return OK;
}

static enum err read_file(struct config_reader *r, const char *path)
{
    struct str text = STR_NONE;
    enum err err = config_read_file(r, path, FILE_BYTES_MAX, &text);

    if (err == ERR_NOT_FOUND)
        return config_refuse(r, "there is no file %s; give another one with --config", r->file);
    if (err == ERR_LIMIT)
        return config_refuse(r, "%s is larger than 4 MiB; it should hold settings only", r->file);
    if (err)
        return config_refuse(r, "%s cannot be read; it must be a file that this user may read",
                             r->file);
    r->config->file = arena_cstr(r->arena, str_of(r->file));
    return parse(r, text);
}

/* ---- keys that do nothing here ---- */

static const char *const top_keys[] = {
    "$schema",
    "api_version",
    "auth",
    "base_image",
    "checkpointer",
    "dependencies",
    "disable_persistence",
    "dockerfile_lines",
    "encryption",
    "env",
    "graphs",
    "http",
    "image_distro",
    "keep_pkg_tools",
    "node_loader",
    "node_version",
    "pip_config_file",
    "pip_installer",
    "python_version",
    "runbell",
    "source",
    "store",
    "ui",
    "ui_config",
    "webhooks",
};

/* What LangGraph's own server does with them, this version does not. */
static const struct {
    const char *section, *key, *instead;
} unused[] = {
    {NULL, "encryption", "stored state is not encrypted by the server"},
    {NULL, "ui", "no components are served"},
};

static void warn_of_unknown(struct config_reader *r, struct str key)
{
    const char *meant = NULL;

    for (size_t i = 0; i < ARRAY_LEN(top_keys); i++) {
        unsigned distance = nearest_distance(key, str_of(top_keys[i]));

        if (distance == 0)
            return;
        if (distance <= TYPO_DISTANCE_MAX)
            meant = top_keys[i];
    }
    log_warn("config", "%s: %.*s is not known and is ignored%s%s%s", r->file, STR_ARG(key),
             meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

static void warn_of_keys(struct config_reader *r)
{
    struct json_iter iter = json_iter(r->root);
    const struct json *value;
    struct str key;

    while (json_next(&iter, &key, &value))
        warn_of_unknown(r, key);
    for (size_t i = 0; i < ARRAY_LEN(unused); i++) {
        const struct json *place =
            unused[i].section ? json_get(r->root, unused[i].section) : r->root;

        value = json_get(place, unused[i].key);
        if (!json_is_absent(value))
            log_warn("config", "%s: %s%s%s is not used by this version: %s", r->file,
                     unused[i].section ? unused[i].section : "", unused[i].section ? "." : "",
                     unused[i].key, unused[i].instead);
    }
}

/* ---- env ---- */

static enum err read_env_file(struct config_reader *r, struct str name)
{
    const char *path = config_path(r->arena, r->config->project_dir, name);
    struct env_variable *list;
    const char *why;
    struct str text;
    size_t line;

    if (str_is_empty(name) || config_read_file(r, path, ENV_FILE_BYTES_MAX, &text))
        return config_refuse(r,
                             "%s: env names the file \"%.*s\", which cannot be read; name a "
                             ".env file that exists, or leave the key out",
                             r->file, STR_ARG(name));
    if (env_file_parse(r->arena, text, &list, &r->env.added_count, &line, &why))
        return config_refuse(r, "%.*s: line %zu: %s (it is named by env in %s)", STR_ARG(name),
                             line, why, r->file);
    r->env.added = list;
    return OK;
}

static enum err read_env_map(struct config_reader *r, const struct json *map)
{
    struct env_variable *list = ARENA_ARRAY(r->arena, struct env_variable, json_count(map) + 1);
    struct json_iter iter = json_iter(map);
    const struct json *value;
    struct str name;
    size_t count = 0;

    while (json_next(&iter, &name, &value)) {
        if (!env_name_is_valid(name))
            return config_refuse(r,
                                 "%s: env: \"%.*s\" cannot be the name of a variable; use "
                                 "letters, digits and _",
                                 r->file, STR_ARG(name));
        if (json_type(value) != JSON_STRING)
            return config_refuse(r, "%s: env.%.*s %.*s; put it in quotes", r->file, STR_ARG(name),
                                 STR_ARG(config_found(r, "a string", value)));
        if (str_find_char(json_string(value), '\0') < json_string(value).len)
            return config_refuse(r, "%s: env.%.*s must not have a NUL in it", r->file,
                                 STR_ARG(name));
        list[count++] = (struct env_variable){name, json_string(value)};
    }
    r->env.added = list;
    r->env.added_count = count;
    return OK;
}

/* Names only: the values come with the process's environment anyway. */
static enum err read_env_names(struct config_reader *r, const struct json *list)
{
    for (size_t i = 0; i < json_count(list); i++) {
        struct str name = json_string(json_item(list, i));

        if (!env_name_is_valid(name))
            return config_refuse(r,
                                 "%s: env must be a list of names of variables; entry %zu is "
                                 "none",
                                 r->file, i + 1);
        if (str_is_none(env_find(&r->env, name)))
            log_warn("config", "%s: env names the variable %.*s, which is not set", r->file,
                     STR_ARG(name));
    }
    return OK;
}

static enum err read_env(struct config_reader *r)
{
    const struct json *value = json_get(r->root, "env");

    switch (json_type(value)) {
    case JSON_ABSENT:
    case JSON_NULL:
        return OK;
    case JSON_STRING:
        return read_env_file(r, json_string(value));
    case JSON_OBJECT:
        return read_env_map(r, value);
    case JSON_ARRAY:
        return read_env_names(r, value);
    case JSON_BOOL:
    case JSON_NUMBER:
    default:
        return config_refuse(r, "%s: env %.*s", r->file,
                             STR_ARG(config_found(r,
                                                  "the path of a .env file, an object of "
                                                  "variables, or a list of names",
                                                  value)));
    }
}

/* ---- all ---- */

enum err config_read_root(struct config_reader *r)
{
    const struct config_sources *sources = r->sources;
    const char *path = config_path(r->arena, sources->working_dir,
                                   str_of(sources->file ? sources->file : CONFIG_FILE));
    enum err err;

    if (sources->file)
        r->file = sources->file;
    r->config->project_dir = folder_of(r->arena, path);
    if (!sources->file && !sources->disk->exists(sources->disk, path))
        return OK;
    err = read_file(r, path);
    if (err)
        return err;
    if (!sources->settings_only)
        warn_of_keys(r);
    return read_env(r);
}
