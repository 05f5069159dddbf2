/* traces_runs.c -- POST /runs/query: spans by session, time and filters, page by page. */
#include "api/route.h"
#include "api/traces_priv.h"
#include "api/traces_query.h"

#define PAGE_MAX 100

struct runs_query {
    struct traces_query asked;
    struct call *call;
    struct span_view view;
    int64_t limit, count;
    struct span_place last; /* of the page */
    struct json_writer *json;
    struct span times_of; /* whose trace's times were looked up last: neighbours are of one trace */
    enum err err;         /* of the visit */
};

/* ---- the page ---- */

static void page_restart(void *context)
{
    struct runs_query *page = context;

    page->count = 0;
    page->err = OK;
    page->json = call_json(page->call, 200);
    json_begin_object(page->json);
    json_key(page->json, "runs");
    json_begin_array(page->json);
}

static enum err times_fill(struct tx *tx, struct runs_query *page, struct span *span)
{
    struct span *known = &page->times_of;
    enum err err = OK;

    if (!(page->view.select & span_select(STR("trace_min_start_time"))))
        return OK;
    if (!known->trace_max_us || !uuid_eq(known->row.trace_id, span->row.trace_id))
        err = span_trace_times(tx, &span->row, &known->trace_min_us, &known->trace_max_us);
    known->row.trace_id = span->row.trace_id;
    span->trace_min_us = known->trace_min_us;
    span->trace_max_us = known->trace_max_us;
    return err;
}

static bool page_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct runs_query *page = context;
    struct span span = *match->span;

    page->err = traces_fill(tx, page->view.select, match->arena, &span);
    if (!page->err && page->view.select & span_select(STR("share_token")))
        page->err = traces_share_fill(tx, match->arena, &span);
    if (!page->err)
        page->err = times_fill(tx, page, &span);
    if (page->err)
        return false;
    span_json_write(page->json, &span, &page->view);
    page->last = (struct span_place){span.row.start_us, span.row.span_no};
    return ++page->count < page->limit;
}

static void page_end(struct runs_query *page, bool is_full)
{
    json_end_array(page->json);
    json_key(page->json, "cursors");
    json_begin_object(page->json);
    json_put_str(page->json, "next",
                 is_full ? traces_cursor_write(page->call->arena, page->last) : STR_NONE);
    json_put_null(page->json, "prev");
    json_end_object(page->json);
    json_put_null(page->json, "search_cursors");
    json_put_null(page->json, "parsed_query");
    json_end_object(page->json);
}

static enum err query_apply(struct tx *tx, struct call *call)
{
    struct runs_query *page = call->data;
    const struct span_visitor visitor = {page_restart, page_visit, page};
    bool has_some = page->count > 0;
    enum err err = traces_query_step(tx, call, &page->asked, &visitor, has_some);

    if (err || page->err)
        return err ? err : page->err;
    if (!page->asked.is_over)
        return call_then_read(call, query_apply);
    /* A page that is short because time was up has more behind it too. */
    page_end(page, page->count == page->limit || page->asked.is_stopped);
    return OK;
}

/* ---- what is asked ---- */

static enum err select_read(struct call *call, uint64_t *select)
{
    const struct json *names = json_get(call->body, "select"), *name;
    struct json_iter iter = json_iter(names);

    *select = SPAN_SELECT_ALL;
    if (json_is_absent(names))
        return OK;
    *select = 0;
    while (json_type(names) == JSON_ARRAY && json_next(&iter, NULL, &name)) {
        uint64_t bit = span_select(json_string(name));

        if (!bit) {
            call_fail(call, 422, "select: a run has no field %.*s",
                      STR_ARG(str_first(json_string(name), 60)));
            return ERR_INVALID;
        }
        *select |= bit;
    }
    if (json_type(names) == JSON_ARRAY)
        return OK;
    call_fail(call, 422, "select: must be an array of names");
    return ERR_INVALID;
}

/* What is out of bounds is moved into them: clients send their user's limit as it is. */
static enum err page_read(struct call *call, struct runs_query *page)
{
    static const char *const orders[] = {"asc", "desc", NULL};
    struct span_query *q = &page->asked.query;
    struct str order = STR_NONE, cursor = STR_NONE;
    enum err err;

    page->limit = PAGE_MAX;
    if ((err = call_get_int(call, "limit", INT32_MIN, INT64_MAX, &page->limit)) ||
        (err = call_get_word(call, "order", orders, &order)) ||
        (err = call_get_text(call, "cursor", &cursor)))
        return err;
    if (page->limit < 1 || page->limit > PAGE_MAX)
        page->limit = page->limit < 1 ? 1 : PAGE_MAX;
    q->ascending = str_eq(order, STR("asc"));
    if (str_is_empty(cursor))
        return OK;
    q->has_after = true;
    if (!traces_cursor_read(cursor, &q->after))
        return OK;
    call_fail(call, 422, "cursor: is not one that this server gave");
    return ERR_INVALID;
}

static void runs_query_release(struct call *call)
{
    traces_query_release(&((struct runs_query *)call->data)->asked);
}

static enum err query_prepare(struct call *call)
{
    struct runs_query *page = ARENA_NEW(call->arena, struct runs_query);
    enum err err;

    if ((err = traces_query_read(call, &page->asked)) || (err = page_read(call, page)) ||
        (err = select_read(call, &page->view.select)))
        return err;
    page->call = call;
    page->view = traces_view(call, page->view.select);
    call->data = page;
    call->release = runs_query_release;
    return call_then_read(call, query_apply);
}

/* ---- POST /runs/query/validate ---- */

static enum err validate_prepare(struct call *call)
{
    static const char *const keys[] = {"filter", "trace_filter", "tree_filter"};
    struct json_writer *json;
    struct str texts[3] = {STR_NONE, STR_NONE, STR_NONE};
    struct filter_error errors[3];
    bool is_wrong[3], is_valid = true;
    enum err err = call_body_object(call);

    for (size_t i = 0; !err && i < ARRAY_LEN(keys); i++) {
        struct filter filter;

        err = call_get_text(call, keys[i], &texts[i]);
        is_wrong[i] = !err && filter_parse(call->arena, texts[i], &filter, &errors[i]);
        is_valid = is_valid && !is_wrong[i];
    }
    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    json_put_bool(json, "valid", is_valid);
    json_key(json, "errors");
    json_begin_array(json);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (!is_wrong[i])
            continue;
        json_begin_object(json);
        json_put_str(json, "field", str_of(keys[i]));
        json_put_str(json, "message", str_of(errors[i].text));
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
    return OK;
}

static const struct route routes[] = {
    {HTTP_POST, "/runs/query", query_prepare, PERMIT_READ, ROUTE_TRACES,
     "Search spans by session, time and filters"},
    {HTTP_POST, "/runs/query/validate", validate_prepare, PERMIT_READ, ROUTE_TRACES,
     "Check filters without a search"},
};

const struct route_list routes_traces_runs = {routes, ARRAY_LEN(routes)};
