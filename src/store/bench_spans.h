/* bench_spans.h -- for programs that measure what watches the spans: a SQLite file with a project
 * of many spans, one open transaction, and a stopwatch. */
#ifndef STORE_BENCH_SPANS_H
#define STORE_BENCH_SPANS_H

#include "store/projects.h"
#include "store/spans.h"

#define BENCH_TENANT STR("bench")
#define BENCH_NOW_US (INT64_C(1795240800) * US_PER_SECOND)

struct bench_spans {
    struct db *db;
    struct tx tx;
    struct arena arena; /* for as long as the program runs */
    struct arena tx_arena;
    struct rng rng;
    struct project_row project;
    uint64_t made;
};

/* `path` must not exist yet. */
void bench_spans_open(struct bench_spans *bench, const char *path);
/* More of them, ended now: every tenth with an error, every third an llm. */
void bench_spans_add(struct bench_spans *bench, size_t count);
void bench_spans_close(struct bench_spans *bench);
double bench_now_ms(void);

#endif
