/* traces_read.c -- GET /runs/{id}: one span. */
#include "api/route.h"
#include "api/traces_priv.h"
#include "store/projects.h"
#include "store/span_scan.h"
#include "store/spans.h"

enum err traces_load(struct tx *tx, const struct span_row *row, uint64_t select,
                     struct arena *arena, struct span *span)
{
    struct project_row project;
    enum err err = projects_get_by_no(tx, row->project_no, arena, &project);

    if (err)
        return err;
    *span = (struct span){
        .row = *row,
        .project_id = project.project_id,
        .dataset_id = project.reference_dataset_id,
    };
    return traces_fill(tx, select, arena, span);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    const struct uuid *span_id = call->data;
    struct span_view view = traces_view(call, SPAN_SELECT_ALL);
    struct span_row row;
    struct span span;
    enum err err = spans_get(tx, call->principal.tenant, *span_id, tx->arena, &row);

    if (!err)
        err = traces_load(tx, &row, SPAN_SELECT_ALL, tx->arena, &span);
    if (!err)
        err = traces_share_fill(tx, tx->arena, &span);
    if (!err)
        err = span_trace_times(tx, &row, &span.trace_min_us, &span.trace_max_us);
    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Run not found");
    if (!err)
        span_json_write(call_json(call, 200), &span, &view);
    return err;
}

enum err traces_run_prepare(struct call *call)
{
    struct uuid *span_id = ARENA_NEW(call->arena, struct uuid);

    if (uuid_parse_loose(call->params[0], span_id))
        return call_fail(call, 422, "run_id: must be a UUID");
    call->data = span_id;
    return call_then_read(call, get_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/runs/{span_id}", traces_run_prepare, PERMIT_READ, ROUTE_TRACES, "Get a span"},
};

const struct route_list routes_traces_read = {routes, ARRAY_LEN(routes)};
