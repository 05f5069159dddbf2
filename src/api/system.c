/* /ok, /info, /health, /openapi.json, /docs and /v1/keys: the server itself. */
#include "api/openapi.h"
#include "api/route.h"
#include "api/traces_priv.h"

#include "agent/run_cancel.h"

#include "crypto/api_key.h"
#include "store/truncate.h"

/* Clients check that the version is at least this of the API they know (C17). */
#define API_VERSION "0.16.14"

/* ---- alive ---- */

static enum err ok_reply(struct call *call)
{
    json_raw_out(call_json(call, 200), STR("{\"ok\":true}"));
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
                           "\"langsmith_tracing_replicas\":false}"));
    json_put_raw(json, "metadata", STR("{\"product\":\"runbell\"}"));
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
    struct runs live = {0};
    enum err err = OK;

    do { /* what runs is ended first: executors must not write on */
        if (what->runs || what->threads)
            err = run_list_by_status(tx, tenant, STR("all"), LIVE_PAGE, tx->arena, &live);
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

/* ---- keys ---- */

struct key_call {
    struct api_key_row row;
    struct api_key_text text;
    struct sha256_text hash;
};

static enum err key_create_apply(struct tx *tx, struct call *call)
{
    struct key_call *key = call->data;
    struct json_writer *json;
    enum err err;

    key->row.created_us = tx->now_us;
    if ((err = api_key_insert(tx, &key->row)))
        return err;
    tx_notify(tx, TOPIC_KEYS, key->row.key_id);
    json = call_json(call, 200);
    json_begin_object(json);
    json_put_str(json, "key_id", key->row.key_id);
    json_put_str(json, "name", key->row.name);
    json_put_str(json, "tenant", key->row.tenant);
    json_put_str(json, "key", str_of(key->text.text)); /* shown once, never again */
    json_put_time(json, "created_at", key->row.created_us);
    json_end_object(json);
    return OK;
}

static enum err key_create_prepare(struct call *call)
{
    struct key_call *key = ARENA_NEW(call->arena, struct key_call);
    enum err err;

    /* To repeat the answer the key itself would have to be kept. */
    if (!str_is_none(http_header_find(call->request->headers, call->request->header_count,
                                      "idempotency-key")))
        return call_fail(
            call, 422,
            "Idempotency-Key: not for API keys, which are stored nowhere and so cannot "
            "be answered twice; leave it out, and revoke a key whose answer was lost");
    key->row.name = STR("");
    if ((err = call_body_object(call)) || (err = call_get_text(call, "name", &key->row.name)))
        return err;
    key->row.tenant = call->principal.tenant;
    key->row.key_id = call_new_id(call);
    key->row.key_hash = api_key_hash(api_key_make(&key->text), &key->hash);
    call->data = key;
    return call_then_write(call, key_create_apply);
}

static enum err key_list_apply(struct tx *tx, struct call *call)
{
    struct api_key_row *keys;
    struct json_writer *json;
    size_t count;
    enum err err = api_key_list(tx, call->arena, &keys, &count);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(keys[i].tenant, call->principal.tenant))
            continue;
        json_begin_object(json);
        json_put_str(json, "key_id", keys[i].key_id);
        json_put_str(json, "name", keys[i].name);
        json_put_time(json, "created_at", keys[i].created_us);
        json_end_object(json);
    }
    json_end_array(json);
    return OK;
}

static enum err key_list_prepare(struct call *call)
{
    return call_then_read(call, key_list_apply);
}

static enum err key_revoke_apply(struct tx *tx, struct call *call)
{
    struct api_key_row *keys;
    size_t count;
    enum err err = api_key_list(tx, tx->arena, &keys, &count);

    if (!err && count == 1 && str_eq(keys[0].key_id, call->params[0]))
        return call_fail(
            call, 409,
            "this is the last key: make another one first, or nobody could call any more");
    if (!err)
        err = api_key_revoke(tx, call->principal.tenant, call->params[0]);
    if (!err)
        tx_notify(tx, TOPIC_KEYS, call->params[0]);
    call_empty(call, 204);
    return err;
}

static enum err key_revoke_prepare(struct call *call)
{
    return call_then_write(call, key_revoke_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/ok", ok_prepare, ROUTE_PUBLIC | ROUTE_AT_ROOT | ROUTE_TRACES,
     "Is the server there?"},
    {HTTP_GET, "/health/live", ok_prepare, ROUTE_PUBLIC | ROUTE_AT_ROOT, "Is the process alive?"},
    {HTTP_GET, "/health/ready", ready_prepare, ROUTE_PUBLIC | ROUTE_AT_ROOT,
     "Does the database answer?"},
    {HTTP_GET, "/info", info_prepare, ROUTE_PUBLIC | ROUTE_META | ROUTE_TRACES,
     "Versions and features"},
    {HTTP_GET, "/openapi.json", openapi_prepare, ROUTE_PUBLIC | ROUTE_META,
     "This API as OpenAPI 3.1"},
    {HTTP_GET, "/docs", docs_prepare, ROUTE_PUBLIC | ROUTE_META, "This API for people"},
    {HTTP_POST, "/internal/truncate", truncate_prepare, ROUTE_DEV,
     "Empty tables, for test suites; only with --dev"},
    {HTTP_POST, "/v1/keys", key_create_prepare, 0, "Make an API key; it is shown once"},
    {HTTP_GET, "/v1/keys", key_list_prepare, 0, "List API keys"},
    {HTTP_DELETE, "/v1/keys/{key_id}", key_revoke_prepare, 0, "Revoke an API key"},
};

const struct route_list routes_system = {routes, ARRAY_LEN(routes)};
