/* The numbers of HTTP. */
#include "http/http_metrics.h"

static const char *const rule_words[] = {
    "loopback",    "private network", "link-local",      "multicast",
    "reserved",    "our own address", "not a host name", "malformed request",
    "url grammar", "relative url",    "max_url_length",  "require_https",
    "https only",  "allowed_domains", "allowed_ports",   "other",
    NULL};
static const char *const class_words[] = {"1xx", "2xx", "3xx", "4xx", "5xx", NULL};

struct metric http_conn_open = {
    .name = "runbell_conn_open_total",
    .help = "Connections to receivers that were opened.",
    .type = METRIC_COUNTER,
};
struct metric http_conn_reused = {
    .name = "runbell_conn_reused_total",
    .help = "Requests to receivers that took a connection that was open already.",
    .type = METRIC_COUNTER,
};
struct metric http_replies = {
    .name = "runbell_http_requests_total",
    .help = "Requests that this server has answered, by class of the answer's status.",
    .type = METRIC_COUNTER,
    .labels = {{"status_class", class_words, NULL}},
};
struct metric http_denied = {
    .name = "runbell_ssrf_denied_total",
    .help = "URLs and addresses that must not be called, when saved or when called, by rule.",
    .type = METRIC_COUNTER,
    .labels = {{"rule", rule_words, NULL}},
};

void http_count_denied(struct str rule)
{
    metric_add(&http_denied, metric_word(rule_words, rule), 1);
}

void http_count_reply(int status)
{
    REQUIRE(status >= 100 && status < 600);
    metric_add(&http_replies, (unsigned)(status / 100 - 1), 1);
}
