/* Which requests are the user's own app's. */
#include "api/user_app_priv.h"

#include "api/protocol_priv.h"
#include "http/websocket.h"

#define SEEN_TENANT ".app" /* no workspace's name */

/* ---- which requests ---- */

struct str user_app_token(const struct loopback *loopback, struct arena *arena)
{
    const struct loopback_caller app = {.tenant = STR(SEEN_TENANT), .user = STR_NONE};

    return loopback_token(loopback, &app, arena);
}

static bool is_seen(const struct api_setup *setup, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct str token = http_header_find(request->headers, request->header_count, SEEN_HEADER);
    struct loopback_caller caller;

    return !str_is_none(token) &&
           loopback_admits(setup->loopback, token, http_exchange_arena(exchange), &caller) &&
           str_eq(caller.tenant, STR(SEEN_TENANT));
}

static bool is_wrapped(const struct route *route)
{
    return !(route->flags & ROUTE_AT_ROOT) &&
           (route->flags >> 16 != ACCESS_OPERATOR || route->permission == PERMIT_ANYONE);
}

/* No middleware of the app stands before a WebSocket (docs/app.md); before all else it does,
 * whatever the request's headers say. */
static bool is_socket(const struct route *route, const struct http_request *request)
{
    return route->prepare == protocol_socket_prepare && websocket_is_asked(request);
}

static bool is_below(struct str path, struct str prefix)
{
    struct str rest = str_from(path, prefix.len);

    return str_starts(path, prefix) && (rest.len == 0 || rest.data[0] == '/');
}

static enum err app_prepare(struct call *call);

const struct route *user_app_route(const struct api_setup *setup, struct http_exchange *exchange)
{
    /* The route behind the app asks who calls, and counts the call. */
    static const struct route wrapped = {HTTP_OTHER,    "/",           app_prepare,
                                         PERMIT_ANYONE, ROUTE_AT_ROOT, ""};
    static const struct route open = {HTTP_OTHER, "/", app_prepare, PERMIT_ANYONE, 0, ""};
    static const struct route guarded = {
        HTTP_OTHER, "/", app_prepare, PERMIT_RUN, ROUTE_ASKS(ACCESS_APP), ""};
    /* The app may have a route of its own in place of the built-in one. */
    static const struct route guarded_twice = {
        HTTP_OTHER, "/", app_prepare, PERMIT_READ, ROUTE_ASKS(ACCESS_APP) | ROUTE_AT_ROOT, ""};
    const struct http_request *request = http_exchange_request(exchange);
    struct str params[CALL_PARAMS_MAX];
    const struct route *route;
    bool path_exists;

    if (!plugin_is_there(&setup->agent->plugins.app) ||
        (request->method == HTTP_OPTIONS &&
         !str_is_none(http_header_find(request->headers, request->header_count,
                                       "access-control-request-method"))) ||
        !is_below(request->path, setup->mount_prefix) || is_seen(setup, exchange))
        return NULL;
    route = route_find(setup, request, params, &path_exists);
    if (route && (!is_wrapped(route) || is_socket(route, request)))
        return NULL;
    if (!setup->agent->app_is_guarded || (route && route->permission == PERMIT_ANYONE))
        return route || path_exists ? &wrapped : &open;
    return route || path_exists ? &guarded_twice : &guarded;
}

bool user_app_takes(const struct call *call)
{
    return call->route->prepare == app_prepare;
}

static enum err app_prepare(struct call *call)
{
    return call_then_take(call, user_app_take);
}
