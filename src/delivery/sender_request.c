/* What an attempt sends, to whom, and with which secrets. */
#include "base/json.h"
#include "base/mem.h"
#include "crypto/sha256.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"

/* ---- secrets ---- */

static void open_keys(struct attempt *a)
{
    struct signing_keys *keys;

    if (a->keys || a->row.secrets.count == 0)
        return;
    keys = MEM_NEW(struct signing_keys);
    signing_keys_open(keys, &a->row.secrets);
    a->keys = keys;
}

void attempt_forget_secrets(struct attempt *a)
{
    secrets_wipe(&a->row.secrets);
    if (!a->keys)
        return;
    signing_keys_release(a->keys);
    mem_free(a->keys);
    a->keys = NULL;
}

/* ---- the request ---- */

static const struct webhook_config *config_of(const struct attempt *a)
{
    return str_eq(a->row.kind, STR("run")) ? a->delivery->config.webhooks : NULL;
}

static void write_headers(struct attempt *a, struct http_client_request *request)
{
    struct delivery *d = a->delivery;
    const struct webhook_config *webhooks = a->row.is_elsewhere ? NULL : config_of(a);
    struct request_headers_input input = {
        .row = &a->row,
        .timestamp_s = loop_wall_us(d->loop) / US_PER_SECOND,
        .user_agent = d->config.user_agent,
        .fixed = webhooks ? webhooks->headers : NULL,
        .fixed_count = webhooks ? webhooks->header_count : 0,
        .secrets = &a->row.secrets,
        .own = a->keys,
        .server = &d->keys,
    };

    request_headers_make(&input, &a->arena, &request->headers, &request->header_count);
}

/* Which client may send it, and where. */
static struct http_client *aim(struct attempt *a, struct http_client_request *request,
                               struct str *why)
{
    struct delivery *d = a->delivery;
    const struct webhook_config *webhooks = config_of(a);
    struct target_question question = {
        .rules = target_rules_for(a->row.kind, webhooks ? &webhooks->rules : &target_rules_none),
        .egress = d->config.egress,
        .text = a->row.url,
        .now_ms = loop_mono_ms(d->loop),
    };
    struct url url = {0};

    if (target_memo_check(&d->targets, &question, &a->arena, &url, why))
        return NULL;
    if (url.is_relative && !d->self_client) {
        *why = STR("this server has no address of its own to send relative URLs to");
        return NULL;
    }
    request->target = url.target;
    request->https = url.is_relative ? d->self.scheme_is_https : url.scheme_is_https;
    request->host = url.is_relative ? d->self.host : url.host;
    request->port = url.is_relative ? d->self.port : url.port;
    return url.is_relative ? d->self_client : d->client;
}

static void set_identity(struct attempt *a, struct str pem, struct http_client_request *request)
{
    struct sha256 digest = sha256_of(pem);
    struct sha256_text text;

    a->identity.pem = pem;
    a->identity.id = arena_str(&a->arena, sha256_write(&digest, &text));
    request->identity = &a->identity;
}

/* What the API has written of it (api/endpoint_credentials.c), judged as it was then. False: it
 * must not be called, so nothing is sent. */
static bool set_oauth(struct attempt *a, const struct secret *secret,
                      struct http_client_request *request, struct str *why)
{
    struct http_oauth *oauth = ARENA_NEW(&a->arena, struct http_oauth);
    const struct json *about = NULL;
    struct url url = {0};

    if (json_parse(&a->arena, secret->about, &about, NULL))
        about = NULL;
    if (target_check_token(a->delivery->config.egress, &a->arena,
                           json_string(json_get(about, "token_url")), &url, why)) {
        *why = arena_printf(&a->arena, "the OAuth client's token_url: %.*s", STR_ARG(*why));
        return false;
    }
    *oauth = (struct http_oauth){
        .key = arena_printf(&a->arena, "%.*s\n%.*s\n%lld", STR_ARG(a->row.tenant),
                            STR_ARG(a->row.endpoint_id), (long long)a->row.secrets_version),
        .https = url.scheme_is_https,
        .host = url.host,
        .port = url.port,
        .target = url.target,
        .client_id = json_string(json_get(about, "client_id")),
        .client_secret = secret->value,
        .scope = json_string(json_get(about, "scope")),
        .audience = json_string(json_get(about, "audience")),
        .in_body = str_eq(json_string(json_get(about, "auth")), STR("body")),
    };
    request->oauth = oauth;
    return true;
}

/* How we prove who we are, where the endpoint asks for it. */
static bool identify(struct attempt *a, struct http_client_request *request, struct str *why)
{
    const struct secrets *secrets = &a->row.secrets;

    for (size_t i = 0; i < secrets->count; i++) {
        const struct secret *secret = &secrets->list[i];

        if (secret->kind == SECRET_CLIENT_CERTIFICATE)
            set_identity(a, secret->value, request);
        else if (secret->kind == SECRET_OAUTH && !set_oauth(a, secret, request, why))
            return false;
    }
    return true;
}

struct http_client *attempt_request(struct attempt *a, struct http_client_request *request,
                                    struct str *why)
{
    struct http_client *client = aim(a, request, why);

    if (!client)
        return NULL;
    open_keys(a);
    write_headers(a, request);
    return identify(a, request, why) ? client : NULL;
}
