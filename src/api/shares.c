/* shares.c -- /runs/{id}/share and /public/{token}: a span, and what is below it, for whoever has
 * the token. */
#include "store/shares.h"
#include "api/route.h"
#include "api/shares_priv.h"
#include "api/traces_priv.h"
#include "api/traces_query.h"
#include "store/spans.h"
#include "trace/feedback_parse.h"

#define PAGE_MAX 100
#define IDS_MAX 1000

/* ---- /runs/{id}/share ---- */

struct share_call {
    struct share share;
};

static enum err share_read(struct call *call)
{
    struct share_call *s = ARENA_NEW(call->arena, struct share_call);

    call->data = s;
    s->share.tenant = call->principal.tenant;
    if (!uuid_parse_loose(call->params[0], &s->share.id))
        return OK;
    call_fail(call, 422, "run_id: must be a UUID");
    return ERR_INVALID;
}

static void share_write(struct json_writer *json, const struct share *share)
{
    struct uuid_text text;

    json_begin_object(json);
    json_put_str(json, "run_id", uuid_write(share->id, &text));
    json_put_str(json, "share_token", share->token);
    json_end_object(json);
}

static enum err span_is_there(struct tx *tx, struct call *call)
{
    const struct share_call *s = call->data;
    struct span_row row;
    enum err err = spans_get(tx, s->share.tenant, s->share.id, tx->arena, &row);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "Run not found");
    return err;
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct share_call *s = call->data;
    struct share found;
    enum err err = span_is_there(tx, call);

    if (err)
        return err;
    err = shares_of(tx, s->share.tenant, s->share.id, tx->arena, &found);
    if (err && err != ERR_NOT_FOUND)
        return err;
    if (err)
        json_null_out(call_json(call, 200));
    else
        share_write(call_json(call, 200), &found);
    return OK;
}

static enum err get_prepare(struct call *call)
{
    enum err err = share_read(call);

    return err ? err : call_then_read(call, get_apply);
}

static enum err put_apply(struct tx *tx, struct call *call)
{
    struct share_call *s = call->data;
    enum err err = span_is_there(tx, call);

    if (err)
        return err;
    err = shares_put(tx, &s->share);
    if (err == ERR_CONFLICT)
        call_fail(call, 409, "share_token: it is in use; send another, or none");
    if (!err)
        share_write(call_json(call, 200), &s->share);
    return err;
}

static enum err put_prepare(struct call *call)
{
    struct str token = STR_NONE;
    struct uuid_text text;
    struct uuid id;
    enum err err;

    if ((err = share_read(call)) || (err = call_body_object(call)) ||
        (err = call_get_uuid(call, "share_token", &token)))
        return err;
    if (str_is_none(token) || uuid_parse_loose(token, &id))
        token = call_new_id(call);
    else
        token = arena_str(call->arena, uuid_write(id, &text));
    ((struct share_call *)call->data)->share.token = token;
    return call_then_write(call, put_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    struct share_call *s = call->data;
    enum err err = span_is_there(tx, call);

    if (err)
        return err;
    err = shares_delete(tx, s->share.tenant, s->share.id);
    if (err && err != ERR_NOT_FOUND)
        return err;
    json_raw_out(call_json(call, 200), STR("{\"message\":\"Run is not shared\"}"));
    return OK;
}

static enum err delete_prepare(struct call *call)
{
    enum err err = share_read(call);

    return err ? err : call_then_write(call, delete_apply);
}

/* ---- /public/{token} ---- */

struct public_call {
    struct uuid ids[IDS_MAX];
    size_t id_count; /* 0: any */
    bool as_list;    /* an array alone, without cursors */
    int64_t limit, count;
    bool has_after;
    struct span_place after;
};

enum err shares_root(struct tx *tx, struct call *call, struct span_row *root)
{
    struct uuid_text text;
    struct share share;
    struct uuid token;
    enum err err = uuid_parse_loose(call->params[0], &token) ? ERR_NOT_FOUND : OK;

    if (!err)
        err = shares_of_token(tx, uuid_write(token, &text), tx->arena, &share);
    if (!err)
        err = spans_get(tx, share.tenant, share.id, tx->arena, root);
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "there is nothing shared under this token");
    return err;
}

bool shares_is_below(const struct span_row *root, const struct span_row *row)
{
    struct str rest = str_from(row->dotted_order, root->dotted_order.len);

    return uuid_eq(row->trace_id, root->trace_id) &&
           str_starts(row->dotted_order, root->dotted_order) &&
           (rest.len == 0 || rest.data[0] == '.');
}

static enum err shared_write(struct tx *tx, struct call *call, const struct span_row *row)
{
    struct span_view view = traces_view(call, SPAN_SELECT_ALL);
    struct uuid_text tenant_id;
    struct span span;
    enum err err = traces_load(tx, row, SPAN_SELECT_ALL, tx->arena, &span);

    if (err)
        return err;
    view.tenant_id = trace_tenant_id(row->tenant, &tenant_id);
    span_json_write(&call->json, &span, &view);
    return OK;
}

static enum err one_apply(struct tx *tx, struct call *call)
{
    const struct public_call *p = call->data;
    struct span_row root, row;
    enum err err = shares_root(tx, call, &root);

    if (err)
        return err;
    row = root;
    if (p->id_count)
        err = spans_get(tx, root.tenant, p->ids[0], tx->arena, &row);
    if (!err && !shares_is_below(&root, &row))
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Run not found");
    call_json(call, 200);
    return err ? err : shared_write(tx, call, &row);
}

static enum err id_add(struct call *call, struct public_call *p, struct str id)
{
    if (p->id_count < IDS_MAX && !uuid_parse_loose(id, &p->ids[p->id_count])) {
        p->id_count++;
        return OK;
    }
    call_fail(call, 422, "id: must be at most %d UUIDs", IDS_MAX);
    return ERR_INVALID;
}

static enum err root_prepare(struct call *call)
{
    call->data = ARENA_NEW(call->arena, struct public_call);
    return call_then_read(call, one_apply);
}

static enum err one_prepare(struct call *call)
{
    struct public_call *p = ARENA_NEW(call->arena, struct public_call);
    enum err err = id_add(call, p, call->params[1]);

    call->data = p;
    return err ? err : call_then_read(call, one_apply);
}

static bool is_asked_for(const struct public_call *p, struct uuid id)
{
    for (size_t i = 0; i < p->id_count; i++)
        if (uuid_eq(p->ids[i], id))
            return true;
    return p->id_count == 0;
}

/* Visits the spans below the root, until one says that it is enough. */
static enum err walk(struct tx *tx, struct call *call, const struct span_row *root,
                     enum err (*visit)(struct tx *, struct call *, const struct span_row *),
                     bool *is_over)
{
    struct public_call *p = call->data;
    const struct span_range range = {.tenant = root->tenant,
                                     .of_trace = true,
                                     .trace_id = root->trace_id,
                                     .start_min_us = INT64_MIN,
                                     .start_max_us = INT64_MAX,
                                     .ascending = true};
    struct span_place at = p->has_after ? p->after : span_place_start(&range);
    struct span_rows found = {0};
    enum err err = OK;

    *is_over = false;
    for (size_t piece = 0; !err && piece < SHARES_PIECES_MAX && !found.is_last; piece++) {
        err = span_scan(tx, &range, SHARES_PIECE, &at, tx->arena, &found);
        for (size_t i = 0; !err && i < found.count; i++) {
            const struct span_row *row = &found.list[i];

            p->after = (struct span_place){row->start_us, row->span_no};
            if (!shares_is_below(root, row) || !is_asked_for(p, row->span_id))
                continue;
            err = visit(tx, call, row);
            if (++p->count == p->limit)
                return err;
        }
        p->after = at;
    }
    *is_over = found.is_last;
    return err;
}

static enum err query_apply(struct tx *tx, struct call *call)
{
    struct public_call *p = call->data;
    struct span_place after = p->after;
    struct span_row root;
    bool is_over = false;
    enum err err = shares_root(tx, call, &root);

    if (err)
        return err;
    p->count = 0;
    call_json(call, 200);
    if (!p->as_list) {
        json_begin_object(&call->json);
        json_key(&call->json, "runs");
    }
    json_begin_array(&call->json);
    err = walk(tx, call, &root, shared_write, &is_over);
    json_end_array(&call->json);
    if (!p->as_list) {
        json_key(&call->json, "cursors");
        json_begin_object(&call->json);
        json_put_str(&call->json, "next",
                     is_over ? STR_NONE : traces_cursor_write(call->arena, p->after));
        json_put_null(&call->json, "prev");
        json_end_object(&call->json);
        json_end_object(&call->json);
    }
    p->after = after; /* the step may be run again */
    return err;
}

static enum err query_prepare(struct call *call)
{
    struct public_call *p = ARENA_NEW(call->arena, struct public_call);
    struct str cursor = STR_NONE;
    const struct json *ids;
    enum err err;

    call->data = p;
    p->limit = PAGE_MAX;
    if ((err = call_body_object(call)) || (err = call_get_text(call, "cursor", &cursor)) ||
        (err = call_get_int(call, "limit", 1, PAGE_MAX, &p->limit)))
        return err;
    ids = json_get(call->body, "id");
    for (size_t i = 0; !err && i < json_count(ids); i++)
        err = id_add(call, p, json_string(json_item(ids, i)));
    p->has_after = !str_is_empty(cursor);
    if (!err && p->has_after && traces_cursor_read(cursor, &p->after))
        return call_fail(call, 422, "cursor: is not one that this server gave");
    return err ? err : call_then_read(call, query_apply);
}

static enum err ids_of_query(struct call *call, const char *key, struct public_call *p)
{
    struct str id;
    size_t at = 0;
    enum err err = OK;

    call->data = p;
    p->as_list = true;
    p->limit = PAGE_MAX;
    while (!err && query_next(&call->query, key, &at, &id))
        err = id_add(call, p, id);
    return err;
}

static enum err list_prepare(struct call *call)
{
    enum err err = ids_of_query(call, "id", ARENA_NEW(call->arena, struct public_call));

    return err ? err : call_then_read(call, query_apply);
}

static enum err feedback_visit(struct tx *tx, struct call *call, const struct span_row *row)
{
    struct project_row project;
    struct feedback_rows rows;
    enum err err = projects_get_by_no(tx, row->project_no, tx->arena, &project);

    if (!err)
        err = feedback_of_span(tx, row->tenant, row->span_id, tx->arena, &rows);
    for (size_t i = 0; !err && i < rows.count; i++)
        feedback_json_write(&call->json, &rows.list[i], project.project_id);
    return err;
}

static enum err feedbacks_apply(struct tx *tx, struct call *call)
{
    struct public_call *p = call->data;
    struct span_row root;
    bool is_over;
    enum err err = shares_root(tx, call, &root);

    if (err)
        return err;
    p->count = 0;
    call_json(call, 200);
    json_begin_array(&call->json);
    err = walk(tx, call, &root, feedback_visit, &is_over);
    json_end_array(&call->json);
    p->after = (struct span_place){0};
    return err;
}

static enum err feedbacks_prepare(struct call *call)
{
    struct public_call *p = ARENA_NEW(call->arena, struct public_call);
    enum err err = ids_of_query(call, "run", p);

    p->limit = IDS_MAX;
    return err ? err : call_then_read(call, feedbacks_apply);
}

#define SHARE "/runs/{span_id}/share"
#define PUBLIC "/public/{token}"

static const struct route routes[] = {
    {HTTP_GET, SHARE, get_prepare, PERMIT_READ, ROUTE_TRACES, "The token a span is shared under"},
    {HTTP_PUT, SHARE, put_prepare, PERMIT_RUN, ROUTE_TRACES, "Share a span and what is below it"},
    {HTTP_DELETE, SHARE, delete_prepare, PERMIT_RUN, ROUTE_TRACES, "Share a span no longer"},
    {HTTP_GET, PUBLIC "/run", root_prepare, PERMIT_ANYONE, ROUTE_TRACES, "The shared span"},
    {HTTP_GET, PUBLIC "/r", root_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "The shared span, where share links lead"},
    {HTTP_GET, PUBLIC "/run/{id}", one_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "A span below the shared one"},
    {HTTP_GET, PUBLIC "/runs", list_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "The shared span and those below it, at most 100"},
    {HTTP_POST, PUBLIC "/runs/query", query_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "The shared span and those below it, in pages"},
    {HTTP_GET, PUBLIC "/feedbacks", feedbacks_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "Feedback on them"},
};

const struct route_list routes_shares = {routes, ARRAY_LEN(routes)};
