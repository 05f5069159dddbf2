/* traces_delete.c -- POST /runs/delete, /runs/delete/traces: whole traces, by the id of their root.
 */
#include "api/route.h"
#include "api/traces_priv.h"
#include "api/traces_query.h"
#include "store/span_delete.h"
#include "store/spans.h"

#define TRACES_MAX 1000
#define SPANS_AT_ONCE 500 /* the others follow in small pieces */

struct delete_call {
    struct filter_ids traces;
    struct str project_id; /* STR_NONE: wherever they are */
};

/* A span of a trace does not go alone, and a trace of another project not at all. A root that
 * is not there may have spans that are. */
static enum err root_check(struct tx *tx, struct call *call, struct uuid trace_id,
                           const struct project_row *project)
{
    struct uuid_text text;
    struct span_row span;
    enum err err = spans_get(tx, call->principal.tenant, trace_id, tx->arena, &span);

    if (err == ERR_NOT_FOUND)
        return OK;
    if (err)
        return err;
    if (!span.is_root) {
        call_fail(call, 422, "trace_ids: %.*s is a run within a trace: delete the trace it is in",
                  STR_ARG(uuid_write(trace_id, &text)));
        return ERR_INVALID;
    }
    if (!project || project->project_no == span.project_no)
        return OK;
    call_fail(call, 422, "trace_ids: %.*s is in another project than session_id says",
              STR_ARG(uuid_write(trace_id, &text)));
    return ERR_INVALID;
}

static enum err project_find(struct tx *tx, struct call *call, struct project_row *project)
{
    const struct delete_call *d = call->data;
    enum err err = projects_get(tx, call->principal.tenant, d->project_id, tx->arena, project);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "session_id: there is no such project");
    return err;
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    const struct delete_call *d = call->data;
    bool has_project = !str_is_none(d->project_id);
    int64_t rows_left = SPANS_AT_ONCE;
    struct project_row project;
    struct json_writer *json;
    enum err err = has_project ? project_find(tx, call, &project) : OK;

    for (size_t i = 0; !err && i < d->traces.count; i++)
        err = root_check(tx, call, d->traces.list[i], has_project ? &project : NULL);
    for (size_t i = 0; !err && i < d->traces.count; i++)
        err = trace_delete(tx, call->principal.tenant, &d->traces.list[i], &rows_left);
    if (err)
        return err;
    json = call_json(call, 202);
    json_begin_object(json);
    json_put_str(json, "message", STR("Traces are deleted"));
    json_end_object(json);
    return OK;
}

static struct filter_ids ids_joined(struct arena *arena, const struct filter_ids *a,
                                    const struct filter_ids *b)
{
    struct uuid *list = ARENA_ARRAY(arena, struct uuid, a->count + b->count);

    if (a->count)
        memcpy(list, a->list, a->count * sizeof(*list));
    memcpy(list + a->count, b->list, b->count * sizeof(*list));
    return (struct filter_ids){list, a->count + b->count};
}

static enum err delete_prepare(struct call *call)
{
    struct delete_call *d = ARENA_NEW(call->arena, struct delete_call);
    struct filter_ids ids = {0};
    enum err err;

    d->project_id = STR_NONE;
    if ((err = call_body_object(call)) || (err = traces_ids_read(call, "trace_ids", &d->traces)) ||
        (err = traces_ids_read(call, "ids", &ids)) ||
        (err = call_get_uuid(call, "session_id", &d->project_id)))
        return err;
    if (ids.count > 0)
        d->traces = ids_joined(call->arena, &d->traces, &ids);
    if (d->traces.count == 0 || d->traces.count > TRACES_MAX)
        return call_fail(call, 422, "trace_ids: must hold 1 to %d ids of root runs", TRACES_MAX);
    call->data = d;
    return call_then_write(call, delete_apply);
}

static const struct route routes[] = {
    {HTTP_POST, "/runs/delete", delete_prepare, PERMIT_EDIT, ROUTE_TRACES, "Delete traces"},
    {HTTP_POST, "/runs/delete/traces", delete_prepare, PERMIT_EDIT, ROUTE_TRACES, "Delete traces"},
};

const struct route_list routes_traces_delete = {routes, ARRAY_LEN(routes)};
