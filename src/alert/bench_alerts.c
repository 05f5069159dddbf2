/* bench_alerts.c -- what alerts cost: a tick of 1,000 alerts of one project, over ever more spans,
 * without news and with 1,000 spans that have just ended; first of alerts that share four filters,
 * then, over the most spans, of alerts each of which has a filter of its own.
 *
 *   bench_alerts FILE [SPANS]      a SQLite file that does not exist yet; 1,000,000 spans */
#include "alert/alert_tell.h"

#include <stdio.h>

#include "store/bench_spans.h"

#define ALERTS 1000
#define ENDS 1000

static const char *const rules[] = {
    "\"attribute\":\"error_count\",\"aggregation\":\"sum\"",
    "\"attribute\":\"error_count\",\"aggregation\":\"pct\"",
    "\"attribute\":\"latency\",\"aggregation\":\"avg\",\"filter\":\"eq(run_type, \\\"llm\\\")\"",
    "\"attribute\":\"run_count\",\"aggregation\":\"sum\",\"filter\":\"eq(is_root, true)\"",
};

static void alert_add(struct bench_spans *b, size_t n, struct str what)
{
    struct alert_row row = {
        .tenant = BENCH_TENANT,
        .alert_id = arena_printf(&b->arena, "00000000-0000-7000-8000-%012zu", n),
        .project_no = b->project.project_no,
        .rule = arena_printf(&b->arena,
                             "{\"name\":\"a\",\"description\":\"\",\"type\":\"threshold\","
                             "\"operator\":\"gt\",\"window_minutes\":15,\"threshold\":1e9,%s}",
                             arena_cstr(&b->arena, what)),
        .actions = STR("[]"),
        .is_enabled = true,
    };

    REQUIRE(!alerts_insert(&b->tx, &row));
}

static double tick(struct bench_spans *b, struct alert_book *book)
{
    const struct alert_setup setup = {.base_url = STR("http://h"), .policy = STR("documented")};
    double began = bench_now_ms();
    struct alert_counts counts;
    struct arena arena;

    arena_init(&arena);
    do {
        REQUIRE(!alert_counts_read(&b->tx, b->tx.now_us, book, &arena, &counts));
        for (size_t i = 0; i < counts.count; i++)
            REQUIRE(!alert_count_write(&b->tx, &setup, &counts.list[i]));
        arena_reset(&b->tx_arena);
    } while (counts.has_more);
    arena_release(&arena);
    return bench_now_ms() - began;
}

static struct str shared_rule(struct bench_spans *b, size_t n)
{
    (void)b;
    return str_of(rules[n % ARRAY_LEN(rules)]);
}

static struct str own_rule(struct bench_spans *b, size_t n)
{
    return arena_printf(&b->arena,
                        "\"attribute\":\"error_count\",\"aggregation\":\"sum\",\"filter\":"
                        "\"and(eq(run_type, \\\"llm\\\"), eq(name, \\\"agent-%zu\\\"))\"",
                        n);
}

static void measure(struct bench_spans *b, const char *words,
                    struct str (*rule)(struct bench_spans *b, size_t n))
{
    struct alert_book *book = alert_book_new();
    double idle, busy;

    REQUIRE(!db_script(b->db, "DELETE FROM alerts; DELETE FROM alert_minutes; DELETE FROM "
                              "alert_watches"));
    for (size_t i = 0; i < ALERTS; i++)
        alert_add(b, i, rule(b, i));
    tick(b, book); /* the first gives each its value */
    idle = tick(b, book);
    bench_spans_add(b, ENDS);
    busy = tick(b, book);
    printf("%9lld spans: %d alerts%s, %6.1f ms without news, %6.1f ms with %d ends\n",
           (long long)b->made, ALERTS, words, idle, busy, ENDS);
    fflush(stdout);
    alert_book_free(book);
}

int main(int argc, char **argv)
{
    int64_t spans = 1000000;
    struct bench_spans b;

    if (argc < 2 || argc > 3 || (argc == 3 && str_to_i64(str_of(argv[2]), &spans)))
        return 2;
    bench_spans_open(&b, argv[1]);
    for (int64_t want = 1000; want <= spans; want *= 10) {
        bench_spans_add(&b, (size_t)want - (size_t)b.made);
        measure(&b, "", shared_rule);
    }
    measure(&b, ", each with a filter of its own", own_rule);
    bench_spans_close(&b);
    return 0;
}
