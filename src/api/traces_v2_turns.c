/* traces_v2_turns.c -- GET /v2/threads/{thread_id}/traces: the turns of a conversation, the newest
 * first, each shown by its root. */
#include "api/route.h"
#include "api/traces_query.h"
#include "api/traces_v2_priv.h"
#include "trace/span_json_v2.h"

#define PAGE_DEFAULT 20
#define PAGE_MAX 100

/* What a turn has and a run has not, or by another name. */
#define LATENCY SPAN_V2_SELECT_OTHER(0)
#define TURN_NUMBER SPAN_V2_SELECT_OTHER(1)
#define OP SPAN_V2_SELECT_OTHER(2)

/* The others are called as those of a run. */
static const char *const names[] = {"THREAD_ID",
                                    "TRACE_ID",
                                    "NAME",
                                    "START_TIME",
                                    "END_TIME",
                                    "FIRST_TOKEN_TIME",
                                    "INPUTS",
                                    "INPUTS_PREVIEW",
                                    "OUTPUTS",
                                    "OUTPUTS_PREVIEW",
                                    "ERROR",
                                    "ERROR_PREVIEW",
                                    "TOTAL_TOKENS",
                                    "PROMPT_TOKENS",
                                    "COMPLETION_TOKENS",
                                    "TOTAL_COST",
                                    "PROMPT_COST",
                                    "COMPLETION_COST",
                                    "PROMPT_TOKEN_DETAILS",
                                    "COMPLETION_TOKEN_DETAILS",
                                    "PROMPT_COST_DETAILS",
                                    "COMPLETION_COST_DETAILS"};

struct turns_query {
    struct traces_query asked;
    struct call *call;
    struct span_view view;
    int64_t limit, count;
    struct span_place last;
    struct json_writer *json;
    enum err err; /* of a visit */
};

static void turns_restart(void *context)
{
    struct turns_query *q = context;

    q->count = 0;
    q->err = OK;
    q->json = call_json(q->call, 200);
    json_begin_object(q->json);
    json_key(q->json, "items");
    json_begin_array(q->json);
}

static void latency_put(struct json_writer *json, const struct span_row *row)
{
    int64_t took_us = row->end_us - row->start_us;

    json_key(json, "latency");
    if (row->end_us)
        json_double_out(json, took_us > 0 ? (double)took_us / (double)US_PER_SECOND : 0);
    else
        json_null_out(json);
}

static bool turns_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct turns_query *q = context;
    uint64_t select = q->view.select;
    struct span span = *match->span;
    int64_t number = 0;

    q->err = traces_v2_fill(tx, select, match->arena, &span);
    if (!q->err && select & TURN_NUMBER)
        q->err = span_turn_number(tx, &span.row, &number);
    if (q->err)
        return false;
    json_begin_object(q->json);
    span_json_v2_members(q->json, &span, &q->view);
    if (select & LATENCY)
        latency_put(q->json, &span.row);
    if (select & TURN_NUMBER)
        json_put_i64(q->json, "turn_number", number);
    if (select & OP) /* a number of old clients for the run type; which is which is not told */
        json_put_null(q->json, "op");
    json_end_object(q->json);
    q->last = (struct span_place){span.row.start_us, span.row.span_no};
    return ++q->count < q->limit;
}

static enum err turns_apply(struct tx *tx, struct call *call)
{
    struct turns_query *q = call->data;
    const struct span_visitor visitor = {turns_restart, turns_visit, q};
    enum err err = traces_query_step(tx, call, &q->asked, &visitor, q->count > 0);
    bool has_more;

    if (err || q->err)
        return err ? err : q->err;
    if (!q->asked.is_over)
        return call_then_read(call, turns_apply);
    has_more = q->count == q->limit || q->asked.is_stopped;
    json_end_array(q->json);
    traces_v2_page_end(q->json, has_more, traces_cursor_write(call->arena, q->last));
    json_end_object(q->json);
    return OK;
}

/* ---- what is asked ---- */

static uint64_t turn_select(struct str name)
{
    if (str_eq(name, STR("LATENCY")))
        return LATENCY;
    if (str_eq(name, STR("TURN_NUMBER")))
        return TURN_NUMBER;
    if (str_eq(name, STR("OP")))
        return OP;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(name, str_of(names[i])))
            return span_v2_select(name);
    return 0;
}

static enum err refuse(struct call *call, const char *key, const char *words)
{
    call_fail(call, 422, "%s: %s", key, words);
    return ERR_INVALID;
}

static enum err filter_read(struct call *call, const char *key, struct filter *filter,
                            const struct filter **wanted)
{
    enum err err = traces_filter_read(call, key, query_get(&call->query, key), filter);

    if (!err && filter->root)
        *wanted = filter;
    return err;
}

static enum err page_read(struct call *call, struct turns_query *q)
{
    struct str cursor = query_get(&call->query, "cursor");
    struct span_query *query = &q->asked.query;

    query->has_after = !str_is_empty(cursor);
    if (query->has_after && traces_cursor_read(cursor, &query->after))
        return refuse(call, "cursor", "is not one that this server gave");
    return call_query_int(call, "page_size", 1, PAGE_MAX, &q->limit);
}

static void turns_release(struct call *call)
{
    traces_query_release(&((struct turns_query *)call->data)->asked);
}

static struct turns_query *turns_new(struct call *call)
{
    struct turns_query *q = ARENA_NEW(call->arena, struct turns_query);

    q->call = call;
    q->limit = PAGE_DEFAULT;
    q->asked.query.tenant = call->principal.tenant;
    q->asked.query.only_roots = true;
    q->asked.query.thread_id = call->params[0];
    q->asked.query.start_min_us = INT64_MIN;
    q->asked.query.start_max_us = INT64_MAX;
    call->data = q;
    call->release = turns_release;
    return q;
}

static enum err turns_prepare(struct call *call)
{
    struct turns_query *q = turns_new(call);
    struct traces_query *asked = &q->asked;
    struct uuid project;
    uint64_t select;
    enum err err;

    if (uuid_parse_loose(query_get(&call->query, "project_id"), &project))
        return refuse(call, "project_id", "must be the id of a project");
    traces_query_project(call, asked, project);
    if ((err = filter_read(call, "filter", &asked->filter, &asked->query.filter)) ||
        (err =
             filter_read(call, "trace_filter", &asked->trace_filter, &asked->query.trace_filter)) ||
        (err = filter_read(call, "tree_filter", &asked->tree_filter, &asked->query.tree_filter)) ||
        (err = page_read(call, q)) || (err = traces_v2_query_selects(call, turn_select, &select)))
        return err;
    q->view = traces_view(call, select | span_v2_select(STR("TRACE_ID")));
    return call_then_read(call, turns_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/v2/threads/{thread_id}/traces", turns_prepare, PERMIT_READ,
     ROUTE_TRACES | ROUTE_PROBLEM, "The turns of a conversation (v2)"},
};

const struct route_list routes_traces_v2_turns = {routes, ARRAY_LEN(routes)};
