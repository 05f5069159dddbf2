/* LANGGRAPH_CONFIG: with which configuration the assistant of each graph is made. */
#include "app/config_priv.h"
#include "base/log.h"

#define VARIABLE "LANGGRAPH_CONFIG"

/* {"configurable": …, "context": …, …}: the context is a thing of its own, the rest is the
 * configuration. */
static enum err read_one(struct config_reader *r, struct graph *graph, struct str text)
{
    struct str key, value;
    struct json_writer json;
    size_t position = 0;
    struct buf out;

    if (text.data[0] != '{')
        return config_refuse(r, VARIABLE ": %.*s must be an object like {\"configurable\": {}}",
                             STR_ARG(graph->id));
    buf_init(&out, text.len + 16);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    while (json_raw_next(text, &position, &key, &value)) {
        if (str_eq(key, STR("context"))) {
            graph->context = value;
            continue;
        }
        json_key_str(&json, key);
        json_raw_out(&json, value);
    }
    json_end_object(&json);
    graph->config = arena_str(r->arena, buf_str(&out));
    buf_release(&out);
    return OK;
}

enum err config_read_assistants(struct config_reader *r)
{
    struct str text = env_find(&r->env, STR(VARIABLE)), id, value;
    struct graphs *graphs = &r->config->graphs;
    struct graph *list;
    const struct json *root;
    size_t position = 0;

    if (str_is_empty(text))
        return OK;
    text = arena_str(r->arena, str_trim(text));
    if (json_parse(r->arena, text, &root, NULL) || json_type(root) != JSON_OBJECT)
        return config_refuse(
            r, VARIABLE " must be JSON like {\"agent\": {\"configurable\": {\"key\": \"value\"}}}");
    list = ARENA_ARRAY(r->arena, struct graph, graphs->count + 1);
    memcpy(list, graphs->list, graphs->count * sizeof(struct graph));
    graphs->list = list;
    while (json_raw_next(text, &position, &id, &value)) {
        const struct graph *found = graphs_find(graphs, id);
        enum err err;

        if (!found) {
            log_warn("config", VARIABLE ": there is no graph %.*s", STR_ARG(id));
            continue;
        }
        err = read_one(r, &list[found - graphs->list], value);
        if (err)
            return err;
    }
    return OK;
}
