/* The store's numbers. */
#include "store/store_metrics.h"

#include "store/outbox.h"

static struct metric_names tenants;
static const char *const ingest_words[] = {"accepted", "held", "refused", NULL};
static const char *const outcome_words[] = {
    "delivered",    "rejected",  "gone",    "refused",   "unreachable", "tls",   "timeout", "busy",
    "server_error", "exhausted", "expired", "cancelled", "deleted",     "other", NULL};
static const char *const class_words[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx", "other", NULL};
static const char *const cause_words[] = {"lost_lease", "stale_connection", NULL};
static const int64_t batch_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 0};

struct metric store_ingest_events = {
    .name = "runbell_ingest_events_total",
    .help = "Events for receivers: put in the outbox (accepted, or held for their endpoint), or "
            "refused for their URL.",
    .type = METRIC_COUNTER,
    .labels = {{"tenant", NULL, &tenants}, {"result", ingest_words, NULL}},
};
struct metric store_ingest_seconds = {
    .name = "runbell_ingest_commit_seconds",
    .help = "From when a request's write was queued until it was committed.",
    .type = METRIC_HISTOGRAM,
    .is_time = true,
    .bounds = metric_bounds_disk,
};
struct metric store_batch_records = {
    .name = "runbell_commit_batch_records",
    .help = "Units of work in one commit.",
    .type = METRIC_HISTOGRAM,
    .bounds = batch_bounds,
};
struct metric store_commit_seconds = {
    .name = "runbell_commit_seconds",
    .help = "Duration of one commit of the writer.",
    .type = METRIC_HISTOGRAM,
    .is_time = true,
    .bounds = metric_bounds_disk,
};
struct metric store_deliveries_ended = {
    .name = "runbell_deliveries_total",
    .help = "Deliveries that have ended: delivered, or why they are dead, and the class of the "
            "last answer's status.",
    .type = METRIC_COUNTER,
    .labels = {{"outcome", outcome_words, NULL}, {"status_class", class_words, NULL}},
};
struct metric store_duplicates = {
    .name = "runbell_duplicates_suspected_total",
    .help = "Sends that a receiver may see twice: their lease was lost while they were under way, "
            "or a kept connection ended before the answer.",
    .type = METRIC_COUNTER,
    .labels = {{"cause", cause_words, NULL}},
};

struct metric store_spans_late = {
    .name = "runbell_spans_late_total",
    .help = "What came of spans after their trace had been deleted, and was dropped.",
    .type = METRIC_COUNTER,
};

unsigned ingest_series(struct str tenant, enum ingest_result result)
{
    return metric_series(&store_ingest_events, metric_name(&tenants, tenant), result);
}

unsigned deliveries_ended_series(struct str reason, int64_t status)
{
    struct str outcome = str_is_none(reason) ? STR("delivered") : reason;
    unsigned class = status >= 100 && status <= 599 ? (unsigned)(status / 100)
                     : status                       ? (unsigned)ARRAY_LEN(class_words) - 2
                                                    : 0;

    return metric_series(&store_deliveries_ended, metric_word(outcome_words, outcome), class);
}

void tx_count(struct tx *tx, struct metric *metric, unsigned series, uint64_t count)
{
    struct tx_tally tally = {metric, series, count};

    REQUIRE(tx->is_write);
    if (!tx->tallies)
        return;
    if (tx->tally_count < TX_TALLIES_MAX)
        tx->tallies[tx->tally_count++] = tally;
    else
        tallies_add_up(&tally, 1);
}

void tallies_add_up(const struct tx_tally *tallies, size_t count)
{
    for (size_t i = 0; i < count; i++)
        metric_add(tallies[i].metric, tallies[i].series, tallies[i].count);
}
