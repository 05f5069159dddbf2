/* bench_rules.c -- what rules cost: a pass over 250 changed spans with 0, 1, 100 and 1,000 rules of
 * their project, none of which matches, by filters of the documented kind.
 *
 *   bench_rules FILE      a SQLite file that does not exist yet */
#include "rule/rule_scan.h"

#include <stdio.h>

#include "store/bench_spans.h"

#define CHANGES 250
#define PASSES 20

static const char *const filters[] = {
    "and(eq(run_type, \\\"llm\\\"), gt(latency, \\\"60s\\\"))",
    "and(eq(is_root, true), eq(name, \\\"nobody\\\"))",
    "and(neq(error, null), has(tags, \\\"prod\\\"))",
    "and(eq(status, \\\"error\\\"), like(name, \\\"%none%\\\"))",
};

static void rule_add(struct bench_spans *b, size_t n)
{
    struct rule_row row = {
        .tenant = BENCH_TENANT,
        .rule_id = arena_printf(&b->arena, "00000000-0000-7000-8000-%012zu", n),
        .project_no = b->project.project_no,
        .body = arena_printf(&b->arena,
                             "{\"display_name\":\"r\",\"sampling_rate\":1,\"filter\":\"%s\"}",
                             filters[n % ARRAY_LEN(filters)]),
        .webhooks = STR("[]"),
        .is_enabled = true,
    };

    REQUIRE(!rules_insert(&b->tx, &row));
}

/* ms of a pass. */
static double measure(struct bench_spans *b)
{
    double began = bench_now_ms();

    for (int i = 0; i < PASSES; i++) {
        struct arena arena;
        struct rule_scans scans = {.links = {.base_url = STR("http://h")}};

        arena_init(&arena);
        REQUIRE(!rule_scans_read(&b->tx, &arena, &scans));
        REQUIRE(scans.count <= 1 && (!scans.count || !scans.list[0].entries[0].match_count));
        arena_release(&arena);
    }
    return (bench_now_ms() - began) / PASSES;
}

int main(int argc, char **argv)
{
    static const size_t counts[] = {1, 100, 1000};
    struct bench_spans b;
    size_t rules = 0;
    double first = 0;

    if (argc != 2)
        return 2;
    bench_spans_open(&b, argv[1]);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        double ms;

        while (rules < counts[i])
            rule_add(&b, rules++);
        if (i == 0)
            bench_spans_add(&b, CHANGES); /* later rules look at them too: see below */
        else
            REQUIRE(!db_script(b.db, "UPDATE rules SET since_seq = 0"));
        ms = measure(&b);
        first = i == 0 ? ms : first;
        printf("%5zu rules: %8.2f ms for %d spans, %.3f us for a span and a rule\n", rules, ms,
               CHANGES, (ms - (i ? first : 0)) * 1e3 / CHANGES / (double)rules);
    }
    bench_spans_close(&b);
    return 0;
}
