/* alerts_actions.c -- whom alerts tell: each action has an endpoint of its own, with the headers
 * sealed; what is shown and stored besides has none. */
#include "api/alerts_priv.h"

#include "api/delivery_target.h"
#include "api/endpoint_secrets_priv.h"
#include "store/endpoints.h"

#define ACTIONS_BYTES_MAX (1 * MIB)

enum err alerts_read_actions(struct call *call, struct alert_body *body)
{
    struct str texts = json_raw(call->body_text, STR("actions")), key, text, why;
    size_t position = 0;

    if (json_type(json_get(call->body, "actions")) != JSON_ARRAY) {
        alerts_fail(call, 400, STR("actions must be an array"));
        return ERR_INVALID;
    }
    body->actions = ARENA_ARRAY(call->arena, struct alert_action, ALERT_ACTIONS_MAX);
    body->action_texts = ARENA_ARRAY(call->arena, struct str, ALERT_ACTIONS_MAX);
    while (json_raw_next(texts, &position, &key, &text)) {
        size_t i = body->action_count;

        if (i == ALERT_ACTIONS_MAX) {
            alerts_fail(call, 400, STR("actions has more than 10 members"));
            return ERR_INVALID;
        }
        if (alert_action_read(text, i, call->arena, &body->actions[i], &why)) {
            alerts_fail(call, 400, why);
            return ERR_INVALID;
        }
        if (delivery_target_check(call, STR("alert"), body->actions[i].url))
            return ERR_INVALID;
        body->action_texts[body->action_count++] = text;
    }
    return OK;
}

/* ---- headers ---- */

/* The value that a header shown as "***" stands for. */
static enum err kept_value(struct tx *tx, struct call *call, const struct secret_owner *was,
                           struct alert_header *header)
{
    struct secrets secrets;
    struct str why;
    enum err err;

    if (!str_eq(header->value, SECRET_SHOWN))
        return OK;
    err = was->endpoint_id.data ? secrets_open(tx, was, tx->arena, &secrets, &why) : ERR_NOT_FOUND;
    for (size_t i = 0; !err && i < secrets.count; i++) {
        if (secrets.list[i].kind != SECRET_HEADER ||
            !str_eq_nocase(secrets.list[i].name, header->name))
            continue;
        header->value = secrets.list[i].value;
        return OK;
    }
    alerts_fail(call, 400,
                arena_printf(call->arena,
                             "headers: nothing is stored for \"%.*s\", so \"***\" cannot stand for "
                             "it: give its value",
                             STR_ARG(str_first(header->name, 64))));
    return ERR_INVALID;
}

static enum err headers_put(struct tx *tx, struct call *call, const struct secret_owner *owner,
                            const struct secret_owner *was, struct alert_action *action)
{
    int64_t count;
    enum err err = OK;

    for (size_t i = 0; !err && i < action->header_count; i++)
        err = kept_value(tx, call, was, &action->headers[i]);
    if (!err)
        err = secret_delete(tx, owner, SECRET_HEADER, STR_NONE, &count);
    for (size_t i = 0; !err && i < action->header_count; i++)
        err = secret_put(tx, owner,
                         &(struct secret){.kind = SECRET_HEADER,
                                          .secret_id = action->headers[i].name,
                                          .name = action->headers[i].name,
                                          .value = action->headers[i].value});
    return err;
}

/* ---- endpoints ---- */

static struct str endpoint_of(const struct json *actions, size_t index)
{
    return json_string(json_get(json_item(actions, index), "endpoint_id"));
}

static enum err actions_parse(struct tx *tx, struct str text, const struct json **actions)
{
    *actions = NULL;
    return text.data ? json_parse(tx->arena, text, actions, NULL) : OK;
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
        json_begin_object(json);
        for (size_t i = 0; i < action->header_count; i++) {
            json_key_str(json, action->headers[i].name);
            json_str_out(json, SECRET_SHOWN);
        }
        json_end_object(json);
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
    enum err err = was ? actions_parse(tx, was->actions, &before) : OK;

    buf_init(&out, ACTIONS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; !err && i < body->action_count; i++) {
        struct endpoint_row endpoint = {
            .tenant = body->row.tenant,
            .kind = STR("alert"),
            .url = body->actions[i].url,
            .owner = arena_printf(tx->arena, "%.*s %zu", STR_ARG(owner), i),
            .name = body->rule.name,
        };
        struct secret_owner old = {body->row.tenant, endpoint_of(before, i)}, new;

        err = endpoint_add(tx, &endpoint);
        if (err && err != ERR_CONFLICT)
            break;
        new = (struct secret_owner){body->row.tenant, endpoint.endpoint_id};
        err = headers_put(tx, call, &new, &old, &body->actions[i]);
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

enum err alerts_drop_endpoints(struct tx *tx, const struct alert_row *alert, struct str keep)
{
    const struct json *actions, *kept;
    enum err err = actions_parse(tx, alert->actions, &actions);

    if (err || (err = actions_parse(tx, keep, &kept)))
        return err;
    for (size_t i = 0; !err && i < json_count(actions); i++) {
        struct str id = endpoint_of(actions, i);
        bool is_kept = false;

        for (size_t k = 0; k < json_count(kept); k++)
            is_kept |= str_eq(id, endpoint_of(kept, k));
        if (is_kept)
            continue;
        err = endpoint_delete(tx, alert->tenant, id, false);
        if (err == ERR_CONFLICT || err == ERR_NOT_FOUND) /* what waits is still sent */
            err = OK;
    }
    return err;
}
