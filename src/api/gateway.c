/* gateway.c -- requests of the Agent Server's API go to the upstream, and its answers come back.
 *
 *   head: whose path is it? ──makes a run──▶ body whole ──▶ [its webhook is taken out,
 *        │                                                   gateway_runs.c]
 *        ▼                                                         ▼
 *   request to the upstream, the body as it comes (gateway_body.c) ──▶ the answer's head
 *                                                       ──▶ its body, piece by piece ──▶ the end
 *
 * An answer goes on as it comes; while the client does not take it, no more is read. It may come
 * before the request is whole. A client that leaves ends the request at the upstream, an answer
 * that breaks off breaks off here too. */
#include "api/gateway_priv.h"

#include "api/request_log.h"
#include "base/mem.h"
#include "format/query.h"
#include "gateway/gateway_metrics.h"

#define CONNECT_MS 10000
#define HEADER_BYTES_MAX (64 * KIB)
#define IDLE_MAX 64
#define IDLE_MS 4000 /* shorter than the 5 s after which Node's servers close */
#define PENDING_BYTES_MAX (256 * KIB)
#define HELD_BYTES_MAX (64 * MIB)
#define DRAIN_MS 5000 /* for answers that have not begun when the server stops */

/* ---- whose path is it ---- */

static const struct route pass_read = {HTTP_GET,    "/",           gateway_prepare,
                                       PERMIT_READ, ROUTE_FOLLOWS, "Answered by the upstream"};
static const struct route pass_write = {HTTP_POST,  "/",           gateway_prepare,
                                        PERMIT_RUN, ROUTE_FOLLOWS, "Answered by the upstream"};
static const struct route pass_ask = {HTTP_OPTIONS,  "/", gateway_prepare,
                                      PERMIT_ANYONE, 0,   "Answered by the upstream"};

static bool is_pass(const struct route *route)
{
    return route == &pass_read || route == &pass_write || route == &pass_ask;
}

/* The route of this path with any method, or NULL. */
static const struct route *route_of_path(const struct call *call)
{
    static const enum http_method methods[] = {HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH,
                                               HTTP_DELETE};
    const struct route *route = NULL;

    for (size_t i = 0; !route && i < ARRAY_LEN(methods); i++) {
        struct http_request request = *call->request;
        struct str params[CALL_PARAMS_MAX];
        bool path_exists;

        request.method = methods[i];
        route = route_find(call->setup, &request, params, &path_exists);
    }
    return route;
}

/* What lies below these is never the upstream's, whether there is such a route or not. */
static bool is_reserved(const struct call *call)
{
    struct str path = call->request->path, prefix = call->setup->mount_prefix;

    if (!str_starts(path, prefix))
        return true;
    path = str_from(path, prefix.len);
    if (!str_starts(path, STR("/"))) /* below another prefix that begins like ours */
        return true;
    return str_starts(path, STR("/v1/")) || str_starts(path, STR("/in/")) ||
           str_starts(path, STR("/api/")) || str_eq(path, STR("/"));
}

void gateway_route(struct call *call)
{
    enum http_method method = call->request->method;
    const struct route *other;

    if (!call->setup->gateway || call->route || is_reserved(call))
        return;
    other = call->path_exists || method == HTTP_OPTIONS ? route_of_path(call) : NULL;
    if (other && !route_is_of_agents(other))
        return;
    if (method == HTTP_OPTIONS)
        call->route = &pass_ask;
    else
        call->route = method == HTTP_GET || method == HTTP_HEAD ? &pass_read : &pass_write;
}

bool gateway_takes(const struct call *call)
{
    return call->setup->gateway && (is_pass(call->route) || route_is_of_agents(call->route));
}

/* The upstream knows no workspaces, so it belongs to one. */
static enum err workspace_check(struct call *call)
{
    if (str_eq(call->principal.tenant, TENANT_DEFAULT) || call->route->permission == PERMIT_ANYONE)
        return OK;
    call_fail(call, 403,
              "the upstream belongs to the workspace \"%.*s\"; use a key of that workspace",
              STR_ARG(TENANT_DEFAULT));
    return ERR_DENIED;
}

/* What path_is_plain refuses the upstream may read as another route than the one looked up here,
 * with what that asks of the caller and does with webhooks. */
enum err gateway_prepare(struct call *call)
{
    enum err err;

    if (!path_is_plain(call->request->path)) {
        call_fail(call, 400,
                  "the path: write it without \"..\" and without escapes of letters, "
                  "digits, slashes and \"-._~\"");
        return ERR_INVALID;
    }
    err = workspace_check(call);
    return err ? err : gateway_run_prepare(call);
}

/* ---- the end ---- */

static void count(enum gateway_result result)
{
    gateway_count_request(result);
}

/* The passage lies in the exchange's arena: what it holds goes before the exchange ends. */
static struct http_exchange *let_go(struct passage *passage)
{
    list_remove(&passage->node);
    timer_stop(&passage->timer);
    if (passage->fetch)
        fetch_cancel(passage->fetch);
    passage->fetch = NULL;
    buf_release(&passage->held);
    return passage->exchange;
}

void passage_break(struct passage *passage)
{
    struct http_exchange *exchange = let_go(passage);

    if (passage->intent)
        gateway_run_on_end(passage, false);
    call_free(passage->call);
    http_break(exchange);
}

void passage_fail(struct passage *passage, int status, const char *words, const char *why)
{
    struct call *call = passage->call;
    struct str url = passage->passages->gateway->upstream->url;

    if (passage->is_begun) {
        passage_break(passage);
        return;
    }
    let_go(passage);
    if (passage->intent)
        gateway_run_on_end(passage, false);
    call_fail(call, status, "the upstream %.*s %s: %s", STR_ARG(url), words, why);
    call_reply(call);
}

static void on_gone(struct http_exchange *exchange)
{
    struct call *call = http_exchange_data(exchange);

    count(GATEWAY_LEFT);
    passage_break(passage_of(call));
}

static void on_gone_upgraded(struct http_exchange *exchange)
{
    passage_break(http_exchange_data(exchange));
}

/* ---- the answer ---- */

static void on_drain(struct http_exchange *exchange)
{
    struct passage *passage = passage_of(http_exchange_data(exchange));

    if (passage->fetch)
        fetch_resume(passage->fetch);
}

static void on_drain_upgraded(struct http_exchange *exchange)
{
    struct passage *passage = http_exchange_data(exchange);

    if (passage->fetch)
        fetch_resume(passage->fetch);
}

static void begin(struct passage *passage)
{
    passage->is_begun = true;
    passage->call->status = passage->status;
    request_log_reply(passage->call);
    if (passage->has_length)
        http_begin_sized(passage->exchange, passage->status, passage->headers,
                         passage->header_count, passage->length);
    else
        http_begin(passage->exchange, passage->status, passage->headers, passage->header_count);
}

static void on_head(void *context, const struct fetch_head *head)
{
    struct passage *passage = context;
    bool is_head = passage->call->request->method == HTTP_HEAD;

    upstream_saw(passage->passages->gateway->state, true);
    passage->status = head->status;
    passage->has_length = head->has_length;
    passage->length = head->length;
    gateway_answer_headers(passage->call->arena, head, passage);
    if (head->status == 101) {
        http_exchange_on_gone(passage->exchange, on_gone_upgraded);
        http_exchange_on_drain(passage->exchange, on_drain_upgraded);
        gateway_socket_start(passage, head);
        return;
    }
    if (passage->intent)
        gateway_run_on_head(passage, head);
    passage->holds |= !is_head && head->has_length && head->length <= WHOLE_BYTES_MAX;
    if (!passage->holds)
        begin(passage);
}

/* What was held for its length, and is too long for that. */
static void stop_holding(struct passage *passage)
{
    passage->holds = false;
    begin(passage);
    http_write(passage->exchange, buf_str(&passage->held));
}

static void on_body(void *context, struct str piece)
{
    struct passage *passage = context;

    if (passage->holds && passage->held.len + piece.len <= HELD_BYTES_MAX) {
        buf_add(&passage->held, piece);
        return;
    }
    if (passage->holds)
        stop_holding(passage);
    http_write(passage->exchange, piece);
    if (passage->fetch && http_pending_bytes(passage->exchange) > PENDING_BYTES_MAX)
        fetch_pause(passage->fetch);
}

static void done(struct passage *passage)
{
    struct call *call = passage->call;
    struct http_exchange *exchange = passage->exchange;
    struct buf held = passage->held;

    count(GATEWAY_ANSWERED);
    if (passage->intent)
        gateway_run_on_end(passage, true);
    list_remove(&passage->node);
    timer_stop(&passage->timer);
    if (passage->is_begun) {
        call_free(call);
        http_end(exchange);
    } else {
        call->status = passage->status;
        request_log_reply(call);
        call_free(call);
        http_reply(exchange, passage->status, passage->headers, passage->header_count,
                   buf_str(&held));
    }
    buf_release(&held);
}

static void on_end(void *context, enum fetch_end end, const char *why)
{
    struct passage *passage = context;
    struct upstream_state *state = passage->passages->gateway->state;

    passage->fetch = NULL;
    if (end == FETCH_DONE) {
        done(passage);
    } else if (end == FETCH_UNREACHABLE) {
        count(GATEWAY_UNREACHABLE);
        upstream_saw(state, false);
        passage_fail(passage, 502, "cannot be reached", why);
    } else if (!passage->is_begun) {
        count(GATEWAY_LOST);
        passage_fail(passage, 502, "did not answer", why);
    } else {
        count(GATEWAY_CUT);
        passage_break(passage);
    }
}

/* ---- the request ---- */

static struct str target_of(struct call *call)
{
    struct str base = call->setup->gateway->upstream->base;
    struct str path = str_from(call->request->path, call->setup->mount_prefix.len);
    struct str query = call->request->query;

    return arena_printf(call->arena, "%.*s%.*s%s%.*s", STR_ARG(base), STR_ARG(path),
                        str_is_none(query) ? "" : "?", STR_ARG(query));
}

struct passage *passage_of(struct call *call)
{
    struct passage *passage = call->data;

    if (passage)
        return passage;
    passage = ARENA_NEW(call->arena, struct passage);
    call->data = passage;
    passage->call = call;
    passage->exchange = call->exchange;
    passage->passages = api_passages(call->api);
    passage->target = target_of(call);
    passage->body = call->request->body;
    list_init(&passage->node);
    buf_init(&passage->held, HELD_BYTES_MAX);
    return passage;
}

static bool has_body(const struct http_request *request)
{
    return request->method == HTTP_POST || request->method == HTTP_PUT ||
           request->method == HTTP_PATCH ||
           !str_is_none(
               http_header_find(request->headers, request->header_count, "content-length")) ||
           !str_is_empty(request->body);
}

void gateway_take(struct call *call)
{
    static const struct fetch_events events = {on_head, on_body, on_end, NULL, NULL};
    static const struct fetch_events streamed = {on_head, on_body, on_end, gateway_body_on_drain,
                                                 gateway_body_on_continue};
    struct passage *passage = passage_of(call);
    bool is_streamed = gateway_body_is_streamed(call);
    struct http_header *headers;
    size_t header_count = gateway_request_headers(call, &headers);
    struct fetch_request request = {
        .method = call->request->method_text,
        .target = passage->target,
        .headers = headers,
        .header_count = header_count,
        .body = passage->body,
        .has_body = has_body(call->request),
        .upgrades = gateway_socket_is_asked(call->request),
    };

    list_push(&passage->passages->all, &passage->node);
    if (http_exchange_is_gone(call->exchange)) { /* while its webhook was written down */
        passage_break(passage);
        return;
    }
    http_exchange_on_gone(call->exchange, on_gone);
    http_exchange_on_drain(call->exchange, on_drain);
    if (is_streamed)
        gateway_body_describe(passage, &request);
    passage->fetch = fetch_start(passage->passages->client, &request,
                                 is_streamed ? &streamed : &events, passage);
}

/* ---- those of one loop ---- */

/* Streams break off, so that clients come back later; what has not begun is told so. */
static void drain(struct passages *passages, bool all)
{
    struct list *node = passages->all.next;

    while (node != &passages->all) {
        struct passage *passage = LIST_ITEM(node, struct passage, node);

        node = node->next;
        if (passage->is_begun)
            passage_break(passage);
        else if (all)
            passage_fail(passage, 503, "has not answered yet", "this server stops");
    }
}

static void on_drain_timer(struct timer *timer)
{
    drain(CONTAINER_OF(timer, struct passages, drain), true);
}

void passages_drain(struct passages *passages)
{
    if (!passages)
        return;
    drain(passages, false);
    timer_start(&passages->drain, DRAIN_MS);
}

struct passages *passages_new(const struct gateway *gateway, struct loop *loop)
{
    struct passages *passages = MEM_NEW(struct passages);

    passages->gateway = gateway;
    list_init(&passages->all);
    timer_init(&passages->drain, loop, on_drain_timer);
    passages->client = fetch_client_new(&(struct fetch_client_config){
        .loop = loop,
        .origin = gateway->upstream->origin,
        .tls = gateway->tls,
        .connect_ms = CONNECT_MS,
        .header_bytes_max = HEADER_BYTES_MAX,
        .idle_max = IDLE_MAX,
        .idle_ms = IDLE_MS,
    });
    return passages;
}

void passages_close(struct passages *passages)
{
    if (!passages)
        return;
    timer_stop(&passages->drain);
    drain(passages, true);
    fetch_client_free(passages->client);
    passages->client = NULL;
}

void passages_free(struct passages *passages)
{
    mem_free(passages);
}
