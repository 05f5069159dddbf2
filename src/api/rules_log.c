/* rules_log.c -- /runs/rules/{id}/logs: to which runs a rule was applied, and what came of it. */
#include "api/rules_priv.h"

#include "base/time.h"

#define LOG_PAGE 150
#define LOG_PAGE_MAX 1440

struct log_call {
    struct rule_applications page;
    struct str session_id; /* only what is of this project; STR_NONE: all */
    bool is_v2, only_last;
};

/* null: the rule told nobody. */
static void webhooks_write(struct json_writer *json, const struct rule_application *a)
{
    if (str_eq(a->outcome, STR("success")) && str_eq(a->deliveries, STR("[]"))) {
        json_put_null(json, "webhooks");
        return;
    }
    json_key(json, "webhooks");
    json_begin_object(json);
    json_put_str(json, "outcome", a->outcome);
    json_key(json, "payload");
    json_begin_object(json);
    json_put_raw(json, "delivery_ids", a->deliveries);
    json_end_object(json);
    json_end_object(json);
}

static void application_write(struct json_writer *json, const struct rule_row *rule,
                              const struct project_row *project, const struct rule_application *a)
{
    static const char *const actions[] = {"add_to_annotation_queue", "add_to_dataset", "evaluators",
                                          "alerts", "extend_only"};
    struct str done = str_is_none(a->actions) ? STR("{}") : a->actions;
    struct uuid_text id;

    json_begin_object(json);
    json_put_str(json, "rule_id", rule->rule_id);
    json_put_str(json, "run_id", uuid_write(a->span_id, &id));
    json_put_str(json, "run_name", a->span_name);
    json_put_str(json, "run_type", span_type_name(a->span_type));
    json_put_str(json, "run_session_id", project->project_id);
    json_put_time(json, "start_time", a->start_us);
    json_put_time(json, "end_time", a->end_us);
    json_put_time(json, "application_time", a->applied_us);
    json_put_str(json, "thread_id", a->thread_id);
    webhooks_write(json, a);
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        json_put_raw(json, actions[i], json_raw(done, str_of(actions[i])));
    json_end_object(json);
}

static enum err log_apply(struct tx *tx, struct call *call)
{
    struct log_call *log = call->data;
    struct project_row project;
    struct rule_row rule;
    struct json_writer *json;
    enum err err = rules_get(tx, call->principal.tenant, call->params[0], call->arena, &rule);

    if (err || (err = projects_get_by_no(tx, rule.project_no, call->arena, &project)))
        return rules_not_found(call, err);
    if (!str_is_none(log->session_id) && !str_eq_nocase(log->session_id, project.project_id))
        log->page.until_us = -1; /* a rule is of one project: nothing of another */
    if ((err = rule_log_list(tx, rule.rule_no, call->arena, &log->page)))
        return err;
    if (log->only_last && log->page.count == 0)
        return call_fail(call, 404, "The rule was not applied yet");
    json = call_json(call, 200);
    if (log->only_last) {
        application_write(json, &rule, &project, &log->page.list[0]);
        return OK;
    }
    if (log->is_v2) {
        json_begin_object(json);
        json_key(json, "logs");
    }
    json_begin_array(json);
    for (size_t i = 0; i < log->page.count; i++)
        application_write(json, &rule, &project, &log->page.list[i]);
    json_end_array(json);
    if (log->is_v2) {
        bool has_more = log->page.count == (size_t)log->page.limit;

        json_key(json, "cursor");
        if (has_more)
            json_str_out(json, arena_printf(call->arena, "%lld",
                                            (long long)(log->page.offset + log->page.limit)));
        else
            json_null_out(json);
        json_put_bool(json, "has_more", has_more);
        json_end_object(json);
    }
    return OK;
}

static enum err read_time(struct call *call, const char *key, int64_t *wall_us)
{
    struct str text = query_get(&call->query, key);

    if (str_is_none(text) || !time_parse_iso(text, wall_us))
        return OK;
    call_fail(call, 422, "%s must be an ISO time", key);
    return ERR_INVALID;
}

static enum err log_read(struct call *call, struct log_call *log)
{
    struct str cursor = query_get(&call->query, "cursor");
    enum err err = call_param_uuid(call, 0, "rule_id");

    log->page.limit = LOG_PAGE;
    call->data = log;
    if (err || (err = call_query_int(call, "limit", 1, LOG_PAGE_MAX, &log->page.limit)) ||
        (err = call_query_int(call, "offset", 0, INT32_MAX, &log->page.offset)) ||
        (err = read_time(call, "start_time", &log->page.since_us)) ||
        (err = read_time(call, "end_time", &log->page.until_us)) ||
        (err = call_query_bool(call, "backfill", &log->page.of_backfill)))
        return err;
    log->session_id = query_get(&call->query, "session_id");
    if (!str_is_none(log->session_id) && !uuid_is_valid(log->session_id))
        return call_fail(call, 422, "session_id: must be a UUID");
    if (cursor.len > 0 && (str_to_i64(cursor, &log->page.offset) || log->page.offset < 0))
        return call_fail(call, 422, "cursor is not one that was given");
    return call_then_read(call, log_apply);
}

enum err rules_logs_prepare(struct call *call)
{
    return log_read(call, ARENA_NEW(call->arena, struct log_call));
}

enum err rules_logs_v2_prepare(struct call *call)
{
    struct log_call *log = ARENA_NEW(call->arena, struct log_call);

    log->is_v2 = true;
    return log_read(call, log);
}

static enum err last_apply(struct tx *tx, struct call *call)
{
    struct log_call *log = call->data;

    log->page.limit = 1;
    return log_apply(tx, call);
}

enum err rules_last_prepare(struct call *call)
{
    struct log_call *log = ARENA_NEW(call->arena, struct log_call);
    enum err err = log_read(call, log);

    log->only_last = true;
    return err ? err : call_then_read(call, last_apply);
}
