/* rule_action.h -- what a rule does with a match besides telling webhooks: into an annotation
 * queue, into a dataset, its trace is kept. In the order in which they are documented, in the
 * transaction of the match. */
#ifndef RULE_RULE_ACTION_H
#define RULE_RULE_ACTION_H

#include "rule/rule_scan.h"

/* *outcomes, in tx->arena: {"add_to_dataset": {"outcome": "success", "payload": {…}}, …} with what
 * was done; a queue or dataset that is gone or full, or values too large to copy, is the outcome
 * "error". STR_NONE: the rule does none of it. */
enum err rule_actions_do(struct tx *tx, const struct rule_entry *entry,
                         const struct rule_match *match, struct str *outcomes) MUST_USE;

#endif
