/* The event streaming protocol on a WebSocket: commands in, answers and events out, any number of
 * subscriptions. A thread that does not exist yet is waited for: a command may make it. */
#include "api/protocol_priv.h"

#include "api/runs_priv.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "http/websocket.h"

#define MESSAGE_BYTES_MAX (16 * MIB)
#define COMMANDS_MAX 64 /* of one socket under way; it waits with more */
#define PING_MS 20000

struct protocol_socket {
    struct list node; /* in the loop's sockets */
    struct websocket *ws;
    struct protocol_feed *feed;
    struct loop *loop;
    const struct api_setup *setup;
    struct arena arena;
    struct str tenant, thread_id, headers, traceparent;
    struct str user; /* STR_NONE: auth handlers have no say */
    struct usage_payers payers;
    int64_t subscriptions;  /* made so far: their names */
    unsigned commands_open; /* the socket's memory goes behind the last one */
    bool is_gone;
};

/* A command that the store is to carry out, when the auth handlers have nothing against it. */
struct socket_command {
    struct store_work work;
    struct protocol_socket *socket;
    struct arena arena;
    struct call check; /* as if it had come as a request of its own */
    struct http_request request;
    struct protocol_command command;
    struct protocol_caller caller;
    struct buf reply;
};

static void socket_release(struct protocol_socket *socket)
{
    if (socket->commands_open > 0)
        return;
    arena_release(&socket->arena);
    mem_free(socket);
}

static void socket_end(struct protocol_socket *socket)
{
    list_remove(&socket->node);
    protocol_feed_free(socket->feed);
    socket->feed = NULL;
    socket->is_gone = true;
    socket_release(socket);
}

/* The server stops. The client comes back by itself. */
void protocol_socket_break(struct list *node)
{
    struct protocol_socket *socket = LIST_ITEM(node, struct protocol_socket, node);

    websocket_close(socket->ws, WEBSOCKET_RESTART, STR("the server stops"));
    websocket_free(socket->ws);
    socket_end(socket);
}

/* ---- events ---- */

static void on_event(void *context, struct str method, int64_t seq, struct str event)
{
    const struct protocol_socket *socket = context;

    (void)method;
    (void)seq;
    websocket_send(socket->ws, event);
}

static bool on_flush(void *context)
{
    const struct protocol_socket *socket = context;

    return websocket_pending_bytes(socket->ws) <= PROTOCOL_PENDING_MAX;
}

static void on_fail(void *context, enum err err)
{
    const struct protocol_socket *socket = context;

    if (err == ERR_NOT_FOUND)
        websocket_close(socket->ws, WEBSOCKET_NORMAL, STR("the thread was deleted"));
    else
        websocket_close(socket->ws, WEBSOCKET_RESTART, STR("the thread cannot be followed"));
}

static const struct protocol_feed_events feed_events = {on_event, on_flush, on_fail};

/* ---- subscriptions ---- */

static void subscribe(struct protocol_socket *socket, const struct protocol_command *command,
                      struct arena *arena, struct buf *reply)
{
    struct protocol_filter filter;
    const char *why;
    char text[64];
    int len = snprintf(text, sizeof(text), "{\"subscription_id\":\"sub-%lld\"}",
                       (long long)++socket->subscriptions);
    struct str result = str_range(text, (size_t)len);
    struct str id = str_range(text + 20, result.len - 22);

    if (protocol_filter_read(command->parsed, &filter, &why)) {
        protocol_error_write(reply, command->id, "invalid_argument", str_of(why));
        websocket_send(socket->ws, buf_str(reply));
        arena_release(arena);
        return;
    }
    /* The answer stands before the first event. */
    protocol_success_write(reply, command, socket->thread_id, result, -1);
    websocket_send(socket->ws, buf_str(reply));
    if (protocol_feed_subscribe(socket->feed, id, arena, &filter)) {
        arena_release(arena);
        websocket_close(socket->ws, WEBSOCKET_POLICY, STR("too many subscriptions"));
    }
}

static void unsubscribe(struct protocol_socket *socket, const struct protocol_command *command,
                        struct buf *reply)
{
    struct str id = json_string(json_get(command->parsed, "subscription_id"));

    if (!str_is_none(id) && protocol_feed_unsubscribe(socket->feed, id))
        protocol_success_write(reply, command, socket->thread_id, STR("{}"), -1);
    else
        protocol_error_write(reply, command->id, "no_such_subscription",
                             STR("subscription_id: no subscription of this connection has it"));
    websocket_send(socket->ws, buf_str(reply));
}

/* ---- commands that the store carries out ---- */

static enum err command_apply(struct tx *tx, struct store_work *work)
{
    struct socket_command *c = CONTAINER_OF(work, struct socket_command, work);

    buf_clear(&c->reply);
    return protocol_command_apply(tx, &c->caller, &c->command, &c->arena, &c->reply);
}

static void command_end(struct socket_command *c)
{
    struct protocol_socket *socket = c->socket;

    socket->commands_open--;
    if (socket->is_gone)
        socket_release(socket);
    else
        websocket_send(socket->ws, buf_str(&c->reply));
    buf_release(&c->reply);
    arena_release(&c->arena);
    mem_free(c);
}

static void command_done(struct store_work *work, enum err err)
{
    struct socket_command *c = CONTAINER_OF(work, struct socket_command, work);

    if (err)
        protocol_error_write(&c->reply, c->command.id, "unknown_error",
                             STR("the server could not do this; its log says why"));
    command_end(c);
}

static void command_write(struct socket_command *c)
{
    c->work.apply = command_apply;
    c->work.done = command_done;
    c->work.reply_to = c->socket->loop;
    c->work.class = STORE_REPLY;
    store_write(c->socket->setup->store, &c->work);
}

/* ---- what auth handlers say of a command ---- */

/* As the handlers have changed it. False: the reply says what is wrong with it. */
static bool command_reread(struct socket_command *c)
{
    struct json_error error;

    if (str_is_none(c->check.access.body))
        return true;
    return !call_body_parse(&c->check, &error) &&
           protocol_command_read(c->check.body_text, c->check.body, &c->command, &c->reply);
}

static void on_checked(struct message *message)
{
    struct socket_command *c = CONTAINER_OF(message, struct socket_command, check.ask.message);
    const struct json *said = NULL;
    enum err err = access_answer(&c->check);

    if (!err) {
        protocol_caller_admit(&c->caller, &c->check);
        if (command_reread(c))
            command_write(c);
        else
            command_end(c);
        buf_release(&c->check.reply);
        return;
    }
    if (json_parse(&c->arena, arena_str(&c->arena, buf_str(&c->check.reply)), &said, NULL))
        said = NULL;
    buf_release(&c->check.reply);
    protocol_error_write(&c->reply, c->command.id, "permission_denied",
                         json_string(json_get(said, "detail")));
    command_end(c);
}

static void on_check_answer(struct agent_ask *ask, enum err err, struct str answer,
                            struct str state)
{
    struct socket_command *c = CONTAINER_OF(ask, struct socket_command, check.ask.ask);

    (void)state;
    c->check.ask_err = err;
    c->check.ask_answer = arena_str(&c->arena, answer);
    c->check.ask.message.deliver = on_checked;
    loop_post(c->socket->loop, &c->check.ask.message);
}

static void command_check(struct socket_command *c, struct str text)
{
    const struct protocol_socket *socket = c->socket;

    c->request = (struct http_request){
        .method = HTTP_POST,
        .method_text = STR("POST"),
        .path = arena_printf(&c->arena, "/threads/%.*s/commands", STR_ARG(socket->thread_id)),
        .body = text,
    };
    c->check = (struct call){
        .setup = socket->setup,
        .arena = &c->arena,
        .request = &c->request,
        .route = protocol_command_route,
        .params = {socket->thread_id},
        .principal = {.tenant = socket->tenant, .user = socket->user},
    };
    buf_init(&c->check.reply, 64 * KIB);
    access_question(&c->check);
    c->check.ask.ask.on_answer = on_check_answer;
    dispatch_ask(socket->setup->dispatch, &c->check.ask);
}

static void command_start(struct protocol_socket *socket, const struct protocol_command *command,
                          struct arena *arena, struct str text)
{
    struct socket_command *c = MEM_NEW(struct socket_command);
    struct uuid_text id;

    c->socket = socket;
    c->arena = *arena;
    c->command = *command;
    c->caller = (struct protocol_caller){
        .config = socket->setup->agent,
        .tenant = socket->tenant,
        .thread_id = socket->thread_id,
        .headers = socket->headers,
        .traceparent = socket->traceparent,
        .payers = socket->payers,
        .run_id =
            arena_str(&c->arena,
                      uuid_write(uuid_v7(loop_rng(socket->loop), loop_wall_us(socket->loop)), &id)),
    };
    buf_init(&c->reply, PROTOCOL_REPLY_MAX);
    socket->commands_open++;
    if (str_is_none(socket->user))
        command_write(c);
    else
        command_check(c, text);
}

static void on_message(void *context, struct str text)
{
    struct protocol_socket *socket = context;
    struct protocol_command command;
    const struct json *root;
    struct arena arena;
    struct buf reply;

    arena_init(&arena);
    buf_init(&reply, 64 * KIB);
    char *copy = arena_cstr(&arena, text);
    json_scrub_nul(copy, text.len);
    text = str_range(copy, text.len);
    if (json_parse(&arena, text, &root, NULL)) {
        protocol_error_write(&reply, -1, "invalid_argument", STR("the message is not JSON"));
        websocket_send(socket->ws, buf_str(&reply));
        arena_release(&arena);
    } else if (!protocol_command_read(text, root, &command, &reply)) {
        websocket_send(socket->ws, buf_str(&reply));
        arena_release(&arena);
    } else if (str_eq(command.method, STR("subscription.subscribe"))) {
        subscribe(socket, &command, &arena, &reply);
    } else if (str_eq(command.method, STR("subscription.unsubscribe"))) {
        unsubscribe(socket, &command, &reply);
        arena_release(&arena);
    } else if (socket->commands_open < COMMANDS_MAX) {
        command_start(socket, &command, &arena, text);
    } else {
        arena_release(&arena);
        websocket_close(socket->ws, WEBSOCKET_POLICY, STR("too many commands at once"));
    }
    buf_release(&reply);
}

static void on_drain(void *context)
{
    const struct protocol_socket *socket = context;

    protocol_feed_more(socket->feed);
}

static void on_close(void *context, int code)
{
    (void)code;
    socket_end(context);
}

static const struct websocket_events websocket_events = {
    .on_message = on_message, .on_drain = on_drain, .on_close = on_close};

/* ---- the start ---- */

static struct usage_payers keep_payers(struct arena *arena, struct usage_payers payers)
{
    struct usage_payer *list = ARENA_ARRAY(arena, struct usage_payer, payers.count + 1);

    for (size_t i = 0; i < payers.count; i++) {
        list[i] = payers.list[i];
        list[i].id = arena_str(arena, list[i].id);
        list[i].tenant = arena_str(arena, list[i].tenant);
        list[i].workspace = arena_str(arena, list[i].workspace);
    }
    return (struct usage_payers){list, payers.count};
}

static void socket_take(struct call *call)
{
    struct protocol_socket *socket = MEM_NEW(struct protocol_socket);
    struct http_exchange *exchange = call->exchange;

    arena_init(&socket->arena);
    socket->setup = call->setup;
    socket->loop = http_exchange_loop(exchange);
    socket->tenant = arena_str(&socket->arena, call->principal.tenant);
    socket->thread_id = arena_str(&socket->arena, call->params[0]);
    socket->headers = arena_str(&socket->arena, call_headers(call));
    socket->traceparent = arena_str(&socket->arena, call_traceparent(call));
    socket->user = arena_str(&socket->arena, call->principal.user);
    socket->payers = keep_payers(&socket->arena, call_payers(call));
    list_push(&api_protocol_streams(call->api)->sockets, &socket->node);
    socket->feed = protocol_feed_for(call, true, &feed_events, socket);
    socket->ws = websocket_accept(exchange, &(struct websocket_config){
                                                .message_bytes_max = MESSAGE_BYTES_MAX,
                                                .ping_ms = PING_MS,
                                                .events = &websocket_events,
                                                .context = socket,
                                            });
    call_free(call);
    http_exchange_shed(exchange);
}

enum err protocol_socket_prepare(struct call *call)
{
    int status;
    const char *why;
    enum err err = call_param_uuid(call, 0, "thread_id");

    if (err)
        return err;
    why = websocket_refusal(call->request, &status);
    if (why) {
        if (status == 426)
            call_header(call, "sec-websocket-version", STR("13"));
        return call_fail(call, status, "%s", why);
    }
    return call_then_take(call, socket_take);
}
