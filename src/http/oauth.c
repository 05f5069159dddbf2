/* oauth.c -- tokens by client credentials (RFC 6749 §4.4): fetched like any request of this client,
 * vetted like any, kept until shortly before they expire, and shared by all sends of one key.
 *
 *   oauth_begin ──▶ a token is there ──▶ the send goes on
 *        └──▶ SEND_TOKEN: waits for the fetch under way ──▶ goes on, or fails for all that wait
 *
 * A 401 for a token that was kept drops it, once: the send starts again with a fresh one. */
#include "base/json.h"
#include "base/mem.h"
#include "crypto/base64.h"
#include "crypto/secret.h"
#include "format/header.h"
#include "format/query.h"
#include "http/detour_priv.h"

#define TOKENS_MAX 4096
#define LOOKED_AT_MAX 64 /* for one that makes room for another */
#define TOKEN_BYTES_MAX (8 * KIB)
#define REQUEST_BYTES_MAX (32 * KIB)
#define LIFE_S_DEFAULT 300
#define LIFE_S_MAX (24 * 3600)
#define MARGIN_MS (10 * MS_PER_SECOND) /* a token is not used in its last moments */

struct oauth_token {
    struct http_client *client;
    struct str key;
    struct buf bearer; /* "Bearer …"; empty: none */
    int64_t until_ms;
    struct http_send *fetch; /* NULL: none under way */
    struct arena arena;      /* of the fetch */
    struct list waiting;
};

/* ---- tokens ---- */

static void forget_bearer(struct oauth_token *token)
{
    if (token->bearer.data)
        secret_wipe(token->bearer.data, token->bearer.cap);
    buf_clear(&token->bearer);
}

static void token_free(struct oauth_token *token)
{
    union {
        const char *in;
        char *out;
    } key = {.in = token->key.data};

    forget_bearer(token);
    buf_release(&token->bearer);
    arena_release(&token->arena);
    mem_free(key.out);
    mem_free(token);
}

/* Of a few by chance, so that nobody chooses who goes: the one that runs out soonest, or has. Those
 * that are waited for stay, however many: their sends are the bound. */
static void make_room(struct http_client *client)
{
    size_t position = rng_below(loop_rng(client->config.loop), client->tokens.cap);
    struct oauth_token *soonest = NULL;
    struct str key;
    void *value;

    for (int i = 0; i < LOOKED_AT_MAX; i++) {
        struct oauth_token *token;

        if (!map_next(&client->tokens, &position, &key, &value)) {
            position = 0;
            continue;
        }
        token = value;
        if (!token->fetch && list_is_empty(&token->waiting) &&
            (!soonest || token->until_ms < soonest->until_ms))
            soonest = token;
    }
    if (!soonest)
        return;
    map_remove(&client->tokens, soonest->key);
    token_free(soonest);
}

static struct oauth_token *token_get(struct http_client *client, struct str key)
{
    struct oauth_token *token = map_find(&client->tokens, key);
    char *copy;

    if (token)
        return token;
    if (client->tokens.count >= TOKENS_MAX)
        make_room(client);
    copy = mem_alloc(key.len + 1);
    memcpy(copy, key.data, key.len);
    token = MEM_NEW(struct oauth_token);
    token->client = client;
    token->key = str_range(copy, key.len);
    buf_init(&token->bearer, TOKEN_BYTES_MAX);
    arena_init(&token->arena);
    list_init(&token->waiting);
    map_put(&client->tokens, token->key, token);
    return token;
}

void oauth_release(struct http_client *client)
{
    size_t position = 0;
    struct str key;
    void *value;

    while (map_next(&client->tokens, &position, &key, &value))
        token_free(value);
    map_release(&client->tokens);
}

/* ---- the answer of the token's endpoint ---- */

static const char *take_token(struct oauth_token *token, const struct http_result *result)
{
    const struct json *root;
    struct str text, type;
    int64_t life_s;

    if (result->outcome != HTTP_ANSWERED)
        return "the OAuth token endpoint cannot be reached";
    if (result->status == 400 || result->status == 401 || result->status == 403)
        return "the OAuth token endpoint refused the client's credentials";
    if (result->status != 200 || result->body_truncated)
        return "the OAuth token endpoint gave no token";
    if (json_parse(&token->arena, result->body, &root, NULL))
        return "the OAuth token endpoint's answer is not JSON";
    text = json_string(json_get(root, "access_token"));
    type = json_string(json_get(root, "token_type"));
    life_s = json_i64(json_get(root, "expires_in"), LIFE_S_DEFAULT);
    if (text.len == 0 || !header_value_is_valid(text) ||
        (!str_is_none(type) && !str_eq_nocase(type, STR("bearer"))))
        return "the OAuth token endpoint's answer has no bearer token";
    forget_bearer(token);
    buf_add(&token->bearer, STR("Bearer "));
    buf_add(&token->bearer, text);
    if (token->bearer.failed) {
        forget_bearer(token);
        return "the OAuth token is too long";
    }
    life_s = life_s < 0 ? 0 : life_s > LIFE_S_MAX ? LIFE_S_MAX : life_s;
    token->until_ms = loop_mono_ms(token->client->config.loop) + life_s * MS_PER_SECOND - MARGIN_MS;
    return NULL;
}

/* The policy forbids the token's endpoint: so it forbids what needs the token. */
static void end_denied(struct http_send *send, const char *rule)
{
    send_finish(send, HTTP_DENIED,
                arena_cstr(&send->arena,
                           arena_printf(&send->arena,
                                        "the OAuth token endpoint must not be called: %s", rule)),
                false);
}

static void on_token(void *context, const struct http_result *result)
{
    struct oauth_token *token = context;
    struct list waiting, *node;
    const char *why = take_token(token, result);
    const char *rule = result->outcome == HTTP_DENIED ? result->rule : NULL;

    token->fetch = NULL;
    arena_reset(&token->arena);
    list_init(&waiting);
    while ((node = list_pop(&token->waiting))) {
        struct http_send *send = LIST_ITEM(node, struct http_send, waiter);

        send->has_fresh_token = true;
        send->bearer = why ? STR_NONE : arena_str(&send->arena, buf_str(&token->bearer));
        list_push(&waiting, node);
    }
    /* Who is told may begin other sends, for which this token makes room: it may be gone. */
    while ((node = list_pop(&waiting))) {
        struct http_send *send = LIST_ITEM(node, struct http_send, waiter);

        if (rule)
            end_denied(send, rule);
        else if (why)
            send_finish(send, HTTP_NO_CONNECTION, why, false);
        else
            send_begin(send);
    }
}

/* ---- asking for one ---- */

static void add_field(struct buf *out, struct str name, struct str value)
{
    if (str_is_none(value))
        return;
    buf_add_char(out, '&');
    buf_add(out, name);
    buf_add_char(out, '=');
    percent_write(out, value);
}

static struct str form_of(struct oauth_token *token, const struct http_oauth *oauth)
{
    struct str text;
    struct buf out;

    buf_init(&out, REQUEST_BYTES_MAX);
    buf_add(&out, STR("grant_type=client_credentials"));
    if (oauth->in_body) {
        add_field(&out, STR("client_id"), oauth->client_id);
        add_field(&out, STR("client_secret"), oauth->client_secret);
    }
    add_field(&out, STR("scope"), oauth->scope);
    add_field(&out, STR("audience"), oauth->audience);
    text = arena_str(&token->arena, buf_str(&out));
    if (out.data)
        secret_wipe(out.data, out.cap);
    buf_release(&out);
    return text;
}

/* Both are form-encoded before they are joined (RFC 6749 §2.3.1). */
static struct str basic_of(struct oauth_token *token, const struct http_oauth *oauth)
{
    struct buf pair, out;
    struct str text;

    buf_init(&pair, REQUEST_BYTES_MAX);
    percent_write(&pair, oauth->client_id);
    buf_add_char(&pair, ':');
    percent_write(&pair, oauth->client_secret);
    buf_init(&out, 2 * REQUEST_BYTES_MAX);
    buf_add(&out, STR("Basic "));
    base64_write(&out, buf_str(&pair));
    text = arena_str(&token->arena, buf_str(&out));
    if (pair.data)
        secret_wipe(pair.data, pair.cap);
    buf_release(&pair);
    buf_release(&out);
    return text;
}

static void fetch(struct oauth_token *token, const struct http_send *send)
{
    const struct http_oauth *oauth = send->request.oauth;
    struct http_header *headers = ARENA_ARRAY(&token->arena, struct http_header, 3);
    struct http_client_request request = {
        .https = oauth->https,
        .host = arena_str(&token->arena, oauth->host),
        .port = oauth->port,
        .method = STR("POST"),
        .target = arena_str(&token->arena, oauth->target),
        .headers = headers,
        .header_count = oauth->in_body ? 2 : 3,
        .body = form_of(token, oauth),
        .budget = send->request.budget,
    };

    headers[0] =
        (struct http_header){STR("Content-Type"), STR("application/x-www-form-urlencoded")};
    headers[1] = (struct http_header){STR("Accept"), STR("application/json")};
    if (!oauth->in_body)
        headers[2] = (struct http_header){STR("Authorization"), basic_of(token, oauth)};
    token->fetch = http_client_send(token->client, &request, on_token, token);
}

bool oauth_begin(struct http_send *send)
{
    struct oauth_token *token;

    if (!send->request.oauth || !str_is_none(send->bearer))
        return true;
    token = token_get(send->client, send->request.oauth->key);
    if (token->bearer.len && token->until_ms > loop_mono_ms(send->client->config.loop)) {
        send->bearer = arena_str(&send->arena, buf_str(&token->bearer));
        return true;
    }
    send->phase = SEND_TOKEN;
    send_set_deadline(send, INT64_MAX);
    list_push(&token->waiting, &send->waiter);
    if (!token->fetch)
        fetch(token, send);
    return false;
}

bool oauth_refreshes(struct http_send *send, int status)
{
    struct oauth_token *token;

    if (status != 401 || !send->request.oauth || send->has_fresh_token)
        return false;
    token = token_get(send->client, send->request.oauth->key);
    /* Another send may have renewed it already. */
    if (str_eq(buf_str(&token->bearer), send->bearer))
        forget_bearer(token);
    send->has_fresh_token = true;
    send->bearer = STR_NONE;
    return true;
}
