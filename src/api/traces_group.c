/* traces_group.c -- POST /runs/group: the conversations of a project, the newest first. */
#include "api/route.h"
#include "api/traces_priv.h"
#include "api/traces_query.h"
#include "api/traces_turns.h"

#define PAGE_MAX 100

struct group_query {
    struct traces_query asked;
    struct call *call;
    struct traces_turns turns;
    int64_t limit, offset;
};

/* ---- the answer ---- */

static void time_put(struct json_writer *json, const char *key, int64_t wall_us)
{
    struct span_time text;

    json_put_str(json, key, wall_us ? span_time_write(wall_us, &text) : STR_NONE);
}

static void id_put(struct json_writer *json, const char *key, struct uuid id)
{
    struct uuid_text text;

    json_put_str(json, key, uuid_write(id, &text));
}

static void filter_put(struct json_writer *json, struct arena *arena, struct str thread_id)
{
    struct json_writer quoted;
    struct buf out;

    buf_init(&out, 4 * thread_id.len * 2 + 64);
    buf_add_cstr(&out, "eq(thread_id, ");
    json_writer_init(&quoted, &out);
    json_str_out(&quoted, thread_id);
    buf_add_char(&out, ')');
    json_put_str(json, "filter", arena_str(arena, buf_str(&out)));
    buf_release(&out);
}

static enum err turns_put(struct tx *tx, struct json_writer *json, struct thread_group *group)
{
    struct str first_inputs = STR_NONE, last_outputs = STR_NONE;
    enum err err = traces_turns_preview(tx, group, SPAN_INPUTS, &first_inputs);

    if (!err)
        err = traces_turns_preview(tx, group, SPAN_OUTPUTS, &last_outputs);
    if (err)
        return err;
    json_put_str(json, "first_inputs", first_inputs);
    json_put_str(json, "last_outputs", last_outputs);
    json_put_str(json, "last_error", group->last.error_preview);
    return OK;
}

static enum err group_write(struct tx *tx, struct json_writer *json, struct thread_group *group)
{
    enum err err;

    json_begin_object(json);
    json_put_str(json, "group_key", group->thread_id);
    json_put_str(json, "thread_id", group->thread_id);
    filter_put(json, tx->arena, group->thread_id);
    json_put_i64(json, "count", group->stats.run_count);
    time_put(json, "min_start_time", group->stats.first_start_us);
    time_put(json, "max_start_time", group->stats.last_start_us);
    id_put(json, "first_trace_id", group->first.trace_id);
    id_put(json, "last_trace_id", group->last.trace_id);
    err = turns_put(tx, json, group);
    span_stats_write(&group->stats, SPAN_STATS_NUMBERS, NULL, json);
    json_end_object(json);
    return err;
}

static enum err reply(struct tx *tx, struct group_query *query)
{
    const struct thread_groups *groups = &query->turns.groups;
    struct json_writer *json = call_json(query->call, 200);
    enum err err = OK;

    json_begin_object(json);
    json_key(json, "groups");
    json_begin_array(json);
    for (size_t i = (size_t)query->offset;
         !err && i < groups->count && i < (size_t)(query->offset + query->limit); i++)
        err = group_write(tx, json, groups->list[i]);
    json_end_array(json);
    json_put_i64(json, "total", (int64_t)groups->count);
    json_end_object(json);
    return err;
}

static enum err group_apply(struct tx *tx, struct call *call)
{
    struct group_query *query = call->data;
    const struct span_visitor visitor = traces_turns_visitor(&query->turns);
    enum err err = feedback_exists(tx, call->principal.tenant, &query->turns.has_feedback);

    if (!err)
        err = traces_query_step(tx, call, &query->asked, &visitor, false);
    if (err || query->turns.err)
        return err ? err : query->turns.err;
    return query->asked.is_over ? reply(tx, query) : call_then_read(call, group_apply);
}

static void group_release(struct call *call)
{
    struct group_query *query = call->data;

    traces_query_release(&query->asked);
    traces_turns_release(&query->turns);
}

/* The project is called session_id here. */
static enum err project_read(struct call *call, struct traces_query *asked)
{
    struct str *id = ARENA_NEW(call->arena, struct str);
    enum err err;

    *id = STR_NONE;
    if ((err = call_get_uuid(call, "session_id", id)))
        return err;
    asked->project_ids = id;
    asked->project_id_count = 1;
    if (!str_is_none(*id))
        return OK;
    call_fail(call, 422, "session_id: is missing");
    return ERR_INVALID;
}

static enum err group_prepare(struct call *call)
{
    static const char *const kinds[] = {"conversation", NULL};
    struct group_query *query = ARENA_NEW(call->arena, struct group_query);
    struct str kind = STR_NONE;
    enum err err;

    query->limit = PAGE_MAX;
    if ((err = traces_query_read(call, &query->asked)) ||
        (err = project_read(call, &query->asked)) ||
        (err = call_get_word(call, "group_by", kinds, &kind)) ||
        (err = call_get_int(call, "limit", 1, INT32_MAX, &query->limit)) ||
        (err = call_get_int(call, "offset", 0, INT32_MAX, &query->offset)))
        return err;
    if (query->limit > PAGE_MAX)
        query->limit = PAGE_MAX;
    query->asked.query.only_roots = true;
    query->call = call;
    query->turns.arena = call->arena;
    call->data = query;
    call->release = group_release;
    return call_then_read(call, group_apply);
}

static const struct route routes[] = {
    {HTTP_POST, "/runs/group", group_prepare, PERMIT_READ, ROUTE_TRACES,
     "The conversations of a project"},
};

const struct route_list routes_traces_group = {routes, ARRAY_LEN(routes)};
