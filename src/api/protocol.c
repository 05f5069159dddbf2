/* The event streaming protocol (protocol v2): its routes, and commands by HTTP. */
#include "api/protocol_priv.h"

#include "api/runs_priv.h"
#include "base/mem.h"

struct command_call {
    struct protocol_command command;
    struct protocol_caller caller;
};

static enum err command_apply(struct tx *tx, struct call *call)
{
    const struct command_call *c = call->data;

    call_json(call, 200);
    return protocol_command_apply(tx, &c->caller, &c->command, call->arena, &call->reply);
}

void protocol_caller_admit(struct protocol_caller *caller, const struct call *call)
{
    caller->user = call->principal.user;
    caller->thread_filter = call->access.filters[ACCESS_OF_THREADS];
    caller->assistant_filter = call->access.filters[ACCESS_OF_ASSISTANTS];
}

static enum err command_prepare(struct call *call)
{
    struct command_call *c = ARENA_NEW(call->arena, struct command_call);
    enum err err;

    if ((err = call_param_uuid(call, 0, "thread_id")) || (err = call_body_object(call)))
        return err;
    call_json(call, 200);
    if (!protocol_command_read(call->body_text, call->body, &c->command, &call->reply))
        return OK;
    c->caller = (struct protocol_caller){
        .config = call->setup->agent,
        .tenant = call->principal.tenant,
        .thread_id = call->params[0],
        .run_id = call_new_id(call),
        .headers = call_headers(call),
        .traceparent = call_traceparent(call),
        .payers = call_payers(call),
    };
    protocol_caller_admit(&c->caller, call);
    call->data = c;
    return call_then_write(call, command_apply);
}

/* ---- what is open on a net loop ---- */

struct protocol_streams *protocol_streams_new(void)
{
    struct protocol_streams *streams = MEM_NEW(struct protocol_streams);

    list_init(&streams->streams);
    list_init(&streams->sockets);
    return streams;
}

void protocol_streams_drain(struct protocol_streams *streams)
{
    while (!list_is_empty(&streams->streams))
        protocol_stream_break(streams->streams.next);
    while (!list_is_empty(&streams->sockets))
        protocol_socket_break(streams->sockets.next);
}

void protocol_streams_free(struct protocol_streams *streams)
{
    if (streams->follows)
        thread_follows_free(streams->follows);
    mem_free(streams);
}

struct protocol_feed *protocol_feed_for(struct call *call, bool waits_for_thread,
                                        const struct protocol_feed_events *events, void *context)
{
    struct protocol_streams *streams = api_protocol_streams(call->api);
    struct loop *loop = http_exchange_loop(call->exchange);

    if (!streams->follows)
        streams->follows = thread_follows_new(call->setup->store, loop);
    return protocol_feed_new(&(struct protocol_feed_config){
        .follows = streams->follows,
        .loop = loop,
        .store = call->setup->store,
        .hub = call->setup->hub,
        .tenant = call->principal.tenant,
        .thread_id = call->params[0],
        .admitted = call->access.filters[ACCESS_OF_THREADS],
        .waits_for_thread = waits_for_thread,
        .events = events,
        .context = context,
    });
}

static const struct route routes[] = {
    {HTTP_POST, "/threads/{thread_id}/commands", command_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_COMMAND), "A command of the event streaming protocol"},
    {HTTP_POST, "/threads/{thread_id}/stream/events", protocol_stream_prepare, PERMIT_READ,
     ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_THREADS_READ),
     "Follow a thread by the event streaming protocol"},
    {HTTP_GET, "/threads/{thread_id}/stream/events", protocol_socket_prepare, PERMIT_RUN,
     ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_THREADS_READ),
     "The event streaming protocol on a WebSocket"},
};

const struct route *const protocol_command_route = &routes[0];
const struct route_list routes_protocol = {routes, ARRAY_LEN(routes)};
