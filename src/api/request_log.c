/* What is said of a request when its answer begins; of a stream that is its beginning. */
#include "api/request_log.h"

#include "base/log.h"

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           memchr("-_.:+/=@", c, 8) != NULL;
}

bool request_id_is_valid(struct str text)
{
    if (str_is_none(text) || text.len == 0 || text.len > REQUEST_ID_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_id_char(text.data[i]))
            return false;
    return true;
}

void request_log_begin(struct call *call)
{
    struct str given =
        http_header_find(call->request->headers, call->request->header_count, "x-request-id");

    call->request_id =
        request_id_is_valid(given) ? arena_str(call->arena, given) : call_new_id(call);
    call->began_us = loop_mono_us(http_exchange_loop(call->exchange));
}

/* What is about to be answered, and why if that says that something failed. */
static void log_reply(const struct call *call, enum log_level level, struct str message)
{
    const struct http_request *request = call->request;
    struct str key = call->principal.key_id;
    struct address_text peer;
    const struct log_field fields[] = {
        {"method", request->method_text, 0},
        {"path", request->path, 0},
        {"status", STR_NONE, call->status},
        {"bytes", STR_NONE, (int64_t)call->reply.len},
        {"us", STR_NONE, loop_mono_us(http_exchange_loop(call->exchange)) - call->began_us},
        {"key", str_is_none(key) ? STR("-") : key, 0},
        {"peer", address_write(&request->peer, &peer), 0},
        {"error", str_of(err_name(call->err)), 0},
    };

    log_set_request(call->request_id);
    log_fields(level, "request", message, fields, ARRAY_LEN(fields) - (call->err == OK));
    log_set_request(STR_NONE);
}

void request_log_reply(const struct call *call)
{
    if (call->status >= 500)
        log_reply(call, call->status == 503 ? LOG_WARN : LOG_ERROR, STR("failed"));
    else if (call->setup->log_requests)
        log_reply(call, LOG_INFO, STR("answered"));
}
