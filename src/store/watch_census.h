/* watch_census.h -- how it stands with alerts and rules, of all tenants: for /metrics. */
#ifndef STORE_WATCH_CENSUS_H
#define STORE_WATCH_CENSUS_H

#include "store/store.h"

enum alert_census { ALERT_CENSUS_OK, ALERT_CENSUS_FIRING, ALERT_CENSUS_DISABLED, ALERT_CENSUS };

enum err alerts_census(struct tx *tx, int64_t counts[ALERT_CENSUS]) MUST_USE;
/* When the oldest change came that a rule which is on has not looked at yet; 0: none waits. */
enum err rules_behind(struct tx *tx, int64_t *since_us) MUST_USE;

#endif
