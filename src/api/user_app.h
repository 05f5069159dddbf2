/* user_app.h -- the user's own HTTP app (http.app of langgraph.json): which requests go to it, and
 * how its answers come back.
 *
 *   request ──▶ is it the app's? ──no──▶ route_find, as without an app
 *                   │ yes
 *                   ▼
 *              the app, in a worker ──its own route──▶ its answer
 *                   └──no route of its own: its middleware, then the same request once more to this
 *                      server, with a token that says so ──▶ the built-in route
 *
 * What an operator needs goes past the app: /ok, /health/…, inspectors, and all routes for holders
 * of an API key alone (/v1/…, /metrics, traces); our own WebSocket and preflights of CORS too. If
 * the app is down, the routes that it wraps are down: middleware may be what guards them. */
#ifndef API_USER_APP_H
#define API_USER_APP_H

#include "api/route.h"

/* The stand-in for a route if the request is for the app, else NULL. */
const struct route *user_app_route(const struct api_setup *setup, struct http_exchange *exchange);
/* Is its route such a stand-in? Then it is taken up at its head (http_plan.on_start). */
bool user_app_takes(const struct call *call);
/* What the worker sends with what its app has seen already. */
struct str user_app_token(const struct loopback *loopback, struct arena *arena);

/* The open ones of one net loop. */
struct user_app_calls;
struct user_app_calls *api_user_apps(struct api *api);
struct user_app_calls *user_app_calls_new(void);
void user_app_calls_drain(struct user_app_calls *calls);
void user_app_calls_free(struct user_app_calls *calls);

#endif
