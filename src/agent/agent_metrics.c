/* The numbers of runs. */
#include "agent/agent_metrics.h"

static const char *const status_words[] = {"success",     "error", "timeout",
                                           "interrupted", "other", NULL};

struct metric agent_runs = {
    .name = "runbell_agent_runs_total",
    .help = "Runs that have ended, by status.",
    .type = METRIC_COUNTER,
    .labels = {{"status", status_words, NULL}},
};

void agent_count_run(struct tx *tx, struct str status)
{
    tx_count(tx, &agent_runs, metric_word(status_words, status), 1);
}
