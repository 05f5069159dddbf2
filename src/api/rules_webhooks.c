/* rules_webhooks.c -- whom rules tell: each URL has an endpoint of its own (B10), with the headers
 * sealed (B11); what is shown and stored besides has none. */
#include "api/rules_priv.h"

#include "api/owned_endpoints.h"

#define WEBHOOKS_BYTES_MAX (1 * MIB)

static void webhook_write(struct json_writer *json, const struct rule_webhook *webhook,
                          struct str endpoint_id)
{
    json_begin_object(json);
    json_put_str(json, "url", webhook->url);
    json_key(json, "headers");
    owned_headers_out(json, webhook->headers, webhook->header_count);
    json_put_str(json, "endpoint_id", endpoint_id);
    json_end_object(json);
}

enum err rules_read_headers(struct call *call, struct rule_body *body)
{
    body->headers = ARENA_ARRAY(call->arena, struct secret_headers *, RULE_WEBHOOKS_MAX);
    for (size_t i = 0; i < body->spec.webhook_count; i++) {
        const struct rule_webhook *webhook = &body->spec.webhooks[i];
        struct str why = owned_headers_read(call->arena, webhook->headers, webhook->header_count,
                                            &body->headers[i]);

        if (str_is_none(why))
            continue;
        call_fail(call, 422, "webhooks[%zu].%.*s", i, STR_ARG(why));
        return ERR_INVALID;
    }
    return OK;
}

enum err rules_place_webhooks(struct tx *tx, struct call *call, struct rule_body *body,
                              const struct rule_row *was)
{
    const struct json *before = NULL;
    struct json_writer json;
    struct buf out;
    enum err err = owned_endpoints_parse(tx, was ? was->webhooks : STR_NONE, &before);

    buf_init(&out, WEBHOOKS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; !err && i < body->spec.webhook_count; i++) {
        struct rule_webhook *webhook = &body->spec.webhooks[i];
        struct owned_endpoint endpoint = {
            .kind = STR("rule"),
            .url = webhook->url,
            .owner = arena_printf(tx->arena, "%.*s %zu", STR_ARG(body->row.rule_id), i),
            .name = body->spec.display_name,
            .headers = body->headers[i],
            .before = before,
            .index = i,
        };

        err = owned_endpoint_place(tx, body->row.tenant, &endpoint);
        if (!str_is_none(endpoint.why))
            call_fail(call, 422, "webhooks[%zu].%.*s", i, STR_ARG(endpoint.why));
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
