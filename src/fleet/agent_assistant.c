/* agent_assistant.c -- an agent's row among the assistants. */
#include "fleet/agent_assistant.h"

#include "base/buf.h"
#include "base/json.h"
#include "store/assistants.h"
#include "store/crons.h"

#define METADATA_BYTES_MAX MIB

static struct str paused_in(struct arena *arena, struct str metadata, bool is_paused)
{
    struct str text;
    struct buf out;

    buf_init(&out, METADATA_BYTES_MAX);
    json_merge(&out, metadata,
               is_paused ? STR("{\"triggers_paused\":true}") : STR("{\"triggers_paused\":false}"));
    text = buf_keep(&out, arena);
    return str_is_none(text) ? metadata : text;
}

static enum err update(struct agent_work *work, const struct assistant *found,
                       struct assistant *wanted)
{
    enum err err;

    wanted->created_us = found->created_us;
    wanted->config = found->config;
    wanted->context = found->context;
    err = assistant_next_version(work->tx, wanted->tenant, wanted->assistant_id, &wanted->version);
    return err ? err : assistant_update(work->tx, wanted);
}

enum err agent_assistant_follow(struct agent_work *work, const struct fleet_agent *agent,
                                bool is_paused)
{
    struct assistant wanted = {
        .tenant = agent->tenant,
        .assistant_id = agent->agent_id,
        .graph_id = FLEET_GRAPH,
        .name = agent->name,
        .description = agent->description,
        .config = arena_printf(work->arena, "{\"configurable\":{\"agent_id\":\"%.*s\"}}",
                               STR_ARG(agent->agent_id)),
        .context = STR("{}"),
        .metadata = STR("{\"created_by\":\"fleet\"}"),
        .version = 1,
        .created_us = work->tx->now_us,
        .updated_us = work->tx->now_us,
    };
    struct assistant found;
    bool was_paused;
    enum err err = assistant_get(work->tx, agent->tenant, agent->agent_id, work->arena, &found);

    if (err && err != ERR_NOT_FOUND)
        return err;
    if (!agent_is_runnable(agent))
        return err ? OK : assistant_delete(work->tx, agent->tenant, agent->agent_id);
    if (err) {
        if (is_paused)
            wanted.metadata = paused_in(work->arena, wanted.metadata, true);
        return assistant_insert(work->tx, &wanted);
    }
    was_paused = assistant_is_paused(&found, work->arena);
    if (str_eq(found.name, wanted.name) && str_eq(found.description, wanted.description) &&
        was_paused == is_paused)
        return OK;
    wanted.metadata = was_paused == is_paused ? found.metadata
                                              : paused_in(work->arena, found.metadata, is_paused);
    return update(work, &found, &wanted);
}

enum err agent_assistant_remove(struct agent_work *work, const struct fleet_agent *agent)
{
    enum err err = crons_delete_of(work->tx, agent->tenant, agent->agent_id);

    if (!err)
        err = assistant_delete(work->tx, agent->tenant, agent->agent_id);
    return err == ERR_NOT_FOUND ? OK : err; /* somebody took it away before */
}
