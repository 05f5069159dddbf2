/* traces_boot.c -- what clients of the tracing API ask once, when they begin: /settings and
 * /info/health. (/info and /ok answer for both APIs: system.c.) */
#include "api/route.h"
#include "api/traces_priv.h"
#include "store/projects.h"

/* size_limit, in runs, and size_limit_bytes are what a client puts into one request. */
void traces_info_write(struct json_writer *json)
{
    json_put_null(json, "license_expiration_time");
    json_put_raw(json, "batch_ingest_config",
                 STR("{\"use_multipart_endpoint\":true,\"size_limit\":100,"
                     "\"size_limit_bytes\":20971520,\"scale_up_qsize_trigger\":1000,"
                     "\"scale_up_nthreads_limit\":16,\"scale_down_nempty_trigger\":4}"));
    json_put_raw(json, "instance_flags",
                 STR("{\"zstd_compression_enabled\":true,\"gzip_body_enabled\":true,"
                     "\"dataset_examples_multipart_enabled\":true,"
                     "\"examples_multipart_enabled\":true,\"ch_query_enabled\":true,"
                     "\"sdb_query_enabled\":false}"));
    json_put_null(json, "customer_info");
}

static enum err settings_apply(struct tx *tx, struct call *call)
{
    struct json_writer *json = call_json(call, 200);
    struct str tenant = call->principal.tenant;
    struct project_row project;
    struct uuid_text id;
    enum err err = projects_find(tx, tenant, PROJECT_DEFAULT, tx->arena, &project);

    if (err && err != ERR_NOT_FOUND)
        return err;
    json_begin_object(json);
    json_put_str(json, "id", trace_tenant_id(tenant, &id));
    json_put_str(json, "display_name", tenant);
    json_put_time(json, "created_at", err ? tx->now_us : project.created_us);
    json_put_null(json, "tenant_handle");
    json_end_object(json);
    return OK;
}

static enum err settings_prepare(struct call *call)
{
    return call_then_read(call, settings_apply);
}

/* The reference service tells how full the disk of its database is; here the writer's queue says
 * how well it goes. */
static enum err health_prepare(struct call *call)
{
    struct store_stats stats = store_stats(call->setup->store);
    struct json_writer *json = call_json(call, 200);

    json_begin_object(json);
    json_put_str(json, "status", STR("ok"));
    json_put_i64(json, "writer_queue_length", (int64_t)stats.queue_length);
    json_end_object(json);
    return OK;
}

static const struct route routes[] = {
    {HTTP_GET, "/settings", settings_prepare, PERMIT_KNOWN, ROUTE_TRACES,
     "The workspace of the key"},
    {HTTP_GET, "/info/health", health_prepare, PERMIT_ANYONE, ROUTE_META | ROUTE_TRACES,
     "Does it go well?"},
};

const struct route_list routes_traces_boot = {routes, ARRAY_LEN(routes)};
