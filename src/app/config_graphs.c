/* `graphs` of langgraph.json: which there are, and in which language each is written. */
#include "agent/builtin.h"
#include "app/config_priv.h"
#include "base/log.h"
#include "io/disk.h"

#define GRAPHS_MAX 1000
#define GRAPH_ID_BYTES_MAX 128

static const struct graph builtins[] = {
    {.id = {"agent", 5},
     .description = {"Answers a greeting; needs no key and no network", 47},
     .kind = GRAPH_BUILTIN},
    {.id = {"script", 6},
     .description = {"Does what its input says, for demos and tests", 45},
     .kind = GRAPH_BUILTIN},
    {.id = {"fleet", 5},
     .description = {"Runs Fleet agents; each of them is an assistant of it", 53},
     .kind = GRAPH_NATIVE},
};

/* The built-in graphs whose names are free behind the `count` configured ones. */
static void add_builtins(struct config *config, struct graph *list, size_t count)
{
    struct graphs configured = {list, count};

    for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
        if (!graphs_find(&configured, builtins[i].id))
            list[count++] = builtins[i];
    config->graphs = (struct graphs){list, count};
}

void config_builtin_graphs(struct config *config)
{
    add_builtins(config, ARENA_ARRAY(&config->arena, struct graph, ARRAY_LEN(builtins)), 0);
}

/* ---- one graph ---- */

static bool has_extension(struct str file, const char *const *extensions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_ends(file, str_of(extensions[i])))
            return true;
    return false;
}

/* "my_package.agents" */
static bool is_module(struct str text)
{
    struct str part;

    while (str_split(&text, '.', &part))
        if (!env_name_is_valid(part))
            return false;
    return true;
}

/* The file or module of "path:export"; in JavaScript the export may be left out. */
static enum err split_path(struct str path, struct str *source, enum graph_kind *kind)
{
    static const char *const js[] = {".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"};
    static const char *const python[] = {".py"};
    size_t colon = path.len;

    for (size_t i = path.len; i > 0 && colon == path.len; i--)
        if (path.data[i - 1] == ':')
            colon = i - 1;
    *source = str_first(path, colon);
    if (has_extension(*source, js, ARRAY_LEN(js))) {
        *kind = GRAPH_JS;
        return colon + 1 == path.len ? ERR_INVALID : OK;
    }
    *kind = GRAPH_PYTHON;
    if (colon == 0 || colon + 1 >= path.len)
        return ERR_INVALID;
    return has_extension(*source, python, ARRAY_LEN(python)) || is_module(*source) ? OK
                                                                                   : ERR_INVALID;
}

/* With --dev the worker says it, and the rest is served. */
static enum err check_file(struct config_reader *r, struct str name, const struct plugin *export,
                           struct str source)
{
    const char *file = config_path(r->arena, r->config->project_dir, source);
    struct disk *disk = r->sources->disk;
    bool is_file = export->language == GRAPH_JS || str_ends(source, STR(".py"));

    if (r->config->dev || !is_file || disk->exists(disk, file))
        return OK;
    return config_refuse(r,
                         "%s: %.*s: there is no file %.*s in %s; mend the path, or start with "
                         "--dev to serve the rest",
                         r->file, STR_ARG(name), STR_ARG(source), r->config->project_dir);
}

enum err config_read_export(struct config_reader *r, struct str name, const struct json *value,
                            struct plugin *export)
{
    struct str path = json_string(value), source;

    if (json_type(value) != JSON_STRING)
        return config_refuse(r, "%s: %.*s %.*s", r->file, STR_ARG(name),
                             STR_ARG(config_found(r,
                                                  "\"./file.py:export\" or an object with such "
                                                  "a \"path\"",
                                                  value)));
    if (str_find_char(path, '\0') < path.len || split_path(path, &source, &export->language))
        return config_refuse(r,
                             "%s: %.*s: \"%.*s\" must be ./file.py:export, "
                             "package.module:export or ./file.js:export (.mjs .cjs .ts .mts .cts "
                             "too)",
                             r->file, STR_ARG(name), STR_ARG(path));
    export->path = arena_str(r->arena, path);
    return check_file(r, name, export, source);
}

static enum err read_path(struct config_reader *r, const struct json *value, struct graph *graph)
{
    struct str name = arena_printf(r->arena, "graphs.%.*s", STR_ARG(graph->id));
    struct plugin export = {.path = STR_NONE};
    enum err err = config_read_export(r, name, value, &export);

    graph->path = export.path;
    graph->kind = export.language;
    return err;
}

static enum err read_description(struct config_reader *r, const struct json *value,
                                 struct graph *graph)
{
    if (json_is_absent(value))
        return OK;
    if (json_type(value) != JSON_STRING)
        return config_refuse(r, "%s: graphs.%.*s.description %.*s", r->file, STR_ARG(graph->id),
                             STR_ARG(config_found(r, "a string", value)));
    graph->description = arena_str(r->arena, json_string(value));
    return OK;
}

static enum err read_graph(struct config_reader *r, struct str id, const struct json *value,
                           struct graph *graph)
{
    enum err err;

    graph->id = arena_str(r->arena, id);
    if (str_is_empty(id) || id.len > GRAPH_ID_BYTES_MAX || str_find_char(id, '\0') < id.len)
        return config_refuse(r, "%s: graphs: the name of a graph must have 1 to %d bytes", r->file,
                             GRAPH_ID_BYTES_MAX);
    if (json_type(value) != JSON_OBJECT)
        return read_path(r, value, graph);
    if (!json_get(value, "path"))
        return config_refuse(r,
                             "%s: graphs.%.*s has no \"path\"; add \"path\": "
                             "\"./file.py:export\"",
                             r->file, STR_ARG(id));
    err = read_path(r, json_get(value, "path"), graph);
    return err ? err : read_description(r, json_get(value, "description"), graph);
}

enum err config_read_graphs(struct config_reader *r)
{
    const struct json *graphs = json_get(r->root, "graphs"), *value;
    struct json_iter iter = json_iter(graphs);
    struct graph *list;
    struct str id;
    size_t count = 0;

    if (json_is_absent(graphs))
        return OK;
    if (json_type(graphs) != JSON_OBJECT)
        return config_refuse(r, "%s: graphs %.*s", r->file,
                             STR_ARG(config_found(r,
                                                  "an object like {\"agent\": "
                                                  "\"./agent.py:graph\"}",
                                                  graphs)));
    if (json_count(graphs) > GRAPHS_MAX)
        return config_refuse(r, "%s: graphs must not have more than %d entries", r->file,
                             GRAPHS_MAX);
    list = ARENA_ARRAY(r->arena, struct graph, json_count(graphs) + ARRAY_LEN(builtins));
    while (json_next(&iter, &id, &value)) {
        struct graphs before = {list, count};
        enum err err;

        if (graphs_find(&before, id))
            return config_refuse(r, "%s: graphs.%.*s stands there twice; remove one", r->file,
                                 STR_ARG(id));
        err = read_graph(r, id, value, &list[count++]);
        if (err)
            return err;
    }
    add_builtins(r->config, list, count);
    return OK;
}
