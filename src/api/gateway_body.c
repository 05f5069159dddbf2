/* gateway_body.c -- the body of a request on its way to the upstream, piece by piece.
 *
 *   head ──▶ the upstream is there ──▶ a piece ──▶ … ──▶ whole
 *                                       │    ▲
 *              it has not taken 256 KiB ▼    │ it has
 *                                      the client rests
 *
 * So no body is held, whatever its size, and each side waits for the other. An upstream that takes
 * nothing for a minute is given up, because a client that rests is not seen to leave. A client that
 * waits for 100 Continue gets the upstream's; if that says nothing, ours after a second. */
#include "api/gateway_priv.h"

#define PENDING_BYTES_MAX (256 * KIB)
#define STALL_MS 60000
#define CONTINUE_MS 1000

bool gateway_body_is_streamed(const struct call *call)
{
    return gateway_takes(call) && !gateway_is_understood(call) &&
           !gateway_socket_is_asked(call->request);
}

/* ---- from the client ---- */

static void on_piece(struct http_exchange *exchange, struct str piece)
{
    struct passage *passage = passage_of(http_exchange_data(exchange));

    fetch_write(passage->fetch, piece);
    passage->pending_bytes = fetch_pending_bytes(passage->fetch);
    if (passage->pending_bytes <= PENDING_BYTES_MAX)
        return;
    http_body_pause(exchange);
    timer_start(&passage->timer, STALL_MS);
}

static void on_whole(struct http_exchange *exchange)
{
    struct passage *passage = passage_of(http_exchange_data(exchange));

    timer_stop(&passage->timer);
    if (http_body_length(exchange) == HTTP_LENGTH_UNKNOWN)
        fetch_write_end(passage->fetch);
}

/* ---- from the upstream ---- */

/* It takes more: for the first time, when the request's head is out. The client may be found gone
 * in here, and then there is no passage any more. */
void gateway_body_on_drain(void *context)
{
    struct passage *passage = context;
    bool is_first = !passage->takes_body;

    passage->takes_body = true;
    if (!is_first) {
        if (!http_awaits_continue(passage->exchange))
            timer_stop(&passage->timer);
        http_body_resume(passage->exchange);
        return;
    }
    if (http_awaits_continue(passage->exchange))
        timer_start(&passage->timer, CONTINUE_MS);
    http_body_take(passage->exchange, on_piece, on_whole);
}

void gateway_body_on_continue(void *context)
{
    struct passage *passage = context;

    http_continue(passage->exchange);
}

static void on_timer(struct timer *timer)
{
    struct passage *passage = CONTAINER_OF(timer, struct passage, timer);
    size_t pending_bytes = passage->fetch ? fetch_pending_bytes(passage->fetch) : 0;

    if (http_awaits_continue(passage->exchange)) {
        http_continue(passage->exchange);
    } else if (pending_bytes < passage->pending_bytes) {
        passage->pending_bytes = pending_bytes;
        timer_start(timer, STALL_MS);
    } else {
        passage_fail(passage, 504, "has taken nothing of this request",
                     "for a minute; it is given up");
    }
}

/* ---- the request ---- */

void gateway_body_describe(struct passage *passage, struct fetch_request *request)
{
    uint64_t length = http_body_length(passage->exchange);

    timer_init(&passage->timer, http_exchange_loop(passage->exchange), on_timer);
    /* Without a body on_drain never comes. */
    if (length == HTTP_LENGTH_UNKNOWN)
        request->is_chunked = true;
    else
        request->body_more = length;
    request->has_body |= length > 0;
}
