/* alerts.c -- /v1/platform/alerts: alerts of a project, which the wire calls a session. */
#include "api/alerts_priv.h"

#include "api/call_priv.h"
#include "api/owned_endpoints.h"
#include "api/route.h"
#include "api/traces_priv.h"
#include "store/projects.h"

#define HISTORY_MAX 500

struct alert_setup alerts_setup(const struct call *call)
{
    return (struct alert_setup){
        .base_url = call->setup->public_url,
        .policy = policies_for_kind(call->setup->policies, STR("alert")),
    };
}

static enum err fail_not_found(struct call *call, enum err err)
{
    if (err != ERR_NOT_FOUND)
        return err;
    call_fail(call, 404, "there is no such alert in this project");
    return err;
}

enum err alerts_find_project(struct tx *tx, struct call *call, struct alert_body *body)
{
    enum err err = traces_project_of(tx, call, body->is_dry, call->params[0], &body->project);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "there is no such project");
    return err;
}

enum err alerts_read_rule(struct call *call, struct alert_body *body)
{
    struct str why;

    if (alert_rule_read(json_get(call->body, "rule"), call->arena, &body->rule, &why)) {
        call_fail(call, 400, "%.*s", STR_ARG(why));
        return ERR_INVALID;
    }
    body->rule_text = json_raw(call->body_text, STR("rule"));
    return OK;
}

/* ---- answers ---- */

/* The rule as it was sent, with what the server knows of it. */
static void rule_write(struct json_writer *json, const struct alert_row *alert,
                       const struct project_row *project)
{
    static const char *const own[] = {
        "id",    "session_id",  "session_name", "created_at",     "updated_at",
        "state", "state_since", "last_value",   "last_threshold", NULL};
    struct str key, value;
    size_t position = 0;
    bool has_description = false;

    json_begin_object(json);
    json_put_str(json, "id", alert->alert_id);
    json_put_str(json, "session_id", project->project_id);
    json_put_str(json, "session_name", project->name);
    while (json_raw_next(alert->rule, &position, &key, &value)) {
        if (str_is_one_of(key, own) ||
            (str_eq(key, STR("description")) && str_eq(value, STR("null"))))
            continue;
        has_description |= str_eq(key, STR("description"));
        json_key_raw(json, key);
        json_raw_out(json, value);
    }
    if (!has_description)
        json_put_str(json, "description", STR(""));
    json_put_time(json, "created_at", alert->created_us);
    json_put_time(json, "updated_at", alert->updated_us);
    json_put_str(json, "state", alert->is_firing ? STR("firing") : STR("ok"));
    json_put_time(json, "state_since", alert->since_us);
    json_key(json, "last_value");
    if (alert->has_value)
        json_double_out(json, alert->value);
    else
        json_null_out(json);
    json_key(json, "last_threshold");
    if (alert->has_value)
        json_double_out(json, alert->threshold);
    else
        json_null_out(json);
    json_end_object(json);
}

static void actions_write(struct json_writer *json, const struct alert_row *alert)
{
    struct str key, text, member, value;
    size_t position = 0, inner;

    json_begin_array(json);
    while (json_raw_next(alert->actions, &position, &key, &text)) {
        json_begin_object(json);
        for (inner = 0; json_raw_next(text, &inner, &member, &value);) {
            json_key_raw(json, member);
            json_raw_out(json, value);
        }
        json_put_time(json, "created_at", alert->created_us);
        json_put_time(json, "updated_at", alert->updated_us);
        json_end_object(json);
    }
    json_end_array(json);
}

#define WARNED_MAX 16 /* of an action, of each kind */

/* Names in templates that nothing stands for are sent as they are, and keys of the alert's own are
 * not sent as they are; whoever saves hears of it. */
static void warnings_write(struct json_writer *json, struct call *call,
                           const struct alert_body *body)
{
    struct str list[ALERT_ACTIONS_MAX * 2 * WARNED_MAX], names[WARNED_MAX];
    size_t warned = 0;

    for (size_t i = 0; i < body->action_count; i++) {
        const struct alert_action *action = &body->actions[i];
        size_t count = alert_action_unknown(action, call->arena, names, WARNED_MAX);

        for (size_t k = 0; k < count; k++)
            list[warned++] =
                arena_printf(call->arena, "actions[%zu].config.body: {%.*s} will be sent as is", i,
                             STR_ARG(names[k]));
        count = alert_action_hidden(action, call->arena, names, WARNED_MAX);
        for (size_t k = 0; k < count; k++)
            list[warned++] = arena_printf(
                call->arena,
                "actions[%zu].config.body: %.*s will be the alert's own, not the template's", i,
                STR_ARG(names[k]));
    }
    if (warned == 0)
        return;
    json_key(json, "warnings");
    json_begin_array(json);
    for (size_t i = 0; i < warned; i++)
        json_str_out(json, list[i]);
    json_end_array(json);
}

void alerts_write(struct json_writer *json, const struct alert_row *alert,
                  const struct project_row *project)
{
    json_key(json, "rule");
    rule_write(json, alert, project);
    json_key(json, "actions");
    actions_write(json, alert);
}

/* ---- create ---- */

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct alert_body *body = call->data;
    struct json_writer *json;
    enum err err = alerts_find_project(tx, call, body);

    if (err)
        return err;
    body->row.project_no = body->project.project_no;
    if ((err = alerts_place_actions(tx, call, body, NULL, body->row.alert_id)))
        return err;
    err = alerts_insert(tx, &body->row);
    if (err == ERR_LIMIT) {
        call_fail(call, 429, "this project has 1,000 alerts, the most it can have");
        return err;
    }
    if (err)
        return err;
    json = call_json(call, 201);
    json_begin_object(json);
    alerts_write(json, &body->row, &body->project);
    warnings_write(json, call, body);
    json_end_object(json);
    return body->is_dry ? call_undo(call) : OK;
}

static enum err body_read(struct call *call)
{
    struct alert_body *body = ARENA_NEW(call->arena, struct alert_body);
    enum err err;

    call->data = body;
    if ((err = call_param_uuid(call, 0, "session_id")) || (err = call_body_object(call)) ||
        (err = alerts_read_rule(call, body)) || (err = alerts_read_actions(call, body)))
        return err;
    body->row = (struct alert_row){
        .tenant = call->principal.tenant,
        .alert_id = call_new_id(call),
        .rule = body->rule_text,
        .is_enabled = body->rule.is_enabled,
    };
    return OK;
}

static enum err create_prepare(struct call *call)
{
    enum err err = body_read(call);

    if (!err)
        err = call_query_bool(call, "dry_run", &((struct alert_body *)call->data)->is_dry);
    return err ? err : call_then_write(call, create_apply);
}

/* ---- one alert ---- */

enum err alerts_find(struct tx *tx, struct call *call, struct alert_body *body,
                     struct alert_row *alert)
{
    enum err err = alerts_find_project(tx, call, body);

    if (err)
        return err;
    err = alerts_get(tx, call->principal.tenant, call->params[1], call->arena, alert);
    if (!err && alert->project_no != body->project.project_no)
        err = ERR_NOT_FOUND;
    return fail_not_found(call, err);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct alert_body body = {0};
    struct json_writer *json;
    enum err err = alerts_find(tx, call, &body, &body.row);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    alerts_write(json, &body.row, &body.project);
    json_end_object(json);
    return OK;
}

enum err alerts_check_ids(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "session_id");

    return err ? err : call_param_uuid(call, 1, "alert_rule_id");
}

static enum err get_prepare(struct call *call)
{
    enum err err = alerts_check_ids(call);

    return err ? err : call_then_read(call, get_apply);
}

static enum err reply_message(struct call *call, const char *words)
{
    struct json_writer *json = call_json(call, 200);

    json_begin_object(json);
    json_put_str(json, "message", str_of(words));
    if (call->data)
        warnings_write(json, call, call->data);
    json_end_object(json);
    return OK;
}

/* A new name, other receivers or words are not another alert: what it has counted stays, and it
 * does not fire anew for what it has told already. */
static enum err change_write(struct tx *tx, struct call *call, const struct alert_row *was)
{
    struct alert_body *body = call->data;
    struct alert_rule before;
    const struct json *json;
    struct str why;
    bool is_same = json_parse(call->arena, was->rule, &json, NULL) == OK &&
                   alert_rule_read(json, call->arena, &before, &why) == OK &&
                   alert_rule_watches_same(&before, &body->rule);

    return is_same ? alerts_rename(tx, &body->row) : alerts_update(tx, &body->row);
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    struct alert_body *body = call->data;
    struct alert_row was;
    enum err err = alerts_find(tx, call, body, &was);

    if (err)
        return err;
    body->row.alert_id = was.alert_id;
    body->row.alert_no = was.alert_no;
    if ((err = alerts_place_actions(tx, call, body, &was, was.alert_id)) ||
        (err = owned_endpoints_drop(tx, was.tenant, was.actions, body->row.actions)) ||
        (err = change_write(tx, call, &was)))
        return err;
    return reply_message(call, "Alert rule updated");
}

static enum err change_prepare(struct call *call)
{
    enum err err = alerts_check_ids(call);

    if (!err)
        err = body_read(call);
    return err ? err : call_then_write(call, change_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    struct alert_body body = {0};
    enum err err = alerts_find(tx, call, &body, &body.row);

    if (err || (err = owned_endpoints_drop(tx, body.row.tenant, body.row.actions, STR_NONE)) ||
        (err = alerts_delete(tx, call->principal.tenant, call->params[1])))
        return err;
    return reply_message(call, "Alert rule deleted");
}

static enum err delete_prepare(struct call *call)
{
    enum err err = alerts_check_ids(call);

    return err ? err : call_then_write(call, delete_apply);
}

/* ---- lists ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct alert_body body = {0};
    struct json_writer *json;
    struct alert_rows found;
    enum err err = alerts_find_project(tx, call, &body);

    if (err || (err = alerts_of_project(tx, body.project.project_no, call->arena, &found)))
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++) {
        json_begin_object(json);
        alerts_write(json, &found.list[i], &body.project);
        json_end_object(json);
    }
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "session_id");

    return err ? err : call_then_read(call, list_apply);
}

static enum err history_apply(struct tx *tx, struct call *call)
{
    struct alert_events *page = call->data;
    struct alert_body body = {0};
    struct json_writer *json;
    enum err err = alerts_find(tx, call, &body, &body.row);

    if (err || (err = alert_events_list(tx, body.row.tenant, body.row.alert_id, call->arena, page)))
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < page->count; i++) {
        json_begin_object(json);
        json_put_i64(json, "id", page->list[i].event_no);
        json_put_str(json, "event", page->list[i].what);
        json_put_time(json, "timestamp", page->list[i].at_us);
        json_key(json, "triggered_metric_value");
        json_double_out(json, page->list[i].value);
        json_key(json, "triggered_threshold");
        json_double_out(json, page->list[i].threshold);
        json_put_raw(json, "delivery_ids", page->list[i].deliveries);
        json_end_object(json);
    }
    json_end_array(json);
    return OK;
}

static enum err history_prepare(struct call *call)
{
    struct alert_events *page = ARENA_NEW(call->arena, struct alert_events);
    enum err err = alerts_check_ids(call);

    page->limit = 100;
    call->data = page;
    if (err || (err = call_query_int(call, "limit", 1, HISTORY_MAX, &page->limit)) ||
        (err = call_query_int(call, "before", 1, INT64_MAX, &page->before_no)))
        return err;
    return call_then_read(call, history_apply);
}

#define PATH "/platform/alerts/{session_id}" /* also below /v1, /api, /api/v1: route.c */
#define FLAGS (ROUTE_TRACES | ROUTE_ERROR | ROUTE_BAD)

static const struct route routes[] = {
    {HTTP_POST, PATH, create_prepare, PERMIT_EDIT, FLAGS, "Create an alert"},
    {HTTP_GET, PATH, list_prepare, PERMIT_READ, FLAGS, "List a project's alerts"},
    {HTTP_POST, PATH "/test", alerts_test_prepare, PERMIT_EDIT, FLAGS,
     "Send a test alert and tell what the receivers answer"},
    {HTTP_POST, PATH "/preview", alerts_preview_prepare, PERMIT_READ, FLAGS,
     "What an alert would have done, minute by minute"},
    {HTTP_GET, PATH "/{alert_rule_id}", get_prepare, PERMIT_READ, FLAGS, "Get an alert"},
    {HTTP_PATCH, PATH "/{alert_rule_id}", change_prepare, PERMIT_EDIT, FLAGS, "Replace an alert"},
    {HTTP_DELETE, PATH "/{alert_rule_id}", delete_prepare, PERMIT_EDIT, FLAGS, "Delete an alert"},
    {HTTP_GET, PATH "/{alert_rule_id}/preview", alerts_page_prepare, PERMIT_READ, FLAGS,
     "An alert, and what it would have said minute by minute"},
    {HTTP_GET, PATH "/{alert_rule_id}/history", history_prepare, PERMIT_READ, FLAGS,
     "When an alert fired and recovered"},
};

const struct route_list routes_alerts = {routes, ARRAY_LEN(routes)};
