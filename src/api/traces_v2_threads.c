/* traces_v2_threads.c -- the v2 reading API of conversations: /v2/threads/…. A thread is what the
 * roots of a project with one thread id are, turn by turn. */
#include "api/route.h"
#include "api/traces_priv.h"
#include "api/traces_query.h"
#include "base/time.h"
#include "store/span_values.h"
#include "trace/thread_groups.h"

#define DAY_US (24 * 3600 * US_PER_SECOND)
#define PAGE_DEFAULT 20
#define PAGE_MAX 100

struct threads_query {
    struct traces_query asked;
    struct call *call;
    struct thread_groups groups;
    bool has_groups;
    bool is_one;      /* the stats of the thread in the path */
    struct str after; /* the thread behind which the page begins; STR_NONE */
    int64_t limit;
    bool has_feedback;
    enum err err; /* of a visit */
};

static void threads_restart(void *context)
{
    struct threads_query *q = context;

    if (q->has_groups)
        thread_groups_release(&q->groups);
    thread_groups_init(&q->groups, q->call->arena);
    q->has_groups = true;
    q->err = OK;
}

static bool threads_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct threads_query *q = context;
    const struct span_row *row = &match->span->row;
    struct feedback_rows feedback = {0};

    if (str_is_none(row->thread_id) || (q->is_one && !str_eq(row->thread_id, q->call->params[0])))
        return true;
    if (q->has_feedback)
        q->err = feedback_of_span(tx, row->tenant, row->span_id, match->arena, &feedback);
    if (q->err)
        return false;
    thread_groups_add(&q->groups, row, &feedback);
    return true;
}

/* ---- the answers ---- */

static void id_put(struct json_writer *json, const char *key, struct uuid id)
{
    struct uuid_text text;

    json_put_str(json, key, uuid_write(id, &text));
}

static void cost_put(struct json_writer *json, const char *key, const struct span_sums *sums,
                     size_t which)
{
    json_key(json, key);
    if (sums->has_cost)
        json_double_out(json, (double)sums->costs[which] / 1e12);
    else
        json_null_out(json);
}

static void stats_put(struct json_writer *json, const struct thread_group *group)
{
    json_key(json, "feedback_stats");
    feedback_stats_write(&group->stats.feedback, FEEDBACK_STATS_V2, json);
}

/* What the first turn was asked and what the last one answered, in short. */
static enum err turns_put(struct tx *tx, struct json_writer *json, struct thread_group *group)
{
    struct span_value first[SPAN_FIELD_COUNT], last[SPAN_FIELD_COUNT];
    enum err err = span_values_get(tx, &group->first, 1u << SPAN_INPUTS, tx->arena, first);

    if (!err)
        err = span_values_get(tx, &group->last, 1u << SPAN_OUTPUTS, tx->arena, last);
    if (err)
        return err;
    json_put_str(json, "first_inputs", span_preview(first[SPAN_INPUTS].bytes));
    json_put_str(json, "last_outputs", span_preview(last[SPAN_OUTPUTS].bytes));
    json_put_str(json, "last_error", group->last.error_preview);
    return OK;
}

static enum err thread_write(struct tx *tx, struct json_writer *json, struct thread_group *group)
{
    enum err err;

    json_begin_object(json);
    json_put_str(json, "thread_id", group->thread_id);
    id_put(json, "trace_id", group->last.trace_id);
    json_put_time(json, "start_time", group->last.start_us);
    json_put_time(json, "min_start_time", group->stats.first_start_us);
    json_put_time(json, "max_start_time", group->stats.last_start_us);
    json_put_i64(json, "count", group->stats.run_count);
    json_put_i64(json, "num_errored_turns", group->stats.error_count);
    json_put_i64(json, "total_tokens", group->stats.of_all.tokens[0]);
    cost_put(json, "total_cost", &group->stats.of_all, 0);
    id_put(json, "first_trace_id", group->first.trace_id);
    id_put(json, "last_trace_id", group->last.trace_id);
    err = turns_put(tx, json, group);
    stats_put(json, group);
    json_end_object(json);
    return err;
}

/* Threads are in the order of their newest turn; a page goes on behind the last one's. */
static enum err page_write(struct tx *tx, struct threads_query *q)
{
    struct json_writer *json = call_json(q->call, 200);
    size_t at = 0, end;
    enum err err = OK;

    while (!str_is_none(q->after) && at < q->groups.count &&
           !str_eq(q->groups.list[at]->thread_id, q->after))
        at++;
    if (!str_is_none(q->after) && at < q->groups.count)
        at++;
    end = q->groups.count - at > (size_t)q->limit ? at + (size_t)q->limit : q->groups.count;
    json_begin_object(json);
    json_key(json, "items");
    json_begin_array(json);
    for (size_t i = at; !err && i < end; i++)
        err = thread_write(tx, json, q->groups.list[i]);
    json_end_array(json);
    json_put_str(json, "next_cursor",
                 end < q->groups.count && end > 0 ? q->groups.list[end - 1]->thread_id : STR_NONE);
    json_put_bool(json, "has_more", end < q->groups.count);
    json_end_object(json);
    return err;
}

static enum err stats_write(struct threads_query *q)
{
    const struct thread_group *group = q->groups.count ? q->groups.list[0] : NULL;
    const struct span_sums *sums;
    struct json_writer *json;

    if (!group)
        return call_fail(q->call, 404, "Thread not found");
    sums = &group->stats.of_all;
    json = call_json(q->call, 200);
    json_begin_object(json);
    json_put_i64(json, "turns", group->stats.run_count);
    json_put_time(json, "first_start_time", group->stats.first_start_us);
    json_put_time(json, "last_start_time", group->stats.last_start_us);
    json_put_time(json, "last_end_time", group->last.end_us);
    json_put_i64(json, "total_tokens", sums->tokens[0]);
    json_put_i64(json, "prompt_tokens", sums->tokens[1]);
    json_put_i64(json, "completion_tokens", sums->tokens[2]);
    cost_put(json, "total_cost", sums, 0);
    cost_put(json, "prompt_cost", sums, 1);
    cost_put(json, "completion_cost", sums, 2);
    stats_put(json, group);
    json_end_object(json);
    return OK;
}

static enum err threads_apply(struct tx *tx, struct call *call)
{
    struct threads_query *q = call->data;
    const struct span_visitor visitor = {threads_restart, threads_visit, q};
    enum err err = feedback_exists(tx, call->principal.tenant, &q->has_feedback);

    if (!err)
        err = traces_query_step(tx, call, &q->asked, &visitor, false);
    if (err || q->err)
        return err ? err : q->err;
    if (!q->asked.is_over)
        return call_then_read(call, threads_apply);
    return q->is_one ? stats_write(q) : page_write(tx, q);
}

/* ---- what is asked ---- */

static void threads_release(struct call *call)
{
    struct threads_query *q = call->data;

    traces_query_release(&q->asked);
    if (q->has_groups)
        thread_groups_release(&q->groups);
}

static struct threads_query *threads_new(struct call *call)
{
    struct threads_query *q = ARENA_NEW(call->arena, struct threads_query);

    q->call = call;
    q->after = STR_NONE;
    q->limit = PAGE_DEFAULT;
    q->asked.query.tenant = call->principal.tenant;
    q->asked.query.only_roots = true;
    q->asked.query.start_min_us = INT64_MIN;
    q->asked.query.start_max_us = INT64_MAX;
    call->data = q;
    call->release = threads_release;
    return q;
}

static enum err refuse(struct call *call, const char *key, const char *words)
{
    call_fail(call, 422, "%s: %s", key, words);
    return ERR_INVALID;
}

static enum err query_prepare(struct call *call)
{
    struct threads_query *q = threads_new(call);
    struct span_query *query = &q->asked.query;
    enum err err;

    query->start_min_us = loop_wall_us(http_exchange_loop(call->exchange)) - DAY_US;
    if ((err = call_body_object(call)) ||
        (err = traces_projects_read(call, "project_id", &q->asked)) ||
        (err = traces_time_read(call, "min_start_time", &query->start_min_us)) ||
        (err = traces_time_read(call, "max_start_time", &query->start_max_us)) ||
        (err = traces_filters_read(call, &q->asked)) ||
        (err = call_get_text(call, "cursor", &q->after)) ||
        (err = call_get_int(call, "page_size", 1, PAGE_MAX, &q->limit)))
        return err;
    if (q->asked.project_id_count != 1)
        return refuse(call, "project_id", "must be the id of a project");
    if (!json_is_null(json_get(call->body, "thread_filter")) &&
        json_get(call->body, "thread_filter"))
        return refuse(call, "thread_filter", "is not supported here: use filter");
    if (query->start_max_us != INT64_MAX)
        query->start_max_us--;
    return call_then_read(call, threads_apply);
}

static enum err stats_prepare(struct call *call)
{
    struct threads_query *q = threads_new(call);
    struct str *id = ARENA_NEW(call->arena, struct str);
    struct uuid project;
    enum err err;

    *id = query_get(&call->query, "session_id");
    if (str_is_empty(*id))
        *id = query_get(&call->query, "project_id");
    if (uuid_parse_loose(*id, &project))
        return refuse(call, "session_id", "must be the id of a project");
    if ((err = traces_filter_read(call, "filter", query_get(&call->query, "filter"),
                                  &q->asked.filter)))
        return err;
    q->asked.query.filter = q->asked.filter.root ? &q->asked.filter : NULL;
    q->asked.project_ids = id;
    q->asked.project_id_count = 1;
    q->is_one = true;
    return call_then_read(call, threads_apply);
}

#define V2 (ROUTE_TRACES | ROUTE_PROBLEM)

static const struct route routes[] = {
    {HTTP_POST, "/v2/threads/query", query_prepare, PERMIT_READ, V2,
     "The conversations of a project (v2)"},
    {HTTP_GET, "/v2/threads/{thread_id}/stats", stats_prepare, PERMIT_READ, V2,
     "What a conversation comes to (v2)"},
};

const struct route_list routes_traces_v2_threads = {routes, ARRAY_LEN(routes)};
