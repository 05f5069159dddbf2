/* dataset_runs.c -- /datasets/{id}/runs and /datasets/comparative: what came of a dataset's
 * examples in experiments, and experiments that are compared.
 *
 * An experiment is a project: its roots that name an example are the example's runs. They are
 * looked for from its start on, at most SPANS_MAX of them. */
#include "api/datasets_priv.h"
#include "api/named.h"
#include "api/route.h"
#include "api/traces_priv.h"
#include "base/time.h"
#include "store/comparatives.h"
#include "store/projects.h"
#include "store/span_scan.h"

#define PAGE_MAX 100
#define SESSIONS_MAX 20
#define PIECE 1000
#define SPANS_MAX 100000
#define BODY_BYTES_MAX (64 * KIB)

/* ---- examples with their runs ---- */

struct runs_call {
    struct example_filter page;
    struct str sessions[SESSIONS_MAX];
    size_t session_count;
};

struct found_run {
    size_t example; /* its place on the page */
    struct span_row row;
};

struct found_runs {
    struct found_run *list; /* in the transaction's arena */
    size_t count, capacity;
};

static void found_add(struct found_runs *all, size_t example, const struct span_row *row,
                      struct arena *arena)
{
    all->list = arena_more(arena, all->list, all->count, &all->capacity, sizeof(*all->list));
    all->list[all->count++] = (struct found_run){example, span_row_keep(row, arena)};
}

static void match(struct found_runs *all, const struct uuid *ids, size_t count,
                  const struct span_row *row, struct arena *arena)
{
    for (size_t i = 0; row->has_example && i < count; i++)
        if (uuid_eq(ids[i], row->example_id))
            found_add(all, i, row, arena);
}

static enum err session_walk(struct tx *tx, const struct project_row *project,
                             const struct uuid *ids, size_t count, struct found_runs *all)
{
    const struct span_range range = {
        .tenant = project->tenant,
        .project_no = project->project_no,
        .thread_id = STR_NONE,
        .only_roots = true,
        .start_min_us = INT64_MIN,
        .start_max_us = INT64_MAX,
        .name = STR_NONE,
        .feedback_key = STR_NONE,
        .ascending = true,
    };
    struct span_place at = span_place_start(&range);
    struct span_rows piece = {0};
    enum err err = OK;

    for (int64_t looked = 0; !err && !piece.is_last && looked < SPANS_MAX; looked += PIECE) {
        err = span_scan(tx, &range, PIECE, &at, tx->arena, &piece);
        for (size_t i = 0; !err && i < piece.count; i++)
            match(all, ids, count, &piece.list[i], tx->arena);
    }
    return err;
}

static enum err runs_find(struct tx *tx, struct call *call, const struct example_rows *examples,
                          struct found_runs *all)
{
    const struct runs_call *c = call->data;
    struct uuid *ids = ARENA_ARRAY(tx->arena, struct uuid, examples->count + 1);
    enum err err = OK;

    for (size_t i = 0; i < examples->count; i++)
        if (uuid_parse_loose(examples->list[i].example_id, &ids[i]))
            return ERR_INVALID;
    for (size_t i = 0; !err && i < c->session_count; i++) {
        struct project_row project;

        err = projects_get(tx, c->page.tenant, c->sessions[i], tx->arena, &project);
        if (err == ERR_NOT_FOUND)
            call_fail(call, 404, "session_ids: there is no project %.*s", STR_ARG(c->sessions[i]));
        if (!err)
            err = session_walk(tx, &project, ids, examples->count, all);
    }
    return err;
}

static enum err runs_write(struct tx *tx, struct call *call, const struct found_runs *all,
                           size_t example)
{
    struct span_view view = traces_view(call, SPAN_SELECT_ALL);
    enum err err = OK;

    json_key(&call->json, "runs");
    json_begin_array(&call->json);
    for (size_t i = 0; !err && i < all->count; i++) {
        struct span span;

        if (all->list[i].example != example)
            continue;
        err = traces_load(tx, &all->list[i].row, SPAN_SELECT_ALL, tx->arena, &span);
        if (!err)
            span_json_write(&call->json, &span, &view);
    }
    json_end_array(&call->json);
    return err;
}

static enum err runs_apply(struct tx *tx, struct call *call)
{
    const struct runs_call *c = call->data;
    struct found_runs all = {0};
    struct dataset_row dataset;
    struct example_rows examples;
    enum err err = datasets_get(tx, c->page.tenant, c->page.dataset_id, tx->arena, &dataset);

    if (err)
        return datasets_not_found(call, err);
    if ((err = examples_search(tx, &c->page, tx->arena, &examples)) ||
        (err = runs_find(tx, call, &examples, &all)))
        return err;
    json_begin_array(call_json(call, 200));
    for (size_t i = 0; !err && i < examples.count; i++) {
        json_begin_object(&call->json);
        examples_members(&call->json, call, &examples.list[i]);
        err = runs_write(tx, call, &all, i);
        json_end_object(&call->json);
    }
    json_end_array(&call->json);
    return err;
}

static enum err runs_prepare(struct call *call)
{
    struct runs_call *c = ARENA_NEW(call->arena, struct runs_call);
    const struct json *ids;
    enum err err = call_param_uuid(call, 0, "dataset_id");

    call->data = c;
    c->page = (struct example_filter){.tenant = call->principal.tenant,
                                      .dataset_id = call->params[0],
                                      .ids = STR_NONE,
                                      .splits = STR_NONE,
                                      .metadata = STR_NONE,
                                      .limit = PAGE_MAX};
    if (err || (err = call_body_object(call)) ||
        (err = call_get_int(call, "limit", 1, PAGE_MAX, &c->page.limit)) ||
        (err = call_get_int(call, "offset", 0, INT32_MAX, &c->page.offset)))
        return err;
    ids = json_get(call->body, "session_ids");
    if (json_type(ids) != JSON_ARRAY || json_count(ids) == 0 || json_count(ids) > SESSIONS_MAX)
        return call_fail(call, 422, "session_ids: must be an array of 1 to %d ids of experiments",
                         SESSIONS_MAX);
    for (; c->session_count < json_count(ids); c->session_count++) {
        c->sessions[c->session_count] = json_string(json_item(ids, c->session_count));
        if (!uuid_is_valid(c->sessions[c->session_count]))
            return call_fail(call, 422, "session_ids[%zu]: must be a UUID", c->session_count);
    }
    return call_then_read(call, runs_apply);
}

/* ---- experiments that are compared ---- */

static enum err comparative_write(struct tx *tx, struct json_writer *json,
                                  const struct comparative_row *row)
{
    struct uuid_text tenant_id;
    const struct json *body = NULL, *ids;
    enum err err = json_parse(tx->arena, row->body, &body, NULL);

    if (err)
        return err;
    ids = json_get(body, "experiment_ids");
    json_begin_object(json);
    json_put_str(json, "id", row->comparative_id);
    json_put_str(json, "tenant_id", trace_tenant_id(row->tenant, &tenant_id));
    json_put_str(json, "name", json_string(json_get(body, "name")));
    json_put_str(json, "description", json_string(json_get(body, "description")));
    json_put_str(json, "reference_dataset_id", row->dataset_id);
    json_put_time(json, "created_at", row->created_us);
    json_put_time(json, "modified_at", row->created_us);
    json_put_raw(json, "extra", json_raw(row->body, STR("extra")));
    json_key(json, "experiments_info");
    json_begin_array(json);
    for (size_t i = 0; !err && i < json_count(ids); i++) {
        struct project_row project;

        err = projects_get(tx, row->tenant, json_string(json_item(ids, i)), tx->arena, &project);
        if (!err) {
            json_begin_object(json);
            json_put_str(json, "id", project.project_id);
            json_put_str(json, "name", project.name);
            json_end_object(json);
        }
        if (err == ERR_NOT_FOUND) /* it was deleted */
            err = OK;
    }
    json_end_array(json);
    json_put_null(json, "feedback_stats");
    json_end_object(json);
    return err;
}

static enum err compare_apply(struct tx *tx, struct call *call)
{
    struct comparative_row *row = call->data;
    const struct json *ids = json_get(call->body, "experiment_ids");
    struct dataset_row dataset;
    enum err err = datasets_get(tx, row->tenant, row->dataset_id, tx->arena, &dataset);

    if (err)
        return datasets_not_found(call, err);
    for (size_t i = 0; i < json_count(ids); i++) {
        struct project_row project;

        err = projects_get(tx, row->tenant, json_string(json_item(ids, i)), tx->arena, &project);
        if (err == ERR_NOT_FOUND)
            call_fail(call, 404, "experiment_ids[%zu]: there is no such project", i);
        if (err)
            return err;
    }
    err = comparatives_insert(tx, row);
    if (err == ERR_CONFLICT)
        call_fail(call, 409, "id: a comparative experiment with this id already exists");
    return err ? err : comparative_write(tx, call_json(call, 200), row);
}

static enum err compare_prepare(struct call *call)
{
    struct comparative_row *row = ARENA_NEW(call->arena, struct comparative_row);
    const struct json *ids;
    enum err err = call_body_object(call);

    *row = (struct comparative_row){.tenant = call->principal.tenant,
                                    .comparative_id = STR_NONE,
                                    .dataset_id = STR_NONE,
                                    .body = call->body_text};
    call->data = row;
    if (err || (err = call_get_uuid(call, "id", &row->comparative_id)) ||
        (err = call_get_uuid(call, "reference_dataset_id", &row->dataset_id)))
        return err;
    if (str_is_none(row->dataset_id))
        return call_fail(call, 422, "reference_dataset_id: is missing");
    if (str_is_none(row->comparative_id))
        row->comparative_id = call_new_id(call);
    if (row->body.len > BODY_BYTES_MAX)
        return call_fail(call, 422, "the body must have at most 64 KiB");
    ids = json_get(call->body, "experiment_ids");
    if (json_type(ids) != JSON_ARRAY || json_count(ids) == 0 || json_count(ids) > SESSIONS_MAX)
        return call_fail(call, 422, "experiment_ids: must be an array of 1 to %d ids",
                         SESSIONS_MAX);
    for (size_t i = 0; i < json_count(ids); i++)
        if (!uuid_is_valid(json_string(json_item(ids, i))))
            return call_fail(call, 422, "experiment_ids[%zu]: must be a UUID", i);
    return call_then_write(call, compare_apply);
}

static enum err compared_apply(struct tx *tx, struct call *call)
{
    struct comparative_rows found;
    struct dataset_row dataset;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &dataset);

    if (err)
        return datasets_not_found(call, err);
    err = comparatives_list(tx, dataset.tenant, dataset.dataset_id, tx->arena, &found);
    json_begin_array(call_json(call, 200));
    for (size_t i = 0; !err && i < found.count; i++)
        err = comparative_write(tx, &call->json, &found.list[i]);
    json_end_array(&call->json);
    return err;
}

static enum err compared_prepare(struct call *call)
{
    return named_then_read(call, "dataset_id", compared_apply);
}

static enum err uncompare_apply(struct tx *tx, struct call *call)
{
    enum err err = comparatives_delete(tx, call->principal.tenant, call->params[0]);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Comparative experiment not found");
    if (!err)
        json_raw_out(call_json(call, 200), STR("{\"message\":\"Comparative experiment deleted\"}"));
    return err;
}

static enum err uncompare_prepare(struct call *call)
{
    return named_then_write(call, "comparative_id", uncompare_apply);
}

#define ONE "/datasets/{dataset_id}"

static const struct route routes[] = {
    {HTTP_POST, ONE "/runs", runs_prepare, PERMIT_READ, ROUTE_TRACES,
     "A dataset's examples with their runs in experiments"},
    {HTTP_GET, ONE "/comparative", compared_prepare, PERMIT_READ, ROUTE_TRACES,
     "Comparisons of experiments with a dataset"},
    {HTTP_POST, "/datasets/comparative", compare_prepare, PERMIT_RUN, ROUTE_TRACES,
     "Compare experiments"},
    {HTTP_DELETE, "/datasets/comparative/{comparative_id}", uncompare_prepare, PERMIT_RUN,
     ROUTE_TRACES, "Compare experiments no longer"},
};

const struct route_list routes_dataset_runs = {routes, ARRAY_LEN(routes)};
