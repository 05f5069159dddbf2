/* alerts_test.c -- "Send test alert": one attempt of what would be sent, through the ordinary
 * engine, and the receivers' real answers. */
#include "api/alerts_priv.h"
#include "api/delivery_view.h"

#include "format/query.h"

#define WAIT_MS 20000
#define TEST_OWNER "test"

struct alert_test {
    struct alert_body body;
    struct str alert_id; /* of a stored one; STR_NONE: as the body says */
    struct alert_letters letters;
    int64_t delivery_ids[ALERT_ACTIONS_MAX];
};

static bool has_answer(const struct delivery_row *delivery)
{
    return !str_is_none(delivery->last_result) || delivery->state == DELIVERY_DEAD ||
           delivery->state == DELIVERY_HELD;
}

/* What became of one action. */
struct outcome {
    struct delivery_row delivery;
    struct attempt_row attempt; /* the last one */
    bool has_attempt;
    struct str slack_error; /* STR_NONE: none */
};

/* Slack says 200 and {"ok": false, "error": "…"}. */
static struct str slack_error(struct call *call, struct str url, struct str answer)
{
    const struct json *json = NULL;

    if (!str_ends(str_first(url, str_find_char(url, '?')), STR("/api/chat.postMessage")) ||
        json_parse(call->arena, answer, &json, NULL) || json_bool(json_get(json, "ok"), true))
        return STR_NONE;
    return json_string(json_get(json, "error"));
}

static bool is_taken(const struct outcome *outcome)
{
    return outcome->delivery.state == DELIVERY_DONE && str_is_none(outcome->slack_error);
}

static enum err outcome_read(struct tx *tx, struct call *call, struct str url, int64_t delivery_id,
                             struct outcome *outcome)
{
    struct attempt_row *attempts = NULL;
    size_t count = 0;
    enum err err =
        delivery_get(tx, call->principal.tenant, delivery_id, call->arena, &outcome->delivery);

    if (!err)
        err = attempt_list(tx, call->principal.tenant, delivery_id, call->arena, &attempts, &count);
    outcome->has_attempt = !err && count > 0;
    outcome->slack_error = STR_NONE;
    if (outcome->has_attempt) {
        outcome->attempt = attempts[count - 1];
        outcome->slack_error = slack_error(call, url, outcome->attempt.excerpt);
    }
    return err;
}

/* Of the first receiver that did not take it; else of the first. */
static void status_write(struct json_writer *json, const struct outcome *outcomes, size_t count)
{
    size_t told = 0;

    while (told + 1 < count && is_taken(&outcomes[told]))
        told++;
    if (is_taken(&outcomes[told]))
        told = 0;
    json_key(json, "status_code");
    if (outcomes[told].has_attempt && outcomes[told].attempt.status > 0)
        json_i64_out(json, outcomes[told].attempt.status);
    else
        json_null_out(json);
}

static void result_write(struct json_writer *json, struct call *call, const struct outcome *outcome)
{
    const struct attempt_row *attempt = outcome->has_attempt ? &outcome->attempt : NULL;

    json_begin_object(json);
    json_put_bool(json, "delivered", is_taken(outcome));
    json_put_str(json, "message", delivery_json_verdict(&outcome->delivery));
    if (!str_is_none(outcome->slack_error))
        json_put_str(json, "warning",
                     arena_printf(call->arena,
                                  "Slack took the request and refused the message: %.*s",
                                  STR_ARG(outcome->slack_error)));
    json_key(json, "status_code");
    if (attempt && attempt->status > 0)
        json_i64_out(json, attempt->status);
    else
        json_null_out(json);
    json_key(json, "attempt");
    if (attempt)
        delivery_json_out_attempt(json, delivery_view_of(call), attempt);
    else
        json_null_out(json);
    json_end_object(json);
}

static enum err wait_apply(struct tx *tx, struct call *call)
{
    static const struct call_wait wait = {.topic = TOPIC_DELIVERY_LOG, .timeout_ms = WAIT_MS};
    struct outcome outcomes[ALERT_ACTIONS_MAX];
    const struct alert_test *test = call->data;
    size_t answered = 0, taken = 0;
    struct json_writer *json;
    enum err err = OK;

    for (size_t i = 0; !err && i < test->letters.count; i++) {
        err =
            outcome_read(tx, call, test->letters.list[i].url, test->delivery_ids[i], &outcomes[i]);
        answered += !err && has_answer(&outcomes[i].delivery) &&
                    !delivery_view_hides_end(call, &outcomes[i].delivery);
        taken += !err && is_taken(&outcomes[i]);
    }
    if (err)
        return err;
    if (answered < test->letters.count && !call_wait_is_over(call))
        return call_then_wait(call, &wait, wait_apply);
    json = call_json(call, 200);
    json_begin_object(json);
    json_put_str(json, "message",
                 arena_printf(call->arena, "%zu of %zu receivers took the test alert", taken,
                              test->letters.count));
    status_write(json, outcomes, test->letters.count);
    json_key(json, "results");
    json_begin_array(json);
    for (size_t i = 0; i < test->letters.count; i++)
        result_write(json, call, &outcomes[i]);
    json_end_array(json);
    json_end_object(json);
    return err;
}

/* ---- sending ---- */

/* Values that look as if it had fired. */
static void pretend(struct alert_row *alert, const struct alert_rule *rule)
{
    alert->threshold = rule->is_change ? rule->multiplier : rule->threshold;
    alert->value = alert->threshold + (rule->comparison >= ALERT_LTE ? -1 : 1);
}

static enum err send(struct tx *tx, struct call *call, struct alert_test *test)
{
    static const struct call_wait wait = {.topic = TOPIC_DELIVERY_LOG, .timeout_ms = WAIT_MS};
    struct alert_setup setup = alerts_setup(call);
    const struct str id[] = {OUTBOX_TEST_PREFIX, test->body.row.alert_id};
    enum err err = delivery_tests_spend(tx, call);

    if (err)
        return err == ERR_DENIED ? OK : err;
    pretend(&test->body.row, &test->body.rule);
    err = alert_letters_make(tx, &setup, &test->body.row, &test->body.rule, STR("test"),
                             &test->letters);
    for (size_t i = 0; !err && i < test->letters.count; i++) {
        test->letters.list[i].url = arena_str(call->arena, test->letters.list[i].url);
        err = outbox_add_one(tx,
                             &(struct outbox_event){
                                 .tenant = call->principal.tenant,
                                 .kind = STR("alert"),
                                 .object_id = arena_concat(tx->arena, id, ARRAY_LEN(id)),
                                 .url = test->letters.list[i].url,
                                 .endpoint_id = test->letters.list[i].endpoint_id,
                                 .content_type = STR("application/json"),
                                 .body = test->letters.list[i].body,
                                 .policy = STR("once"),
                             },
                             &test->delivery_ids[i]);
    }
    if (err)
        return err;
    if (test->letters.count == 0)
        return call_fail(call, 400, "actions is empty: there is nobody to tell");
    return call_then_wait(call, &wait, wait_apply);
}

/* What is stored is tested as it is stored. */
static enum err stored_apply(struct tx *tx, struct call *call)
{
    struct alert_test *test = call->data;
    const struct json *json = NULL;
    struct str why;
    enum err err = alerts_find_project(tx, call, &test->body);

    if (err)
        return err;
    err = alerts_get(tx, call->principal.tenant, test->alert_id, call->arena, &test->body.row);
    if (!err && test->body.row.project_no != test->body.project.project_no)
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "there is no such alert in this project");
    if (err || (err = json_parse(call->arena, test->body.row.rule, &json, NULL)) ||
        (err = alert_rule_read(json, call->arena, &test->body.rule, &why)))
        return err;
    return send(tx, call, test);
}

/* What is not stored gets endpoints of tests, which the next test of this project takes over. */
static enum err given_apply(struct tx *tx, struct call *call)
{
    struct alert_test *test = call->data;
    enum err err = alerts_find_project(tx, call, &test->body);

    if (err)
        return err;
    test->body.row.project_no = test->body.project.project_no;
    err = alerts_place_actions(
        tx, call, &test->body, NULL,
        arena_printf(tx->arena, TEST_OWNER " %.*s", STR_ARG(test->body.project.project_id)));
    return err ? err : send(tx, call, test);
}

/* Without a rule the sample is one of errors. */
static enum err rule_of_sample(struct call *call, struct alert_body *body)
{
    if (json_type(json_get(call->body, "rule")) == JSON_OBJECT)
        return alerts_read_rule(call, body);
    body->rule = (struct alert_rule){.name = STR("Test alert"),
                                     .description = STR(""),
                                     .attribute = ALERT_ERROR_COUNT,
                                     .threshold = 1,
                                     .window_minutes = 5};
    body->rule_text = STR("{}");
    return OK;
}

enum err alerts_test_prepare(struct call *call)
{
    struct alert_test *test = ARENA_NEW(call->arena, struct alert_test);
    enum err err;

    call->data = test;
    test->alert_id = query_get(&call->query, "alert_rule_id");
    if ((err = call_param_uuid(call, 0, "session_id")) || (err = call_body_object(call)) ||
        (str_is_none(test->alert_id) &&
         (err = call_get_uuid(call, "alert_rule_id", &test->alert_id))))
        return err;
    if (!str_is_none(test->alert_id))
        return call_then_write(call, stored_apply);
    if ((err = rule_of_sample(call, &test->body)) || (err = alerts_read_actions(call, &test->body)))
        return err;
    test->body.row = (struct alert_row){
        .tenant = call->principal.tenant,
        .alert_id = call_new_id(call),
        .rule = test->body.rule_text,
    };
    return call_then_write(call, given_apply);
}
