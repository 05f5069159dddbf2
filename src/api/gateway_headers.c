/* gateway_headers.c -- which headers go on, and which belong to one connection only (RFC 9110,
 * 7.6.1). */
#include "api/gateway_priv.h"

/* Does a list of words, such as Connection's, have this one? */
static bool list_has(struct str list, struct str word)
{
    struct str piece;

    while (str_split(&list, ',', &piece))
        if (str_eq_nocase(str_trim(piece), word))
            return true;
    return false;
}

static bool is_of_connection(const struct http_header *all, size_t count, struct str name)
{
    static const struct str own[] = {
        {"connection", 10},
        {"keep-alive", 10},
        {"proxy-connection", 16},
        {"te", 2},
        {"trailer", 7},
        {"transfer-encoding", 17},
        {"upgrade", 7},
        {"content-length", 14},
        {"proxy-authenticate", 18},
        {"expect", 6},
        {"proxy-authorization", 19},
    };

    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (str_eq_nocase(own[i], name))
            return true;
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(all[i].name, STR("connection")) && list_has(all[i].value, name))
            return true;
    return false;
}

/* What opened our door is nobody else's. */
static bool is_our_credential(const struct call *call, const struct http_header *header)
{
    const struct http_request *request = call->request;
    bool has_key =
        !str_is_none(http_header_find(request->headers, request->header_count, "x-api-key"));

    if (str_is_none(call->principal.key_id))
        return false;
    return str_eq_nocase(header->name, STR("x-api-key")) ||
           str_eq_nocase(header->name, STR("x-tenant-id")) ||
           (!has_key && str_eq_nocase(header->name, STR("authorization")));
}

static bool is_replaced(const struct upstream *upstream, struct str name)
{
    for (size_t i = 0; i < upstream->header_count; i++)
        if (str_eq_nocase(upstream->headers[i].name, name))
            return true;
    return false;
}

size_t gateway_request_headers(struct call *call, struct http_header **headers)
{
    const struct upstream *upstream = call->setup->gateway->upstream;
    const struct http_request *request = call->request;
    size_t room = request->header_count + upstream->header_count + 1, count = 0;
    struct http_header *out = ARENA_ARRAY(call->arena, struct http_header, room);

    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];

        if (is_of_connection(request->headers, request->header_count, header->name) ||
            str_eq_nocase(header->name, STR("host")) || is_our_credential(call, header) ||
            is_replaced(upstream, header->name))
            continue;
        out[count++] = *header;
    }
    for (size_t i = 0; i < upstream->header_count; i++)
        out[count++] = upstream->headers[i];
    if (gateway_socket_is_asked(request))
        out[count++] = (struct http_header){STR("Upgrade"), STR("websocket")};
    else if (http_awaits_continue(call->exchange))
        out[count++] = (struct http_header){STR("Expect"), STR("100-continue")};
    *headers = out;
    return count;
}

void gateway_answer_headers(struct arena *arena, const struct fetch_head *head,
                            struct passage *passage)
{
    passage->headers = ARENA_ARRAY(arena, struct http_header, head->header_count + 1);
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *header = &head->headers[i];

        if (is_of_connection(head->headers, head->header_count, header->name))
            continue;
        passage->headers[passage->header_count++] =
            (struct http_header){arena_str(arena, header->name), arena_str(arena, header->value)};
    }
}
