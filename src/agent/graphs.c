/* The list of graphs and the ids of their own assistants. */
#include "agent/graphs.h"

#include "base/json.h"
#include "base/uuid.h"

const struct graph *graphs_find(const struct graphs *graphs, struct str id)
{
    for (size_t i = 0; i < graphs->count; i++)
        if (str_eq(graphs->list[i].id, id))
            return &graphs->list[i];
    return NULL;
}

struct str graph_assistant_id(struct arena *arena, struct str graph_id)
{
    struct uuid_text text;

    return arena_str(arena, uuid_write(uuid_v5(uuid_namespace_assistants, graph_id), &text));
}

struct str graphs_ids_json(const struct graphs *graphs, struct arena *arena)
{
    struct json_writer json;
    struct buf out;
    struct str copy;

    buf_init(&out, MIB);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; i < graphs->count; i++)
        json_str_out(&json, graphs->list[i].id);
    json_end_array(&json);
    copy = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return copy;
}
