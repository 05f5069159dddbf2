/* /runs/crons: runs that are made again and again, on a thread or each on one of its own. */
#include "api/runs_priv.h"

#include "agent/auth_user.h"
#include "agent/cron_plan.h"
#include "agent/run_create.h"
#include "api/search.h"
#include "shape/shape.h"

static enum err not_found(struct call *call)
{
    return call_fail(call, 404, "Cron not found");
}

static enum err reply_cron(struct call *call, const struct cron_row *cron)
{
    shape_cron(call_json(call, 200), cron);
    return OK;
}

/* What the body says, over what is in *cron. */
static enum err body_take(struct call *call, struct cron_row *cron)
{
    struct run_request request;
    struct request_error error;

    if (cron_plan_read(call->arena, call->body_text, call->body, cron, &request, &error))
        return call_refuse(call, error.text);
    return run_webhook_check(call, request.webhook);
}

static enum err assistant_take(struct tx *tx, struct call *call, struct cron_row *cron)
{
    struct assistant assistant;
    enum err err = assistant_resolve(tx, call->setup->agent, cron->tenant, cron->assistant_id,
                                     call->arena, &assistant);

    if (!err &&
        !assistant_is_admitted(&assistant, call->access.filters[ACCESS_OF_ASSISTANTS], call->arena))
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404,
                  "No assistant found for \"%.*s\". Make sure the assistant ID is for a valid "
                  "assistant or a valid graph ID.",
                  STR_ARG(str_first(cron->assistant_id, 64)));
    cron->assistant_id = assistant.assistant_id;
    return err;
}

static enum err next_plan(struct tx *tx, struct call *call, struct cron_row *cron)
{
    struct request_error error;

    if (!cron_plan_next(cron, tx->now_us, &error))
        return OK;
    return call_refuse(call, error.text);
}

/* ---- create ---- */

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct cron_row cron = *(const struct cron_row *)call->data;
    struct thread thread;
    enum err err;

    if (!str_is_none(cron.thread_id) &&
        (err = thread_get(tx, cron.tenant, cron.thread_id, call->arena, &thread)))
        return err == ERR_NOT_FOUND
                   ? call_fail(call, 404, "Thread with ID %.*s not found", STR_ARG(cron.thread_id))
                   : err;
    cron.created_us = tx->now_us;
    cron.updated_us = tx->now_us;
    if ((err = assistant_take(tx, call, &cron)) || (err = next_plan(tx, call, &cron)) ||
        (err = crons_insert(tx, &cron)))
        return err;
    tx_notify(tx, TOPIC_CRON, cron.cron_id);
    return reply_cron(call, &cron);
}

static enum err create_prepare(struct call *call)
{
    struct cron_row *cron = ARENA_NEW(call->arena, struct cron_row);
    enum err err;

    *cron = (struct cron_row){
        .tenant = call->principal.tenant,
        .cron_id = call_new_id(call),
        .enabled = true,
        .payload = STR("{}"),
        .metadata = STR("{}"),
        .user_id = auth_user_identity(call->arena, call->principal.user),
        .auth_user = call->principal.user,
    };
    call->data = cron;
    if (!str_is_none(call->params[0]) && (err = call_param_uuid(call, 0, "thread_id")))
        return err;
    cron->thread_id = call->params[0];
    if ((err = call_body_object(call)) || (err = body_take(call, cron)))
        return err;
    return call_then_write(call, create_apply);
}

/* ---- get, patch, delete ---- */

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct cron_row cron;
    enum err err = crons_get(tx, call->principal.tenant, call->params[0], call->arena, &cron);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    return err ? err : reply_cron(call, &cron);
}

static enum err get_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "cron_id");

    return err ? err : call_then_read(call, get_apply);
}

static bool changes_times(const struct json *body)
{
    return json_get(body, "schedule") || json_get(body, "timezone") || json_get(body, "end_time") ||
           json_get(body, "enabled");
}

static enum err patch_apply(struct tx *tx, struct call *call)
{
    struct cron_row cron;
    enum err err = crons_get(tx, call->principal.tenant, call->params[0], call->arena, &cron);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    if (err || (err = body_take(call, &cron)) || (err = assistant_take(tx, call, &cron)))
        return err;
    /* Else it keeps its next firing, which may be due this moment. */
    if (changes_times(call->body) && (err = next_plan(tx, call, &cron)))
        return err;
    cron.updated_us = tx->now_us;
    if ((err = crons_update(tx, &cron)))
        return err;
    tx_notify(tx, TOPIC_CRON, cron.cron_id);
    return reply_cron(call, &cron);
}

static enum err patch_prepare(struct call *call)
{
    enum err err;

    if ((err = call_param_uuid(call, 0, "cron_id")) || (err = call_body_object(call)))
        return err;
    return call_then_write(call, patch_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = crons_delete(tx, call->principal.tenant, call->params[0]);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    json_raw_out(call_json(call, 200), STR("{}"));
    return err;
}

static enum err delete_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "cron_id");

    return err ? err : call_then_write(call, delete_apply);
}

/* ---- search, count ---- */

struct cron_search {
    struct cron_filter filter;
    struct search search;
};

static enum err filter_read(struct call *call, struct cron_search *asked)
{
    static const char *const orders[] = {"created_at", "updated_at",   "next_run_date", "end_time",
                                         "cron_id",    "assistant_id", "thread_id",     NULL};
    static const char *const members[] = {
        "cron_id",          "assistant_id",  "thread_id", "end_time", "schedule", "timezone",
        "created_at",       "updated_at",    "user_id",   "payload",  "metadata", "now",
        "on_run_completed", "next_run_date", "enabled",   NULL};
    struct cron_filter *filter = &asked->filter;
    bool enabled = false;
    enum err err;

    if ((err = call_body_object(call)) ||
        (err = search_read(call, orders, members, &asked->search)) ||
        (err = call_get_text(call, "assistant_id", &filter->assistant_id)) ||
        (err = call_get_uuid(call, "thread_id", &filter->thread_id)) ||
        (err = call_get_object(call, "metadata", &filter->metadata)) ||
        (err = call_get_bool(call, "enabled", &enabled)))
        return err;
    filter->tenant = call->principal.tenant;
    filter->admitted = call->access.filters[ACCESS_OF_CRONS];
    filter->sort_by = asked->search.sort_by;
    filter->ascending = asked->search.ascending;
    filter->limit = asked->search.limit;
    filter->offset = asked->search.offset;
    filter->enabled = json_type(json_get(call->body, "enabled")) == JSON_BOOL ? enabled : -1;
    if (graphs_find(&call->setup->agent->graphs, filter->assistant_id))
        filter->assistant_id = graph_assistant_id(call->arena, filter->assistant_id);
    return OK;
}

static enum err filtered_read(struct call *call, call_tx_step step)
{
    struct cron_search *asked = ARENA_NEW(call->arena, struct cron_search);
    enum err err = filter_read(call, asked);

    call->data = asked;
    return err ? err : call_then_read(call, step);
}

static enum err search_apply(struct tx *tx, struct call *call)
{
    const struct cron_search *asked = call->data;
    struct json_writer *json;
    struct cron_rows found;
    struct picker picker;
    int64_t total;
    enum err err = crons_search(tx, &asked->filter, call->arena, &found);

    if (err || (err = crons_count(tx, &asked->filter, &total)))
        return err;
    json = call_json(call, 200);
    picker_init(&picker, json, asked->search.select);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++) {
        shape_cron(picker_begin(&picker), &found.list[i]);
        picker_end(&picker);
    }
    json_end_array(json);
    picker_release(&picker);
    call_page(call, total, asked->filter.offset, found.count);
    return OK;
}

static enum err search_prepare(struct call *call)
{
    return filtered_read(call, search_apply);
}

static enum err count_apply(struct tx *tx, struct call *call)
{
    int64_t total = 0;
    const struct cron_search *asked = call->data;
    enum err err = crons_count(tx, &asked->filter, &total);

    json_i64_out(call_json(call, 200), total);
    return err;
}

static enum err count_prepare(struct call *call)
{
    return filtered_read(call, count_apply);
}

static const struct route routes[] = {
    {HTTP_POST, "/threads/{thread_id}/runs/crons", create_prepare, PERMIT_RUN,
     ROUTE_IDEMPOTENT | ROUTE_ASKS(ACCESS_CRONS_CREATE), "Make runs on this thread by a schedule"},
    {HTTP_POST, "/runs/crons", create_prepare, PERMIT_RUN,
     ROUTE_IDEMPOTENT | ROUTE_ASKS(ACCESS_CRONS_CREATE),
     "Make runs by a schedule, each on a thread of its own"},
    {HTTP_POST, "/runs/crons/search", search_prepare, PERMIT_READ, ROUTE_ASKS(ACCESS_CRONS_SEARCH),
     "Search crons"},
    {HTTP_POST, "/runs/crons/count", count_prepare, PERMIT_READ, ROUTE_ASKS(ACCESS_CRONS_SEARCH),
     "Count crons"},
    {HTTP_GET, "/runs/crons/{cron_id}", get_prepare, PERMIT_READ, ROUTE_ASKS(ACCESS_CRONS_READ),
     "Get a cron"},
    {HTTP_PATCH, "/runs/crons/{cron_id}", patch_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_CRONS_UPDATE), "Change a cron"},
    {HTTP_DELETE, "/runs/crons/{cron_id}", delete_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_CRONS_DELETE), "Delete a cron"},
};

const struct route_list routes_crons = {routes, ARRAY_LEN(routes)};
