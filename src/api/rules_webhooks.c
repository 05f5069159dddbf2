/* rules_webhooks.c -- whom rules tell: each URL has an endpoint of its own (B10), with the headers
 * sealed (B11); what is shown and stored besides has none. */
#include "api/rules_priv.h"

#include "api/endpoint_secrets_priv.h"
#include "store/endpoints.h"

#define WEBHOOKS_BYTES_MAX (1 * MIB)

/* The value that a header shown as "***" stands for. */
static enum err kept_value(struct tx *tx, struct call *call, const struct secret_owner *was,
                           struct rule_header *header)
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
    call_fail(
        call, 422,
        "webhooks: nothing is stored for the header \"%.*s\", so \"***\" cannot stand for it: "
        "give its value",
        STR_ARG(str_first(header->name, 64)));
    return ERR_INVALID;
}

static enum err headers_put(struct tx *tx, struct call *call, const struct secret_owner *owner,
                            const struct secret_owner *was, struct rule_webhook *webhook)
{
    int64_t count;
    enum err err = OK;

    for (size_t i = 0; !err && i < webhook->header_count; i++)
        err = kept_value(tx, call, was, &webhook->headers[i]);
    if (!err)
        err = secret_delete(tx, owner, SECRET_HEADER, STR_NONE, &count);
    for (size_t i = 0; !err && i < webhook->header_count; i++)
        err = secret_put(tx, owner,
                         &(struct secret){.kind = SECRET_HEADER,
                                          .secret_id = webhook->headers[i].name,
                                          .name = webhook->headers[i].name,
                                          .value = webhook->headers[i].value});
    return err;
}

static struct str endpoint_of(const struct json *webhooks, size_t index)
{
    return json_string(json_get(json_item(webhooks, index), "endpoint_id"));
}

static enum err webhooks_parse(struct tx *tx, struct str text, const struct json **webhooks)
{
    *webhooks = NULL;
    return text.data ? json_parse(tx->arena, text, webhooks, NULL) : OK;
}

static void webhook_write(struct json_writer *json, const struct rule_webhook *webhook,
                          struct str endpoint_id)
{
    json_begin_object(json);
    json_put_str(json, "url", webhook->url);
    json_key(json, "headers");
    json_begin_object(json);
    for (size_t i = 0; i < webhook->header_count; i++) {
        json_key_str(json, webhook->headers[i].name);
        json_str_out(json, SECRET_SHOWN);
    }
    json_end_object(json);
    json_put_str(json, "endpoint_id", endpoint_id);
    json_end_object(json);
}

enum err rules_place_webhooks(struct tx *tx, struct call *call, struct rule_body *body,
                              const struct rule_row *was)
{
    const struct json *before = NULL;
    struct json_writer json;
    struct buf out;
    enum err err = was ? webhooks_parse(tx, was->webhooks, &before) : OK;

    buf_init(&out, WEBHOOKS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; !err && i < body->spec.webhook_count; i++) {
        struct rule_webhook *webhook = &body->spec.webhooks[i];
        struct endpoint_row endpoint = {
            .tenant = body->row.tenant,
            .kind = STR("rule"),
            .url = webhook->url,
            .owner = arena_printf(tx->arena, "%.*s %zu", STR_ARG(body->row.rule_id), i),
            .name = body->spec.display_name,
        };
        struct secret_owner old = {body->row.tenant, endpoint_of(before, i)}, new;

        err = endpoint_add(tx, &endpoint);
        if (err && err != ERR_CONFLICT)
            break;
        new = (struct secret_owner){body->row.tenant, endpoint.endpoint_id};
        err = headers_put(tx, call, &new, &old, webhook);
        if (!err)
            webhook_write(&json, webhook, endpoint.endpoint_id);
    }
    json_end_array(&json);
    body->row.webhooks = arena_str(call->arena, buf_str(&out));
    if (!err && out.failed)
        err = ERR_LIMIT;
    buf_release(&out);
    return err;
}

enum err rules_drop_endpoints(struct tx *tx, const struct rule_row *rule, struct str keep)
{
    const struct json *webhooks, *kept;
    enum err err = webhooks_parse(tx, rule->webhooks, &webhooks);

    if (err || (err = webhooks_parse(tx, keep, &kept)))
        return err;
    for (size_t i = 0; !err && i < json_count(webhooks); i++) {
        struct str id = endpoint_of(webhooks, i);
        bool is_kept = false;

        for (size_t k = 0; k < json_count(kept); k++)
            is_kept |= str_eq(id, endpoint_of(kept, k));
        if (is_kept)
            continue;
        err = endpoint_delete(tx, rule->tenant, id, false);
        if (err == ERR_CONFLICT || err == ERR_NOT_FOUND) /* what waits is still sent */
            err = OK;
    }
    return err;
}
