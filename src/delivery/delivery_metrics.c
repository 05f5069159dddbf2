/* The sender's numbers. */
#include "delivery/delivery_metrics.h"

#include "store/outbox_census.h"
#include "store/store_metrics.h"

/* In order of enum attempt_result. */
static const char *const result_words[] = {"delivered", "unreachable",  "tls",      "timeout",
                                           "busy",      "server_error", "rejected", "gone",
                                           "refused",   "unknown",      NULL};
static_assert(ARRAY_LEN(result_words) == RESULT_COUNT + 1, "every result has a word");
static const char *const queue_words[] = {"due",     "scheduled", "sending", "held",
                                          "blocked", "dead",      NULL};
static_assert(ARRAY_LEN(queue_words) == CENSUS_QUEUE_COUNT + 1, "every queue has a word");
static const char *const endpoint_words[] = {"active",   "resting",           "paused",
                                             "disabled", "secret_unreadable", NULL};
static_assert(ARRAY_LEN(endpoint_words) == CENSUS_ENDPOINT_COUNT + 1, "every state has a word");
static const char *const phase_words[] = {"dns", "connect", "tls", "ttfb", "total", NULL};
/* In order of enum window_state. */
static const char *const breaker_words[] = {"closed", "open", "half_open", NULL};

struct metric delivery_attempts = {
    .name = "runbell_attempts_total",
    .help = "Attempts that have ended, by result.",
    .type = METRIC_COUNTER,
    .labels = {{"result", result_words, NULL}},
};
struct metric delivery_attempt_seconds = {
    .name = "runbell_attempt_seconds",
    .help = "Duration of the phases of attempts that took place: name lookup, TCP connection, TLS "
            "handshake, from the request's last byte to the answer's first, all of it.",
    .type = METRIC_HISTOGRAM,
    .is_time = true,
    .labels = {{"phase", phase_words, NULL}},
    .bounds = metric_bounds_network,
};
struct metric delivery_lag_seconds = {
    .name = "runbell_delivery_lag_seconds",
    .help = "From when an attempt was due until the first byte of its request left.",
    .type = METRIC_HISTOGRAM,
    .is_time = true,
    .bounds = metric_bounds_wait,
};
struct metric delivery_breaker_moves = {
    .name = "runbell_breaker_transitions_total",
    .help = "Changes of the breakers of origins: open (nothing is sent), half_open (one probe is), "
            "closed.",
    .type = METRIC_COUNTER,
    .labels = {{"to", breaker_words, NULL}},
};
struct metric delivery_queue_depth = {
    .name = "runbell_queue_depth",
    .help = "Deliveries in the store that are due, scheduled for later, being sent, held for their "
            "endpoint, blocked by an earlier one of their order, or dead.",
    .type = METRIC_GAUGE,
    .labels = {{"state", queue_words, NULL}},
};
struct metric delivery_queue_oldest = {
    .name = "runbell_queue_oldest_seconds",
    .help = "How long ago the oldest of the due deliveries was due.",
    .type = METRIC_GAUGE,
    .is_time = true,
};
struct metric delivery_endpoint_state = {
    .name = "runbell_endpoint_state",
    .help = "Endpoints by state; one that is active and rests after failures is resting.",
    .type = METRIC_GAUGE,
    .labels = {{"state", endpoint_words, NULL}},
};
struct metric delivery_log_bytes = {
    .name = "runbell_log_bytes",
    .help = "Size of the log: deliveries, attempts, bodies, and what came to inspectors.",
    .type = METRIC_GAUGE,
};
struct metric delivery_recovery_rows = {
    .name = "runbell_recovery_rows",
    .help = "Deliveries that were found under way at this start and made due again.",
    .type = METRIC_GAUGE,
};
struct metric delivery_recovery_seconds = {
    .name = "runbell_recovery_seconds",
    .help = "How long this start took until the first delivery could be claimed.",
    .type = METRIC_GAUGE,
    .is_time = true,
};

static void observe_phase(unsigned phase, int64_t duration_us)
{
    if (duration_us > 0)
        metric_observe(&delivery_attempt_seconds, phase, duration_us);
}

static int64_t if_reached(int64_t duration_us)
{
    return duration_us > 0 ? duration_us : 0;
}

void delivery_count_attempt(const struct http_result *answer, int64_t due_us, int64_t started_us)
{
    const struct http_phases *phases = &answer->phases;

    metric_add(&delivery_attempts, classify(answer), 1);
    observe_phase(0, phases->dns_us);
    observe_phase(1, phases->connect_us);
    observe_phase(2, phases->tls_us);
    observe_phase(3, phases->first_byte_us);
    observe_phase(4, phases->total_us);
    if (answer->resent)
        metric_add(&store_duplicates, DUPLICATE_CONNECTION, 1);
    if (phases->tls_us >= 0) /* the request went out */
        metric_observe(&delivery_lag_seconds, 0,
                       if_reached(started_us + if_reached(phases->dns_us) +
                                  if_reached(phases->connect_us) + phases->tls_us - due_us));
}

void delivery_count_breaker(enum window_state before, enum window_state after)
{
    if (before != after)
        metric_add(&delivery_breaker_moves, after, 1);
}
