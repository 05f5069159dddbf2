/* Replies: headers, errors, and the checked reading of bodies and queries. */
#include "api/call_priv.h"
#include "api/route.h"

#include <stdarg.h>

#include "base/uuid.h"
#include "format/inflate.h"

int call_status_of(enum err err)
{
    switch (err) {
    case OK:
        return 200;
    case ERR_INVALID:
        return 422;
    case ERR_DENIED:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_CONFLICT:
        return 409;
    case ERR_LIMIT:
        return 413;
    case ERR_AGAIN:
        return 503;
    case ERR_IO:
        return 500;
    }
    return 500;
}

const char *reply_words(enum err err)
{
    switch (err) {
    case OK:
        return "";
    case ERR_INVALID:
        return "the request is not valid";
    case ERR_DENIED:
        return "not allowed";
    case ERR_NOT_FOUND:
        return "not found";
    case ERR_CONFLICT:
        return "it exists already, or is in a state that does not allow this";
    case ERR_LIMIT:
        return "too large";
    case ERR_AGAIN:
        return "not possible at the moment; try again";
    case ERR_IO:
        return "the server could not do this; its log says why";
    }
    return "";
}

static struct str header_of(const struct call *call, const char *name)
{
    return http_header_find(call->request->headers, call->request->header_count, name);
}

size_t reply_headers(struct call *call, struct http_header *headers)
{
    size_t n = 0;

    if (call->reply.len > 0 || call->content_type)
        headers[n++] = (struct http_header){
            STR("content-type"),
            str_of(call->content_type ? call->content_type : "application/json")};
    for (size_t i = 0; i < call->header_count; i++)
        headers[n++] = call->headers[i];
    n += cors_headers(call->setup->cors, header_of(call, "origin"),
                      call->request->method == HTTP_OPTIONS,
                      header_of(call, "access-control-request-headers"), call->arena, headers + n);
    headers[n++] = (struct http_header){STR("x-request-id"), call->request_id};
    if (call->status == 503 && call->retry_after_s == 0)
        call->retry_after_s = 1;
    return n + spending_headers(call, headers + n);
}

void call_header(struct call *call, const char *name, struct str value)
{
    REQUIRE(call->header_count < CALL_HEADERS_MAX);
    call->headers[call->header_count++] =
        (struct http_header){str_of(name), arena_str(call->arena, value)};
}

struct json_writer *call_json(struct call *call, int status)
{
    call->status = status;
    call->splice_count = 0;
    buf_clear(&call->reply);
    json_writer_init(&call->json, &call->reply);
    return &call->json;
}

/* The dev server's validator is of another making, and everything else it says is plain text. */
static void fail_as_js(struct call *call, int status, struct str text)
{
    struct json_writer *json = call_json(call, status == 422 ? 400 : status);

    if (status != 422) {
        call->content_type = "text/plain; charset=UTF-8";
        buf_add(&call->reply, text);
        return;
    }
    json_begin_object(json);
    json_put_bool(json, "success", false);
    json_key(json, "error");
    json_begin_object(json);
    json_key(json, "issues");
    json_begin_array(json);
    json_begin_object(json);
    json_put_str(json, "message", text);
    json_end_object(json);
    json_end_array(json);
    json_put_str(json, "name", STR("ZodError"));
    json_end_object(json);
    json_end_object(json);
}

/* A word that programs can act on. */
static struct str code_of(int status)
{
    static const struct {
        int status;
        const char *code;
    } codes[] = {{401, "unauthorized"}, {403, "permission_denied"}, {404, "not_found"},
                 {409, "conflict"},     {413, "too_large"},         {422, "validation_error"},
                 {502, "bad_gateway"},  {503, "unavailable"}};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].status == status)
            return str_of(codes[i].code);
    return status >= 500 ? STR("internal_error") : STR("bad_request");
}

static void put_problem(struct json_writer *json, int status)
{
    json_put_str(json, "type", STR("error"));
    json_put_str(json, "code", code_of(status));
    json_put_i64(json, "status", status);
}

enum err call_fail(struct call *call, int status, const char *format, ...)
{
    struct json_writer *json;
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (call->setup->compat_js) {
        fail_as_js(call, status, str_of(text));
        return OK;
    }
    json = call_json(call, status);
    json_begin_object(json);
    json_put_str(json, "detail", str_of(text));
    if (status >= 500) /* under this name the log says why */
        json_put_str(json, "request_id", call->request_id);
    if (call->route && call->route->flags & ROUTE_PROBLEM)
        put_problem(json, status);
    json_end_object(json);
    return OK;
}

enum err call_fail_as(struct call *call, int status, const char *text)
{
    fail_as_js(call, 409, str_of(text));
    call->status = status;
    return OK;
}

enum err call_empty(struct call *call, int status)
{
    call->status = status;
    buf_clear(&call->reply);
    return OK;
}

enum err call_reply_answer(struct call *call)
{
    if (call->ask_err)
        return call_fail(call, call_status_of(call->ask_err), "%.*s", STR_ARG(call->ask_answer));
    json_raw_out(call_json(call, 200), call->ask_answer);
    return OK;
}

struct str call_merge(struct call *call, struct str base, struct str over)
{
    struct buf out;
    struct str text;

    if (str_is_none(over))
        return base;
    buf_init(&out, REPLY_BYTES_MAX);
    json_merge(&out, base, over);
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

void call_page(struct call *call, int64_t total, int64_t offset, size_t given)
{
    int64_t next = offset + (int64_t)given;

    if (next < total)
        call_header(call, "x-pagination-next", arena_printf(call->arena, "%lld", (long long)next));
    call_header(call, "x-pagination-total", arena_printf(call->arena, "%lld", (long long)total));
}

/* ---- checked input ---- */

static enum err refuse(struct call *call, const char *key, const char *wanted, enum json_type found)
{
    call_fail(call, 422, "%s: must be %s, not %s", key, wanted, json_type_name(found));
    return ERR_INVALID;
}

static enum err unpack_piece(void *context, struct str piece)
{
    buf_add(context, piece);
    return OK;
}

static size_t body_bytes_max(const struct call *call)
{
    size_t max = call->setup->body_bytes_max;

    return call->route->flags & ROUTE_LARGE && max < LARGE_BODY_BYTES_MAX ? LARGE_BODY_BYTES_MAX
                                                                          : max;
}

enum err call_body_bytes(struct call *call, struct str *body)
{
    const struct http_request *request = call->request;
    enum inflate_kind kind;
    struct inflate *inflate;
    struct buf out;
    enum err err;

    *body = request->body;
    if (inflate_kind_of(
            http_header_find(request->headers, request->header_count, "content-encoding"), &kind)) {
        call_fail(call, 422, "Content-Encoding: must be gzip, deflate or zstd");
        return ERR_INVALID;
    }
    if (kind == INFLATE_NONE)
        return OK;
    buf_init(&out, body_bytes_max(call));
    inflate = inflate_new(kind, body_bytes_max(call), unpack_piece, &out);
    if (!(err = inflate_feed(inflate, request->body)))
        err = inflate_end(inflate);
    if (err)
        call_fail(call, call_status_of(err),
                  err == ERR_LIMIT ? "the unpacked body is too large"
                                   : "the body cannot be unpacked");
    else
        *body = arena_str(call->arena, buf_str(&out));
    inflate_free(inflate);
    buf_release(&out);
    return err;
}

enum err call_body_parse(struct call *call, struct json_error *error)
{
    struct str text = call->access.body;
    char *copy;
    enum err err;

    error->reason = NULL;
    if (call->body)
        return OK;
    if (str_is_none(text) && (err = call_body_bytes(call, &text)))
        return err;
    text = str_trim(text);
    if (text.len == 0)
        text = STR("{}");
    copy = arena_alloc(call->arena, text.len + 1);
    memcpy(copy, text.data, text.len);
    json_scrub_nul(copy, text.len);
    call->body_text = str_range(copy, text.len);
    return json_parse(call->arena, call->body_text, &call->body, error);
}

enum err call_body_any(struct call *call)
{
    struct json_error error;
    enum err err = call_body_parse(call, &error);

    if (!err || !error.reason)
        return err;
    if (call->setup->compat_js)
        return call_fail(call, 400, "Malformed JSON in request body"), ERR_INVALID;
    call_fail(call, 422, "the body is not valid JSON: %s at byte %zu", error.reason,
              error.position);
    return ERR_INVALID;
}

enum err call_body_object(struct call *call)
{
    enum err err = call_body_any(call);

    if (!err && json_type(call->body) != JSON_OBJECT)
        return refuse(call, "the body", "a JSON object", json_type(call->body));
    return err;
}

static bool has(const struct call *call, const char *key)
{
    enum json_type type = json_type(json_get(call->body, key));

    return type != JSON_ABSENT && type != JSON_NULL;
}

enum err call_get_text(struct call *call, const char *key, struct str *value)
{
    const struct json *member = json_get(call->body, key);

    if (!has(call, key))
        return OK;
    if (json_type(member) != JSON_STRING)
        return refuse(call, key, "a string", json_type(member));
    *value = json_string(member);
    return OK;
}

enum err call_get_word(struct call *call, const char *key, const char *const *words,
                       struct str *value)
{
    struct str text = STR_NONE;
    enum err err = call_get_text(call, key, &text);

    if (err || str_is_none(text))
        return err;
    for (size_t i = 0; words[i]; i++) {
        if (str_eq(text, str_of(words[i]))) {
            *value = text;
            return OK;
        }
    }
    call_fail(call, 422, "%s: must be %.*s, not \"%.*s\"", key,
              STR_ARG(arena_words(call->arena, words)), STR_ARG(str_first(text, 40)));
    return ERR_INVALID;
}

enum err call_get_uuid(struct call *call, const char *key, struct str *value)
{
    enum err err = call_get_text(call, key, value);

    if (err || str_is_none(*value) || uuid_is_valid(*value))
        return err;
    call_fail(call, 422, "%s: \"%.*s\" is not a UUID", key, STR_ARG(str_first(*value, 64)));
    return ERR_INVALID;
}

enum err call_get_object(struct call *call, const char *key, struct str *raw)
{
    const struct json *member = json_get(call->body, key);

    if (!has(call, key))
        return OK;
    if (json_type(member) != JSON_OBJECT)
        return refuse(call, key, "an object", json_type(member));
    *raw = json_raw(call->body_text, str_of(key));
    return OK;
}

static enum err in_range(struct call *call, const char *key, int64_t number, int64_t min,
                         int64_t max)
{
    if (number >= min && number <= max)
        return OK;
    call_fail(call, 422, "%s: must be between %lld and %lld", key, (long long)min, (long long)max);
    return ERR_INVALID;
}

enum err call_get_int(struct call *call, const char *key, int64_t min, int64_t max, int64_t *value)
{
    const struct json *member = json_get(call->body, key);
    enum err err;

    if (!has(call, key))
        return OK;
    if (!json_is_integer(member))
        return refuse(call, key, "a whole number", json_type(member));
    err = in_range(call, key, json_i64(member, 0), min, max);
    if (!err)
        *value = json_i64(member, 0);
    return err;
}

enum err call_query_int(struct call *call, const char *key, int64_t min, int64_t max,
                        int64_t *value)
{
    struct str text = query_get(&call->query, key);
    int64_t number;
    enum err err;

    if (str_is_empty(text))
        return OK;
    if (str_to_i64(text, &number)) {
        call_fail(call, 422, "%s: must be a whole number", key);
        return ERR_INVALID;
    }
    err = in_range(call, key, number, min, max);
    if (!err)
        *value = number;
    return err;
}

enum err call_query_bool(struct call *call, const char *key, bool *value)
{
    struct str text = query_get(&call->query, key);

    if (str_is_empty(text))
        return OK;
    if (str_to_bool(text, value)) {
        call_fail(call, 422, "%s: must be true or false", key);
        return ERR_INVALID;
    }
    return OK;
}

enum err call_query_word(struct call *call, const char *key, const char *const *words)
{
    struct str text = query_get(&call->query, key);

    if (str_is_empty(text))
        return OK;
    for (; *words; words++)
        if (str_eq(text, str_of(*words)))
            return OK;
    call_fail(call, 422, "%s: \"%.*s\" is not one of its values", key,
              STR_ARG(str_first(text, 40)));
    return ERR_INVALID;
}

enum err call_param_uuid(struct call *call, size_t index, const char *name)
{
    if (uuid_is_valid(call->params[index]))
        return OK;
    call_fail(call, 422, "%s: \"%.*s\" is not a UUID", name,
              STR_ARG(str_first(call->params[index], 64)));
    return ERR_INVALID;
}

struct str call_new_id(struct call *call)
{
    struct loop *loop = http_exchange_loop(call->exchange);
    struct uuid_text text;

    return arena_str(call->arena, uuid_write(uuid_v7(loop_rng(loop), loop_wall_us(loop)), &text));
}
