/* traces_feedback_tokens.c -- /feedback/tokens: addresses at which somebody without a key may say
 * one thing of one span. What is said under a token has the token's id, so saying it again replaces
 * it. */
#include "api/route.h"
#include "api/traces_query.h"
#include "base/time.h"
#include "store/feedback_tokens.h"
#include "trace/feedback_write.h"
#include "trace/span_json.h"

#define TOKENS_MAX 100 /* of one request */
#define LIFE_US (3 * 3600 * US_PER_SECOND)
#define LIFE_DAYS_MAX 3650
#define LIST_MAX 100
#define BODY_BYTES_MAX (64 * KIB)

struct token_call {
    struct feedback_token_row tokens[TOKENS_MAX];
    int64_t life_us[TOKENS_MAX]; /* 0: expires_us is set */
    size_t count;
    bool is_list; /* asked for as a list, answered as one */
    struct uuid span_id;
    int64_t limit, offset; /* of a list */
};

/* ---- as JSON ---- */

/* Below the path that the client used, as it reaches us. */
static struct str url_of(const struct call *call, struct str token_id)
{
    const struct http_request *request = call->request;
    struct str host = http_header_find(request->headers, request->header_count, "host");
    struct str self = call->setup->self_url, path = request->path;
    size_t scheme = str_find(self, STR("://")) + 3;

    while (str_ends(path, STR("/")))
        path.len--;
    return arena_printf(call->arena, "%.*s%.*s%.*s/%.*s", STR_ARG(str_first(self, scheme)),
                        STR_ARG(host.len > 0 ? host : str_from(self, scheme)), STR_ARG(path),
                        STR_ARG(token_id));
}

static void token_write(struct json_writer *json, const struct call *call,
                        const struct feedback_token_row *token)
{
    json_begin_object(json);
    json_put_str(json, "id", token->token_id);
    json_put_str(json, "url", url_of(call, token->token_id));
    json_put_time(json, "expires_at", token->expires_us);
    json_put_str(json, "feedback_key", token->key);
    json_end_object(json);
}

/* ---- create ---- */

static enum err refuse(struct call *call, const char *key, const char *words)
{
    call_fail(call, 422, "%s: %s", key, words);
    return ERR_INVALID;
}

/* {days, hours, minutes}, or an instant; else three hours. */
static enum err life_read(struct call *call, const struct json *body, int64_t *life_us,
                          int64_t *expires_us)
{
    const struct json *in = json_get(body, "expires_in"), *at = json_get(body, "expires_at");
    int64_t days = json_i64(json_get(in, "days"), 0), hours = json_i64(json_get(in, "hours"), 0);
    int64_t minutes = json_i64(json_get(in, "minutes"), 0);

    *life_us = LIFE_US;
    if (json_type(at) == JSON_STRING) {
        *life_us = 0;
        if (time_parse_iso(json_string(at), expires_us))
            return refuse(call, "expires_at", "must be a time");
        return OK;
    }
    if (json_type(in) != JSON_OBJECT)
        return OK;
    if (days < 0 || days > LIFE_DAYS_MAX || hours < 0 || hours > LIFE_DAYS_MAX * 24 ||
        minutes < 0 || minutes > LIFE_DAYS_MAX * 24 * 60 || days + hours + minutes == 0)
        return refuse(call, "expires_in", "must be days, hours and minutes, up to ten years");
    *life_us = ((days * 24 + hours) * 60 + minutes) * 60 * US_PER_SECOND;
    return OK;
}

static enum err token_read(struct call *call, const struct json *body, struct str body_text,
                           struct token_call *tokens)
{
    struct feedback_token_row *token = &tokens->tokens[tokens->count];
    const struct json *config = json_get(body, "feedback_config"), *id = json_get(body, "id");
    struct uuid_text text;
    struct uuid uuid;
    enum err err;

    if (uuid_parse_loose(json_string(json_get(body, "run_id")), &token->span_id))
        return refuse(call, "run_id", "must be a UUID");
    token->key = json_string(json_get(body, "feedback_key"));
    if (token->key.len == 0 || token->key.len > FEEDBACK_KEY_BYTES_MAX)
        return refuse(call, "feedback_key", "must have 1 to 180 characters");
    if (config && !json_is_null(config)) {
        if (json_type(config) != JSON_OBJECT)
            return refuse(call, "feedback_config", "must be an object");
        if (feedback_config_problem(config))
            return refuse(call, "feedback_config", feedback_config_problem(config));
        token->config = json_raw(body_text, STR("feedback_config"));
    }
    if (!json_is_absent(id)) {
        if (uuid_parse_loose(json_string(id), &uuid))
            return refuse(call, "id", "must be a UUID");
        token->token_id = arena_str(call->arena, uuid_write(uuid, &text));
    } else {
        token->token_id = call_new_id(call);
    }
    token->tenant = call->principal.tenant;
    err = life_read(call, body, &tokens->life_us[tokens->count], &token->expires_us);
    tokens->count += !err;
    return err;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct token_call *tokens = call->data;
    struct json_writer *json = call_json(call, 200);

    if (tokens->is_list)
        json_begin_array(json);
    for (size_t i = 0; i < tokens->count; i++) {
        struct feedback_token_row *token = &tokens->tokens[i], found;
        enum err err = feedback_token_get(tx, token->token_id, tx->arena, &found);

        if (!err)
            return call_fail(call, 409, "there is a token with this id already");
        if (err != ERR_NOT_FOUND)
            return err;
        if (tokens->life_us[i])
            token->expires_us = tx->now_us + tokens->life_us[i];
        if ((err = feedback_token_add(tx, token)))
            return err;
        token_write(json, call, token);
    }
    if (tokens->is_list)
        json_end_array(json);
    return OK;
}

static enum err create_prepare(struct call *call)
{
    struct token_call *tokens = ARENA_NEW(call->arena, struct token_call);
    struct str key, text;
    size_t at = 0;
    enum err err = call_body_any(call);

    if (err)
        return err;
    call->data = tokens;
    tokens->is_list = json_type(call->body) == JSON_ARRAY;
    if (!tokens->is_list) {
        err = token_read(call, call->body, call->body_text, tokens);
        return err ? err : call_then_write(call, create_apply);
    }
    if (json_count(call->body) > TOKENS_MAX)
        return call_fail(call, 422, "at most %d tokens at a time", TOKENS_MAX);
    for (size_t i = 0; !err && json_raw_next(call->body_text, &at, &key, &text); i++)
        err = token_read(call, json_item(call->body, i), text, tokens);
    return err ? err : call_then_write(call, create_apply);
}

/* ---- list ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    const struct token_call *asked = call->data;
    struct feedback_token_rows found;
    struct json_writer *json;
    enum err err =
        feedback_token_list(tx, call->principal.tenant, asked->span_id, 1000, tx->arena, &found);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = (size_t)asked->offset;
         i < found.count && i < (size_t)(asked->offset + asked->limit); i++)
        token_write(json, call, &found.list[i]);
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    struct token_call *asked = ARENA_NEW(call->arena, struct token_call);
    enum err err;

    asked->limit = LIST_MAX;
    if (uuid_parse_loose(query_get(&call->query, "run_id"), &asked->span_id))
        return call_fail(call, 422, "run_id: must be a UUID");
    if ((err = call_query_int(call, "limit", 1, INT32_MAX, &asked->limit)) ||
        (err = call_query_int(call, "offset", 0, INT32_MAX, &asked->offset)))
        return err;
    call->data = asked;
    return call_then_read(call, list_apply);
}

/* ---- what is said under a token ---- */

/* What a query says, as the body of a POST would. */
static struct str body_of_query(struct call *call)
{
    static const char *const keys[] = {"score", "value", "comment", "correction"};
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, BODY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct str value = query_get(&call->query, keys[i]);
        const struct json *parsed;
        bool is_json = i != 2 && !json_parse(call->arena, value, &parsed, NULL);

        if (str_is_none(value))
            continue;
        if (is_json)
            json_put_raw(&json, keys[i], value);
        else
            json_put_str(&json, keys[i], value);
    }
    json_end_object(&json);
    text = buf_keep(&out, call->arena);
    return str_is_none(text) ? STR("{}") : text;
}

static struct str source_of(struct call *call, struct str body)
{
    struct str metadata = json_raw(body, STR("metadata"));

    if (metadata.len == 0 || metadata.data[0] != '{')
        metadata = STR("{}");
    return arena_concat(
        call->arena, (struct str[]){STR("{\"type\":\"api\",\"metadata\":"), metadata, STR("}")}, 3);
}

/* An address that is only opened, as mail programs do before their user does, takes nothing back.
 */
static enum err says_nothing_new(struct tx *tx, const struct feedback_token_row *token,
                                 const struct feedback_row *said, bool *nothing)
{
    struct feedback_row before;
    enum err err = OK;

    *nothing = !said->has_score && str_is_none(said->value) && str_is_none(said->comment) &&
               str_is_none(said->correction);
    if (*nothing)
        err = feedback_get(tx, token->tenant, said->feedback_id, tx->arena, &before);
    if (err == ERR_NOT_FOUND)
        *nothing = false;
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err say_apply(struct tx *tx, struct call *call)
{
    const struct str *body = call->data;
    struct feedback_draft draft = {.has_id = true};
    struct feedback_token_row token;
    bool is_nothing;
    struct str why;
    enum err err = feedback_token_get(tx, call->params[0], tx->arena, &token);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "there is no such token, or it has ended");
    if (err)
        return err;
    if (feedback_parse_change(tx->arena, *body, &draft, &why))
        return call_fail(call, 422, "%.*s", STR_ARG(why));
    if (uuid_parse(token.token_id, &draft.row.feedback_id))
        return ERR_IO;
    draft.row.has_span = true;
    draft.row.span_id = token.span_id;
    draft.row.key = token.key;
    draft.row.source_type = STR("api");
    draft.row.source = source_of(call, *body);
    draft.config = token.config;
    err = says_nothing_new(tx, &token, &draft.row, &is_nothing);
    if (!err && !is_nothing)
        err = feedback_write(tx, token.tenant, &draft);
    if (err)
        return err;
    json_raw_out(call_json(call, 200), STR("{\"message\":\"Thank you\"}"));
    return OK;
}

static enum err say_prepare(struct call *call)
{
    struct str *body = ARENA_NEW(call->arena, struct str);
    struct uuid token_id;
    struct uuid_text text;
    enum err err = call->request->method == HTTP_POST ? call_body_object(call) : OK;

    if (err)
        return err;
    if (uuid_parse_loose(call->params[0], &token_id))
        return call_fail(call, 404, "there is no such token, or it has ended");
    call->params[0] = arena_str(call->arena, uuid_write(token_id, &text));
    *body = call->request->method == HTTP_POST ? call->body_text : body_of_query(call);
    call->data = body;
    return call_then_write(call, say_apply);
}

#define PATH "/feedback/tokens"

static const struct route routes[] = {
    {HTTP_POST, PATH, create_prepare, PERMIT_TRACE, ROUTE_TRACES,
     "Make addresses at which one thing may be said of a span without a key"},
    {HTTP_GET, PATH, list_prepare, PERMIT_READ, ROUTE_TRACES, "List a span's such addresses"},
    {HTTP_GET, PATH "/{token}", say_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "Say it, in the query string"},
    {HTTP_POST, PATH "/{token}", say_prepare, PERMIT_ANYONE, ROUTE_TRACES, "Say it"},
};

const struct route_list routes_traces_feedback_tokens = {routes, ARRAY_LEN(routes)};
