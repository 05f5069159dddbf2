/* One request, read piece by piece. */
#include "native/wire.h"

#include "format/retry_after.h"

#define RETRY_AFTER_MS_MAX 60000

static void on_enough(struct timer *timer)
{
    struct wire *wire = CONTAINER_OF(timer, struct wire, enough);
    const struct wire_end end = {.outcome = HTTP_ANSWERED,
                                 .status = wire->status,
                                 .is_whole = true,
                                 .why = "answered",
                                 .retry_after_ms = -1};

    http_send_cancel(wire->send);
    wire->send = NULL;
    wire->events->on_end(wire->context, &end);
}

static void on_piece(void *context, const struct http_result *so_far, struct str piece)
{
    struct wire *wire = context;

    if (timer_is_running(&wire->enough))
        return;
    wire->status = so_far->status;
    if (wire->events->on_piece(wire->context, so_far, piece))
        timer_start(&wire->enough, 0);
}

static int64_t retry_after_ms(struct wire *wire, const struct http_result *result)
{
    struct str text = http_header_find(result->headers, result->header_count, "retry-after");
    int64_t delay_ms;

    if (str_is_none(text) ||
        retry_after_parse(text, loop_wall_us(wire->loop), RETRY_AFTER_MS_MAX, &delay_ms))
        return -1;
    return delay_ms;
}

static void on_done(void *context, const struct http_result *result)
{
    struct wire *wire = context;
    const struct wire_end end = {
        .outcome = result->outcome,
        .status = result->status,
        .is_whole = result->outcome == HTTP_ANSWERED && !result->body_truncated,
        .why = result->why,
        .rule = result->rule,
        .body = result->body,
        .retry_after_ms = retry_after_ms(wire, result),
    };

    timer_stop(&wire->enough);
    wire->send = NULL;
    wire->events->on_end(wire->context, &end);
}

void wire_init(struct wire *wire, struct loop *loop, struct http_client *client)
{
    *wire = (struct wire){.loop = loop, .client = client};
    timer_init(&wire->enough, loop, on_enough);
}

void wire_start(struct wire *wire, const struct http_client_request *request,
                const struct wire_events *events, void *context)
{
    struct http_client_request streamed = *request;

    REQUIRE(!wire->send);
    wire->events = events;
    wire->context = context;
    wire->status = 0;
    streamed.on_piece = on_piece;
    wire->send = http_client_send(wire->client, &streamed, on_done, wire);
}

void wire_stop(struct wire *wire)
{
    timer_stop(&wire->enough);
    if (wire->send)
        http_send_cancel(wire->send);
    wire->send = NULL;
}

bool wire_is_busy(const struct wire *wire)
{
    return wire->send != NULL;
}
