/* The numbers of an S3-compatible service. */
#include "blob/blob_metrics.h"

static const char *const operation_words[] = {"put", "get", "delete", NULL};     /* enum s3_kind */
static const char *const result_words[] = {"ok", "missing", "failed", "refused", /* s3_verdict */
                                           NULL};
static const char *const direction_words[] = {"sent", "received", NULL};

struct metric blob_requests = {
    .name = "runbell_blob_requests_total",
    .help = "Objects put and read, and removals, with an S3-compatible service, by how they ended.",
    .type = METRIC_COUNTER,
    .labels = {{"operation", operation_words, NULL}, {"result", result_words, NULL}},
};
struct metric blob_retries = {
    .name = "runbell_blob_retries_total",
    .help = "Attempts after the first one, of those.",
    .type = METRIC_COUNTER,
    .labels = {{"operation", operation_words, NULL}},
};
struct metric blob_seconds = {
    .name = "runbell_blob_seconds",
    .help = "How long they took, with all attempts and the wait for a free connection.",
    .type = METRIC_HISTOGRAM,
    .is_time = true,
    .labels = {{"operation", operation_words, NULL}},
    .bounds = metric_bounds_network,
};
struct metric blob_bytes = {
    .name = "runbell_blob_bytes_total",
    .help = "Bytes of objects that were sent to the service, and received from it.",
    .type = METRIC_COUNTER,
    .labels = {{"direction", direction_words, NULL}},
};
struct metric blob_waiting = {
    .name = "runbell_blob_waiting",
    .help = "Requests to the service that wait for a free connection.",
    .type = METRIC_GAUGE,
};
