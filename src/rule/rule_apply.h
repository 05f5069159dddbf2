/* rule_apply.h -- the write: a rule's matches go into its log and the outbox, and the watch moves
 * on, all in one transaction. */
#ifndef RULE_RULE_APPLY_H
#define RULE_RULE_APPLY_H

#include "rule/rule_scan.h"

#define RULE_RUNS_MAX 250             /* in one body */
#define RULE_BODY_BYTES_MAX (5 * MIB) /* beyond: another body with the same window */

/* `policy`: of its deliveries. ERR_CONFLICT: another node was faster. */
enum err rule_scan_write(struct tx *tx, struct str policy, const struct rule_scan *scan) MUST_USE;

#endif
