/* alerts_priv.h -- what the files of the alerts' API share. */
#ifndef API_ALERTS_PRIV_H
#define API_ALERTS_PRIV_H

#include "alert/alert_action.h"
#include "alert/alert_tell.h"
#include "api/secret_headers.h"
#include "store/alerts.h"
#include "store/projects.h"

/* An alert as a body says it: read and checked, not stored. */
struct alert_body {
    struct alert_rule rule;
    struct str rule_text;
    struct alert_action *actions;
    struct str *action_texts;
    size_t action_count;
    struct secret_headers **headers; /* of each action */
    struct alert_row row;
    struct project_row project;
};

/* {"error": "…"}; returns OK. */
enum err alerts_fail(struct call *call, int status, struct str words);
/* `rule` and `actions` of the body; ERR_INVALID: the reply is filled (400). */
enum err alerts_read_rule(struct call *call, struct alert_body *body) MUST_USE;
enum err alerts_read_actions(struct call *call, struct alert_body *body) MUST_USE;
/* Path parameter 0. ERR_NOT_FOUND: the reply is filled. */
enum err alerts_find_project(struct tx *tx, struct call *call, struct alert_body *body) MUST_USE;

/* Endpoints and sealed headers of its actions; sets row.actions. `was`: what the alert had before,
 * where headers shown as "***" are kept from; NULL: nothing. `owner` is part of the endpoints'
 * ids. ERR_INVALID: the reply is filled. */
enum err alerts_place_actions(struct tx *tx, struct call *call, struct alert_body *body,
                              const struct alert_row *was, struct str owner) MUST_USE;

struct alert_setup alerts_setup(const struct call *call);

/* alerts_preview.c */
enum err alerts_preview_prepare(struct call *call);
/* alerts_test.c */
enum err alerts_test_prepare(struct call *call);

#endif
