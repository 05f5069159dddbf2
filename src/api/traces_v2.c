/* traces_v2.c -- the v2 reading API of runs and traces: /v2/runs/…, /v2/traces/….
 *
 * The search is that of /runs/query; what differs is the words of the question and of the answer:
 * nothing but the id is shown unless it is selected, and without times only the last day is looked
 * at. */
#include "api/route.h"
#include "api/traces_priv.h"
#include "api/traces_query.h"
#include "api/traces_v2_priv.h"
#include "base/time.h"
#include "store/spans.h"
#include "trace/span_json_v2.h"
#include "trace/span_parse.h"

#define DAY_US (24 * 3600 * US_PER_SECOND)
#define PAGE_DEFAULT 100
#define PAGE_MAX 1000
#define TRACE_RUNS_MAX 10000

enum item_form { ITEM_RUN, ITEM_TRACE };

struct v2_query {
    struct traces_query asked;
    struct call *call;
    struct span_view view;
    enum item_form form;
    bool is_whole; /* no pages */
    int64_t limit, count;
    struct span_place last;
    struct json_writer *json;
    enum err err; /* of the visit */
};

static void cost_put(struct json_writer *json, const struct span_row *row)
{
    json_key(json, "total_cost");
    if (row->has_cost)
        json_double_out(json, (double)row->total_cost / 1e12);
    else
        json_null_out(json);
}

static void item_write(const struct v2_query *q, const struct span *span)
{
    struct json_writer *json = q->json;

    if (q->form == ITEM_RUN) {
        span_json_v2_write(json, span, &q->view);
        return;
    }
    json_begin_object(json);
    json_key(json, "root_run");
    span_json_v2_write(json, span, &q->view);
    json_key(json, "trace_aggregates");
    json_begin_object(json);
    json_put_time(json, "first_token_time", span->row.first_token_us);
    cost_put(json, &span->row);
    json_put_i64(json, "total_tokens", span->row.total_tokens);
    json_end_object(json);
    json_end_object(json);
}

/* ---- a page ---- */

static void page_restart(void *context)
{
    struct v2_query *q = context;

    q->count = 0;
    q->err = OK;
    q->json = call_json(q->call, 200);
    json_begin_object(q->json);
    json_key(q->json, "items");
    json_begin_array(q->json);
}

static bool page_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct v2_query *q = context;
    struct span span = *match->span;

    q->err = traces_v2_fill(tx, q->view.select, match->arena, &span);
    if (q->err)
        return false;
    item_write(q, &span);
    q->last = (struct span_place){span.row.start_us, span.row.span_no};
    return ++q->count < q->limit;
}

void traces_v2_page_end(struct json_writer *json, bool has_more, struct str cursor)
{
    json_put_str(json, "next_cursor", has_more ? cursor : STR_NONE);
    json_put_bool(json, "has_more", has_more);
}

static enum err page_apply(struct tx *tx, struct call *call)
{
    struct v2_query *q = call->data;
    const struct span_visitor visitor = {page_restart, page_visit, q};
    enum err err = traces_query_step(tx, call, &q->asked, &visitor, q->count > 0);
    bool has_more;

    if (err || q->err)
        return err ? err : q->err;
    if (!q->asked.is_over)
        return call_then_read(call, page_apply);
    has_more = q->count == q->limit || q->asked.is_stopped;
    json_end_array(q->json);
    if (!q->is_whole)
        traces_v2_page_end(q->json, has_more, traces_cursor_write(call->arena, q->last));
    json_end_object(q->json);
    return OK;
}

/* ---- what is asked ---- */

static enum err refuse(struct call *call, const char *key, const char *words)
{
    call_fail(call, 422, "%s: %s", key, words);
    return ERR_INVALID;
}

/* Nothing selected is the id. */
static enum err body_selects(struct call *call, uint64_t *select)
{
    enum err err = traces_v2_body_selects(call, span_v2_select, select);

    if (*select == 0)
        *select = SPAN_V2_SELECT_ID;
    return err;
}

static enum err query_selects(struct call *call, uint64_t *select)
{
    enum err err = traces_v2_query_selects(call, span_v2_select, select);

    if (*select == 0)
        *select = SPAN_V2_SELECT_ID;
    return err;
}

static enum err type_read(struct call *call, struct span_query *q)
{
    static const char *const words[] = {"TOOL",      "CHAIN",  "LLM",    "RETRIEVER",
                                        "EMBEDDING", "PROMPT", "PARSER", NULL};
    struct str word = STR_NONE;
    enum err err = call_get_word(call, "run_type", words, &word);

    if (err || str_is_none(word))
        return err;
    for (unsigned type = SPAN_CHAIN; type < SPAN_TYPE_COUNT; type++)
        if (str_eq_nocase(word, span_type_name((enum span_type)type)))
            q->types = 1u << type | (type == SPAN_CHAIN ? 1u << SPAN_TYPE_NONE : 0);
    return OK;
}

static enum err flags_read(struct call *call, struct span_query *q)
{
    int is_root, has_error;
    enum err err;

    if ((err = traces_flag_read(call, "is_root", &is_root)) ||
        (err = traces_flag_read(call, "has_error", &has_error)))
        return err;
    q->only_roots = is_root == 1;
    q->only_children = is_root == 0;
    if (has_error == 1)
        q->statuses = 1u << SPAN_ERROR;
    else if (has_error == 0)
        q->statuses = 1u << SPAN_SUCCESS | 1u << SPAN_PENDING;
    return OK;
}

/* The upper bound is not in. What names its trace or its ids needs no times. */
static enum err times_read(struct call *call, struct span_query *q)
{
    bool is_named = q->ids.count > 0 || q->has_trace;
    enum err err;

    if (!is_named)
        q->start_min_us = loop_wall_us(http_exchange_loop(call->exchange)) - DAY_US;
    if ((err = traces_time_read(call, "min_start_time", &q->start_min_us)) ||
        (err = traces_time_read(call, "max_start_time", &q->start_max_us)))
        return err;
    if (q->start_max_us != INT64_MAX)
        q->start_max_us--;
    return OK;
}

static enum err page_read(struct call *call, struct v2_query *q)
{
    static const char *const orders[] = {"ASC", "DESC", NULL};
    struct span_query *query = &q->asked.query;
    struct str cursor = STR_NONE, order = STR_NONE;
    enum err err;

    q->limit = PAGE_DEFAULT;
    if ((err = call_get_int(call, "page_size", 1, PAGE_MAX, &q->limit)) ||
        (err = call_get_word(call, "sort_order", orders, &order)) ||
        (err = call_get_text(call, "cursor", &cursor)))
        return err;
    query->ascending = str_eq(order, STR("ASC"));
    query->has_after = !str_is_empty(cursor);
    if (query->has_after && traces_cursor_read(cursor, &query->after))
        return refuse(call, "cursor", "is not one that this server gave");
    return OK;
}

static void v2_release(struct call *call)
{
    traces_query_release(&((struct v2_query *)call->data)->asked);
}

static struct v2_query *v2_new(struct call *call)
{
    struct v2_query *q = ARENA_NEW(call->arena, struct v2_query);

    q->call = call;
    q->asked.query.tenant = call->principal.tenant;
    q->asked.query.ids_and_rest = true;
    q->asked.query.start_min_us = INT64_MIN;
    q->asked.query.start_max_us = INT64_MAX;
    call->data = q;
    call->release = v2_release;
    return q;
}

static enum err begin(struct call *call, struct v2_query *q, uint64_t select)
{
    q->view = traces_view(call, select);
    return call_then_read(call, page_apply);
}

/* What both searches know. */
static enum err common_read(struct call *call, struct v2_query *q, uint64_t *select)
{
    enum err err;

    if ((err = times_read(call, &q->asked.query)) || (err = traces_filters_read(call, &q->asked)) ||
        (err = page_read(call, q)))
        return err;
    return body_selects(call, select);
}

/* One of the two. */
static enum err place_read(struct call *call, struct v2_query *q)
{
    struct str dataset = STR_NONE;
    enum err err = call_get_uuid(call, "reference_dataset_id", &dataset);

    if (err)
        return err;
    q->asked.dataset_id = dataset;
    if (!str_is_none(dataset) && q->asked.project_id_count > 0)
        return refuse(call, "reference_dataset_id", "and project_ids: say one of them");
    if (str_is_none(dataset) && q->asked.project_id_count == 0)
        return refuse(call, "project_ids",
                      "must hold the ids of 1 to 1000 projects, or say reference_dataset_id");
    return OK;
}

static enum err runs_prepare(struct call *call)
{
    struct v2_query *q = v2_new(call);
    struct span_query *query = &q->asked.query;
    struct filter_ids traces = {0};
    uint64_t select;
    enum err err;

    if ((err = call_body_object(call)) || (err = traces_ids_read(call, "ids", &query->ids)) ||
        (err = traces_projects_read(call, "project_ids", &q->asked)) ||
        (err = traces_ids_read(call, "reference_examples", &query->examples)) ||
        (err = traces_ids_read(call, "trace_id", &traces)) || (err = type_read(call, query)) ||
        (err = flags_read(call, query)))
        return err;
    if ((err = place_read(call, q)))
        return err;
    query->has_trace = traces.count > 0;
    if (query->has_trace)
        query->trace_id = traces.list[0];
    err = common_read(call, q, &select);
    return err ? err : begin(call, q, select);
}

static enum err traces_prepare(struct call *call)
{
    struct v2_query *q = v2_new(call);
    uint64_t select;
    enum err err;

    if ((err = call_body_object(call)) ||
        (err = traces_ids_read(call, "trace_ids", &q->asked.query.ids)) ||
        (err = traces_projects_read(call, "project_id", &q->asked)))
        return err;
    if (q->asked.project_id_count != 1)
        return refuse(call, "project_id", "must be the id of a project");
    q->form = ITEM_TRACE;
    q->asked.query.only_roots = true;
    err = common_read(call, q, &select);
    return err ? err : begin(call, q, select);
}

/* ---- GET /v2/traces/{trace_id}/runs ---- */

static enum err time_of_query(struct call *call, const char *key, int64_t *wall_us)
{
    struct str text = query_get(&call->query, key);

    if (str_is_empty(text) || !time_parse_iso(text, wall_us))
        return OK;
    return refuse(call, key, "must be a time");
}

static enum err project_of_query(struct call *call, struct traces_query *asked)
{
    struct str text = query_get(&call->query, "project_id");
    struct str *id = ARENA_NEW(call->arena, struct str);
    struct uuid_text canonical;
    struct uuid project;

    if (str_is_empty(text))
        return OK;
    if (uuid_parse_loose(text, &project))
        return refuse(call, "project_id", "must be the id of a project");
    *id = arena_str(call->arena, uuid_write(project, &canonical));
    asked->project_ids = id;
    asked->project_id_count = 1;
    return OK;
}

static enum err trace_runs_prepare(struct call *call)
{
    struct v2_query *q = v2_new(call);
    struct span_query *query = &q->asked.query;
    uint64_t select;
    enum err err;

    if (uuid_parse_loose(call->params[0], &query->trace_id))
        return call_fail(call, 422, "trace_id: must be a UUID");
    if ((err = project_of_query(call, &q->asked)) ||
        (err = time_of_query(call, "min_start_time", &query->start_min_us)) ||
        (err = time_of_query(call, "max_start_time", &query->start_max_us)) ||
        (err = traces_filter_read(call, "filter", query_get(&call->query, "filter"),
                                  &q->asked.filter)) ||
        (err = query_selects(call, &select)))
        return err;
    query->filter = q->asked.filter.root ? &q->asked.filter : NULL;
    query->has_trace = true;
    query->ascending = true;
    q->is_whole = true;
    q->limit = TRACE_RUNS_MAX;
    return begin(call, q, select);
}

/* ---- one run ---- */

static enum err one_get(struct tx *tx, struct call *call, struct span *span)
{
    struct str project_id = query_get(&call->query, "project_id");
    struct span_row row;
    struct uuid span_id;
    enum err err;

    if (uuid_parse_loose(call->params[0], &span_id))
        return call_fail(call, 422, "run_id: must be a UUID"), ERR_INVALID;
    err = spans_get(tx, call->principal.tenant, span_id, tx->arena, &row);
    if (!err)
        err = traces_load(tx, &row, 0, tx->arena, span);
    if (!err && !str_is_empty(project_id) && !str_eq_nocase(project_id, span->project_id))
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "Run not found");
    return err;
}

static enum err run_apply(struct tx *tx, struct call *call)
{
    const uint64_t *select = call->data;
    struct span_view view = traces_view(call, *select);
    struct span span;
    enum err err = one_get(tx, call, &span);

    if (!err)
        err = traces_v2_fill(tx, *select, tx->arena, &span);
    if (!err)
        span_json_v2_write(call_json(call, 200), &span, &view);
    return err;
}

static enum err run_prepare(struct call *call)
{
    uint64_t *select = ARENA_NEW(call->arena, uint64_t);
    enum err err = query_selects(call, select);

    call->data = select;
    return err ? err : call_then_read(call, run_apply);
}

static enum err url_apply(struct tx *tx, struct call *call)
{
    struct uuid_text id, trace, tenant;
    struct json_writer *json;
    struct span span;
    struct buf url;
    enum err err = one_get(tx, call, &span);

    if (err)
        return err;
    buf_init(&url, 4096);
    traces_base_write(call, &url);
    buf_addf(&url, "/o/%s/projects/p/%.*s/r/%s?trace_id=%s",
             trace_tenant_id(call->principal.tenant, &tenant).data, STR_ARG(span.project_id),
             uuid_write(span.row.span_id, &id).data, uuid_write(span.row.trace_id, &trace).data);
    json = call_json(call, 200);
    json_begin_object(json);
    json_put_str(json, "url", buf_str(&url));
    json_end_object(json);
    buf_release(&url);
    return OK;
}

static enum err url_prepare(struct call *call)
{
    return call_then_read(call, url_apply);
}

#define V2 (ROUTE_TRACES | ROUTE_PROBLEM)

static const struct route routes[] = {
    {HTTP_POST, "/v2/runs/query", runs_prepare, PERMIT_READ, V2, "Search spans (v2)"},
    {HTTP_GET, "/v2/runs/{span_id}", run_prepare, PERMIT_READ, V2, "Get a span (v2)"},
    {HTTP_GET, "/v2/runs/{span_id}/url", url_prepare, PERMIT_READ, V2, "A span's address (v2)"},
    {HTTP_POST, "/v2/traces/query", traces_prepare, PERMIT_READ, V2, "Search traces (v2)"},
    {HTTP_GET, "/v2/traces/{trace_id}/runs", trace_runs_prepare, PERMIT_READ, V2,
     "The spans of a trace (v2)"},
};

const struct route_list routes_traces_v2 = {routes, ARRAY_LEN(routes)};
