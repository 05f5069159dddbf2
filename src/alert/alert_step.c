/* alert_step.c -- see alert_step.h. */
#include "alert/alert_step.h"

static bool value_of(const struct alert_rule *rule, const struct alert_sums *sums, double *value)
{
    if (rule->aggregation == ALERT_PCT) {
        *value = sums->all > 0 ? (double)sums->count * 100 / (double)sums->all : 0;
        return sums->all > 0 && sums->all >= rule->samples_min;
    }
    if (rule->aggregation == ALERT_AVG) {
        *value = sums->count > 0 ? sums->sum / (double)sums->count : 0;
        return sums->count > 0 && sums->count >= rule->samples_min;
    }
    *value = rule->attribute == ALERT_COST ? sums->sum : (double)sums->count;
    return sums->count >= rule->samples_min;
}

bool alert_is_low(const struct alert_rule *rule)
{
    bool below = rule->comparison == ALERT_LTE || rule->comparison == ALERT_LT;

    return rule->fires_without_data || (rule->aggregation == ALERT_SUM && below);
}

int64_t alert_minutes_of(const struct alert_rule *rule)
{
    return rule->window_minutes + alert_is_low(rule);
}

bool alert_is_part(const struct alert_rule *rule, int64_t from_minute, int64_t begun_us)
{
    int64_t first = from_minute - (rule->is_change ? rule->baseline_minutes : 0);

    return (rule->is_change || alert_is_low(rule)) && first * MINUTE_US < begun_us;
}

struct alert_measure alert_measure_of(const struct alert_rule *rule,
                                      const struct alert_sums *window,
                                      const struct alert_sums *baseline)
{
    struct alert_measure measure = {.limit = rule->threshold};
    double before;

    measure.has_value = value_of(rule, window, &measure.value);
    if (rule->is_change) {
        measure.has_value &= value_of(rule, baseline, &before);
        if (rule->aggregation == ALERT_SUM)
            before *= (double)rule->window_minutes / (double)rule->baseline_minutes;
        measure.limit = before * rule->multiplier;
    }
    return measure;
}

bool alert_holds(const struct alert_rule *rule, const struct alert_measure *measure)
{
    double value = measure->value, limit = measure->limit;

    if (measure->is_part)
        return false;
    if (!measure->has_value)
        return rule->fires_without_data;
    if (rule->is_change && value <= 0 && value >= 0 && limit <= 0 && limit >= 0)
        return false; /* nothing after nothing is no change */
    switch (rule->comparison) {
    case ALERT_GTE:
        return value >= limit;
    case ALERT_GT:
        return value > limit;
    case ALERT_LTE:
        return value <= limit;
    case ALERT_LT:
        return value < limit;
    }
    return false;
}

static void become(struct alert_memory *memory, bool is_firing, int64_t now_us)
{
    *memory = (struct alert_memory){.is_firing = is_firing, .since_us = now_us};
}

/* "At every evaluation" is once a minute, however often it is looked at. */
static int64_t tells_again_us(const struct alert_rule *rule, int64_t told_us)
{
    return rule->renotify_minutes ? told_us + rule->renotify_minutes * MINUTE_US
                                  : (told_us / MINUTE_US + 1) * MINUTE_US;
}

static bool is_over(const struct alert_rule *rule, const struct alert_measure *whole)
{
    return whole->has_value && !whole->is_part && !alert_holds(rule, whole);
}

enum alert_act alert_step(const struct alert_rule *rule, const struct alert_sight *sight,
                          int64_t now_us, struct alert_memory *memory)
{
    bool holds = alert_holds(rule, &sight->now);
    enum alert_act act = ALERT_SILENT;

    if (holds && !memory->is_firing) {
        become(memory, true, now_us);
        act = ALERT_FIRED;
    } else if (holds && now_us >= tells_again_us(rule, memory->told_us)) {
        act = ALERT_FIRED_AGAIN;
    } else if (!holds && memory->is_firing && is_over(rule, &sight->whole)) {
        become(memory, false, now_us);
        act = rule->tells_recovery ? ALERT_RECOVERED : ALERT_SILENT;
    }
    if (act == ALERT_FIRED || act == ALERT_FIRED_AGAIN)
        memory->told_us = now_us;
    return act;
}
