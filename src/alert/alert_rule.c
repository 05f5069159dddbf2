/* alert_rule.c -- see alert_rule.h. */
#include "alert/alert_rule.h"

#include <math.h>

#define CONDITIONS_MAX 64 /* of a filter that are told apart */

struct word {
    const char *text;
    int value;
};

static const struct word types[] = {{"threshold", 0}, {"change", 1}, {NULL, 0}};
static const struct word attributes[] = {
    {"latency", ALERT_LATENCY},     {"error_count", ALERT_ERROR_COUNT},
    {"run_latency", ALERT_LATENCY}, {"feedback_score", ALERT_FEEDBACK_SCORE},
    {"run_count", ALERT_RUN_COUNT}, {"total_cost", ALERT_COST},
    {"cost", ALERT_COST},           {NULL, 0},
};
static const struct word aggregations[] = {
    {"avg", ALERT_AVG}, {"sum", ALERT_SUM}, {"pct", ALERT_PCT}, {NULL, 0}};
static const struct word comparisons[] = {
    {"gte", ALERT_GTE}, {"lte", ALERT_LTE}, {"gt", ALERT_GT}, {"lt", ALERT_LT}, {NULL, 0}};
static const struct word no_data[] = {{"ignore", 0}, {"fire", 1}, {NULL, 0}};

/* By attribute: the aggregations it has, as bits. */
static const unsigned has_aggregation[ALERT_ATTRIBUTE_COUNT] = {
    [ALERT_ERROR_COUNT] = 1U << ALERT_SUM | 1U << ALERT_PCT,
    [ALERT_LATENCY] = 1U << ALERT_AVG,
    [ALERT_FEEDBACK_SCORE] = 1U << ALERT_AVG,
    [ALERT_RUN_COUNT] = 1U << ALERT_SUM,
    [ALERT_COST] = 1U << ALERT_SUM | 1U << ALERT_AVG,
};

struct reading {
    const struct json *json;
    struct arena *arena;
    struct str *why;
};

static enum err refuse(const struct reading *r, const char *key, const char *words)
{
    *r->why = arena_printf(r->arena, "rule.%s %s", key, words);
    return ERR_INVALID;
}

static enum err refuse_word(const struct reading *r, const char *key, const struct word *words)
{
    const char *texts[ARRAY_LEN(attributes) + 1];
    size_t count = 0;

    for (; words[count].text; count++)
        texts[count] = words[count].text;
    texts[count] = NULL;
    *r->why =
        arena_printf(r->arena, "rule.%s must be %.*s", key, STR_ARG(arena_words(r->arena, texts)));
    return ERR_INVALID;
}

static enum err read_word(const struct reading *r, const char *key, const struct word *words,
                          int *value)
{
    struct str text = json_string(json_get(r->json, key));

    for (size_t i = 0; words[i].text; i++) {
        if (str_eq(text, str_of(words[i].text))) {
            *value = words[i].value;
            return OK;
        }
    }
    return refuse_word(r, key, words);
}

static enum err read_text(const struct reading *r, const char *key, struct str *text)
{
    const struct json *value = json_get(r->json, key);

    if (json_is_absent(value))
        return OK;
    if (json_type(value) != JSON_STRING)
        return refuse(r, key, "must be a string");
    *text = json_string(value);
    return OK;
}

static enum err read_number(const struct reading *r, const char *key, double min, double max,
                            double *number)
{
    const struct json *value = json_get(r->json, key);

    if (json_is_absent(value))
        return OK;
    *number = json_double(value, (double)NAN);
    if (json_type(value) != JSON_NUMBER || !(*number >= min && *number <= max)) {
        *r->why =
            arena_printf(r->arena, "rule.%s must be a number from %.15g to %.15g", key, min, max);
        return ERR_INVALID;
    }
    return OK;
}

static enum err read_whole(const struct reading *r, const char *key, int64_t min, int64_t max,
                           int64_t *number)
{
    double value = (double)*number;
    enum err err = read_number(r, key, (double)min, (double)max, &value);

    if (!err && value != floor(value))
        return refuse(r, key, "must be a whole number");
    *number = err ? *number : (int64_t)value;
    return err;
}

static enum err read_bool(const struct reading *r, const char *key, bool *flag)
{
    const struct json *value = json_get(r->json, key);

    if (json_is_absent(value))
        return OK;
    if (json_type(value) != JSON_BOOL)
        return refuse(r, key, "must be true or false");
    *flag = json_bool(value, false);
    return OK;
}

static enum err read_filter(const struct reading *r, const char *key, struct str *text,
                            struct filter *filter)
{
    struct filter_error error;
    enum err err = read_text(r, key, text);

    if (!err && filter_parse(r->arena, *text, filter, &error)) {
        *r->why = arena_printf(r->arena, "rule.%s: %s", key, error.text);
        return ERR_INVALID;
    }
    return err;
}

static bool asks_for_errors(const struct filter *filter)
{
    const struct filter_texts *statuses = &filter->bounds.statuses;

    return statuses->count == 1 && str_eq(statuses->list[0], STR("error"));
}

/* What the filter asks besides: else errors would be all of themselves. */
static enum err make_denominator(const struct reading *r, struct alert_rule *rule)
{
    struct str list[CONDITIONS_MAX], text = STR("");
    size_t count = filter_conjuncts(r->arena, rule->filter_text, list, CONDITIONS_MAX);
    struct filter_error error;

    rule->denominator = rule->filter;
    if (!asks_for_errors(&rule->filter))
        return OK;
    for (size_t i = 0; i < count; i++) {
        struct filter one;

        if (filter_parse(r->arena, list[i], &one, &error) || asks_for_errors(&one))
            continue;
        text = arena_printf(r->arena, "%.*s%s%.*s", STR_ARG(text), text.len ? "," : "",
                            STR_ARG(list[i]));
    }
    if (text.len > 0)
        text = arena_printf(r->arena, "and(%.*s)", STR_ARG(text));
    return filter_parse(r->arena, text, &rule->denominator, &error);
}

/* ---- the groups of members ---- */

static enum err read_names(const struct reading *r, struct alert_rule *rule)
{
    enum err err;

    if ((err = read_text(r, "name", &rule->name)) ||
        (err = read_text(r, "description", &rule->description)) ||
        (err = read_bool(r, "is_enabled", &rule->is_enabled)))
        return err;
    rule->name = str_trim(rule->name);
    if (rule->name.len == 0 || rule->name.len > ALERT_NAME_BYTES_MAX)
        return refuse(r, "name", "must be a text of 1 to 512 bytes");
    return OK;
}

static enum err read_measure(const struct reading *r, struct alert_rule *rule)
{
    int type = 0, attribute = 0, aggregation = 0, comparison = 0;
    enum err err;

    if ((err = read_word(r, "type", types, &type)) ||
        (err = read_word(r, "attribute", attributes, &attribute)) ||
        (err = read_word(r, "aggregation", aggregations, &aggregation)) ||
        (err = read_word(r, "operator", comparisons, &comparison)))
        return err;
    if (!(has_aggregation[attribute] & 1U << aggregation))
        return refuse(r, "aggregation",
                      "does not fit the attribute: error_count has sum and pct, latency and "
                      "feedback_score have avg, run_count has sum, total_cost has sum and avg");
    rule->is_change = type == 1;
    rule->attribute = (enum alert_attribute)attribute;
    rule->aggregation = (enum alert_aggregation)aggregation;
    rule->comparison = (enum alert_comparison)comparison;
    return OK;
}

static enum err read_limits(const struct reading *r, struct alert_rule *rule)
{
    /* Only scores can be below nothing. */
    double min = rule->attribute == ALERT_FEEDBACK_SCORE ? -1e15 : 0;
    double max = rule->aggregation == ALERT_PCT ? 100 : 1e15;
    enum err err;

    rule->threshold = rule->multiplier = (double)NAN;
    if ((err =
             read_whole(r, "window_minutes", 1, ALERT_WINDOW_MINUTES_MAX, &rule->window_minutes)) ||
        (err = read_whole(r, "threshold_window_minutes", 1, ALERT_WINDOW_MINUTES_MAX,
                          &rule->baseline_minutes)) ||
        (err = read_number(r, "threshold", min, max, &rule->threshold)) ||
        (err = read_number(r, "threshold_multiplier", 0, 1e9, &rule->multiplier)))
        return err;
    if (rule->window_minutes == 0)
        return refuse(r, "window_minutes", "is missing: a whole number from 1 to 60");
    if (!rule->is_change && isnan(rule->threshold))
        return refuse(r, "threshold", "is missing");
    if (rule->is_change && isnan(rule->multiplier))
        return refuse(r, "threshold_multiplier", "is missing: an alert of type change needs it");
    if (rule->baseline_minutes == 0)
        rule->baseline_minutes = rule->window_minutes;
    return OK;
}

static enum err read_manners(const struct reading *r, struct alert_rule *rule)
{
    bool has_no_data = !json_is_absent(json_get(r->json, "no_data"));
    int fires = 0;
    enum err err;

    if ((err = read_whole(r, "min_samples", 0, 1000000, &rule->samples_min)) ||
        (err = read_whole(r, "renotify_minutes", 0, 7 * 24 * 60, &rule->renotify_minutes)) ||
        (err = read_bool(r, "notify_recovery", &rule->tells_recovery)) ||
        (has_no_data && (err = read_word(r, "no_data", no_data, &fires))))
        return err;
    rule->fires_without_data = fires == 1;
    return OK;
}

enum err alert_rule_read(const struct json *json, struct arena *arena, struct alert_rule *rule,
                         struct str *why)
{
    struct reading r = {.json = json, .arena = arena, .why = why};
    enum err err;

    *rule = (struct alert_rule){
        .description = STR(""), .is_enabled = true, .renotify_minutes = ALERT_RENOTIFY_MINUTES};
    if (json_type(json) != JSON_OBJECT) {
        *why = STR("rule must be an object");
        return ERR_INVALID;
    }
    if ((err = read_names(&r, rule)) || (err = read_measure(&r, rule)) ||
        (err = read_limits(&r, rule)) || (err = read_manners(&r, rule)) ||
        (err = read_filter(&r, "filter", &rule->filter_text, &rule->filter)))
        return err;
    if ((err = read_filter(&r, "denominator_filter", &rule->denominator_text, &rule->denominator)))
        return err;
    return str_trim(rule->denominator_text).len > 0 ? OK : make_denominator(&r, rule);
}

/* NAN, which says that there is none, is the same as NAN. */
static bool is_same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

bool alert_rule_watches_same(const struct alert_rule *a, const struct alert_rule *b)
{
    return a->is_enabled == b->is_enabled && a->is_change == b->is_change &&
           a->attribute == b->attribute && a->aggregation == b->aggregation &&
           a->comparison == b->comparison && a->window_minutes == b->window_minutes &&
           a->baseline_minutes == b->baseline_minutes &&
           is_same_number(a->threshold, b->threshold) &&
           is_same_number(a->multiplier, b->multiplier) && str_eq(a->filter_text, b->filter_text) &&
           str_eq(a->denominator_text, b->denominator_text) && a->samples_min == b->samples_min &&
           a->fires_without_data == b->fires_without_data;
}

struct str alert_attribute_name(enum alert_attribute attribute)
{
    static const char *const names[ALERT_ATTRIBUTE_COUNT] = {
        [ALERT_ERROR_COUNT] = "error_count",
        [ALERT_LATENCY] = "latency",
        [ALERT_FEEDBACK_SCORE] = "feedback_score",
        [ALERT_RUN_COUNT] = "run_count",
        [ALERT_COST] = "cost",
    };

    return str_of(names[attribute]);
}
