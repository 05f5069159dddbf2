/* alerts_actions.c -- whom alerts tell: each action has an endpoint of its own, with the headers
 * sealed; what is shown and stored besides has none. */
#include "api/alerts_priv.h"

#include "api/delivery_target.h"
#include "api/owned_endpoints.h"

#define ACTIONS_BYTES_MAX (1 * MIB)

static void action_fail(struct call *call, size_t index, int status, struct str why)
{
    call_fail(call, status, "actions[%zu].config.%.*s", index, STR_ARG(why));
}

enum err alerts_read_actions(struct call *call, struct alert_body *body)
{
    struct str texts = json_raw(call->body_text, STR("actions")), key, text, why;
    size_t position = 0;

    if (json_type(json_get(call->body, "actions")) != JSON_ARRAY) {
        call_fail(call, 400, "actions must be an array");
        return ERR_INVALID;
    }
    body->actions = ARENA_ARRAY(call->arena, struct alert_action, ALERT_ACTIONS_MAX);
    body->headers = ARENA_ARRAY(call->arena, struct secret_headers *, ALERT_ACTIONS_MAX);
    body->action_texts = ARENA_ARRAY(call->arena, struct str, ALERT_ACTIONS_MAX);
    while (json_raw_next(texts, &position, &key, &text)) {
        size_t i = body->action_count;

        if (i == ALERT_ACTIONS_MAX) {
            call_fail(call, 400, "actions has more than 10 members");
            return ERR_INVALID;
        }
        if (alert_action_read(text, i, call->arena, &body->actions[i], &why)) {
            call_fail(call, 400, "%.*s", STR_ARG(why));
            return ERR_INVALID;
        }
        why = owned_headers_read(call->arena, body->actions[i].headers,
                                 body->actions[i].header_count, &body->headers[i]);
        if (!str_is_none(why)) {
            action_fail(call, i, 400, why);
            return ERR_INVALID;
        }
        if (delivery_target_check(call, STR("alert"),
                                  arena_printf(call->arena, "actions[%zu].config.url", i),
                                  body->actions[i].url))
            return ERR_INVALID;
        body->action_texts[body->action_count++] = text;
    }
    return OK;
}

/* The config as it was sent, but for the headers' values. */
static void config_write(struct json_writer *json, struct str config,
                         const struct alert_action *action)
{
    struct str key, value;
    size_t position = 0;

    json_begin_object(json);
    while (json_raw_next(config, &position, &key, &value)) {
        json_key_raw(json, key);
        if (!str_eq(key, STR("headers"))) {
            json_raw_out(json, value);
            continue;
        }
        owned_headers_out(json, action->headers, action->header_count);
    }
    json_end_object(json);
}

static void action_write(struct json_writer *json, struct call *call, struct str text,
                         const struct alert_action *action, const struct alert_row *alert,
                         struct str endpoint_id)
{
    const struct json *given = NULL;
    struct str id = STR_NONE;

    if (json_parse(call->arena, text, &given, NULL) == OK)
        id = json_string(json_get(given, "id"));
    json_begin_object(json);
    json_put_str(json, "id", id.len > 0 ? id : call_new_id(call));
    json_put_str(json, "alert_rule_id", alert->alert_id);
    json_put_str(json, "target", STR("webhook"));
    json_key(json, "config");
    config_write(json, json_raw(text, STR("config")), action);
    json_put_str(json, "endpoint_id", endpoint_id);
    json_end_object(json);
}

enum err alerts_place_actions(struct tx *tx, struct call *call, struct alert_body *body,
                              const struct alert_row *was, struct str owner)
{
    const struct json *before = NULL;
    struct json_writer json;
    struct buf out;
    enum err err = owned_endpoints_parse(tx, was ? was->actions : STR_NONE, &before);

    buf_init(&out, ACTIONS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; !err && i < body->action_count; i++) {
        struct owned_endpoint endpoint = {
            .kind = STR("alert"),
            .url = body->actions[i].url,
            .owner = arena_printf(tx->arena, "%.*s %zu", STR_ARG(owner), i),
            .name = body->rule.name,
            .headers = body->headers[i],
            .before = before,
            .index = i,
        };

        err = owned_endpoint_place(tx, body->row.tenant, &endpoint);
        if (!str_is_none(endpoint.why))
            action_fail(call, i, 422, endpoint.why);
        if (!err)
            action_write(&json, call, body->action_texts[i], &body->actions[i], &body->row,
                         endpoint.endpoint_id);
    }
    json_end_array(&json);
    body->row.actions = arena_str(call->arena, buf_str(&out));
    if (!err && out.failed)
        err = ERR_LIMIT;
    buf_release(&out);
    return err;
}
