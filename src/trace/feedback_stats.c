/* What rows of feedback say together. */
#include "trace/feedback_stats.h"

#include <math.h>

struct count {
    struct str value;
    int64_t count;
    struct count *next;
};

struct samples {
    struct str list[FEEDBACK_SAMPLES_MAX];
    size_t count;
};

struct feedback_stats_key {
    struct str key;
    int64_t scores;       /* rows that have one */
    double mean, squares; /* Welford: the sum of squared distances from the mean */
    double min, max;
    int64_t errors;
    bool has_arrow;
    struct count *values;
    size_t value_count;
    struct samples comments, sources;
    struct feedback_stats_key *next;
};

void feedback_stats_init(struct feedback_stats *stats, struct arena *arena)
{
    *stats = (struct feedback_stats){.arena = arena};
    stats->last = &stats->first;
}

static struct feedback_stats_key *key_get(struct feedback_stats *stats, struct str name)
{
    struct feedback_stats_key *key;

    for (key = stats->first; key; key = key->next)
        if (str_eq(key->key, name))
            return key;
    if (stats->key_count == FEEDBACK_STATS_KEYS_MAX)
        return NULL;
    key = ARENA_NEW(stats->arena, struct feedback_stats_key);
    key->key = arena_str(stats->arena, name);
    *stats->last = key;
    stats->last = &key->next;
    stats->key_count++;
    return key;
}

static void score_add(struct feedback_stats_key *key, double score)
{
    double distance = score - key->mean;

    key->scores++;
    key->mean += distance / (double)key->scores;
    key->squares += distance * (score - key->mean);
    if (key->scores == 1 || score < key->min)
        key->min = score;
    if (key->scores == 1 || score > key->max)
        key->max = score;
}

static void value_add(struct feedback_stats *stats, struct feedback_stats_key *key,
                      struct str value)
{
    struct count **at = &key->values;

    while (*at && !str_eq((*at)->value, value))
        at = &(*at)->next;
    if (!*at) {
        if (key->value_count++ >= FEEDBACK_STATS_VALUES_MAX)
            return;
        *at = ARENA_NEW(stats->arena, struct count);
        (*at)->value = arena_str(stats->arena, value);
    }
    (*at)->count++;
}

static void sample_add(struct feedback_stats *stats, struct samples *samples, struct str text,
                       bool once)
{
    if (str_is_none(text) || samples->count == FEEDBACK_SAMPLES_MAX)
        return;
    for (size_t i = 0; once && i < samples->count; i++)
        if (str_eq(samples->list[i], text))
            return;
    samples->list[samples->count++] = arena_str(stats->arena, text);
}

void feedback_stats_add(struct feedback_stats *stats, const struct feedback_row *row)
{
    struct feedback_stats_key *key = key_get(stats, row->key);
    const struct json *value;

    if (!key)
        return;
    if (row->has_score)
        score_add(key, row->score);
    if (!str_is_none(row->value) && row->value.len > 0 && row->value.data[0] == '"' &&
        !json_parse(stats->arena, row->value, &value, NULL))
        value_add(stats, key, json_string(value));
    key->errors += row->is_error;
    key->has_arrow = key->has_arrow || str_eq(row->source_type, STR("model")) ||
                     str_eq(row->source_type, STR("auto_eval"));
    sample_add(stats, &key->comments, row->comment, false);
    sample_add(stats, &key->sources, row->source, true);
}

/* ---- out ---- */

static void double_put(struct json_writer *json, const char *name, bool is_there, double value)
{
    json_key(json, name);
    if (is_there)
        json_double_out(json, value);
    else
        json_null_out(json);
}

static void samples_put(struct json_writer *json, const char *name, const struct samples *samples)
{
    json_key(json, name);
    json_begin_array(json);
    for (size_t i = 0; i < samples->count; i++)
        json_str_out(json, samples->list[i]);
    json_end_array(json);
}

static void values_put(struct json_writer *json, const struct count *values)
{
    json_key(json, "values");
    json_begin_object(json);
    for (; values; values = values->next) {
        json_key_str(json, values->value);
        json_i64_out(json, values->count);
    }
    json_end_object(json);
}

static void key_write(const struct feedback_stats_key *key, enum feedback_stats_form form,
                      struct json_writer *json)
{
    bool any = key->scores > 0, is_v1 = form == FEEDBACK_STATS_V1;

    json_begin_object(json);
    json_put_i64(json, "n", key->scores);
    double_put(json, "avg", any, key->mean);
    double_put(json, "stdev", any, sqrt(any ? key->squares / (double)key->scores : 0));
    double_put(json, is_v1 ? "session_min_score" : "min", any, key->min);
    double_put(json, is_v1 ? "session_max_score" : "max", any, key->max);
    json_put_i64(json, "errors", key->errors);
    if (is_v1)
        json_put_bool(json, "show_feedback_arrow", key->has_arrow);
    values_put(json, key->values);
    samples_put(json, "comments", &key->comments);
    samples_put(json, "sources", &key->sources);
    json_put_bool(json, "contains_thread_feedback", false);
    json_end_object(json);
}

void feedback_stats_write(const struct feedback_stats *stats, enum feedback_stats_form form,
                          struct json_writer *json)
{
    json_begin_object(json);
    for (const struct feedback_stats_key *key = stats->first; key; key = key->next) {
        json_key_str(json, key->key);
        key_write(key, form, json);
    }
    json_end_object(json);
}
