/* /ok, /info, /health, /openapi.json, /docs: the server itself. */
#include "api/openapi.h"
#include "api/route.h"
#include "api/traces_priv.h"

#include "agent/run_cancel.h"
#include "format/url.h"
#include "gateway/upstream.h"

#include "store/truncate.h"

/* Clients check that the version is at least this of the API they know (C17). */
#define API_VERSION "0.16.14"

/* ---- alive ---- */

/* In front of an upstream: does that answer too? */
static void upstream_put(struct json_writer *json, const struct call *call)
{
    const struct gateway *gateway = call->setup->gateway;

    if (!gateway)
        return;
    json_key(json, "upstream");
    json_begin_object(json);
    url_mask_put(json, "url", gateway->upstream->url);
    json_key(json, "reachable");
    if (atomic_load(&gateway->state->is_known))
        json_bool_out(json, atomic_load(&gateway->state->is_up));
    else
        json_null_out(json);
    json_end_object(json);
}

static enum err ok_reply(struct call *call)
{
    struct json_writer *json = call_json(call, 200);

    json_begin_object(json);
    json_put_bool(json, "ok", true);
    upstream_put(json, call);
    json_end_object(json);
    return OK;
}

static enum err ok_apply(struct tx *tx, struct call *call)
{
    enum err err = store_ping(tx);

    return err ? err : ok_reply(call);
}

/* With check_db=1 only if the database answers. */
static enum err ok_prepare(struct call *call)
{
    bool check_db = false;
    enum err err = call_query_bool(call, "check_db", &check_db);

    if (err)
        return err;
    return check_db ? call_then_read(call, ok_apply) : ok_reply(call);
}

static enum err ready_prepare(struct call *call)
{
    return call_then_read(call, ok_apply);
}

static enum err info_prepare(struct call *call)
{
    struct json_writer *json = call_json(call, 200);

    json_begin_object(json);
    json_put_str(json, "version", STR(API_VERSION));
    json_put_str(json, "langgraph_py_version", STR("1.2.22"));
    json_put_str(json, "langgraph_js_version", STR("1.4.18"));
    json_put_str(json, "runbell_version", STR(RUNBELL_VERSION));
    if (call->setup->compat_js)
        json_put_str(json, "context", STR("js"));
    json_key(json, "flags");
    json_raw_out(json, STR("{\"assistants\":true,\"crons\":true,\"langsmith\":false,"
                           "\"langsmith_tracing_replicas\":false,\"strict_resume\":true}"));
    json_put_raw(json, "metadata", STR("{\"product\":\"runbell\"}"));
    upstream_put(json, call);
    traces_info_write(json);
    json_end_object(json);
    return OK;
}

/* ---- documentation ---- */

static enum err openapi_prepare(struct call *call)
{
    openapi_write(call_json(call, 200), call->setup);
    return OK;
}

static enum err docs_prepare(struct call *call)
{
    struct buf *out = &call->reply;

    call_json(call, 200);
    call->content_type = "text/html; charset=utf-8";
    buf_add_cstr(
        out,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Runbell API</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:60em;margin:2em auto;padding:0 1em}"
        "td{padding:.2em 1em .2em 0;vertical-align:top}code{white-space:nowrap}</style>"
        "<h1>Runbell API</h1><p>As data: <a href=\"openapi.json\">openapi.json</a></p><table>");
    for (size_t i = 0; i < route_count(); i++)
        buf_addf(out, "<tr><td><b>%s</b><td><code>%s</code><td>%s",
                 openapi_method(route_at(i)->method), route_at(i)->path, route_at(i)->summary);
    buf_add_cstr(out, "</table></html>");
    return OK;
}

/* ---- for test suites ---- */

#define LIVE_PAGE 1000

static enum err truncate_apply(struct tx *tx, struct call *call)
{
    const struct truncate *what = call->data;
    struct str tenant = call->principal.tenant;
    const struct run_filter all = {.tenant = tenant, .status = STR("all"), .limit = LIVE_PAGE};
    struct runs live = {0};
    enum err err = OK;

    do { /* what runs is ended first: executors must not write on */
        if (what->runs || what->threads)
            err = run_list_by_status(tx, &all, tx->arena, &live);
        for (size_t i = 0; !err && i < live.count; i++)
            err = run_end_by_delete(tx, call->setup->agent, &live.list[i]);
    } while (!err && live.count == LIVE_PAGE);
    return err || (err = store_truncate(tx, tenant, what)) ? err : ok_reply(call);
}

static enum err truncate_prepare(struct call *call)
{
    struct truncate *what = ARENA_NEW(call->arena, struct truncate);
    enum err err = call_body_object(call);

    if (err)
        return err;
    what->runs = json_bool(json_get(call->body, "runs"), false);
    what->threads = json_bool(json_get(call->body, "threads"), false);
    what->assistants = json_bool(json_get(call->body, "assistants"), false);
    what->checkpoints = json_bool(json_get(call->body, "checkpointer"), false);
    what->items = json_bool(json_get(call->body, "store"), false);
    call->data = what;
    return call_then_write(call, truncate_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/ok", ok_prepare, PERMIT_ANYONE, ROUTE_AT_ROOT | ROUTE_TRACES,
     "Is the server there?"},
    {HTTP_GET, "/health/live", ok_prepare, PERMIT_ANYONE, ROUTE_AT_ROOT, "Is the process alive?"},
    {HTTP_GET, "/health/ready", ready_prepare, PERMIT_ANYONE, ROUTE_AT_ROOT,
     "Does the database answer?"},
    {HTTP_GET, "/info", info_prepare, PERMIT_ANYONE, ROUTE_META | ROUTE_TRACES,
     "Versions and features"},
    {HTTP_GET, "/openapi.json", openapi_prepare, PERMIT_ANYONE, ROUTE_META,
     "This API as OpenAPI 3.1"},
    {HTTP_GET, "/docs", docs_prepare, PERMIT_ANYONE, ROUTE_META, "This API for people"},
    {HTTP_POST, "/internal/truncate", truncate_prepare, PERMIT_ADMIN, ROUTE_DEV,
     "Empty tables, for test suites; only with --dev"},
};

const struct route_list routes_system = {routes, ARRAY_LEN(routes)};
