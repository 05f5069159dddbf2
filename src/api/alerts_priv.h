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
    bool is_dry; /* everything is checked, and nothing is saved */
};

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

/* Parameters 0 and 1 must be UUIDs. ERR_INVALID: the reply is filled. */
enum err alerts_check_ids(struct call *call) MUST_USE;
/* The alert of parameter 1, in the project of parameter 0. ERR_NOT_FOUND: the reply is filled. */
enum err alerts_find(struct tx *tx, struct call *call, struct alert_body *body,
                     struct alert_row *alert) MUST_USE;
/* The members rule and actions. */
void alerts_write(struct json_writer *json, const struct alert_row *alert,
                  const struct project_row *project);

struct alert_setup alerts_setup(const struct call *call);

/* alerts_preview.c */
enum err alerts_preview_prepare(struct call *call);
enum err alerts_page_prepare(struct call *call); /* of a stored one: parameters 0 and 1 */
/* alerts_test.c */
enum err alerts_test_prepare(struct call *call);

#endif
