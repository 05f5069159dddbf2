/* traces_projects.c -- /sessions: projects, which the wire calls sessions. */
#include "api/owned_endpoints.h"
#include "api/route.h"
#include "api/traces_priv.h"
#include "base/time.h"
#include "store/alerts.h"
#include "store/projects.h"
#include "store/rules.h"
#include "store/span_delete.h"
#include "trace/project_json.h"

#define PAGE_MAX 100
#define IDS_MAX 100
#define SPANS_AT_ONCE 500
#define DAY_US (24 * 3600 * US_PER_SECOND)
#define KEEP_DAYS_MAX 36500

struct project_call {
    struct project_row row;
    struct project_filter filter;
    struct filter matches;
    struct project_view view;
    bool upsert;
    struct str ids[IDS_MAX];
    size_t id_count;
};

static struct project_call *project_call_new(struct call *call)
{
    struct project_call *p = ARENA_NEW(call->arena, struct project_call);

    p->row.tenant = call->principal.tenant;
    call->data = p;
    return p;
}

static enum err reply_one(struct call *call, const struct project_row *project)
{
    project_json_write(call_json(call, 200), project, STR_NONE);
    return OK;
}

static enum err not_found(struct call *call)
{
    return call_fail(call, 404, "Project not found");
}

/* ---- list ---- */

static enum err list_ids(struct tx *tx, struct call *call, struct project_rows *found)
{
    const struct project_call *p = call->data;
    enum err err = OK;

    found->list = ARENA_ARRAY(call->arena, struct project_row, p->id_count + 1);
    found->count = 0;
    for (size_t i = 0; !err && i < p->id_count; i++) {
        err = projects_get(tx, call->principal.tenant, p->ids[i], call->arena,
                           &found->list[found->count]);
        if (!err)
            found->count++;
        else if (err == ERR_NOT_FOUND)
            err = OK;
    }
    return err;
}

/* `default` is there for whoever asks: clients learn their tenant from it. */
static enum err list_apply(struct tx *tx, struct call *call)
{
    const struct project_call *p = call->data;
    struct project_rows found = {0};
    struct project_row project;
    enum err err = projects_find(tx, call->principal.tenant, PROJECT_DEFAULT, tx->arena, &project);

    if (err == ERR_NOT_FOUND && !tx->is_write)
        return call_then_write(call, list_apply);
    if (err == ERR_NOT_FOUND)
        err = projects_ensure(tx, call->principal.tenant, PROJECT_DEFAULT, tx->arena, &project);
    if (!err)
        err = p->id_count ? list_ids(tx, call, &found)
                          : project_search(tx, &p->filter, &p->matches, call->arena, &found);
    return err ? err : traces_projects_reply(call, &found, &p->view);
}

static enum err ids_read(struct call *call, const char *key, struct project_call *p)
{
    size_t at = 0;
    struct str id;

    while (query_next(&call->query, key, &at, &id)) {
        struct uuid_text text;
        struct uuid uuid;

        if (p->id_count == IDS_MAX || uuid_parse_loose(id, &uuid)) {
            call_fail(call, 422, "%s: must be at most %d UUIDs", key, IDS_MAX);
            return ERR_INVALID;
        }
        p->ids[p->id_count++] = arena_str(call->arena, uuid_write(uuid, &text));
    }
    return OK;
}

static enum err metadata_read(struct call *call, struct str *metadata)
{
    struct str text = query_get(&call->query, "metadata");
    const struct json *value;

    if (text.len == 0)
        return OK;
    if (json_parse(call->arena, text, &value, NULL) || json_type(value) != JSON_OBJECT) {
        call_fail(call, 422, "metadata: must be a JSON object");
        return ERR_INVALID;
    }
    *metadata = text;
    return OK;
}

static enum err sort_read(struct call *call, struct project_filter *filter)
{
    static const char *const words[] = {"start_time", "name", "last_run_start_time", NULL};
    struct str word = query_get(&call->query, "sort_by");
    bool descending = true;
    enum err err = call_query_bool(call, "sort_by_desc", &descending);

    filter->ascending = !descending;
    if (err || str_is_empty(word) || (err = call_query_word(call, "sort_by", words)))
        return err;
    for (size_t i = 0; words[i]; i++)
        if (str_eq(word, str_of(words[i])))
            filter->sort = (enum project_sort)i;
    return OK;
}

static enum err stats_read(struct call *call, struct project_view *view)
{
    struct str from = query_get(&call->query, "stats_start_time");
    enum err err = call_query_bool(call, "include_stats", &view->with_stats);

    view->stats_from_us = INT64_MIN;
    if (err || str_is_empty(from) || !time_parse_iso(from, &view->stats_from_us))
        return err;
    call_fail(call, 422, "stats_start_time: must be a time");
    return ERR_INVALID;
}

static enum err list_prepare(struct call *call)
{
    struct project_call *p = project_call_new(call);
    bool reference_free = false;
    enum err err;

    p->filter = (struct project_filter){
        .tenant = call->principal.tenant,
        .name = query_get(&call->query, "name"),
        .name_contains = query_get(&call->query, "name_contains"),
        .reference_dataset_id = query_get(&call->query, "reference_dataset"),
        .limit = PAGE_MAX,
    };
    if ((err = ids_read(call, "id", p)) || (err = metadata_read(call, &p->filter.metadata)) ||
        (err = call_query_bool(call, "reference_free", &reference_free)) ||
        (err = stats_read(call, &p->view)) || (err = sort_read(call, &p->filter)) ||
        (err = project_filter_read(call, &p->matches)) ||
        (err = call_query_int(call, "limit", 1, INT32_MAX, &p->filter.limit)) ||
        (err = call_query_int(call, "offset", 0, INT64_MAX, &p->filter.offset)))
        return err;
    if (p->filter.limit > PAGE_MAX)
        p->filter.limit = PAGE_MAX;
    if (reference_free)
        p->filter.reference_dataset_id = STR("");
    p->view.as_list = true;
    return call_then_read(call, list_apply);
}

/* ---- one ---- */

static enum err get_apply(struct tx *tx, struct call *call)
{
    const struct project_call *p = call->data;
    struct project_rows found = {.list = ARENA_NEW(call->arena, struct project_row), .count = 1};
    enum err err =
        projects_get(tx, call->principal.tenant, call->params[0], call->arena, found.list);

    if (err)
        return err == ERR_NOT_FOUND ? not_found(call) : err;
    return traces_projects_reply(call, &found, &p->view);
}

enum err traces_project_of(struct tx *tx, struct call *call, bool is_dry, struct str project_id,
                           struct project_row *project)
{
    struct str name = query_get(&call->query, "session_name");

    return is_dry && !str_is_empty(name)
               ? projects_ensure(tx, call->principal.tenant, name, call->arena, project)
               : projects_get(tx, call->principal.tenant, project_id, call->arena, project);
}

enum err traces_project_prepare(struct call *call)
{
    struct project_call *p = project_call_new(call);
    enum err err = call_param_uuid(call, 0, "session_id");

    if (!err)
        err = stats_read(call, &p->view);
    return err ? err : call_then_read(call, get_apply);
}

/* ---- create and change ---- */

static enum err time_get(struct call *call, const char *key, int64_t *wall_us)
{
    const struct json *value = json_get(call->body, key);

    if (json_is_absent(value))
        return OK;
    if (!span_parse_time(value, wall_us))
        return OK;
    call_fail(call, 422, "%s: must be a time", key);
    return ERR_INVALID;
}

/* What the body says replaces what stands in the row. */
static enum err body_read(struct call *call, struct project_row *row)
{
    static const char *const tiers[] = {"longlived", "shortlived", NULL};
    int64_t days = -1;
    enum err err;

    if ((err = call_body_object(call)) || (err = call_get_text(call, "name", &row->name)) ||
        (err = call_get_text(call, "description", &row->description)) ||
        (err = call_get_object(call, "extra", &row->extra)) ||
        (err = time_get(call, "start_time", &row->start_us)) ||
        (err = time_get(call, "end_time", &row->end_us)) ||
        (err = call_get_uuid(call, "reference_dataset_id", &row->reference_dataset_id)) ||
        (err = call_get_uuid(call, "default_dataset_id", &row->default_dataset_id)) ||
        (err = call_get_word(call, "trace_tier", tiers, &row->trace_tier)) ||
        (err = call_get_int(call, "retention_days", 0, KEEP_DAYS_MAX, &days)))
        return err;
    if (days >= 0)
        row->keep_us = days * DAY_US;
    if (row->name.len > 0 && row->name.len <= PROJECT_NAME_BYTES_MAX)
        return OK;
    call_fail(call, 422, "name: must have 1 to %d bytes", PROJECT_NAME_BYTES_MAX);
    return ERR_INVALID;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    const struct project_call *p = call->data;
    struct project_row row = p->row, found;
    enum err err = projects_find(tx, row.tenant, row.name, tx->arena, &found);

    if (err && err != ERR_NOT_FOUND)
        return err;
    if (!err && !p->upsert)
        return call_fail(call, 409, "a project named \"%.*s\" already exists",
                         STR_ARG(str_first(row.name, 100)));
    if (!err) {
        body_read(call, &found);
        err = projects_update(tx, &found);
        return err ? err : reply_one(call, &found);
    }
    row.start_us = row.start_us ? row.start_us : tx->now_us;
    err = projects_insert(tx, &row);
    if (err == ERR_CONFLICT)
        return call_fail(call, 409, "a project with this id already exists");
    return err ? err : reply_one(call, &row);
}

static enum err create_prepare(struct call *call)
{
    struct project_call *p = project_call_new(call);
    enum err err;

    if ((err = call_query_bool(call, "upsert", &p->upsert)) || (err = body_read(call, &p->row)) ||
        (err = call_get_uuid(call, "id", &p->row.project_id)))
        return err;
    if (str_is_none(p->row.project_id))
        p->row.project_id = call_new_id(call);
    return call_then_write(call, create_apply);
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    struct project_row row;
    enum err err = projects_get(tx, call->principal.tenant, call->params[0], tx->arena, &row);

    if (err)
        return err == ERR_NOT_FOUND ? not_found(call) : err;
    if ((err = body_read(call, &row)))
        return err;
    row.modified_us = tx->now_us;
    err = projects_update(tx, &row);
    if (err == ERR_CONFLICT)
        return call_fail(call, 409, "another project has this name already");
    return err ? err : reply_one(call, &row);
}

static enum err change_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "session_id");

    return err || (err = call_body_object(call)) ? err : call_then_write(call, change_apply);
}

/* ---- delete ---- */

static enum err rules_drop(struct tx *tx, const struct project_row *project)
{
    struct rule_rows rules;
    enum err err = rules_list(tx, project->tenant, project->project_no, tx->arena, &rules);

    for (size_t i = 0; !err && i < rules.count; i++) {
        err = owned_endpoints_drop(tx, project->tenant, rules.list[i].webhooks, STR_NONE);
        if (!err)
            err = rules_delete(tx, &rules.list[i]);
    }
    return err;
}

static enum err alerts_drop(struct tx *tx, const struct project_row *project)
{
    struct alert_rows alerts;
    enum err err = alerts_of_project(tx, project->project_no, tx->arena, &alerts);

    for (size_t i = 0; !err && i < alerts.count; i++) {
        err = owned_endpoints_drop(tx, project->tenant, alerts.list[i].actions, STR_NONE);
        if (!err)
            err = alerts_delete(tx, project->tenant, alerts.list[i].alert_id);
    }
    return err;
}

/* Its traces go at once as far as they are few, else in small pieces. */
static enum err project_drop(struct tx *tx, struct str tenant, struct str project_id)
{
    struct project_row project;
    enum err err = projects_get(tx, tenant, project_id, tx->arena, &project);

    if (err || (err = rules_drop(tx, &project)) || (err = alerts_drop(tx, &project)))
        return err;
    return projects_delete(tx, tenant, project_id);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    const struct project_call *p = call->data;
    const struct trace_ages for_ever = {0};
    int64_t rows_left = SPANS_AT_ONCE;
    enum err err = OK;

    for (size_t i = 0; !err && i < p->id_count; i++)
        err = project_drop(tx, call->principal.tenant, p->ids[i]);
    if (err == ERR_NOT_FOUND)
        return not_found(call), err;
    if (!err)
        err = traces_delete_step(tx, tx->now_us, &for_ever, &rows_left);
    if (!err)
        json_raw_out(call_json(call, 200), STR("{\"message\":\"deleted\"}"));
    return err;
}

static enum err delete_one_prepare(struct call *call)
{
    struct project_call *p = project_call_new(call);
    enum err err = call_param_uuid(call, 0, "session_id");

    p->ids[p->id_count++] = call->params[0];
    return err ? err : call_then_write(call, delete_apply);
}

static enum err delete_many_prepare(struct call *call)
{
    struct project_call *p = project_call_new(call);
    enum err err = ids_read(call, "session_ids", p);

    if (!err && p->id_count == 0)
        return call_fail(call, 422, "session_ids: must name the projects to delete");
    return err ? err : call_then_write(call, delete_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/sessions", list_prepare, PERMIT_READ, ROUTE_TRACES, "List projects"},
    {HTTP_POST, "/sessions", create_prepare, PERMIT_EDIT, ROUTE_TRACES, "Create a project"},
    {HTTP_DELETE, "/sessions", delete_many_prepare, PERMIT_EDIT, ROUTE_TRACES,
     "Delete projects and their traces"},
    {HTTP_GET, "/sessions/{session_id}", traces_project_prepare, PERMIT_READ, ROUTE_TRACES,
     "Get a project"},
    {HTTP_PATCH, "/sessions/{session_id}", change_prepare, PERMIT_EDIT, ROUTE_TRACES,
     "Change a project"},
    {HTTP_DELETE, "/sessions/{session_id}", delete_one_prepare, PERMIT_EDIT, ROUTE_TRACES,
     "Delete a project and its traces"},
};

const struct route_list routes_traces_projects = {routes, ARRAY_LEN(routes)};
