/* rules.c -- /runs/rules: automation rules. */
#include "api/rules_priv.h"

#include "api/call_priv.h"
#include "api/delivery_target.h"
#include "api/owned_endpoints.h"
#include "api/route.h"
#include "api/traces_priv.h"
#include "store/rule_backfills.h"
#include "trace/span_json.h"

#define BODY_BYTES_MAX (1 * MIB)

static enum err refuse(struct call *call, struct str words)
{
    call_fail(call, 422, "%.*s", STR_ARG(words));
    return ERR_INVALID;
}

/* A filter is refused as a search refuses it. */
enum err rules_refuse_spec(struct call *call, const struct rule_spec *spec, struct str why)
{
    call_fail(call, spec->has_bad_filter ? 400 : 422, "%.*s", STR_ARG(why));
    return ERR_INVALID;
}

enum err rules_not_found(struct call *call, enum err err)
{
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "Rule not found");
    return err;
}

/* ---- answers ---- */

/* Keys that the server adds to what was sent … */
static const char *const own_keys[] = {"id",           "tenant_id",        "session_id",
                                       "session_name", "created_at",       "updated_at",
                                       "is_enabled",   "evaluator_version"};
/* … and writes itself, or that stand for what it does not do. */
static const char *const unset_keys[] = {"dataset_name", "corrections_dataset_id",
                                         "alignment_annotation_queue_id"};
static const char *const told_keys[] = {"add_to_annotation_queue_name",
                                        "add_to_dataset_name",
                                        "backfill_id",
                                        "backfill_status",
                                        "backfill_progress",
                                        "backfill_error",
                                        "backfill_completed_at",
                                        "backfill_looked",
                                        "backfill_matched"};

/* Keys that every rule has: null or false if nothing was said. */
static const char *const null_keys[] = {"filter",
                                        "trace_filter",
                                        "tree_filter",
                                        "add_to_annotation_queue_id",
                                        "add_to_dataset_id",
                                        "dataset_id",
                                        "backfill_from",
                                        "num_few_shot_examples",
                                        "evaluators",
                                        "code_evaluators",
                                        "evaluator_id",
                                        "alerts",
                                        "group_by",
                                        "spend_limit",
                                        "tracer_session_issue_id"};
static const char *const false_keys[] = {
    "extend_only",
    "transient",
    "add_to_dataset_prefer_correction",
    "use_corrections_dataset",
    "create_alignment_queue",
    "include_extended_stats",
};

static bool is_in(struct str key, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(key, str_of(keys[i])))
            return true;
    return false;
}

static enum err rule_write(struct tx *tx, struct json_writer *json, const struct rule_row *rule,
                           const struct project_row *project)
{
    struct uuid_text tenant;
    struct str key, value;
    size_t position = 0;
    enum err err;

    json_begin_object(json);
    json_put_str(json, "id", rule->rule_id);
    json_put_str(json, "tenant_id", trace_tenant_id(rule->tenant, &tenant));
    json_put_str(json, "session_id", project->project_id);
    json_put_str(json, "session_name", project->name);
    json_put_bool(json, "is_enabled", rule->is_enabled);
    while (json_raw_next(rule->body, &position, &key, &value)) {
        if (is_in(key, own_keys, ARRAY_LEN(own_keys)) ||
            is_in(key, unset_keys, ARRAY_LEN(unset_keys)) ||
            is_in(key, told_keys, ARRAY_LEN(told_keys)))
            continue;
        json_key_raw(json, key);
        json_raw_out(json, value);
    }
    for (size_t i = 0; i < ARRAY_LEN(null_keys); i++)
        if (str_is_none(json_raw(rule->body, str_of(null_keys[i]))))
            json_put_null(json, null_keys[i]);
    for (size_t i = 0; i < ARRAY_LEN(false_keys); i++)
        if (str_is_none(json_raw(rule->body, str_of(false_keys[i]))))
            json_put_bool(json, false_keys[i], false);
    for (size_t i = 0; i < ARRAY_LEN(unset_keys); i++)
        json_put_null(json, unset_keys[i]);
    err = rules_actions_write(tx, json, rule);
    json_put_i64(json, "evaluator_version", 3);
    json_put_time(json, "created_at", rule->created_us);
    json_put_time(json, "updated_at", rule->updated_us);
    json_end_object(json);
    return err;
}

static enum err reply(struct tx *tx, struct call *call, const struct rule_row *rule)
{
    struct project_row project;
    enum err err = projects_get_by_no(tx, rule->project_no, call->arena, &project);

    if (err)
        return rules_not_found(call, err);
    return rule_write(tx, call_json(call, 200), rule, &project);
}

/* ---- what a body says ---- */

/* The body as it was sent, its webhooks as they are shown. */
static enum err body_store(struct call *call, struct rule_body *body)
{
    struct str key, value;
    struct json_writer json;
    size_t position = 0;
    struct buf out;

    buf_init(&out, BODY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    while (json_raw_next(call->body_text, &position, &key, &value)) {
        if (str_eq(key, STR("webhooks")))
            continue;
        json_key_raw(&json, key);
        json_raw_out(&json, value);
    }
    json_put_raw(&json, "webhooks", body->row.webhooks);
    json_end_object(&json);
    body->row.body = arena_str(call->arena, buf_str(&out));
    position = out.failed;
    buf_release(&out);
    return position ? refuse(call, STR("the rule is larger than 1 MiB")) : OK;
}

static enum err body_read(struct call *call)
{
    struct rule_body *body = ARENA_NEW(call->arena, struct rule_body);
    struct str why;
    enum err err = call_body_object(call);

    call->data = body;
    if (err)
        return err;
    if (rule_spec_read(call->body, call->arena, &body->spec, &why))
        return rules_refuse_spec(call, &body->spec, why);
    for (size_t i = 0; i < body->spec.webhook_count; i++)
        if (delivery_target_check(call, STR("rule"),
                                  arena_printf(call->arena, "webhooks[%zu].url", i),
                                  body->spec.webhooks[i].url))
            return ERR_INVALID;
    if ((err = rules_read_headers(call, body)))
        return err;
    body->row = (struct rule_row){.tenant = call->principal.tenant,
                                  .rule_id = call_new_id(call),
                                  .is_enabled = body->spec.is_enabled};
    return OK;
}

/* ---- create, change, delete ---- */

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct rule_body *body = call->data;
    enum err err =
        traces_project_of(tx, call, body->is_dry, body->project.project_id, &body->project);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "session_id: there is no such project");
    if (err)
        return err;
    body->row.project_no = body->project.project_no;
    if ((err = rules_check_actions(tx, call, body)) ||
        (err = rules_place_webhooks(tx, call, body, NULL)) || (err = body_store(call, body)))
        return err;
    err = rules_insert(tx, &body->row);
    if (err == ERR_LIMIT)
        call_fail(call, 429, "this project has 1,000 rules, the most it can have");
    if (!err)
        err = rules_backfill_begin(tx, call, body);
    if (!err)
        err = reply(tx, call, &body->row);
    return !err && body->is_dry ? call_undo(call) : err;
}

static enum err create_prepare(struct call *call)
{
    struct rule_body *body;
    enum err err = body_read(call);

    if (err)
        return err;
    body = call->data;
    if ((err = call_get_uuid(call, "session_id", &body->project.project_id)) ||
        (err = call_query_bool(call, "dry_run", &body->is_dry)))
        return err;
    if (str_is_none(body->project.project_id))
        return refuse(call, STR("session_id is missing: the project that the rule watches"));
    return call_then_write(call, create_apply);
}

/* A rule stays with its project: it knows the changes of no other. */
static enum err check_project(struct tx *tx, struct call *call, const struct rule_row *rule)
{
    struct str wanted = STR_NONE;
    struct project_row project;
    enum err err = call_get_uuid(call, "session_id", &wanted);

    if (err || str_is_none(wanted))
        return err;
    err = projects_get_by_no(tx, rule->project_no, tx->arena, &project);
    if (err || str_eq_nocase(wanted, project.project_id))
        return err;
    return refuse(call, STR("session_id: a rule stays with its project; make one for the other"));
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    struct rule_body *body = call->data;
    struct rule_row was;
    enum err err = rules_get(tx, call->principal.tenant, call->params[0], call->arena, &was);

    if (err || (err = check_project(tx, call, &was)))
        return rules_not_found(call, err);
    body->row.rule_id = was.rule_id;
    if ((err = rules_check_actions(tx, call, body)) ||
        (err = rules_place_webhooks(tx, call, body, &was)) ||
        (err = owned_endpoints_drop(tx, was.tenant, was.webhooks, body->row.webhooks)) ||
        (err = body_store(call, body)) || (err = rules_update(tx, &body->row)) ||
        (err = rules_get(tx, was.tenant, was.rule_id, call->arena, &was)))
        return err;
    return reply(tx, call, &was);
}

static enum err change_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "rule_id");

    if (!err)
        err = body_read(call);
    return err ? err : call_then_write(call, change_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    struct rule_row rule;
    enum err err = rules_get(tx, call->principal.tenant, call->params[0], call->arena, &rule);

    if (err)
        return rules_not_found(call, err);
    if ((err = owned_endpoints_drop(tx, rule.tenant, rule.webhooks, STR_NONE)) ||
        (err = rule_backfills_delete(tx, rule.rule_no)) || (err = rules_delete(tx, &rule)))
        return err;
    json_raw_out(call_json(call, 200), STR("{\"message\":\"Rule deleted\"}"));
    return OK;
}

static enum err delete_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "rule_id");

    return err ? err : call_then_write(call, delete_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct rule_row rule;
    enum err err = rules_get(tx, call->principal.tenant, call->params[0], call->arena, &rule);

    return err ? rules_not_found(call, err) : reply(tx, call, &rule);
}

static enum err get_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "rule_id");

    return err ? err : call_then_read(call, get_apply);
}

/* ---- list ---- */

/* In whatever case, as names of projects are looked for. */
static bool name_contains(struct call *call, const struct rule_row *rule, struct str part)
{
    const struct json *json = NULL;
    struct str name;

    if (json_parse(call->arena, json_raw(rule->body, STR("display_name")), &json, NULL))
        return false;
    for (name = json_string(json); name.len >= part.len; name = str_from(name, 1))
        if (str_starts_nocase(name, part))
            return true;
    return false;
}

static bool is_wanted(struct call *call, const struct rule_row *rule)
{
    struct str part = query_get(&call->query, "name_contains"), value;
    bool any_id = false, is_id = false;
    size_t at = 0;

    while (query_next(&call->query, "id", &at, &value)) {
        any_id = true;
        is_id |= str_eq_nocase(value, rule->rule_id);
    }
    if (any_id && !is_id)
        return false;
    return str_is_empty(part) || name_contains(call, rule, part);
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct str session_id = query_get(&call->query, "session_id");
    struct project_row project = {0};
    struct json_writer *json;
    struct rule_rows found = {0};
    enum err err = OK;

    if (!str_is_none(session_id))
        err = projects_get(tx, call->principal.tenant, session_id, call->arena, &project);
    if (!err)
        err = rules_list(tx, call->principal.tenant, project.project_no, call->arena, &found);
    if (err && err != ERR_NOT_FOUND)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    err = OK;
    for (size_t i = 0; !err && i < found.count; i++)
        if (is_wanted(call, &found.list[i]) &&
            !projects_get_by_no(tx, found.list[i].project_no, call->arena, &project))
            err = rule_write(tx, json, &found.list[i], &project);
    json_end_array(json);
    return err;
}

/* What only rules on datasets or with evaluators have: no rule has it here. */
static bool asks_for_others(const struct call *call)
{
    static const char *const keys[] = {"dataset_id", "evaluator_id", "tag_value_id"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (!str_is_empty(query_get(&call->query, keys[i])))
            return true;
    return str_eq(query_get(&call->query, "type"), STR("dataset"));
}

static enum err list_prepare(struct call *call)
{
    static const char *const types[] = {"session", "dataset", NULL};
    enum err err = call_query_word(call, "type", types);

    if (err)
        return err;
    if (!asks_for_others(call))
        return call_then_read(call, list_apply);
    json_raw_out(call_json(call, 200), STR("[]"));
    return OK;
}

/* ---- now ---- */

static enum err trigger_apply(struct tx *tx, struct call *call)
{
    struct rule_row rule;
    enum err err = rules_get(tx, call->principal.tenant, call->params[0], call->arena, &rule);

    tx_notify(tx, TOPIC_RULES, STR_NONE);
    return err ? rules_not_found(call, err) : reply(tx, call, &rule);
}

static enum err trigger_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "rule_id");

    return err ? err : call_then_write(call, trigger_apply);
}

static enum err trigger_all_apply(struct tx *tx, struct call *call)
{
    tx_notify(tx, TOPIC_RULES, STR_NONE);
    json_raw_out(call_json(call, 200), STR("{\"message\":\"Rules are looked at\"}"));
    return OK;
}

static enum err trigger_all_prepare(struct call *call)
{
    const struct json *ids;
    enum err err = call_body_any(call);

    if (err)
        return err;
    ids = json_get(call->body, "rule_ids");
    if (!json_is_absent(ids) && json_type(ids) != JSON_ARRAY)
        return refuse(call, STR("rule_ids must be an array of UUIDs, or null for all"));
    for (size_t i = 0; i < json_count(ids); i++)
        if (!uuid_is_valid(json_string(json_item(ids, i))))
            return refuse(call, STR("rule_ids must be an array of UUIDs, or null for all"));
    return call_then_write(call, trigger_all_apply);
}

static enum err validate_prepare(struct call *call)
{
    return refuse(call, STR("evaluators are not run by this server: there is nothing to validate. "
                            "POST /runs/rules/test tries filters on past runs"));
}

#define ONE "/runs/rules/{rule_id}"

static const struct route routes[] = {
    {HTTP_GET, "/runs/rules", list_prepare, PERMIT_READ, ROUTE_TRACES, "List rules"},
    {HTTP_POST, "/runs/rules", create_prepare, PERMIT_EDIT, ROUTE_TRACES, "Create a rule"},
    {HTTP_POST, "/runs/rules/trigger", trigger_all_prepare, PERMIT_EDIT, ROUTE_TRACES,
     "Look at all rules now"},
    {HTTP_POST, "/runs/rules/test", rules_try_prepare, PERMIT_READ, ROUTE_TRACES,
     "Which past runs a rule's filters match"},
    {HTTP_GET, ONE, get_prepare, PERMIT_READ, ROUTE_TRACES, "Get a rule"},
    {HTTP_PATCH, ONE, change_prepare, PERMIT_EDIT, ROUTE_TRACES, "Replace a rule"},
    {HTTP_POST, "/runs/rules/validate", validate_prepare, PERMIT_EDIT, ROUTE_TRACES,
     "Try an evaluator: refused, as none are run"},
    {HTTP_DELETE, ONE, delete_prepare, PERMIT_EDIT, ROUTE_TRACES, "Delete a rule"},
    {HTTP_GET, ONE "/logs", rules_logs_prepare, PERMIT_READ, ROUTE_TRACES,
     "To which runs a rule was applied"},
    {HTTP_GET, ONE "/logs/v2", rules_logs_v2_prepare, PERMIT_READ, ROUTE_TRACES,
     "To which runs a rule was applied, in pages"},
    {HTTP_GET, ONE "/last_applied", rules_last_prepare, PERMIT_READ, ROUTE_TRACES,
     "The last run that a rule was applied to"},
    {HTTP_POST, ONE "/trigger", trigger_prepare, PERMIT_EDIT, ROUTE_TRACES, "Look at a rule now"},
};

const struct route_list routes_rules = {routes, ARRAY_LEN(routes)};
