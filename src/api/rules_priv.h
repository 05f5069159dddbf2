/* rules_priv.h -- what the files of the rules' API share. */
#ifndef API_RULES_PRIV_H
#define API_RULES_PRIV_H

#include "api/secret_headers.h"
#include "rule/rule_spec.h"
#include "store/projects.h"
#include "store/rules.h"

/* A rule as a body says it: read and checked, not stored. */
struct rule_body {
    struct rule_spec spec;
    struct rule_row row;
    struct project_row project;
    struct secret_headers **headers; /* of each webhook */
    bool is_dry;                     /* everything is checked, and nothing is saved */
};

/* Checks the headers of its webhooks, in prepare. ERR_INVALID: the reply is filled. */
enum err rules_read_headers(struct call *call, struct rule_body *body) MUST_USE;
/* Endpoints and sealed headers of its webhooks; sets row.webhooks. `was`: what the rule had before,
 * where headers shown as "***" are kept from; NULL: nothing. ERR_INVALID: the reply is filled. */
enum err rules_place_webhooks(struct tx *tx, struct call *call, struct rule_body *body,
                              const struct rule_row *was) MUST_USE;

/* Fills the reply; returns ERR_INVALID. */
enum err rules_refuse_spec(struct call *call, const struct rule_spec *spec, struct str why);
/* ERR_NOT_FOUND: the reply is filled. Returns `err`. */
enum err rules_not_found(struct call *call, enum err err) MUST_USE;

/* rules_log.c */
enum err rules_logs_prepare(struct call *call);
enum err rules_logs_v2_prepare(struct call *call);
enum err rules_last_prepare(struct call *call);
/* rules_try.c */
enum err rules_try_prepare(struct call *call);

/* rules_actions.c: the dataset and the queue of its actions must be there. ERR_INVALID: the reply
 * is filled. */
enum err rules_check_actions(struct tx *tx, struct call *call, struct rule_body *body) MUST_USE;
/* A new rule's look at what was there before it, if it asks for one. */
enum err rules_backfill_begin(struct tx *tx, struct call *call,
                              const struct rule_body *body) MUST_USE;
/* What the server adds to a rule about its actions and its backfill. */
enum err rules_actions_write(struct tx *tx, struct json_writer *json,
                             const struct rule_row *rule) MUST_USE;

#endif
