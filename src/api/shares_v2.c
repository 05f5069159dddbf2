/* shares_v2.c -- /v2/runs/{id}/share and /v2/public/{token}: traces for whoever has the token, as
 * the v2 reading API shows runs. Tokens are those of shares.c; what is shared here is always the
 * whole trace. */
#include "api/route.h"
#include "api/shares_priv.h"
#include "api/traces_v2_priv.h"
#include "store/shares.h"
#include "store/spans.h"
#include "trace/span_json_v2.h"

/* ---- /v2/runs/{id}/share ---- */

struct share_call {
    struct uuid span_id;
    struct str project_id, trace_id; /* that it must have; STR_NONE: any */
    struct str token;                /* a new one */
};

static enum err share_read(struct call *call)
{
    struct share_call *s = ARENA_NEW(call->arena, struct share_call);
    enum err err = call_body_object(call);

    call->data = s;
    s->project_id = s->trace_id = STR_NONE;
    s->token = call_new_id(call);
    if (err || (err = call_get_uuid(call, "session_id", &s->project_id)) ||
        (err = call_get_uuid(call, "trace_id", &s->trace_id)))
        return err;
    if (!uuid_parse_loose(call->params[0], &s->span_id))
        return OK;
    call_fail(call, 422, "run_id: must be a UUID");
    return ERR_INVALID;
}

static enum err named_get(struct tx *tx, const struct share_call *s, struct str tenant,
                          struct span_row *row)
{
    struct project_row project;
    struct uuid trace_id = {0};
    enum err err = spans_get(tx, tenant, s->span_id, tx->arena, row);

    if (!err)
        err = projects_get_by_no(tx, row->project_no, tx->arena, &project);
    if (err)
        return err;
    if (!str_is_none(s->project_id) && !str_eq_nocase(s->project_id, project.project_id))
        return ERR_NOT_FOUND;
    if (!str_is_none(s->trace_id) &&
        (uuid_parse_loose(s->trace_id, &trace_id) || !uuid_eq(trace_id, row->trace_id)))
        return ERR_NOT_FOUND;
    return OK;
}

/* The root of the trace of the span in the path. ERR_NOT_FOUND: the reply is filled. */
static enum err root_get(struct tx *tx, struct call *call, struct span_row *root)
{
    struct span_row row;
    enum err err = named_get(tx, call->data, call->principal.tenant, &row);

    if (err == ERR_NOT_FOUND) {
        call_fail(call, 404, "Run not found");
        return err;
    }
    if (!err)
        err = spans_get(tx, call->principal.tenant, row.trace_id, tx->arena, root);
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "the root of the run's trace has not come yet: send it first");
    return err;
}

static enum err share_apply(struct tx *tx, struct call *call)
{
    const struct share_call *s = call->data;
    struct json_writer *json;
    struct share share;
    struct span_row root;
    enum err err = root_get(tx, call, &root);

    if (err)
        return err;
    err = shares_of(tx, root.tenant, root.span_id, tx->arena, &share);
    if (err == ERR_NOT_FOUND) {
        share = (struct share){root.tenant, root.span_id, s->token};
        err = shares_put(tx, &share);
    }
    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    json_put_str(json, "share_token", share.token);
    json_end_object(json);
    return OK;
}

static enum err share_prepare(struct call *call)
{
    enum err err = share_read(call);

    return err ? err : call_then_write(call, share_apply);
}

static enum err unshare_apply(struct tx *tx, struct call *call)
{
    struct span_row root;
    enum err err = root_get(tx, call, &root);

    if (err)
        return err;
    err = shares_delete(tx, root.tenant, root.span_id);
    return err && err != ERR_NOT_FOUND ? err : call_empty(call, 204);
}

static enum err unshare_prepare(struct call *call)
{
    enum err err = share_read(call);

    return err ? err : call_then_write(call, unshare_apply);
}

/* ---- /v2/public/{token} ---- */

struct public_call {
    uint64_t select;
    struct uuid span_id;
};

static enum err shared_write(struct tx *tx, struct call *call, const struct span_row *row)
{
    const struct public_call *p = call->data;
    struct span_view view = traces_view(call, p->select);
    struct uuid_text tenant_id;
    struct span span;
    enum err err = traces_load(tx, row, 0, tx->arena, &span);

    if (!err)
        err = traces_v2_fill(tx, p->select, tx->arena, &span);
    if (err)
        return err;
    view.tenant_id = trace_tenant_id(row->tenant, &tenant_id);
    span_json_v2_write(&call->json, &span, &view);
    return OK;
}

static enum err one_apply(struct tx *tx, struct call *call)
{
    const struct public_call *p = call->data;
    struct span_row root, row;
    enum err err = shares_root(tx, call, &root);

    if (err)
        return err;
    err = spans_get(tx, root.tenant, p->span_id, tx->arena, &row);
    if (!err && !shares_is_below(&root, &row))
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Run not found");
    call_json(call, 200);
    return err ? err : shared_write(tx, call, &row);
}

static struct public_call *public_new(struct call *call)
{
    call->data = ARENA_NEW(call->arena, struct public_call);
    return call->data;
}

static enum err one_prepare(struct call *call)
{
    struct public_call *p = public_new(call);
    enum err err = traces_v2_query_selects(call, span_v2_select, &p->select);

    if (!err && uuid_parse_loose(call->params[1], &p->span_id))
        return call_fail(call, 422, "run_id: must be a UUID");
    if (p->select == 0)
        p->select = SPAN_V2_SELECT_ID;
    return err ? err : call_then_read(call, one_apply);
}

/* The runs of the trace in the order of their start, those below the shared one. */
static enum err items_write(struct tx *tx, struct call *call, const struct span_row *root)
{
    const struct span_range range = {.tenant = root->tenant,
                                     .of_trace = true,
                                     .trace_id = root->trace_id,
                                     .start_min_us = INT64_MIN,
                                     .start_max_us = INT64_MAX,
                                     .ascending = true};
    struct span_place at = span_place_start(&range);
    struct span_rows found = {0};
    enum err err = OK;

    for (size_t piece = 0; !err && piece < SHARES_PIECES_MAX && !found.is_last; piece++) {
        err = span_scan(tx, &range, SHARES_PIECE, &at, tx->arena, &found);
        for (size_t i = 0; !err && i < found.count; i++)
            if (shares_is_below(root, &found.list[i]))
                err = shared_write(tx, call, &found.list[i]);
    }
    return err;
}

static enum err items_apply(struct tx *tx, struct call *call)
{
    struct json_writer *json;
    struct span_row root;
    enum err err = shares_root(tx, call, &root);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    json_key(json, "items");
    json_begin_array(json);
    err = items_write(tx, call, &root);
    json_end_array(json);
    json_end_object(json);
    return err;
}

static enum err items_prepare(struct call *call)
{
    struct public_call *p = public_new(call);
    enum err err = call_body_object(call);

    if (err || (err = traces_v2_body_selects(call, span_v2_select, &p->select)))
        return err;
    if (p->select == 0)
        p->select = SPAN_V2_SELECT_ID;
    return call_then_read(call, items_apply);
}

#define V2 (ROUTE_TRACES | ROUTE_PROBLEM)
#define PUBLIC "/v2/public/{token}"

static const struct route routes[] = {
    {HTTP_POST, "/v2/runs/{span_id}/share", share_prepare, PERMIT_RUN, V2,
     "Share the trace of a span (v2)"},
    {HTTP_DELETE, "/v2/runs/{span_id}/share", unshare_prepare, PERMIT_RUN, V2,
     "Share the trace of a span no longer (v2)"},
    {HTTP_GET, PUBLIC "/run/{id}", one_prepare, PERMIT_ANYONE, V2,
     "A span below the shared one (v2)"},
    {HTTP_POST, PUBLIC "/runs/query", items_prepare, PERMIT_ANYONE, V2,
     "The shared span and those below it (v2)"},
};

const struct route_list routes_shares_v2 = {routes, ARRAY_LEN(routes)};
