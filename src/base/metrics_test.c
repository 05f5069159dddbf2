/* Metrics: counting by threads that come and go, labels within bounds, and the text. */
#include "base/metrics.h"

#include <pthread.h> /* the thread sanitizer does not know thrd_create */

#include "base/metrics_text.h"
#include "base/test.h"

#define THREADS 4
#define TIMES 10000

static const char *const colours[] = {"red", "green", "other", NULL};
static const int64_t bounds[] = {1000, 250000, 0};
static struct metric_names tenants;

static struct metric plain = {.name = "t_plain_total", .help = "A\nb.", .type = METRIC_COUNTER};
static struct metric by_colour = {.name = "t_colours_total",
                                  .help = "c",
                                  .type = METRIC_COUNTER,
                                  .labels = {{"colour", colours, NULL}}};
static struct metric by_tenant = {
    .name = "t_tenants_total",
    .help = "t",
    .type = METRIC_COUNTER,
    .labels = {{"tenant", NULL, &tenants}, {"colour", colours, NULL}}};
static struct metric took = {
    .name = "t_seconds", .help = "s", .type = METRIC_HISTOGRAM, .is_time = true, .bounds = bounds};
static struct metric level = {.name = "t_level", .help = "l", .type = METRIC_GAUGE};

static void *count_many(void *context)
{
    (void)context;
    for (int i = 0; i < TIMES; i++) {
        metric_add(&plain, 0, 1);
        metric_observe(&took, 0, i % 2 ? 500 : 1000000);
    }
    return NULL;
}

static void run_threads(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void threads_are_summed(void **state)
{
    struct metric_histogram read;

    (void)state;
    run_threads();
    run_threads(); /* on the sheets that the first ones left */
    assert_int_equal(metric_read(&plain, 0), 2 * THREADS * TIMES);
    read = metric_read_histogram(&took, 0);
    assert_int_equal(read.count, 2 * THREADS * TIMES);
    assert_int_equal(read.bucket_count, 3);
    assert_int_equal(read.buckets[0], THREADS * TIMES);
    assert_int_equal(read.buckets[1], 0);
    assert_int_equal(read.buckets[2], THREADS * TIMES);
    assert_int_equal(read.sum, INT64_C(1000500) * THREADS * TIMES);
}

static void words_are_found(void **state)
{
    (void)state;
    assert_int_equal(metric_word(colours, STR("red")), 0);
    assert_int_equal(metric_word(colours, STR("green")), 1);
    assert_int_equal(metric_word(colours, STR("blue")), 2);
    assert_int_equal(metric_word(colours, STR_NONE), 2);
}

static void names_are_bounded(void **state)
{
    char text[32];

    (void)state;
    for (int i = 0; i < METRIC_NAMES_MAX; i++) {
        snprintf(text, sizeof(text), "tenant-%d", i);
        assert_int_equal(metric_name(&tenants, str_of(text)), i);
    }
    assert_int_equal(metric_name(&tenants, STR("tenant-7")), 7);
    assert_int_equal(metric_name(&tenants, STR("one more")), METRIC_NAMES_MAX);
    assert_int_equal(metric_name(&tenants, STR("\xff")), METRIC_NAMES_MAX);
    assert_int_equal(metric_series_count(&by_tenant), (METRIC_NAMES_MAX + 1) * 3);
    assert_string_equal(metric_value_of(&by_tenant, metric_series(&by_tenant, 7, 1), 0),
                        "tenant-7");
    assert_string_equal(metric_value_of(&by_tenant, metric_series(&by_tenant, 7, 1), 1), "green");
    assert_string_equal(
        metric_value_of(&by_tenant, metric_series(&by_tenant, METRIC_NAMES_MAX, 0), 0), "other");
}

static void a_gauge_is_what_was_set(void **state)
{
    (void)state;
    metric_set(&level, 0, 12);
    metric_set(&level, 0, -3);
    assert_int_equal(metric_read(&level, 0), -3);
}

/* ---- text ---- */

static void expect(struct metric *metric, bool is_openmetrics, const char *text)
{
    struct buf out;
    struct exposition e = {.out = &out, .is_openmetrics = is_openmetrics};

    buf_init(&out, 64 * KIB);
    exposition_metric(&e, metric);
    exposition_end(&e);
    assert_string_equal(buf_cstr(&out), text);
    buf_release(&out);
}

static void counters_are_written(void **state)
{
    (void)state;
    metric_add(&by_colour, 1, 5);
    expect(&by_colour, false,
           "# HELP t_colours_total c\n# TYPE t_colours_total counter\n"
           "t_colours_total{colour=\"red\"} 0\nt_colours_total{colour=\"green\"} 5\n"
           "t_colours_total{colour=\"other\"} 0\n");
    expect(&by_colour, true,
           "# HELP t_colours c\n# TYPE t_colours counter\n"
           "t_colours_total{colour=\"red\"} 0\nt_colours_total{colour=\"green\"} 5\n"
           "t_colours_total{colour=\"other\"} 0\n# EOF\n");
}

static void histograms_are_written(void **state)
{
    static struct metric slow = {.name = "t_slow_seconds",
                                 .help = "s",
                                 .type = METRIC_HISTOGRAM,
                                 .is_time = true,
                                 .bounds = bounds};

    (void)state;
    metric_observe(&slow, 0, 1000); /* within its bound */
    metric_observe(&slow, 0, 1001);
    metric_observe(&slow, 0, 2000000);
    expect(&slow, false,
           "# HELP t_slow_seconds s\n# TYPE t_slow_seconds histogram\n"
           "t_slow_seconds_bucket{le=\"0.001\"} 1\nt_slow_seconds_bucket{le=\"0.25\"} 2\n"
           "t_slow_seconds_bucket{le=\"+Inf\"} 3\nt_slow_seconds_sum 2.002001\n"
           "t_slow_seconds_count 3\n");
}

static void whatever_a_name_is_a_line_stays_whole(void **state)
{
    static struct metric_names names;
    static struct metric odd = {.name = "t_odd_total",
                                .help = "o\\",
                                .type = METRIC_COUNTER,
                                .labels = {{"of", NULL, &names}}};

    (void)state;
    metric_add(&odd, metric_name(&names, STR("a\"b\\c\nd")), 1);
    expect(&odd, false,
           "# HELP t_odd_total o\\\\\n# TYPE t_odd_total counter\n"
           "t_odd_total{of=\"a\\\"b\\\\c\\nd\"} 1\nt_odd_total{of=\"other\"} 0\n");
}

static void openmetrics_is_given_to_who_asks_for_it(void **state)
{
    static const struct {
        const char *accept;
        bool is_openmetrics;
    } cases[] = {
        {NULL, false},
        {"*/*", false},
        {"text/plain;version=0.0.4", false},
        {"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2", true},
        {"text/plain, Application/OpenMetrics-Text", true},
        {"", false},
    };
    bool is_openmetrics;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)exposition_type(str_of(cases[i].accept), &is_openmetrics);
        assert_int_equal(is_openmetrics, cases[i].is_openmetrics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("what threads count is summed, also of those that have ended", threads_are_summed),
        TEST("a word that is not known is the last one", words_are_found),
        TEST("so many names are told apart, the rest is other", names_are_bounded),
        TEST("a gauge is what was set last", a_gauge_is_what_was_set),
        TEST("a counter in both formats", counters_are_written),
        TEST("a histogram's buckets hold all below their bound", histograms_are_written),
        TEST("a line stays whole whatever a name is", whatever_a_name_is_a_line_stays_whole),
        TEST("OpenMetrics is given to who asks for it", openmetrics_is_given_to_who_asks_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
