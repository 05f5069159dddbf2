/* rules.h -- the tables of rules: what they match, how far each project has been looked at, and
 * which rule was applied to which span.
 *
 * A rule is applied to a span once: rule_log has one row for both. Log, outbox and the move of the
 * watch are one transaction; rules_watch_move says whether another node was faster. Strings of a
 * row from a query live in the arena given; those of one that goes in are borrowed. */
#ifndef STORE_RULES_H
#define STORE_RULES_H

#include "store/spans.h"

#define RULES_OF_PROJECT_MAX 1000
/* The log is kept so long; what came in longer ago is not matched any more, so that nothing is done
 * twice. */
#define RULE_LOG_KEPT_US (INT64_C(90) * 24 * 3600 * US_PER_SECOND)

struct rule_row {
    struct str tenant;
    struct str rule_id;
    int64_t rule_no; /* the same on all nodes */
    int64_t project_no;
    struct str body;     /* JSON object as its API shows it, without secrets */
    struct str webhooks; /* JSON array; each with url, headers and endpoint_id */
    bool is_enabled;
    int64_t since_seq; /* changes before are not its own */
    int64_t created_us, updated_us;
};

struct rule_rows {
    struct rule_row *list; /* in the arena given */
    size_t count;
};

/* For other files of the store that read rules, as `alias`. */
#define RULE_COLUMNS(alias)                                                                        \
    alias ".tenant, " alias ".rule_id, " alias ".rule_no, " alias ".project_no, " alias            \
          ".body, " alias ".webhooks, " alias ".is_enabled, " alias ".since_seq, " alias           \
          ".created_us, " alias ".updated_us"
void rule_row_read(const struct db_rows *rows, int first, struct arena *arena,
                   struct rule_row *rule);

/* rule_no, since_seq and times are set here. ERR_LIMIT: the project has RULES_OF_PROJECT_MAX. */
enum err rules_insert(struct tx *tx, struct rule_row *rule) MUST_USE;
/* body, webhooks and is_enabled; one that was disabled begins with what changes from now on. */
enum err rules_update(struct tx *tx, const struct rule_row *rule) MUST_USE;
enum err rules_delete(struct tx *tx, const struct rule_row *rule) MUST_USE;
enum err rules_get(struct tx *tx, struct str tenant, struct str rule_id, struct arena *arena,
                   struct rule_row *rule) MUST_USE;
/* project_no 0: of all projects. */
enum err rules_list(struct tx *tx, struct str tenant, int64_t project_no, struct arena *arena,
                    struct rule_rows *found) MUST_USE;
/* All enabled ones, those of a project together. */
enum err rules_enabled(struct tx *tx, struct arena *arena, struct rule_rows *found) MUST_USE;

/* ---- looking ---- */

struct rule_watch {
    int64_t change_seq; /* looked at up to it */
    int64_t at_us;      /* when that was: the next window begins there */
};

/* ERR_NOT_FOUND: no rule was ever made. */
enum err rules_watch_get(struct tx *tx, int64_t project_no, struct rule_watch *watch) MUST_USE;
/* ERR_CONFLICT: it does not stand at `from` any more. The time becomes now. */
enum err rules_watch_move(struct tx *tx, int64_t project_no, int64_t from, int64_t to) MUST_USE;

struct span_changes {
    struct span_row *list; /* in the order of their changes */
    size_t count;
};

/* Spans of the project that have changed since, each once. */
enum err spans_changed(struct tx *tx, int64_t project_no, int64_t after_seq, int64_t limit,
                       struct arena *arena, struct span_changes *found) MUST_USE;

/* ---- the log ---- */

struct rule_application {
    int64_t span_no;
    struct uuid span_id; /* the wire's run_id */
    struct str span_name;
    struct str thread_id; /* STR_NONE: of none, or applied before this was kept */
    enum span_type span_type;
    int64_t start_us, end_us; /* the window */
    int64_t applied_us;
    struct str outcome;    /* "success": handed to the outbox; "skipped": not in the sample */
    struct str deliveries; /* JSON array of ids */
    struct str actions;    /* JSON object: what else was done (rule_action.h); STR_NONE: nothing */
    bool is_backfill;
};

struct rule_applications {
    int64_t since_us, until_us;    /* in: applied in [since, until); 0: open */
    int64_t limit, offset;         /* in */
    bool of_backfill;              /* in: only those; else only the others */
    struct rule_application *list; /* out: the newest first, in the arena given */
    size_t count;
};

enum err rule_log_has(struct tx *tx, int64_t rule_no, int64_t span_no, bool *has) MUST_USE;
/* ERR_CONFLICT: it was applied to this span before. */
enum err rule_log_add(struct tx *tx, int64_t rule_no,
                      const struct rule_application *application) MUST_USE;
enum err rule_log_list(struct tx *tx, int64_t rule_no, struct arena *arena,
                       struct rule_applications *page) MUST_USE;

#endif
