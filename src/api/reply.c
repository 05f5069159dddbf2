/* Replies: headers, bodies and errors. */
#include "api/call_priv.h"
#include "api/route.h"

#include <stdarg.h>

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

/* RFC 7807 for the v2 tracing API; Fleet's clients look at the code. */
static void put_problem(struct json_writer *json, const struct call *call, int status)
{
    bool is_v2 = str_starts(str_of(call->route->path), STR("/v2/"));

    json_put_str(json, "type", is_v2 ? STR("about:blank") : STR("error"));
    if (is_v2)
        json_put_str(json, "title", http_status_words(status));
    json_put_str(json, "code", code_of(status));
    json_put_i64(json, "status", status);
    if (is_v2)
        json_put_str(json, "instance", call->request->path);
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
    if (status == 422 && call->route && call->route->flags & ROUTE_BAD)
        status = 400;
    json = call_json(call, status);
    json_begin_object(json);
    json_put_str(json, call->route && call->route->flags & ROUTE_ERROR ? "error" : "detail",
                 str_of(text));
    if (status >= 500) /* under this name the log says why */
        json_put_str(json, "request_id", call->request_id);
    if (call->route && call->route->flags & ROUTE_PROBLEM)
        put_problem(json, call, status);
    json_end_object(json);
    return OK;
}

enum err call_undo(struct call *call)
{
    call->is_undone = true;
    return ERR_INVALID;
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
