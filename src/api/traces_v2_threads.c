/* traces_v2_threads.c -- the v2 reading API of conversations: /v2/threads/…. A thread is what the
 * roots of a project with one thread id are, turn by turn. */
#include "api/route.h"
#include "api/traces_priv.h"
#include "api/traces_query.h"
#include "api/traces_turns.h"
#include "api/traces_v2_priv.h"
#include "base/time.h"

#define DAY_US (24 * 3600 * US_PER_SECOND)
#define PAGE_DEFAULT 20
#define PAGE_MAX 100
#define PICO 1e12

struct threads_query {
    struct traces_query asked;
    struct call *call;
    struct traces_turns turns;
    bool is_one;      /* the stats of the thread in the path */
    struct str after; /* the thread behind which the page begins; STR_NONE */
    int64_t limit;
    uint64_t select; /* bits of the members below */
};

/* ---- what is told of a thread ---- */

struct output {
    struct tx *tx;
    struct thread_group *group;
    struct json_writer *json;
    enum err err;
};

typedef void (*write_fn)(struct output *out, size_t which);

static void thread_id(struct output *out, size_t which UNUSED)
{
    json_str_out(out->json, out->group->thread_id);
}

enum turn { FIRST_TURN, LAST_TURN };

static void trace_id(struct output *out, size_t turn)
{
    const struct thread_group *group = out->group;
    struct uuid_text text;

    json_str_out(
        out->json,
        uuid_write(turn == FIRST_TURN ? group->first.trace_id : group->last.trace_id, &text));
}

enum moment { FIRST_START, LAST_START, LAST_END };

static void moment(struct output *out, size_t which)
{
    const struct span_stats *stats = &out->group->stats;
    const int64_t times_us[] = {stats->first_start_us, stats->last_start_us, stats->last_end_us};

    json_time_out(out->json, times_us[which]);
}

static void turn_count(struct output *out, size_t which UNUSED)
{
    json_i64_out(out->json, out->group->stats.run_count);
}

static void error_count(struct output *out, size_t which UNUSED)
{
    json_i64_out(out->json, out->group->stats.error_count);
}

static void latency(struct output *out, size_t percent)
{
    struct quantiles *q = &out->group->stats.latency;

    if (q->count > 0)
        json_double_out(out->json, quantiles_get(q, (double)percent / 100) / US_PER_SECOND);
    else
        json_null_out(out->json);
}

enum part { TOTAL, PROMPT, COMPLETION };

static void tokens(struct output *out, size_t part)
{
    json_i64_out(out->json, out->group->stats.of_all.tokens[part]);
}

static void cost(struct output *out, size_t part)
{
    const struct span_sums *sums = &out->group->stats.of_all;

    if (sums->has_cost)
        json_double_out(out->json, (double)sums->costs[part] / PICO);
    else
        json_null_out(out->json);
}

static void feedback(struct output *out, size_t which UNUSED)
{
    feedback_stats_write(&out->group->stats.feedback, FEEDBACK_STATS_V2, out->json);
}

static void preview(struct output *out, size_t field)
{
    struct str text = STR_NONE;
    enum err err = traces_turns_preview(out->tx, out->group, (enum span_field)field, &text);

    json_str_out(out->json, text);
    out->err = out->err ? out->err : err;
}

static void detail_put(struct json_writer *json, const struct span_details *d, size_t at,
                       int64_t more, bool is_cost)
{
    json_key_raw(json, d->kinds[at]);
    if (is_cost)
        json_double_out(json, (double)(d->sums[at] + more) / PICO);
    else
        json_i64_out(json, d->sums[at] + more);
}

/* Kind by kind what the roots themselves used, as each turn tells it. */
static void details(struct output *out, size_t which)
{
    const struct span_details *d = &out->group->stats.details[which];

    if (d->count == 0) {
        json_null_out(out->json);
        return;
    }
    json_begin_object(out->json);
    json_key(out->json, "raw");
    json_begin_object(out->json);
    for (size_t i = 0; i < d->count; i++)
        detail_put(out->json, d, i, 0, which >= 2);
    json_end_object(out->json);
    json_end_object(out->json);
}

/* -1: there is no such kind. */
static int64_t sum_of(const struct span_details *d, struct str kind)
{
    for (size_t i = 0; i < d->count; i++)
        if (str_eq(d->kinds[i], kind))
            return d->sums[i];
    return -1;
}

/* Of prompts and completions together: `first` and the one behind it. */
static void all_details(struct output *out, size_t first)
{
    const struct span_details *d = &out->group->stats.details[first];

    json_begin_object(out->json);
    for (size_t i = 0; i < d[0].count; i++) {
        int64_t other = sum_of(&d[1], d[0].kinds[i]);

        detail_put(out->json, &d[0], i, other > 0 ? other : 0, first == 2);
    }
    for (size_t i = 0; i < d[1].count; i++)
        if (sum_of(&d[0], d[1].kinds[i]) < 0)
            detail_put(out->json, &d[1], i, 0, first == 2);
    json_end_object(out->json);
}

static void last_error(struct output *out, size_t which UNUSED)
{
    json_str_out(out->json, out->group->last.error_preview);
}

struct member {
    const char *name; /* in capitals as what is selected */
    const char *key;
    write_fn write;
    size_t which;
};

static const struct member thread_members[] = {
    {"THREAD_ID", "thread_id", thread_id, 0},
    {"TRACE_ID", "trace_id", trace_id, LAST_TURN},
    {"START_TIME", "start_time", moment, LAST_START},
    {"MIN_START_TIME", "min_start_time", moment, FIRST_START},
    {"MAX_START_TIME", "max_start_time", moment, LAST_START},
    {"COUNT", "count", turn_count, 0},
    {"NUM_ERRORED_TURNS", "num_errored_turns", error_count, 0},
    {"LATENCY_P50", "latency_p50", latency, 50},
    {"LATENCY_P99", "latency_p99", latency, 99},
    {"TOTAL_TOKENS", "total_tokens", tokens, TOTAL},
    {"TOTAL_COST", "total_cost", cost, TOTAL},
    {"TOTAL_TOKEN_DETAILS", "total_token_details", all_details, 0},
    {"TOTAL_COST_DETAILS", "total_cost_details", all_details, 2},
    {"FIRST_TRACE_ID", "first_trace_id", trace_id, FIRST_TURN},
    {"LAST_TRACE_ID", "last_trace_id", trace_id, LAST_TURN},
    {"FIRST_INPUTS", "first_inputs", preview, SPAN_INPUTS},
    {"LAST_OUTPUTS", "last_outputs", preview, SPAN_OUTPUTS},
    {"LAST_ERROR", "last_error", last_error, 0},
    {"FEEDBACK_STATS", "feedback_stats", feedback, 0},
};

static const struct member stats_members[] = {
    {"TURNS", "turns", turn_count, 0},
    {"FIRST_START_TIME", "first_start_time", moment, FIRST_START},
    {"LAST_START_TIME", "last_start_time", moment, LAST_START},
    {"LAST_END_TIME", "last_end_time", moment, LAST_END},
    {"LATENCY_P50", "latency_p50_seconds", latency, 50},
    {"LATENCY_P99", "latency_p99_seconds", latency, 99},
    {"TOTAL_TOKENS", "total_tokens", tokens, TOTAL},
    {"PROMPT_TOKENS", "prompt_tokens", tokens, PROMPT},
    {"COMPLETION_TOKENS", "completion_tokens", tokens, COMPLETION},
    {"TOTAL_COST", "total_cost", cost, TOTAL},
    {"PROMPT_COST", "prompt_cost", cost, PROMPT},
    {"COMPLETION_COST", "completion_cost", cost, COMPLETION},
    {"PROMPT_TOKEN_DETAILS", "prompt_token_details", details, 0},
    {"COMPLETION_TOKEN_DETAILS", "completion_token_details", details, 1},
    {"PROMPT_COST_DETAILS", "prompt_cost_details", details, 2},
    {"COMPLETION_COST_DETAILS", "completion_cost_details", details, 3},
    {"FEEDBACK_STATS", "feedback_stats", feedback, 0},
};

static uint64_t select_of(const struct member *members, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, str_of(members[i].name)))
            return UINT64_C(1) << i;
    return 0;
}

static uint64_t thread_select(struct str name)
{
    return select_of(thread_members, ARRAY_LEN(thread_members), name);
}

static uint64_t stats_select(struct str name)
{
    return select_of(stats_members, ARRAY_LEN(stats_members), name);
}

/* All of them if nothing is selected. */
static void members_write(struct output *out, const struct member *members, size_t count,
                          uint64_t select)
{
    json_begin_object(out->json);
    for (size_t i = 0; i < count; i++) {
        if (select && !(select >> i & 1))
            continue;
        json_key(out->json, members[i].key);
        members[i].write(out, members[i].which);
    }
    json_end_object(out->json);
}

/* ---- the answers ---- */

static enum err thread_write(struct tx *tx, const struct threads_query *q, struct json_writer *json,
                             struct thread_group *group)
{
    struct output out = {tx, group, json, OK};

    members_write(&out, thread_members, ARRAY_LEN(thread_members), q->select);
    return out.err;
}

/* Threads are in the order of their newest turn; a page goes on behind the last one's. */
static enum err page_write(struct tx *tx, struct threads_query *q)
{
    const struct thread_groups *groups = &q->turns.groups;
    struct json_writer *json = call_json(q->call, 200);
    size_t at = 0, end;
    enum err err = OK;

    while (!str_is_none(q->after) && at < groups->count &&
           !str_eq(groups->list[at]->thread_id, q->after))
        at++;
    if (!str_is_none(q->after) && at < groups->count)
        at++;
    end = groups->count - at > (size_t)q->limit ? at + (size_t)q->limit : groups->count;
    json_begin_object(json);
    json_key(json, "items");
    json_begin_array(json);
    for (size_t i = at; !err && i < end; i++)
        err = thread_write(tx, q, json, groups->list[i]);
    json_end_array(json);
    traces_v2_page_end(json,
                       end<groups->count, end> 0 ? groups->list[end - 1]->thread_id : STR_NONE);
    json_end_object(json);
    return err;
}

static enum err stats_write(struct tx *tx, struct threads_query *q)
{
    const struct thread_groups *groups = &q->turns.groups;
    struct output out = {.tx = tx};

    if (groups->count == 0)
        return call_fail(q->call, 404, "Thread not found");
    out.group = groups->list[0];
    out.json = call_json(q->call, 200);
    members_write(&out, stats_members, ARRAY_LEN(stats_members), q->select);
    return out.err;
}

static enum err threads_apply(struct tx *tx, struct call *call)
{
    struct threads_query *q = call->data;
    const struct span_visitor visitor = traces_turns_visitor(&q->turns);
    enum err err = feedback_exists(tx, call->principal.tenant, &q->turns.has_feedback);

    if (!err)
        err = traces_query_step(tx, call, &q->asked, &visitor, false);
    if (err || q->turns.err)
        return err ? err : q->turns.err;
    if (!q->asked.is_over)
        return call_then_read(call, threads_apply);
    return q->is_one ? stats_write(tx, q) : page_write(tx, q);
}

/* ---- what is asked ---- */

static void threads_release(struct call *call)
{
    struct threads_query *q = call->data;

    traces_query_release(&q->asked);
    traces_turns_release(&q->turns);
}

static struct threads_query *threads_new(struct call *call)
{
    struct threads_query *q = ARENA_NEW(call->arena, struct threads_query);

    q->call = call;
    q->turns.arena = call->arena;
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
        (err = call_get_int(call, "page_size", 1, PAGE_MAX, &q->limit)) ||
        (err = traces_v2_body_selects(call, thread_select, &q->select)))
        return err;
    if (q->asked.project_id_count != 1)
        return refuse(call, "project_id", "must be the id of a project");
    if (!json_is_absent(json_get(call->body, "thread_filter")))
        return refuse(call, "thread_filter", "is not supported here: use filter");
    if (query->start_max_us != INT64_MAX)
        query->start_max_us--;
    return call_then_read(call, threads_apply);
}

static enum err stats_prepare(struct call *call)
{
    struct threads_query *q = threads_new(call);
    struct str id = query_get(&call->query, "session_id");
    struct uuid project;
    enum err err;

    if (str_is_empty(id))
        id = query_get(&call->query, "project_id");
    if (uuid_parse_loose(id, &project))
        return refuse(call, "session_id", "must be the id of a project");
    if ((err = traces_filter_read(call, "filter", query_get(&call->query, "filter"),
                                  &q->asked.filter)) ||
        (err = traces_v2_query_selects(call, stats_select, &q->select)))
        return err;
    q->asked.query.thread_id = call->params[0];
    q->asked.query.filter = q->asked.filter.root ? &q->asked.filter : NULL;
    traces_query_project(call, &q->asked, project);
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
