/* The API of one net loop. */
#include "api/call_priv.h"
#include "api/slots.h"
#include "api/user_app.h"

#include "base/mem.h"

struct api {
    const struct api_setup *setup;
    struct loop *loop;
    struct api_streams *streams;
    struct api_feeds *feeds;
    struct api_threads *threads;
    struct inbox *inbox;
    struct protocol_streams *protocol_streams;
    struct api_waits *waits;
    struct api_tails *tails;
    struct slots *slots;
    struct user_app_calls *user_apps;
    struct passages *passages; /* NULL: no gateway */
};

struct api_streams *api_streams(struct api *api)
{
    return api->streams;
}

struct api_threads *api_threads(struct api *api)
{
    return api->threads;
}

struct api_feeds *api_feeds(struct api *api)
{
    return api->feeds;
}

struct inbox *api_inbox(struct api *api)
{
    return api->inbox;
}

struct protocol_streams *api_protocol_streams(struct api *api)
{
    return api->protocol_streams;
}

struct api_waits *api_waits(struct api *api)
{
    return api->waits;
}

struct api_tails *api_tails(struct api *api)
{
    return api->tails;
}

/* A guess at the memory a body takes while it is under way: what streams is written in pieces, what
 * is packed grows, and what is parsed stands twice. */
#define STREAMED_BYTES_MAX (10 * MIB)
#define GROWTH 4
#define UNKNOWN_BYTES MIB

static size_t weight_of(const struct call *call)
{
    const struct http_request *request = call->request;
    struct str text = http_header_find(request->headers, request->header_count, "content-length");
    int64_t length;
    size_t bytes;

    bytes = str_to_i64(text, &length) || length < 0 ? UNKNOWN_BYTES : GROWTH * (size_t)length;
    return call->route->flags & ROUTE_STREAMED && bytes > STREAMED_BYTES_MAX ? STREAMED_BYTES_MAX
                                                                             : bytes;
}

/* False: there is too much already, and that was the answer. */
static bool enter(struct call *call)
{
    size_t bytes = weight_of(call);

    if (gate_enter(call->setup->ingest, bytes)) {
        call->gate_bytes = bytes;
        return true;
    }
    call_fail(call, 429, "too much is coming in at the moment; send it again");
    call_header(call, "retry-after", STR("1"));
    call_reply(call);
    return false;
}

struct user_app_calls *api_user_apps(struct api *api)
{
    return api->user_apps;
}

struct slots *api_slots(struct api *api)
{
    return api->slots;
}

struct passages *api_passages(struct api *api)
{
    return api->passages;
}

/* What goes on to somebody else goes as it comes, and nothing of it is held. */
static void plan_stream(struct call *call, struct http_plan *plan)
{
    if (user_app_takes(call)) {
        plan->on_start = call_start;
        if (!(call->route->flags & ROUTE_AT_ROOT)) /* else a built-in route takes it whole */
            plan->body_bytes_max = call->setup->agent->app_body_bytes_max;
    } else if (gateway_body_is_streamed(call)) {
        plan->on_start = call_start;
        if (call->route->permission != PERMIT_ANYONE)
            plan->body_bytes_max = SIZE_MAX; /* the upstream has limits of its own */
    }
}

static bool on_head(void *context, struct http_exchange *exchange, struct http_plan *plan)
{
    struct api *api = context;
    struct call *call;

    if (inbox_takes(api->setup, http_exchange_request(exchange))) {
        plan->body_bytes_max = api->setup->inspector_body_bytes_max;
        return true;
    }
    plan->body_bytes_max = api->setup->body_bytes_max;
    if (!call_open(api, api->setup, exchange))
        return false;
    call = http_exchange_data(exchange);
    if (call->route && call->route->flags & ROUTE_AGAIN && !enter(call))
        return false;
    if (call->route && call->route->flags & ROUTE_LARGE &&
        plan->body_bytes_max < LARGE_BODY_BYTES_MAX)
        plan->body_bytes_max = LARGE_BODY_BYTES_MAX;
    if (call->route && call->route->flags & ROUTE_STREAMED)
        traces_receive(call, plan);
    if (call->route)
        plan_stream(call, plan);
    return true;
}

static void on_request(void *context, struct http_exchange *exchange)
{
    struct api *api = context;

    if (inbox_takes(api->setup, http_exchange_request(exchange)))
        inbox_receive(api, api->setup, exchange);
    else
        call_start(exchange);
}

/* Its body never came. Requests to inspectors have no call yet. */
static void on_abort(void *context, struct http_exchange *exchange)
{
    struct call *call = http_exchange_data(exchange);

    (void)context;
    if (call)
        call_free(call);
}

struct api *api_new(const struct api_setup *setup, struct loop *loop)
{
    struct api *api = MEM_NEW(struct api);

    api->setup = setup;
    api->loop = loop;
    api->streams = api_streams_new(loop);
    api->feeds = api_feeds_new();
    api->threads = api_threads_new();
    api->inbox = inbox_new();
    api->protocol_streams = protocol_streams_new();
    api->waits = api_waits_new(setup->store, loop);
    api->tails = api_tails_new(setup->store, loop);
    api->slots = slots_new(loop);
    api->user_apps = user_app_calls_new();
    if (setup->gateway)
        api->passages = passages_new(setup->gateway, loop);
    return api;
}

struct http_handler api_handler(struct api *api)
{
    return (struct http_handler){
        .on_head = on_head, .on_request = on_request, .on_abort = on_abort, .context = api};
}

void api_change(struct api *api, const struct api_setup *setup)
{
    api->setup = setup;
}

void api_drain(struct api *api)
{
    api_streams_drain(api->streams);
    api_feeds_drain(api->feeds);
    api_threads_drain(api->threads);
    inbox_drain(api->inbox);
    protocol_streams_drain(api->protocol_streams);
    api_waits_drain(api->waits);
    api_tails_drain(api->tails);
    user_app_calls_drain(api->user_apps);
    passages_drain(api->passages);
}

void api_close(struct api *api)
{
    passages_close(api->passages);
}

void api_free(struct api *api)
{
    api_streams_free(api->streams);
    api_feeds_free(api->feeds);
    api_threads_free(api->threads);
    inbox_free(api->inbox);
    protocol_streams_free(api->protocol_streams);
    api_waits_free(api->waits);
    api_tails_free(api->tails);
    slots_free(api->slots);
    user_app_calls_free(api->user_apps);
    passages_free(api->passages);
    mem_free(api);
}
