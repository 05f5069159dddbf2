/* /platform/fleet-webhooks: where agents can be published to. */
#include "api/fleet_priv.h"

#include "api/delivery_target.h"
#include "api/fleet_publish.h"
#include "api/secret_headers.h"
#include "fleet/form.h"
#include "fleet/webhooks.h"
#include "format/url.h"
#include "store/endpoints.h"

#define NAME_BYTES_MAX 200
#define KIND STR("fleet")

/* What a body says. */
struct webhook_body {
    struct str name, url, form_schema; /* STR_NONE: not said */
    struct form form;                  /* what form_schema says; empty: not said */
    struct secret_headers *headers;    /* NULL: not said */
    struct fleet_page page;            /* of a list */
};

/* ---- what is shown ---- */

static enum err put_endpoint(struct tx *tx, struct json_writer *json,
                             const struct fleet_webhook *webhook)
{
    const struct secret_owner owner = {webhook->tenant, webhook->endpoint_id};
    struct endpoint_row endpoint;
    enum err err = endpoint_get(tx, webhook->tenant, webhook->endpoint_id, tx->arena, &endpoint);

    if (err)
        return err;
    json_key(json, "headers");
    if ((err = secret_headers_out(tx, &owner, json)))
        return err;
    json_put_str(json, "endpoint_id", webhook->endpoint_id);
    json_put_str(json, "endpoint_state", endpoint_state_name(endpoint.state));
    return OK;
}

static enum err put_members(struct tx *tx, struct json_writer *json,
                            const struct fleet_webhook *webhook)
{
    enum err err;

    json_put_str(json, "id", webhook->webhook_id);
    json_put_str(json, "name", webhook->name);
    url_mask_put(json, "url", webhook->url);
    json_put_bool(json, "is_insecure", str_starts_nocase(webhook->url, STR("http://")));
    if ((err = put_endpoint(tx, json, webhook)))
        return err;
    json_put_raw(json, "form_schema", webhook->form_schema);
    json_key(json, "creator");
    json_begin_object(json);
    json_put_str(json, "user_id", webhook->creator_id);
    json_put_str(json, "email", webhook->creator_email);
    json_end_object(json);
    json_put_time(json, "created_at", webhook->created_us);
    json_put_time(json, "updated_at", webhook->updated_us);
    return OK;
}

static enum err put_webhook(struct tx *tx, struct json_writer *json,
                            const struct fleet_webhook *webhook)
{
    enum err err;

    json_begin_object(json);
    err = put_members(tx, json, webhook);
    json_end_object(json);
    return err;
}

/* For whoever may publish by it but not change it. */
static void put_name_and_form(struct json_writer *json, const struct fleet_webhook *webhook)
{
    json_begin_object(json);
    json_put_str(json, "id", webhook->webhook_id);
    json_put_str(json, "name", webhook->name);
    json_put_raw(json, "form_schema", webhook->form_schema);
    json_end_object(json);
}

/* Whoever saves hears what is taken for something else. */
static void put_warnings(struct json_writer *json, struct call *call, const struct form *form)
{
    bool any = false;

    for (size_t i = 0; i < form->count; i++) {
        struct str type = form->fields[i].unknown_type;

        if (str_is_none(type))
            continue;
        if (!any) {
            json_key(json, "warnings");
            json_begin_array(json);
            any = true;
        }
        json_str_out(json, arena_printf(call->arena,
                                        "form_schema: fields[%zu] is taken as a string: there is "
                                        "no type \"%.*s\"",
                                        i, STR_ARG(str_first(type, 64))));
    }
    if (any)
        json_end_array(json);
}

static enum err saved_reply(struct tx *tx, struct call *call, int status,
                            const struct fleet_webhook *webhook)
{
    const struct webhook_body *body = call->data;
    struct json_writer *json = call_json(call, status);
    enum err err;

    json_begin_object(json);
    err = put_members(tx, json, webhook);
    put_warnings(json, call, &body->form);
    json_end_object(json);
    return err;
}

enum err fleet_webhook_not_found(struct call *call)
{
    call_fail(call, 404, "there is no webhook %.*s", STR_ARG(str_first(call->params[0], 64)));
    return ERR_NOT_FOUND;
}

static enum err webhook_of(struct tx *tx, struct call *call, struct fleet_webhook *webhook)
{
    const struct person person = fleet_person(call);
    enum err err =
        fleet_webhook_get(tx, call->principal.tenant, call->params[0], call->arena, webhook);

    if (err == ERR_NOT_FOUND || (!err && !webhook_is_seen_by(webhook, &person)))
        return fleet_webhook_not_found(call);
    return err;
}

/* ---- list, get ---- */

/* By ?agent_id= those that this agent can be published by: for whoever may write it. */
static enum err may_publish(struct tx *tx, struct call *call, struct str agent_id)
{
    const struct fleet_agent wanted = {.tenant = call->principal.tenant, .agent_id = agent_id};
    const struct person person = fleet_person(call);
    struct fleet_agent agent;
    enum err err = agent_find(tx, &wanted, &person, AGENT_WRITE, call->arena, &agent);

    if (err != ERR_NOT_FOUND && err != ERR_DENIED)
        return err;
    call_fail(call, 404, "there is no agent %.*s", STR_ARG(str_first(agent_id, 64)));
    return ERR_NOT_FOUND;
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    const struct webhook_body *asked = call->data;
    struct str agent_id = query_get(&call->query, "agent_id");
    bool by_agent = !str_is_empty(agent_id);
    const struct person person = fleet_person(call);
    const struct fleet_place place = {asked->page.before_us, asked->page.before_id,
                                      asked->page.size + 1};
    struct fleet_webhook_rows found;
    struct json_writer *json;
    size_t size = (size_t)asked->page.size;
    enum err err = by_agent ? may_publish(tx, call, agent_id) : OK;

    if (!err)
        err = fleet_webhook_list(tx, call->principal.tenant,
                                 by_agent || person.is_admin ? STR_NONE : person.user_id, &place,
                                 tx->arena, &found);
    if (err)
        return err;
    fleet_page_begin(call, &json);
    for (size_t i = 0; !err && i < found.count && i < size; i++) {
        if (webhook_is_seen_by(&found.list[i], &person))
            err = put_webhook(tx, json, &found.list[i]);
        else
            put_name_and_form(json, &found.list[i]);
    }
    if (found.count > size)
        fleet_page_end(call, found.list[size - 1].created_us, found.list[size - 1].webhook_id);
    else
        fleet_page_end(call, 0, STR_NONE);
    return err;
}

static enum err list_prepare(struct call *call)
{
    struct webhook_body *asked = ARENA_NEW(call->arena, struct webhook_body);
    enum err err = fleet_page_read(call, &asked->page);

    call->data = asked;
    return err ? err : call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct fleet_webhook webhook;
    enum err err = webhook_of(tx, call, &webhook);

    return err ? err : put_webhook(tx, call_json(call, 200), &webhook);
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* ---- what a body says ---- */

static enum err read_form(struct call *call, struct webhook_body *body)
{
    struct str why;

    if (!json_get(call->body, "form_schema"))
        return OK;
    body->form_schema = json_raw(call->body_text, STR("form_schema"));
    if (str_eq(body->form_schema, STR("null")))
        body->form_schema = STR("{}");
    if (!form_parse(call->arena, body->form_schema, &body->form, &why))
        return OK;
    call_fail(call, 422, "%.*s", STR_ARG(why));
    return ERR_INVALID;
}

static enum err read_headers(struct call *call, struct webhook_body *body)
{
    const struct json *headers = json_get(call->body, "headers");

    if (!headers)
        return OK;
    body->headers = ARENA_NEW(call->arena, struct secret_headers);
    if (json_is_null(headers))
        return OK;
    if (json_type(headers) != JSON_OBJECT)
        return call_refuse(call, "headers: must be an object of names and values");
    return secret_headers_read(call, headers, body->headers);
}

static enum err body_read(struct call *call, struct webhook_body **read)
{
    struct webhook_body *body = ARENA_NEW(call->arena, struct webhook_body);
    enum err err;

    if ((err = call_body_object(call)) || (err = call_get_text(call, "name", &body->name)) ||
        (err = call_get_text(call, "url", &body->url)) || (err = read_form(call, body)) ||
        (err = read_headers(call, body)))
        return err;
    if (!str_is_none(body->name) &&
        (str_trim(body->name).len == 0 || body->name.len > NAME_BYTES_MAX))
        return call_refuse(call, "name: must have 1 to 200 bytes");
    if (!str_is_none(body->url) && (err = delivery_target_check(call, KIND, STR("url"), body->url)))
        return err;
    *read = body;
    return OK;
}

/* ---- create, change, delete ---- */

static enum err put_headers(struct tx *tx, struct call *call, const struct fleet_webhook *webhook,
                            const struct secret_headers *headers)
{
    const struct secret_owner owner = {webhook->tenant, webhook->endpoint_id};

    return headers ? secret_headers_put(tx, call, &owner, headers) : OK;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    const struct webhook_body *body = call->data;
    const struct person person = fleet_person(call);
    struct fleet_webhook webhook = {
        .tenant = call->principal.tenant,
        .webhook_id = call_new_id(call),
        .name = body->name,
        .url = body->url,
        .form_schema = str_is_none(body->form_schema) ? STR("{}") : body->form_schema,
        .creator_id = person.user_id,
        .creator_email = person.email,
    };
    enum err err = webhook_create(tx, &webhook);

    if (!err)
        err = put_headers(tx, call, &webhook, body->headers);
    return err ? err : saved_reply(tx, call, 201, &webhook);
}

static enum err create_prepare(struct call *call)
{
    struct webhook_body *body;
    enum err err = body_read(call, &body);

    if (err)
        return err;
    if (str_is_none(body->name))
        return call_refuse(call, "name: must be given");
    if (str_is_none(body->url))
        return call_refuse(call, "url: must be given");
    call->data = body;
    return call_then_write(call, create_apply);
}

static enum err patch_apply(struct tx *tx, struct call *call)
{
    const struct webhook_body *body = call->data;
    struct fleet_webhook webhook;
    struct str old_url;
    bool has_lost;
    enum err err = webhook_of(tx, call, &webhook);

    if (err)
        return err;
    old_url = webhook.url;
    if (!str_is_none(body->name))
        webhook.name = body->name;
    if (!str_is_none(body->url))
        webhook.url = body->url;
    if (!str_is_none(body->form_schema))
        webhook.form_schema = body->form_schema;
    if ((err = webhook_change(tx, &webhook, old_url, &has_lost)))
        return err;
    if (has_lost && !body->headers)
        return call_refuse(call,
                           "headers: this URL is of another host, to which the headers do not go "
                           "along by themselves; give them again, or {} for none");
    err = put_headers(tx, call, &webhook, body->headers);
    return err ? err : saved_reply(tx, call, 200, &webhook);
}

static enum err patch_prepare(struct call *call)
{
    struct webhook_body *body;
    enum err err = body_read(call, &body);

    if (err)
        return err;
    call->data = body;
    return call_then_write(call, patch_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    struct fleet_webhook webhook;
    enum err err = webhook_of(tx, call, &webhook);

    if (!err)
        err = webhook_remove(tx, &webhook);
    return err ? err : call_empty(call, 204);
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)
#define PATH "/platform/fleet-webhooks"

static const struct route routes[] = {
    {HTTP_GET, PATH, list_prepare, PERMIT_READ, FLEET,
     "List webhooks: one's own, an administrator's all; ?agent_id= those to publish it by"},
    {HTTP_POST, PATH, create_prepare, PERMIT_EDIT, FLEET | ROUTE_IDEMPOTENT,
     "Make a webhook by which agents are published"},
    {HTTP_GET, PATH "/{webhook_id}", get_prepare, PERMIT_READ, FLEET, "Get a webhook"},
    {HTTP_PATCH, PATH "/{webhook_id}", patch_prepare, PERMIT_EDIT, FLEET,
     "Change its name, url, headers (*** keeps one), form"},
    {HTTP_DELETE, PATH "/{webhook_id}", delete_prepare, PERMIT_EDIT, FLEET, "Delete a webhook"},
    {HTTP_POST, PATH "/{webhook_id}/run", fleet_publish_prepare, PERMIT_EDIT, FLEET,
     "Publish an agent by it, and answer with what the receiver said"},
    {HTTP_GET, "/v1/fleet/publishes", fleet_publishes_prepare, PERMIT_READ, FLEET,
     "Who published which agent when, with which input"},
};

const struct route_list routes_fleet_webhooks = {routes, ARRAY_LEN(routes)};
