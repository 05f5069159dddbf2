/* gateway_socket.c -- a WebSocket through the gateway: after the upstream's 101 the bytes of both
 * sides go to the other as they come. */
#include "api/gateway_priv.h"

#include "http/websocket.h"

/* A client's side cannot be paused; whoever sends so much ahead of the upstream is cut off. */
#define AHEAD_BYTES_MAX (16 * MIB)

bool gateway_socket_is_asked(const struct http_request *request)
{
    return request->method == HTTP_GET && websocket_is_asked(request);
}

static void on_bytes(struct http_exchange *exchange, struct str bytes)
{
    struct passage *passage = http_exchange_data(exchange);

    if (!passage->fetch)
        return;
    fetch_write(passage->fetch, bytes);
    if (fetch_pending_bytes(passage->fetch) > AHEAD_BYTES_MAX)
        passage_break(passage);
}

void gateway_socket_start(struct passage *passage, const struct fetch_head *head)
{
    struct http_header *headers = passage->headers;
    size_t count = passage->header_count;

    headers[count++] = (struct http_header){
        STR("Upgrade"), arena_str(passage->call->arena,
                                  http_header_find(head->headers, head->header_count, "upgrade"))};
    passage->is_begun = passage->is_upgraded = true;
    http_exchange_set_data(passage->exchange, passage);
    http_upgrade(passage->exchange, headers, count, on_bytes);
}
