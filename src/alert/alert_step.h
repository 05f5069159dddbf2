/* alert_step.h -- when an alert fires, fires again and recovers: one step of its life. Pure.
 *
 *   ok ──── the condition holds ────▶ firing   told
 *   firing ─ the condition holds ───▶ firing   told again after renotify_minutes
 *   firing ─ it does not hold ──────▶ ok       told if tells_recovery
 *
 * Without a value (nothing to take a mean of, fewer samples than asked for) the condition does not
 * hold, and a firing alert stays what it is; with fires_without_data it holds instead. */
#ifndef ALERT_ALERT_STEP_H
#define ALERT_ALERT_STEP_H

#include "alert/alert_rule.h"

/* Sums over a stretch of minutes. */
struct alert_sums {
    double sum;    /* of what is averaged; else the number of spans that count */
    int64_t count; /* of them */
    int64_t all;   /* pct: the denominator */
};

struct alert_measure {
    bool has_value;
    double value;
    double limit; /* what the value is compared with */
};

/* `window` is now, `baseline` the stretch before it (of type change only). */
struct alert_measure alert_measure_of(const struct alert_rule *rule,
                                      const struct alert_sums *window,
                                      const struct alert_sums *baseline);
/* Does the condition hold for this value? */
bool alert_holds(const struct alert_rule *rule, const struct alert_measure *measure);

struct alert_memory {
    bool is_firing;
    int64_t since_us; /* of the state */
    int64_t told_us;  /* the last time while firing; 0: never */
};

enum alert_act { ALERT_SILENT, ALERT_FIRED, ALERT_FIRED_AGAIN, ALERT_RECOVERED };

enum alert_act alert_step(const struct alert_rule *rule, const struct alert_measure *measure,
                          int64_t now_us, struct alert_memory *memory);

#endif
