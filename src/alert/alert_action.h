/* alert_action.h -- whom an alert tells, read from the JSON of its API, and what they are sent.
 *
 *   {"target": "webhook", "config": {"url": …, "headers": {…}, "body": {…}}}
 *
 * Of a config: url or webhook_url; headers, and body (also request_body, body_template, template),
 * each an object or the text of one; template_mode "substitute" or "verbatim"; merge_fields false
 * leaves the alert's own keys out, for receivers that refuse unknown ones; variables, an object of
 * texts for placeholders of the user's own. `preset` fills in url and body for a known receiver:
 * slack, slack_webhook, teams, discord, google_chat, pagerduty, opsgenie. Pure. */
#ifndef ALERT_ALERT_ACTION_H
#define ALERT_ALERT_ACTION_H

#include "alert/alert_rule.h"
#include "format/header.h"

#define ALERT_ACTIONS_MAX 10
#define ALERT_HEADERS_MAX 40
#define ALERT_BODY_BYTES_MAX (64 * KIB)
#define ALERT_VARIABLES_MAX 40

struct alert_variable {
    struct str name, text;
};

struct alert_action {
    struct str url;
    struct header_pair headers[ALERT_HEADERS_MAX];
    size_t header_count;
    struct str body; /* a JSON object; STR_NONE: none */
    bool is_verbatim, merges;
    struct alert_variable variables[ALERT_VARIABLES_MAX];
    size_t variable_count;
};

/* `text` is one of the member `actions`, JSON; `index` is for errors. ERR_INVALID: *why, in the
 * arena, names the field. The action borrows from both. */
enum err alert_action_read(struct str text, size_t index, struct arena *arena,
                           struct alert_action *action, struct str *why) MUST_USE;

/* What is told (A6). Texts are borrowed. */
struct alert_news {
    struct str alert_id;
    const struct alert_rule *rule;
    struct str project_name, workspace_name;
    struct str alert_url, runs_url, project_url;
    double value, limit;
    int64_t at_us;
    bool is_resolved; /* adds alert_status */
};

/* The body of its webhook: the template with what it asks for, then the keys of A6, which win over
 * the template's own. */
void alert_body_write(struct buf *out, const struct alert_action *action,
                      const struct alert_news *news);
/* The placeholders of its template that go out as they are; in the arena. */
size_t alert_action_unknown(const struct alert_action *action, struct arena *arena,
                            struct str *names, size_t max);
/* The keys of its template that the alert's own take the place of; in the arena. */
size_t alert_action_hidden(const struct alert_action *action, struct arena *arena,
                           struct str *names, size_t max);

#endif
