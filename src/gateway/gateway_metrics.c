/* The numbers of gateway mode. */
#include "gateway/gateway_metrics.h"

static const char *const result_words[] = {"answered", "unreachable", "lost", "cut", "left", NULL};
static const char *const end_words[] = {"told", "vanished", "given_up", "never_made", NULL};

struct metric gateway_requests = {
    .name = "runbell_gateway_requests_total",
    .help = "Requests that were passed on to the upstream, by how that ended.",
    .type = METRIC_COUNTER,
    .labels = {{"result", result_words, NULL}},
};
struct metric gateway_intents = {
    .name = "runbell_gateway_intents_total",
    .help = "Webhooks taken out of requests to the upstream, by what became of them.",
    .type = METRIC_COUNTER,
    .labels = {{"outcome", end_words, NULL}},
};
struct metric gateway_open = {
    .name = "runbell_gateway_intents_open",
    .help = "Runs at the upstream whose end this node waits for.",
    .type = METRIC_GAUGE,
};
struct metric gateway_up = {
    .name = "runbell_gateway_upstream_up",
    .help = "Did the upstream answer when this node looked last? 1: yes.",
    .type = METRIC_GAUGE,
};

void gateway_count_request(enum gateway_result result)
{
    metric_add(&gateway_requests, metric_series(&gateway_requests, result, 0), 1);
}

void gateway_count_end(struct tx *tx, enum gateway_end end)
{
    tx_count(tx, &gateway_intents, metric_series(&gateway_intents, end, 0), 1);
}
