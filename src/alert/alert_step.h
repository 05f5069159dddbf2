/* alert_step.h -- when an alert fires, fires again and recovers: one step of its life. Pure.
 *
 *   ok ──── the condition holds ────▶ firing   told
 *   firing ─ the condition holds ───▶ firing   told again after renotify_minutes
 *   firing ─ a whole window without ▶ ok       told if tells_recovery
 *
 * It fires as soon as the running window says so, but ends only when the last window of whole
 * minutes says otherwise and the running one agrees: each minute's beginning is nearly empty, and
 * would else end what goes on, to be told anew a moment later.
 *
 * Without a value (nothing to take a mean of, fewer samples than asked for) the condition does not
 * hold, and a firing alert stays what it is; with fires_without_data it holds instead.
 *
 * What fires because there is little or nothing (a sum that is low, no data) must not fire because
 * time is short: its window has a minute more, so that the running one, of which little has been
 * heard, stands beside as many whole ones as were asked for; and it waits until the window has
 * passed since it was made. So does what is compared with the stretch before. */
#ifndef ALERT_ALERT_STEP_H
#define ALERT_ALERT_STEP_H

#include "alert/alert_rule.h"

#define MINUTE_US (60 * US_PER_SECOND)

/* Sums over a stretch of minutes. */
struct alert_sums {
    double sum;    /* of what is averaged; else the number of spans that count */
    int64_t count; /* of them */
    int64_t all;   /* pct: the denominator */
};

struct alert_measure {
    bool has_value;
    bool is_part; /* of what there will be: the stretch began before the alert did */
    double value;
    double limit; /* what the value is compared with */
};

/* Does it fire when there is little or nothing? */
bool alert_is_low(const struct alert_rule *rule);
/* The minutes of its window, the running one included. */
int64_t alert_minutes_of(const struct alert_rule *rule);
/* Is `from_minute`, where the window begins, too early for an alert that has counted since then? */
bool alert_is_part(const struct alert_rule *rule, int64_t from_minute, int64_t begun_us);

/* `window` is now, `baseline` the stretch before it (of type change only). */
struct alert_measure alert_measure_of(const struct alert_rule *rule,
                                      const struct alert_sums *window,
                                      const struct alert_sums *baseline);
/* Does the condition hold for this value? */
bool alert_holds(const struct alert_rule *rule, const struct alert_measure *measure);

/* What it stands on: the window with the running minute, and the last one of whole minutes, which
 * only a firing alert needs. */
struct alert_sight {
    struct alert_measure now, whole;
};

struct alert_memory {
    bool is_firing;
    int64_t since_us; /* of the state */
    int64_t told_us;  /* the last time while firing; 0: never */
};

enum alert_act { ALERT_SILENT, ALERT_FIRED, ALERT_FIRED_AGAIN, ALERT_RECOVERED };

enum alert_act alert_step(const struct alert_rule *rule, const struct alert_sight *sight,
                          int64_t now_us, struct alert_memory *memory);

#endif
