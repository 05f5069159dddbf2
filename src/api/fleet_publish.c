/* A webhook is run: the payload is made on a reader, put into the outbox with a row of the log, and
 * the call waits on that delivery.
 *
 *   prepare ──▶ read: who may, form, bundle ──▶ write: outbox, log ──▶ wait ──▶ what was answered
 *
 * A version never changes, so what was read holds when it is written. */
#include "api/fleet_publish.h"

#include "api/delivery_view.h"
#include "api/fleet_priv.h"
#include "crypto/sha256.h"
#include "fleet/bundle.h"
#include "fleet/form.h"
#include "fleet/payload.h"
#include "fleet/tool_auth.h"
#include "fleet/webhooks.h"
#include "store/outbox_query.h"

#define WAIT_MS 30000
#define ARCHIVE_BYTES_MAX                                                                          \
    (5 * MIB) /* receivers often take 10 MiB of body, and base64 adds a third */
#define BODY_BYTES_MAX (10 * MIB)

struct publish_call {
    struct str agent_id; /* STR_NONE: the body is a payload */
    int64_t version;     /* 0: the newest */
    struct str input;
    struct payload payload;
    struct fleet_publish row;
    struct str endpoint_id, url;
    struct str body;
};

/* ---- the end: what the receiver said ---- */

/* The first attempt's end is what was asked for, whatever the policy does then. */
static bool has_answer(const struct delivery_row *delivery)
{
    return !str_is_none(delivery->last_result) || delivery->state == DELIVERY_DEAD;
}

static void put_ids(struct json_writer *json, const struct publish_call *p,
                    const struct delivery_row *delivery)
{
    json_put_str(json, "publish_id", p->row.publish_id);
    json_put_i64(json, "delivery_id", delivery->delivery_id);
    json_put_str(json, "webhook_message_id", delivery->webhook_id);
    json_put_i64(json, "agent_version", p->row.agent_version);
    json_put_str(json, "bundle_sha256", p->row.bundle_sha256);
}

static enum err reply_answered(struct call *call, const struct delivery_row *delivery,
                               const struct attempt_row *attempt)
{
    struct json_writer *json = call_json(call, 200);

    json_begin_object(json);
    json_put_i64(json, "upstream_status_code", attempt->status);
    json_put_str(json, "upstream_content_type", attempt->response_type);
    json_put_str(json, "upstream_body", str_is_none(attempt->excerpt) ? STR("") : attempt->excerpt);
    put_ids(json, call->data, delivery);
    json_end_object(json);
    return OK;
}

static enum err reply_waiting(struct call *call, const struct delivery_row *delivery)
{
    struct json_writer *json = call_json(call, 202);

    json_begin_object(json);
    json_put_null(json, "upstream_status_code");
    json_put_null(json, "upstream_content_type");
    json_put_null(json, "upstream_body");
    json_put_bool(json, "pending", true);
    json_put_str(json, "message", delivery_json_verdict(delivery));
    put_ids(json, call->data, delivery);
    json_end_object(json);
    return OK;
}

static struct str why_not(const struct call *call, const struct delivery_row *delivery,
                          const struct attempt_row *attempt)
{
    if (delivery_view_hides_end(call, delivery))
        return STR("it could not be reached");
    return attempt ? attempt->detail : delivery->state_reason;
}

static enum err wait_apply(struct tx *tx, struct call *call)
{
    static const struct call_wait wait = {.topic = TOPIC_DELIVERY_LOG, .timeout_ms = WAIT_MS};
    const struct publish_call *p = call->data;
    struct delivery_row delivery;
    struct attempt_row *attempts;
    size_t count;
    enum err err = delivery_get(tx, p->row.tenant, p->row.delivery_id, call->arena, &delivery);

    if (err)
        return err;
    if (!has_answer(&delivery) || delivery_view_hides_end(call, &delivery)) {
        if (delivery.state != DELIVERY_HELD && !call_wait_is_over(call))
            return call_then_wait(call, &wait, wait_apply);
        if (!has_answer(&delivery))
            return reply_waiting(call, &delivery);
    }
    err = attempt_list(tx, p->row.tenant, p->row.delivery_id, call->arena, &attempts, &count);
    if (err)
        return err;
    if (count > 0 && attempts[count - 1].status)
        return reply_answered(call, &delivery, &attempts[count - 1]);
    return call_fail(call, 502, "the receiver did not answer: %.*s (delivery %lld)",
                     STR_ARG(why_not(call, &delivery, count > 0 ? &attempts[count - 1] : NULL)),
                     (long long)delivery.delivery_id);
}

/* ---- the outbox and the log ---- */

static enum err send_apply(struct tx *tx, struct call *call)
{
    static const struct policy_set built_in;
    static const struct call_wait wait = {.topic = TOPIC_DELIVERY_LOG, .timeout_ms = WAIT_MS};
    const struct policy_set *policies = call->setup->policies ? call->setup->policies : &built_in;
    struct publish_call *p = call->data;
    enum err err = outbox_add_one(tx,
                                  &(struct outbox_event){
                                      .tenant = p->row.tenant,
                                      .kind = STR("fleet"),
                                      .object_id = p->row.publish_id,
                                      .url = p->url,
                                      .endpoint_id = p->endpoint_id,
                                      .content_type = STR("application/json"),
                                      .body = p->body,
                                      .policy = policies_for_kind(policies, STR("fleet")),
                                  },
                                  &p->row.delivery_id);

    if (err == ERR_NOT_FOUND)
        return fleet_webhook_not_found(call); /* deleted meanwhile */
    p->row.created_us = tx->now_us;
    if (!err)
        err = fleet_publish_insert(tx, &p->row);
    return err ? err : call_then_wait(call, &wait, wait_apply);
}

/* ---- what is sent ---- */

static enum err render(struct call *call, struct publish_call *p)
{
    struct buf out;

    buf_init(&out, BODY_BYTES_MAX);
    payload_write(&out, &p->payload);
    p->body = buf_keep(&out, call->arena);
    if (!str_is_none(p->body))
        return call_then_write(call, send_apply);
    call_fail(call, 422, "the payload is larger than 10 MiB");
    return ERR_LIMIT;
}

static enum err bundle_take(struct tx *tx, struct call *call, const struct fleet_agent *agent)
{
    static const struct bundle_options options = {.only_composite_keys = false};
    struct server_auths servers = {.count = 0};
    struct publish_call *p = call->data;
    const struct tree_key key = {agent->tenant, agent->agent_id};
    struct tree_files files;
    struct bundle bundle;
    enum err err = bundle_make(tx, agent, p->version, &options, call->arena, &bundle);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "the agent has no version %lld", (long long)p->version);
    if (!err)
        err = tree_read(tx, &key, bundle.version, tx->arena, &files);
    if (!err)
        err = fleet_server_auths(tx, call, &servers);
    if (err)
        return err;
    p->payload.agent_name = agent->name;
    p->payload.agent_description = agent->description;
    p->payload.tool_auth = tool_auth_requirements(call->arena, &files, &servers);
    p->payload.file_name = bundle.file_name;
    p->payload.archive = bundle.archive;
    p->row.agent_id = agent->agent_id;
    p->row.agent_version = bundle.version;
    p->row.commit_hash = bundle.commit_hash;
    p->row.bundle_sha256 = bundle.sha256;
    return OK;
}

/* {"detail", "errors": [{"field", "message"}]}: all at once, so that a form can show them. */
static enum err refuse_input(struct call *call, const struct form_problems *problems)
{
    struct json_writer *json = call_json(call, 422);

    json_begin_object(json);
    json_put_str(json, "detail",
                 arena_printf(call->arena, "input: %.*s %.*s", STR_ARG(problems->list[0].field),
                              STR_ARG(problems->list[0].message)));
    json_put_str(json, "type", STR("error"));
    json_put_str(json, "code", STR("validation_error"));
    json_put_i64(json, "status", 422);
    json_key(json, "errors");
    json_begin_array(json);
    for (size_t i = 0; i < problems->count; i++) {
        json_begin_object(json);
        json_put_str(json, "field", problems->list[i].field);
        json_put_str(json, "message", problems->list[i].message);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
    return ERR_INVALID;
}

static enum err input_take(struct call *call, const struct fleet_webhook *webhook)
{
    struct publish_call *p = call->data;
    struct form_problems problems;
    struct form form;
    struct str why;

    if (form_parse(call->arena, webhook->form_schema, &form, &why))
        return ERR_IO; /* it was checked when it was saved */
    if (form_fill(call->arena, &form, p->input, &p->payload.input, &problems))
        return refuse_input(call, &problems);
    p->payload.fields = form.fields_text;
    return OK;
}

/* ---- who may ---- */

/* Without an agent of this server only for those who manage the webhook. With one it is theirs to
 * publish who may write it; for others there is no such webhook (E4). */
static enum err agent_take(struct tx *tx, struct call *call, const struct fleet_webhook *webhook)
{
    struct publish_call *p = call->data;
    const struct fleet_agent wanted = {.tenant = call->principal.tenant, .agent_id = p->agent_id};
    struct fleet_agent agent;
    enum err err;

    if (str_is_none(p->agent_id))
        return webhook_is_seen_by(webhook, p->payload.publisher) ? OK
                                                                 : fleet_webhook_not_found(call);
    err = agent_find(tx, &wanted, p->payload.publisher, AGENT_WRITE, call->arena, &agent);
    if (err == ERR_DENIED)
        return fleet_webhook_not_found(call);
    if (err == ERR_NOT_FOUND) {
        call_fail(call, 404, "there is no agent %.*s", STR_ARG(str_first(p->agent_id, 64)));
        return err;
    }
    return err ? err : bundle_take(tx, call, &agent);
}

/* The same request again is answered with what became of the first. */
static enum err repeat(struct tx *tx, struct call *call, bool *is_repeated)
{
    static const struct call_wait wait = {.topic = TOPIC_DELIVERY_LOG, .timeout_ms = WAIT_MS};
    struct publish_call *p = call->data;
    struct fleet_publish before;
    enum err err;

    if (str_is_none(p->row.request_key))
        return OK;
    err = fleet_publish_find(tx, p->row.tenant, p->row.request_key, call->arena, &before);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    if (!str_eq(before.webhook_id, call->params[0]) || !str_eq(before.agent_id, p->agent_id) ||
        !str_eq(before.publisher_id, p->row.publisher_id)) {
        call_fail(call, 409, "Idempotency-Key: this key was used for another request");
        return ERR_CONFLICT;
    }
    p->row = before;
    *is_repeated = true;
    return call_then_wait(call, &wait, wait_apply);
}

static enum err build_apply(struct tx *tx, struct call *call)
{
    struct publish_call *p = call->data;
    struct fleet_webhook webhook;
    bool is_repeated = false;
    enum err err = repeat(tx, call, &is_repeated);

    if (err || is_repeated)
        return err;
    err = fleet_webhook_get(tx, p->row.tenant, call->params[0], call->arena, &webhook);
    if (err == ERR_NOT_FOUND)
        return fleet_webhook_not_found(call);
    if (err || (err = agent_take(tx, call, &webhook)) || (err = input_take(call, &webhook)))
        return err;
    if (p->payload.archive.len > ARCHIVE_BYTES_MAX) {
        call_fail(call, 422,
                  "the agent's archive has more than 5 MiB; many receivers take no more");
        return ERR_LIMIT;
    }
    p->endpoint_id = webhook.endpoint_id;
    p->url = webhook.url;
    p->payload.action = webhook.name;
    p->row.webhook_id = webhook.webhook_id;
    p->row.webhook_name = webhook.name;
    p->row.agent_name = p->payload.agent_name;
    p->row.input = p->payload.input;
    return render(call, p);
}

/* ---- the start ---- */

/* Made elsewhere: an archive, and what it says of the agent. Its publisher is not believed. */
static enum err payload_take(struct call *call, struct publish_call *p)
{
    struct sha256_text text;
    struct sha256 digest;
    struct str why;
    enum err err = payload_read(call->arena, call->body_text, &p->payload, &why);

    if (err) {
        call_fail(call, 422, "%.*s", STR_ARG(why));
        return err;
    }
    digest = sha256_of(p->payload.archive);
    p->row.bundle_sha256 = arena_str(call->arena, sha256_write(&digest, &text));
    return OK;
}

enum err fleet_publish_prepare(struct call *call)
{
    struct publish_call *p = ARENA_NEW(call->arena, struct publish_call);
    struct person *person = ARENA_NEW(call->arena, struct person);
    enum err err = call_body_object(call);

    if (err || (err = call_get_text(call, "agent_id", &p->agent_id)) ||
        (err = call_get_int(call, "version", 1, INT64_MAX, &p->version)))
        return err;
    if (str_is_none(p->agent_id) && !json_get(call->body, "files")) {
        call_fail(call, 422, "agent_id: must be given, the agent to be published");
        return ERR_INVALID;
    }
    if (str_is_none(p->agent_id) && (err = payload_take(call, p)))
        return err;
    *person = fleet_person(call);
    p->payload.publisher = person;
    p->input = json_raw(call->body_text, STR("input"));
    p->row.tenant = call->principal.tenant;
    p->row.publish_id = call_new_id(call);
    p->row.publisher_id = person->user_id;
    p->row.publisher_email = person->email;
    p->row.request_key =
        http_header_find(call->request->headers, call->request->header_count, "idempotency-key");
    if (p->row.request_key.len > 255) {
        call_fail(call, 422, "Idempotency-Key: must not be longer than 255 characters");
        return ERR_INVALID;
    }
    call->data = p;
    return call_then_read(call, build_apply);
}

/* ---- the log ---- */

static void put_publish(struct json_writer *json, const struct fleet_publish *row,
                        const struct delivery_row *delivery)
{
    json_begin_object(json);
    json_put_str(json, "publish_id", row->publish_id);
    json_put_str(json, "webhook_id", row->webhook_id);
    json_put_str(json, "webhook_name", row->webhook_name);
    json_put_str(json, "agent_id", row->agent_id);
    json_put_str(json, "agent_name", row->agent_name);
    json_put_i64(json, "agent_version", row->agent_version);
    json_put_str(json, "commit_hash", row->commit_hash);
    json_put_str(json, "bundle_sha256", row->bundle_sha256);
    json_key(json, "publisher");
    json_begin_object(json);
    json_put_str(json, "user_id", row->publisher_id);
    json_put_str(json, "email", row->publisher_email);
    json_end_object(json);
    json_put_raw(json, "input", row->input);
    json_put_i64(json, "delivery_id", row->delivery_id);
    json_put_str(json, "delivery_state",
                 delivery ? delivery_state_name(delivery->state) : STR_NONE);
    json_put_i64(json, "delivery_status", delivery ? delivery->last_status : 0);
    json_put_time(json, "created_at", row->created_us);
    json_end_object(json);
}

struct publishes_call {
    struct fleet_publish_filter filter;
    int64_t size;
};

/* Everybody sees their own; whoever may write an agent, all of that agent; administrators all. */
static enum err narrow(struct tx *tx, struct call *call, struct fleet_publish_filter *filter)
{
    const struct person person = fleet_person(call);
    const struct fleet_agent wanted = {.tenant = filter->tenant, .agent_id = filter->agent_id};
    struct fleet_agent agent;
    enum err err;

    if (person.is_admin)
        return OK;
    if (!str_is_none(filter->agent_id)) {
        err = agent_find(tx, &wanted, &person, AGENT_WRITE, call->arena, &agent);
        if (err != ERR_NOT_FOUND && err != ERR_DENIED)
            return err;
    }
    filter->publisher_id = person.user_id;
    return OK;
}

static enum err publishes_apply(struct tx *tx, struct call *call)
{
    const struct publishes_call *asked = call->data;
    struct fleet_publish_filter filter = asked->filter;
    struct fleet_publish_rows found;
    struct json_writer *json;
    size_t size = (size_t)asked->size;
    enum err err = narrow(tx, call, &filter);

    if (err || (err = fleet_publish_list(tx, &filter, tx->arena, &found)))
        return err;
    fleet_page_begin(call, &json);
    for (size_t i = 0; i < found.count && i < size; i++) {
        struct delivery_row delivery;

        /* Deliveries are forgotten earlier than the log. */
        err = delivery_get(tx, filter.tenant, found.list[i].delivery_id, tx->arena, &delivery);
        if (err && err != ERR_NOT_FOUND)
            return err;
        put_publish(json, &found.list[i], err ? NULL : &delivery);
    }
    if (found.count > size)
        fleet_page_end(call, found.list[size - 1].created_us, found.list[size - 1].publish_id);
    else
        fleet_page_end(call, 0, STR_NONE);
    return OK;
}

static struct str query_or_none(const struct call *call, const char *key)
{
    struct str value = query_get(&call->query, key);

    return str_is_empty(value) ? STR_NONE : value;
}

enum err fleet_publishes_prepare(struct call *call)
{
    struct publishes_call *asked = ARENA_NEW(call->arena, struct publishes_call);
    struct fleet_page page;
    enum err err = fleet_page_read(call, &page);

    if (err)
        return err;
    asked->size = page.size;
    asked->filter = (struct fleet_publish_filter){
        .tenant = call->principal.tenant,
        .webhook_id = query_or_none(call, "webhook_id"),
        .agent_id = query_or_none(call, "agent_id"),
        .place = {page.before_us, page.before_id, page.size + 1},
    };
    call->data = asked;
    return call_then_read(call, publishes_apply);
}
