/* The parts of the user's own that langgraph.json names besides graphs, and those that this server
 * cannot take: better no start than state that is not where its owner thinks. */
#include "app/config_priv.h"
#include "store/item_vectors.h"

static enum err read_flag(struct config_reader *r, const char *name, const struct json *value,
                          bool *flag)
{
    if (!json_is_absent(value) && json_type(value) != JSON_BOOL)
        return config_refuse(r, "%s: %s must be true or false", r->file, name);
    *flag = json_bool(value, *flag);
    return OK;
}

/* {"path": "./auth.py:auth", "disable_studio_auth": …}; the rest of it the worker reads. */
static enum err read_auth(struct config_reader *r)
{
    const struct json *auth = json_get(r->root, "auth"), *path = json_get(auth, "path");
    bool no_studio = false;
    enum err err;

    if (json_is_absent(auth))
        return OK;
    if (json_type(auth) != JSON_OBJECT)
        return config_refuse(r, "%s: auth %.*s", r->file,
                             STR_ARG(config_found(r,
                                                  "an object like {\"path\": "
                                                  "\"./auth.py:auth\"}",
                                                  auth)));
    err =
        read_flag(r, "auth.disable_studio_auth", json_get(auth, "disable_studio_auth"), &no_studio);
    r->config->studio_auth = !no_studio;
    if (err || json_is_absent(path))
        return err;
    return config_read_export(r, STR("auth.path"), path, &r->config->plugins.auth);
}

static enum err refuse_checkpointer(struct config_reader *r)
{
    const struct json *path = json_get(json_get(r->root, "checkpointer"), "path");

    if (json_is_absent(path))
        return OK;
    return config_refuse(r,
                         "%s: checkpointer.path: state is kept in the server's own store (SQLite "
                         "or PostgreSQL), where runs, copies and deletions of threads find it; a "
                         "checkpointer of your own cannot be used. Take the key out",
                         r->file);
}

/* http.app, and whether its own routes need a name. */
static enum err read_app(struct config_reader *r)
{
    const struct json *http = json_get(r->root, "http"), *app = json_get(http, "app");
    enum err err =
        read_flag(r, "http.enable_custom_route_auth", json_get(http, "enable_custom_route_auth"),
                  &r->config->app_is_guarded);

    if (err || json_is_absent(app))
        return err;
    return config_read_export(r, STR("http.app"), app, &r->config->plugins.app);
}

/* ---- store.index ---- */

/* "openai:text-embedding-3-small": no file, no module of the project. */
static bool is_model(struct str embed)
{
    struct str provider = str_first(embed, str_find_char(embed, ':'));

    return provider.len > 0 && provider.len + 1 < embed.len && !str_contains(provider, STR(".")) &&
           !str_contains(provider, STR("/"));
}

static enum err read_embed(struct config_reader *r, const struct json *value)
{
    struct plugin *embed = &r->config->item_index.embed;
    struct str text = json_string(value);

    if (!is_model(text) || str_find_char(text, '\0') < text.len)
        return config_read_export(r, STR("store.index.embed"), value, embed);
    *embed = (struct plugin){arena_str(r->arena, text), GRAPH_PYTHON};
    return OK;
}

static enum err check_fields(struct config_reader *r, const struct json *fields)
{
    struct json_iter iter = json_iter(fields);
    const struct json *field;
    bool is_right = json_type(fields) == JSON_ARRAY;

    if (json_is_absent(fields))
        return OK;
    while (is_right && json_next(&iter, NULL, &field))
        is_right = !str_is_empty(json_string(field));
    if (is_right)
        return OK;
    return config_refuse(r,
                         "%s: store.index.fields must be an array of paths like [\"$\"] (the whole "
                         "value) or [\"title\", \"parts[*].text\"]",
                         r->file);
}

/* {"dims": 1536, "embed": "./embed.py:embed", "fields": ["$"]} */
static enum err read_index(struct config_reader *r)
{
    const struct json *index = json_get(json_get(r->root, "store"), "index");
    int64_t dims = json_i64(json_get(index, "dims"), 0);
    enum err err;

    if (json_is_absent(index))
        return OK;
    if (json_type(index) != JSON_OBJECT)
        return config_refuse(r, "%s: store.index %.*s", r->file,
                             STR_ARG(config_found(r,
                                                  "an object like {\"dims\": 1536, \"embed\": "
                                                  "\"./embed.py:embed\"}",
                                                  index)));
    if (!json_is_integer(json_get(index, "dims")) || dims < 1 || dims > ITEM_DIMS_MAX)
        return config_refuse(r,
                             "%s: store.index.dims must be how many numbers a vector has, from 1 "
                             "to %d",
                             r->file, ITEM_DIMS_MAX);
    r->config->item_index.dims = (uint32_t)dims;
    err = check_fields(r, json_get(index, "fields"));
    return err ? err : read_embed(r, json_get(index, "embed"));
}

enum err config_read_plugins(struct config_reader *r)
{
    enum err err = read_auth(r);

    if (err || (err = read_index(r)) || (err = read_app(r)))
        return err;
    return refuse_checkpointer(r);
}
