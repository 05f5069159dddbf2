/* What many spans come to. */
#include "trace/span_stats.h"

#include "trace/span_json.h"

#define PICO 1e12
#define SECOND 1e6

void span_stats_init(struct span_stats *stats, struct arena *arena, bool only_roots)
{
    *stats = (struct span_stats){.only_roots = only_roots};
    quantiles_init(&stats->latency, arena);
    quantiles_init(&stats->first_token, arena);
    for (size_t i = 0; i < 3; i++)
        quantiles_init(&stats->tokens[i], arena);
    quantiles_init(&stats->cost, arena);
    for (size_t i = 0; i < ARRAY_LEN(stats->details); i++)
        stats->details[i].arena = arena;
    feedback_stats_init(&stats->feedback, arena);
    feedback_stats_init(&stats->project_feedback, arena);
}

static int64_t sum(int64_t a, int64_t b)
{
    int64_t result;

    return __builtin_add_overflow(a, b, &result) ? INT64_MAX : result;
}

static void sums_add(struct span_sums *sums, const struct span_totals *t)
{
    const int64_t tokens[3] = {t->total_tokens, t->prompt_tokens, t->completion_tokens};
    const int64_t costs[3] = {t->total_cost, t->prompt_cost, t->completion_cost};

    for (size_t i = 0; i < 3; i++) {
        sums->tokens[i] = sum(sums->tokens[i], tokens[i]);
        sums->costs[i] = sum(sums->costs[i], t->has_cost ? costs[i] : 0);
    }
    sums->has_cost = sums->has_cost || t->has_cost;
}

static void details_add(struct span_details *to, struct str details)
{
    struct str kind, raw;
    size_t at = 0, i;

    while (!str_is_none(details) && json_raw_next(details, &at, &kind, &raw)) {
        int64_t value = 0;

        for (i = 0; i < to->count && !str_eq(to->kinds[i], kind); i++)
            continue;
        if (str_to_i64(raw, &value) || i == SPAN_DETAILS_MAX)
            continue;
        if (i == to->count) {
            to->kinds[to->count++] = arena_str(to->arena, kind);
            to->sums[i] = 0;
        }
        to->sums[i] = sum(to->sums[i], value);
    }
}

/* What the span used itself: so nothing counts twice, however deep the spans are nested. */
static void own_add(struct span_stats *stats, const struct span_row *row)
{
    struct arena arena;
    struct span_usage own;

    arena_init(&arena);
    span_usage_read(row->usage, &arena, &own);
    if (own.totals.total_tokens || own.totals.has_cost) {
        stats->own_count++;
        sums_add(&stats->of_own, &own.totals);
        details_add(&stats->details[0], own.prompt_token_details);
        details_add(&stats->details[1], own.completion_token_details);
        details_add(&stats->details[2], own.prompt_cost_details);
        details_add(&stats->details[3], own.completion_cost_details);
    }
    arena_release(&arena);
}

static void times_add(struct span_stats *stats, const struct span_row *row)
{
    if (stats->run_count == 1 || row->start_us > stats->last_start_us)
        stats->last_start_us = row->start_us;
    if (stats->run_count == 1 || row->start_us < stats->first_start_us)
        stats->first_start_us = row->start_us;
    if (row->end_us) {
        int64_t latency_us = row->end_us > row->start_us ? row->end_us - row->start_us : 0;

        if (row->end_us > stats->last_end_us)
            stats->last_end_us = row->end_us;
        stats->ended_count++;
        stats->latency_sum_us += latency_us;
        quantiles_add(&stats->latency, latency_us);
    }
    if (row->first_token_us) {
        stats->streamed_count++;
        quantiles_add(&stats->first_token, row->first_token_us - row->start_us);
    }
}

void span_stats_add(struct span_stats *stats, const struct span_row *row,
                    const struct feedback_rows *feedback)
{
    const struct span_totals all = {
        row->prompt_tokens, row->completion_tokens, row->total_tokens, row->has_cost,
        row->prompt_cost,   row->completion_cost,   row->total_cost};

    stats->run_count++;
    stats->error_count += row->status == SPAN_ERROR;
    times_add(stats, row);
    sums_add(&stats->of_all, &all);
    if (!str_is_none(row->usage))
        own_add(stats, row);
    if (row->total_tokens) {
        quantiles_add(&stats->tokens[0], row->total_tokens);
        quantiles_add(&stats->tokens[1], row->prompt_tokens);
        quantiles_add(&stats->tokens[2], row->completion_tokens);
    }
    if (row->has_cost)
        quantiles_add(&stats->cost, row->total_cost);
    for (size_t i = 0; feedback && i < feedback->count; i++)
        feedback_stats_add(&stats->feedback, &feedback->list[i]);
}

static const struct span_sums *sums_of(const struct span_stats *stats)
{
    return stats->only_roots || stats->own_count == 0 ? &stats->of_all : &stats->of_own;
}

/* ---- out ---- */

struct output {
    struct span_stats *stats;
    enum span_stats_costs costs;
    struct json_writer *json;
};

typedef void (*write_fn)(const struct output *out, size_t which);

static void double_or_null(const struct output *out, bool is_there, double value)
{
    if (is_there)
        json_double_out(out->json, value);
    else
        json_null_out(out->json);
}

static void portion_out(const struct output *out, int64_t part, int64_t whole)
{
    double_or_null(out, whole > 0, whole > 0 ? (double)part / (double)whole : 0);
}

static void quantile_out(const struct output *out, struct quantiles *q, size_t percent, double unit)
{
    double_or_null(out, q->count > 0, quantiles_get(q, (double)percent / 100) / unit);
}

static void run_count(const struct output *out, size_t which UNUSED)
{
    json_i64_out(out->json, out->stats->run_count);
}

static void latency(const struct output *out, size_t percent)
{
    quantile_out(out, &out->stats->latency, percent, SECOND);
}

static void latency_avg(const struct output *out, size_t which UNUSED)
{
    const struct span_stats *s = out->stats;

    double_or_null(out, s->ended_count > 0,
                   (double)s->latency_sum_us / SECOND /
                       (double)(s->ended_count ? s->ended_count : 1));
}

static void first_token(const struct output *out, size_t percent)
{
    quantile_out(out, &out->stats->first_token, percent, SECOND);
}

static void tokens(const struct output *out, size_t which)
{
    json_i64_out(out->json, sums_of(out->stats)->tokens[which]);
}

/* `which` is percent * 3 + kind. */
static void token_quantile(const struct output *out, size_t which)
{
    quantile_out(out, &out->stats->tokens[which % 3], which / 3, 1);
}

static void cost_out(const struct output *out, bool is_there, int64_t picodollars)
{
    struct span_cost text;

    if (!is_there)
        json_null_out(out->json);
    else if (out->costs == SPAN_STATS_NUMBERS)
        json_double_out(out->json, (double)picodollars / PICO);
    else
        json_str_out(out->json, span_cost_write(picodollars, &text));
}

static void cost(const struct output *out, size_t which)
{
    const struct span_sums *sums = sums_of(out->stats);

    cost_out(out, sums->has_cost, sums->costs[which]);
}

static void cost_quantile(const struct output *out, size_t percent)
{
    struct quantiles *q = &out->stats->cost;

    cost_out(out, q->count > 0, (int64_t)quantiles_get(q, (double)percent / 100));
}

static void time_out(const struct output *out, int64_t wall_us)
{
    struct span_time text;

    json_str_out(out->json, wall_us ? span_time_write(wall_us, &text) : STR_NONE);
}

static void last_start(const struct output *out, size_t which UNUSED)
{
    time_out(out, out->stats->last_start_us);
}

static void error_rate(const struct output *out, size_t which UNUSED)
{
    portion_out(out, out->stats->error_count, out->stats->run_count);
}

static void streaming_rate(const struct output *out, size_t which UNUSED)
{
    portion_out(out, out->stats->streamed_count, out->stats->run_count);
}

static void feedback(const struct output *out, size_t which UNUSED)
{
    feedback_stats_write(&out->stats->feedback, FEEDBACK_STATS_V1, out->json);
}

static void project_feedback(const struct output *out, size_t which UNUSED)
{
    feedback_stats_write(&out->stats->project_feedback, FEEDBACK_STATS_V1, out->json);
}

static void facets(const struct output *out, size_t which UNUSED)
{
    json_raw_out(out->json, STR("[]"));
}

static void null(const struct output *out, size_t which UNUSED)
{
    json_null_out(out->json);
}

/* 0, 1: tokens; 2, 3: costs. */
static void details(const struct output *out, size_t which)
{
    const struct span_details *d = &out->stats->details[which];

    if (d->count == 0) {
        json_null_out(out->json);
        return;
    }
    json_begin_object(out->json);
    for (size_t i = 0; i < d->count; i++) {
        json_key_raw(out->json, d->kinds[i]);
        if (which < 2)
            json_i64_out(out->json, d->sums[i]);
        else
            cost_out(out, true, d->sums[i]);
    }
    json_end_object(out->json);
}

#define PERCENT(n, kind) ((n)*3 + (kind))

static const struct {
    const char *name;
    write_fn write;
    size_t which;
    bool on_request; /* only if it is named */
} members[] = {
    {"run_count", run_count, 0, false},
    {"latency_p50", latency, 50, false},
    {"latency_p99", latency, 99, false},
    {"latency_avg", latency_avg, 0, true},
    {"first_token_p50", first_token, 50, false},
    {"first_token_p99", first_token, 99, false},
    {"total_tokens", tokens, 0, false},
    {"prompt_tokens", tokens, 1, false},
    {"completion_tokens", tokens, 2, false},
    {"median_tokens", token_quantile, PERCENT(50, 0), false},
    {"prompt_tokens_p50", token_quantile, PERCENT(50, 1), false},
    {"completion_tokens_p50", token_quantile, PERCENT(50, 2), false},
    {"tokens_p99", token_quantile, PERCENT(99, 0), false},
    {"prompt_tokens_p99", token_quantile, PERCENT(99, 1), false},
    {"completion_tokens_p99", token_quantile, PERCENT(99, 2), false},
    {"last_run_start_time", last_start, 0, false},
    {"last_run_start_time_live", last_start, 0, false},
    {"error_rate", error_rate, 0, false},
    {"streaming_rate", streaming_rate, 0, false},
    {"total_cost", cost, 0, false},
    {"prompt_cost", cost, 1, false},
    {"completion_cost", cost, 2, false},
    {"cost_p50", cost_quantile, 50, false},
    {"cost_p99", cost_quantile, 99, false},
    {"prompt_token_details", details, 0, false},
    {"completion_token_details", details, 1, false},
    {"prompt_cost_details", details, 2, false},
    {"completion_cost_details", details, 3, false},
    {"run_facets", facets, 0, false},
    {"feedback_stats", feedback, 0, false},
    {"session_feedback_stats", project_feedback, 0, false},
    {"thread_feedback_stats", null, 0, true},
};

bool span_stats_has(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (str_eq(name, str_of(members[i].name)))
            return true;
    /* Names for several of them together. */
    return str_eq(name, STR("all_run_stats")) || str_eq(name, STR("all_token_stats"));
}

static bool is_named(const struct json *names, struct str name)
{
    struct json_iter iter = json_iter(names);
    const struct json *item;

    while (json_next(&iter, NULL, &item)) {
        struct str wanted = json_string(item);

        if (str_eq(wanted, name) || str_eq(wanted, STR("all_run_stats")) ||
            (str_eq(wanted, STR("all_token_stats")) && str_contains(name, STR("token"))))
            return true;
    }
    return false;
}

void span_stats_write(struct span_stats *stats, enum span_stats_costs costs,
                      const struct json *names, struct json_writer *json)
{
    const struct output out = {stats, costs, json};

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (names ? !is_named(names, str_of(members[i].name)) : members[i].on_request)
            continue;
        json_key(json, members[i].name);
        members[i].write(&out, members[i].which);
    }
}
