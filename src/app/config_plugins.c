/* The parts of the user's own that langgraph.json names besides graphs, and those that this server
 * cannot take: better no start than state that is not where its owner thinks. */
#include "app/config_priv.h"

static enum err read_flag(struct config_reader *r, const char *name, const struct json *value,
                          bool *flag)
{
    if (value && !json_is_null(value) && json_type(value) != JSON_BOOL)
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

    if (!auth || json_is_null(auth))
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
    if (err || !path || json_is_null(path))
        return err;
    return config_read_export(r, STR("auth.path"), path, &r->config->plugins.auth);
}

static enum err refuse_checkpointer(struct config_reader *r)
{
    const struct json *path = json_get(json_get(r->root, "checkpointer"), "path");

    if (!path || json_is_null(path))
        return OK;
    return config_refuse(r,
                         "%s: checkpointer.path: state is kept in the server's own store (SQLite "
                         "or PostgreSQL), where runs, copies and deletions of threads find it; a "
                         "checkpointer of your own cannot be used. Take the key out",
                         r->file);
}

enum err config_read_plugins(struct config_reader *r)
{
    enum err err = read_auth(r);

    return err ? err : refuse_checkpointer(r);
}
