/* /metrics: what every room counts, and what is known only when somebody asks. No database is asked
 * for it. */
#include "api/route.h"

#include "agent/agent_metrics.h"
#include "agent/quota_clock.h"
#include "alert/alert_clock.h"
#include "base/metrics_text.h"
#include "blob/blob_metrics.h"
#include "db/sync_vfs.h"
#include "delivery/delivery_metrics.h"
#include "gateway/gateway_metrics.h"
#include "http/http_metrics.h"
#include "io/process_figures.h"
#include "rule/rule_clock.h"
#include "store/log_size.h"
#include "store/store_metrics.h"

/* In this order on the page; docs/metrics.md has a line for each. */
static struct metric *const counted[] = {
    &store_ingest_events,
    &store_ingest_seconds,
    &store_batch_records,
    &store_commit_seconds,
    &db_fsync_seconds,
    &agent_runs,
    &rule_lag,
    &quota_measured_bytes,
    &alert_states,
    &store_deliveries_ended,
    &delivery_attempts,
    &delivery_attempt_seconds,
    &delivery_lag_seconds,
    &delivery_queue_depth,
    &delivery_queue_oldest,
    &delivery_endpoint_state,
    &delivery_log_bytes,
    &store_log_deleted,
    &store_log_deleted_bytes,
    &delivery_breaker_moves,
    &http_conn_open,
    &http_conn_reused,
    &http_denied,
    &store_duplicates,
    &store_spans_late,
    &delivery_recovery_rows,
    &delivery_recovery_seconds,
    &http_replies,
    &blob_requests,
    &blob_retries,
    &blob_seconds,
    &blob_bytes,
    &blob_waiting,
};

/* Only in front of an upstream. */
static struct metric *const counted_there[] = {
    &gateway_up,
    &gateway_requests,
    &gateway_open,
    &gateway_intents,
};

static double seconds(int64_t us)
{
    return (double)us / (double)US_PER_SECOND;
}

static void gauge(struct exposition *e, const char *name, const char *help, double value)
{
    exposition_number(e, name, help, METRIC_GAUGE, value);
}

static void write_process(struct exposition *e)
{
    struct process_figures process = process_figures_read();
    double resident = (double)process.resident_bytes;

    gauge(e, "runbell_rss_bytes", "Resident memory.", resident);
    gauge(e, "process_resident_memory_bytes", "Resident memory.", resident);
    gauge(e, "process_virtual_memory_bytes", "Address space.", (double)process.virtual_bytes);
    exposition_number(e, "process_cpu_seconds_total", "CPU time, user and system.", METRIC_COUNTER,
                      seconds(process.cpu_us));
    gauge(e, "process_start_time_seconds", "When the process started, since 1970.",
          seconds(process.started_us));
    gauge(e, "process_threads", "Threads.", (double)process.threads);
    gauge(e, "process_open_fds", "Open file descriptors.", (double)process.open_files);
    gauge(e, "process_max_fds", "How many file descriptors may be open.",
          (double)process.open_files_max);
}

static void write_server(struct exposition *e, const struct api_setup *setup)
{
    const char *const build[] = {"version", RUNBELL_VERSION, NULL};

    exposition_info(e, "runbell_build_info", "The version that runs.", build);
    gauge(e, "runbell_writer_queue_length", "Units of work that wait for the writer.",
          (double)store_stats(setup->store).queue_length);
}

static enum err metrics_prepare(struct call *call)
{
    struct str accept =
        http_header_find(call->request->headers, call->request->header_count, "accept");
    static const char *const formats[] = {"prometheus", "json", NULL};
    struct exposition e = {.out = &call->reply};
    enum err err = call_query_word(call, "format", formats);

    if (err)
        return err;
    e.is_json = str_eq(query_get(&call->query, "format"), STR("json"));
    call_json(call, 200);
    if (!e.is_json)
        call->content_type = exposition_type(accept, &e.is_openmetrics);
    exposition_begin(&e);
    for (size_t i = 0; i < ARRAY_LEN(counted); i++)
        exposition_metric(&e, counted[i]);
    for (size_t i = 0; call->setup->gateway && i < ARRAY_LEN(counted_there); i++)
        exposition_metric(&e, counted_there[i]);
    write_server(&e, call->setup);
    write_process(&e);
    exposition_end(&e);
    return OK;
}

static const struct route routes[] = {
    {HTTP_GET, "/metrics", metrics_prepare, PERMIT_WATCH, ROUTE_META | ROUTE_SERVER,
     "Numbers for Prometheus, or as JSON (?format=json)"},
};

const struct route_list routes_metrics = {routes, ARRAY_LEN(routes)};
