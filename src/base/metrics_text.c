/* The two text formats differ in the names of counters, the last line and the content type; JSON
 * stands by itself. */
#include "base/metrics_text.h"

static const char *const type_names[] = {
    [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

/* ---- parts of a line ---- */

/* Of help texts `quote` is NUL: quotes stand in them as they are. */
static void put_escaped(struct buf *out, const char *text, char quote)
{
    for (; *text; text++) {
        if (*text == '\n') {
            buf_add_cstr(out, "\\n");
            continue;
        }
        if (*text == '\\' || (quote && *text == quote))
            buf_add_char(out, '\\');
        buf_add_char(out, *text);
    }
}

static void put_label(struct buf *out, const char *name, const char *value, bool is_first)
{
    buf_addf(out, "%s%s=\"", is_first ? "{" : ",", name);
    put_escaped(out, value, '"');
    buf_add_char(out, '"');
}

/* A whole number, or microseconds as seconds: without rounding. */
static void put_value(struct buf *out, bool is_time, int64_t value)
{
    if (is_time)
        buf_addf(out, "%s%lld.%06lld", value < 0 ? "-" : "",
                 (long long)llabs(value / US_PER_SECOND), (long long)llabs(value % US_PER_SECOND));
    else
        buf_addf(out, "%lld", (long long)value);
}

/* A bound in the one form that OpenMetrics allows: "0.0005", "1.0", "300.0" (none is below
 * 0.0001). */
static void put_bound(struct buf *out, bool is_time, int64_t bound)
{
    int64_t unit = is_time ? US_PER_SECOND : 1;
    int64_t fraction = bound % unit;
    int digits = 6;

    for (; digits > 1 && fraction % 10 == 0; digits--)
        fraction /= 10;
    buf_addf(out, "%lld.%0*lld", (long long)(bound / unit), digits, (long long)fraction);
}

static void put_head(struct exposition *e, const char *name, const char *help,
                     enum metric_type type)
{
    struct str family = str_of(name);

    if (e->is_openmetrics && type == METRIC_COUNTER && str_ends(family, STR("_total")))
        family = str_first(family, family.len - (sizeof("_total") - 1));
    buf_addf(e->out, "# HELP %.*s ", STR_ARG(family));
    put_escaped(e->out, help, e->is_openmetrics ? '"' : '\0');
    buf_addf(e->out, "\n# TYPE %.*s %s\n", STR_ARG(family), type_names[type]);
}

/* ---- the series of a metric ---- */

static bool has_come_up(const struct metric *metric, unsigned series)
{
    for (unsigned i = 0; i < METRIC_LABELS_MAX; i++)
        if (metric->labels[i].name && !metric_value_of(metric, series, i))
            return false;
    return true;
}

/* "name_suffix{a="…",b="…" — left open for another label; returns whether there is one already. */
static bool put_name(struct buf *out, const struct metric *metric, unsigned series,
                     const char *suffix)
{
    bool is_first = true;

    buf_addf(out, "%s%s", metric->name, suffix);
    for (unsigned i = 0; i < METRIC_LABELS_MAX; i++) {
        if (!metric->labels[i].name)
            continue;
        put_label(out, metric->labels[i].name, metric_value_of(metric, series, i), is_first);
        is_first = false;
    }
    return !is_first;
}

static void put_sample(struct buf *out, const struct metric *metric, unsigned series,
                       const char *suffix)
{
    if (put_name(out, metric, series, suffix))
        buf_add_char(out, '}');
    buf_add_char(out, ' ');
}

static void put_histogram(struct buf *out, struct metric *metric, unsigned series)
{
    struct metric_histogram read = metric_read_histogram(metric, series);
    uint64_t below = 0;

    for (unsigned i = 0; i < read.bucket_count; i++) {
        below += read.buckets[i];
        buf_addf(out, "%sle=\"", put_name(out, metric, series, "_bucket") ? "," : "{");
        if (metric->bounds[i])
            put_bound(out, metric->is_time, metric->bounds[i]);
        else
            buf_add_cstr(out, "+Inf");
        buf_addf(out, "\"} %llu\n", (unsigned long long)below);
    }
    put_sample(out, metric, series, "_sum");
    put_value(out, metric->is_time, read.sum);
    buf_add_char(out, '\n');
    put_sample(out, metric, series, "_count");
    buf_addf(out, "%llu\n", (unsigned long long)read.count);
}

/* ---- as JSON ---- */

static void json_head(struct exposition *e, const char *name, const char *help,
                      enum metric_type type)
{
    json_key(&e->json, name);
    json_begin_object(&e->json);
    json_put_str(&e->json, "help", str_of(help));
    json_put_str(&e->json, "type", str_of(type_names[type]));
    json_key(&e->json, "samples");
    json_begin_array(&e->json);
}

static void json_tail(struct exposition *e)
{
    json_end_array(&e->json);
    json_end_object(&e->json);
}

static void json_put_number(struct exposition *e, const char *key, bool is_time, int64_t value)
{
    struct buf text;

    buf_init(&text, 64);
    put_value(&text, is_time, value);
    json_put_raw(&e->json, key, buf_str(&text));
    buf_release(&text);
}

static void json_put_histogram(struct exposition *e, struct metric *metric, unsigned series)
{
    struct metric_histogram read = metric_read_histogram(metric, series);
    int64_t below = 0;
    struct buf bound;

    json_put_i64(&e->json, "count", (int64_t)read.count);
    json_put_number(e, "sum", metric->is_time, read.sum);
    json_key(&e->json, "buckets");
    json_begin_object(&e->json);
    buf_init(&bound, 64);
    for (unsigned i = 0; i < read.bucket_count; i++) {
        buf_clear(&bound);
        if (metric->bounds[i])
            put_bound(&bound, metric->is_time, metric->bounds[i]);
        else
            buf_add_cstr(&bound, "+Inf");
        json_key_str(&e->json, buf_str(&bound));
        json_i64_out(&e->json, below += (int64_t)read.buckets[i]);
    }
    buf_release(&bound);
    json_end_object(&e->json);
}

static void json_series(struct exposition *e, struct metric *metric, unsigned series)
{
    json_begin_object(&e->json);
    json_key(&e->json, "labels");
    json_begin_object(&e->json);
    for (unsigned i = 0; i < METRIC_LABELS_MAX; i++)
        if (metric->labels[i].name)
            json_put_str(&e->json, metric->labels[i].name,
                         str_of(metric_value_of(metric, series, i)));
    json_end_object(&e->json);
    if (metric->type == METRIC_HISTOGRAM)
        json_put_histogram(e, metric, series);
    else
        json_put_number(e, "value", metric->is_time, metric_read(metric, series));
    json_end_object(&e->json);
}

static void json_metric(struct exposition *e, struct metric *metric)
{
    unsigned count = metric_series_count(metric);

    json_head(e, metric->name, metric->help, metric->type);
    for (unsigned series = 0; series < count; series++)
        if (has_come_up(metric, series))
            json_series(e, metric, series);
    json_tail(e);
}

/* One sample with the labels of `pairs`, which end with NULL. */
static void json_one(struct exposition *e, const char *const *pairs, double value)
{
    json_begin_object(&e->json);
    json_key(&e->json, "labels");
    json_begin_object(&e->json);
    for (size_t i = 0; pairs[i]; i += 2)
        json_put_str(&e->json, pairs[i], str_of(pairs[i + 1]));
    json_end_object(&e->json);
    json_key(&e->json, "value");
    json_double_out(&e->json, value);
    json_end_object(&e->json);
}

/* ---- in any form ---- */

void exposition_begin(struct exposition *e)
{
    if (!e->is_json)
        return;
    json_writer_init(&e->json, e->out);
    json_begin_object(&e->json);
}

void exposition_metric(struct exposition *e, struct metric *metric)
{
    unsigned count = metric_series_count(metric);

    if (e->is_json) {
        json_metric(e, metric);
        return;
    }
    put_head(e, metric->name, metric->help, metric->type);
    for (unsigned series = 0; series < count; series++) {
        if (!has_come_up(metric, series))
            continue;
        if (metric->type == METRIC_HISTOGRAM) {
            put_histogram(e->out, metric, series);
            continue;
        }
        put_sample(e->out, metric, series, "");
        put_value(e->out, metric->is_time, metric_read(metric, series));
        buf_add_char(e->out, '\n');
    }
}

/* ---- what is known only now ---- */

void exposition_number(struct exposition *e, const char *name, const char *help,
                       enum metric_type type, double value)
{
    static const char *const no_labels[] = {NULL};

    if (e->is_json) {
        json_head(e, name, help, type);
        json_one(e, no_labels, value);
        json_tail(e);
        return;
    }
    put_head(e, name, help, type);
    buf_addf(e->out, value == (double)(int64_t)value ? "%s %.0f\n" : "%s %.6f\n", name, value);
}

void exposition_info(struct exposition *e, const char *name, const char *help,
                     const char *const *labels)
{
    if (e->is_json) {
        json_head(e, name, help, METRIC_GAUGE);
        json_one(e, labels, 1);
        json_tail(e);
        return;
    }
    put_head(e, name, help, METRIC_GAUGE);
    buf_add_cstr(e->out, name);
    for (size_t i = 0; labels[i]; i += 2)
        put_label(e->out, labels[i], labels[i + 1], i == 0);
    buf_add_cstr(e->out, labels[0] ? "} 1\n" : " 1\n");
}

void exposition_end(struct exposition *e)
{
    if (e->is_json)
        json_end_object(&e->json);
    else if (e->is_openmetrics)
        buf_add_cstr(e->out, "# EOF\n");
}

/* Of the ranges in Accept only their types count: who names OpenMetrics can read it. */
const char *exposition_type(struct str accept, bool *is_openmetrics)
{
    struct str rest = accept, range;

    *is_openmetrics = false;
    while (!str_is_none(accept) && str_split(&rest, ',', &range))
        if (str_starts_nocase(str_trim(range), STR("application/openmetrics-text")))
            *is_openmetrics = true;
    return *is_openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                           : "text/plain; version=0.0.4; charset=utf-8";
}
