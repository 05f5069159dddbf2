/* The tables of rules; see rules.h. */
#include "store/rules.h"

#include "store/sequence.h"

#define COLUMNS                                                                                    \
    "tenant, rule_id, rule_no, project_no, body, webhooks, is_enabled, since_seq, created_us, "    \
    "updated_us"
#define SELECT "SELECT " COLUMNS " FROM rules "
#define LAST_CHANGE "COALESCE((SELECT MAX(change_seq) FROM spans WHERE project_no = "

static const struct db_statement count_of_project = {
    "rules_count", "SELECT COUNT(*) FROM rules WHERE project_no = $1", NULL};
static const struct db_statement insert_one = {"rules_insert",
                                               "INSERT INTO rules (" COLUMNS
                                               ") VALUES ($1, $2, $3, $4, $5, $6, $7, " LAST_CHANGE
                                               "$4), 0), $8, $8)",
                                               NULL};
static const struct db_statement update_one = {
    "rules_update",
    "UPDATE rules SET body = $3, webhooks = $4, since_seq = CASE WHEN is_enabled = 0 AND"
    " CAST($5 AS BIGINT) = 1 THEN " LAST_CHANGE "rules.project_no), 0) ELSE since_seq END,"
    " is_enabled = CAST($5 AS BIGINT), updated_us = $6 WHERE tenant = $1 AND rule_id = $2",
    NULL};
static const struct db_statement delete_one = {
    "rules_delete", "DELETE FROM rules WHERE tenant = $1 AND rule_id = $2", NULL};
static const struct db_statement delete_log = {"rules_delete_log",
                                               "DELETE FROM rule_log WHERE rule_no = $1", NULL};
static const struct db_statement select_one = {"rules_get",
                                               SELECT "WHERE tenant = $1 AND rule_id = $2", NULL};
static const struct db_statement select_tenant = {
    "rules_of_tenant", SELECT "WHERE tenant = $1 ORDER BY rule_no", NULL};
static const struct db_statement select_project = {
    "rules_of_project", SELECT "WHERE tenant = $1 AND project_no = $2 ORDER BY rule_no", NULL};
static const struct db_statement select_enabled = {
    "rules_enabled", SELECT "WHERE is_enabled = 1 ORDER BY project_no, rule_no", NULL};

static const struct db_statement begin_watch = {
    "rule_watches_begin",
    "INSERT INTO rule_watches (project_no, change_seq, at_us) SELECT CAST($1 AS BIGINT),"
    " " LAST_CHANGE "$1), 0), CAST($2 AS BIGINT) WHERE true ON CONFLICT (project_no) DO NOTHING",
    NULL};
static const struct db_statement select_watch = {
    "rule_watches_get", "SELECT change_seq, at_us FROM rule_watches WHERE project_no = $1", NULL};
static const struct db_statement move_watch = {
    "rule_watches_move",
    "UPDATE rule_watches SET change_seq = $3, at_us = $4 WHERE project_no = $1 AND change_seq = $2",
    NULL};
static const struct db_statement select_changed = {
    "spans_changed",
    "SELECT " SPAN_COLUMNS " FROM spans WHERE project_no = $1 AND change_seq > $2"
    " ORDER BY change_seq LIMIT $3",
    NULL};

static const struct db_statement has_application = {
    "rule_log_has", "SELECT 1 FROM rule_log WHERE rule_no = $1 AND span_no = $2", NULL};
static const struct db_statement add_application = {
    "rule_log_add",
    "INSERT INTO rule_log (rule_no, span_no, span_id, span_name, span_type, start_us, end_us,"
    " applied_us, outcome, deliveries, actions, is_backfill, thread_id) VALUES ($1, $2, $3, $4,"
    " $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    " ON CONFLICT (rule_no, span_no) DO NOTHING",
    NULL};
static const struct db_statement list_applications = {
    "rule_log_list",
    "SELECT span_no, span_id, span_name, span_type, start_us, end_us, applied_us, outcome,"
    " deliveries, actions, thread_id FROM rule_log"
    " WHERE rule_no = $1 AND applied_us >= $2 AND applied_us < $3 AND is_backfill = $6"
    " ORDER BY applied_us DESC, span_no DESC LIMIT $4 OFFSET $5",
    NULL};

/* ---- rows ---- */

void rule_row_read(const struct db_rows *rows, int first, struct arena *arena,
                   struct rule_row *rule)
{
    *rule = (struct rule_row){
        .tenant = db_get_keep(rows, first, arena),
        .rule_id = db_get_keep(rows, first + 1, arena),
        .rule_no = db_get_int(rows, first + 2),
        .project_no = db_get_int(rows, first + 3),
        .body = db_get_keep(rows, first + 4, arena),
        .webhooks = db_get_keep(rows, first + 5, arena),
        .is_enabled = db_get_int(rows, first + 6) != 0,
        .since_seq = db_get_int(rows, first + 7),
        .created_us = db_get_int(rows, first + 8),
        .updated_us = db_get_int(rows, first + 9),
    };
}

static enum err rows_read(struct db_rows *rows, struct arena *arena, struct rule_rows *found)
{
    size_t cap = 0;

    *found = (struct rule_rows){0};
    while (db_next(rows)) {
        found->list = arena_more(arena, found->list, found->count, &cap, sizeof(*found->list));
        rule_row_read(rows, 0, arena, &found->list[found->count++]);
    }
    return db_rows_end(rows);
}

static enum err has_room(struct tx *tx, int64_t project_no)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &count_of_project, DB_ARGS(db_int(project_no)), &rows);
    bool is_full = !err && db_get_int(&rows, 0) >= RULES_OF_PROJECT_MAX;

    if (!err)
        err = db_rows_end(&rows);
    return err ? err : is_full ? ERR_LIMIT : OK;
}

enum err rules_insert(struct tx *tx, struct rule_row *rule)
{
    enum err err;

    REQUIRE(tx->is_write && rule->project_no > 0);
    if ((err = has_room(tx, rule->project_no)) ||
        (err = sequence_next(tx, STR("rules"), 1, &rule->rule_no)) ||
        (err = db_run(tx->db, &begin_watch, DB_ARGS(db_int(rule->project_no), db_int(tx->now_us)),
                      NULL)))
        return err;
    rule->created_us = rule->updated_us = tx->now_us;
    return db_run(tx->db, &insert_one,
                  DB_ARGS(db_text(rule->tenant), db_text(rule->rule_id), db_int(rule->rule_no),
                          db_int(rule->project_no), db_text(rule->body), db_text(rule->webhooks),
                          db_int(rule->is_enabled), db_int(tx->now_us)),
                  NULL);
}

enum err rules_update(struct tx *tx, const struct rule_row *rule)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &update_one,
               DB_ARGS(db_text(rule->tenant), db_text(rule->rule_id), db_text(rule->body),
                       db_text(rule->webhooks), db_int(rule->is_enabled), db_int(tx->now_us)),
               &changed);

    return err ? err : changed ? OK : ERR_NOT_FOUND;
}

enum err rules_delete(struct tx *tx, const struct rule_row *rule)
{
    enum err err = db_run(tx->db, &delete_log, DB_ARGS(db_int(rule->rule_no)), NULL);

    return err ? err
               : db_run(tx->db, &delete_one, DB_ARGS(db_text(rule->tenant), db_text(rule->rule_id)),
                        NULL);
}

enum err rules_get(struct tx *tx, struct str tenant, struct str rule_id, struct arena *arena,
                   struct rule_row *rule)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(rule_id)), &rows);

    if (err)
        return err;
    rule_row_read(&rows, 0, arena, rule);
    return db_rows_end(&rows);
}

enum err rules_list(struct tx *tx, struct str tenant, int64_t project_no, struct arena *arena,
                    struct rule_rows *found)
{
    struct db_rows rows = {0};
    enum err err = project_no ? db_query(tx->db, &select_project,
                                         DB_ARGS(db_text(tenant), db_int(project_no)), &rows)
                              : db_query(tx->db, &select_tenant, DB_ARGS(db_text(tenant)), &rows);

    return err ? err : rows_read(&rows, arena, found);
}

enum err rules_enabled(struct tx *tx, struct arena *arena, struct rule_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_enabled, DB_NO_ARGS, &rows);

    return err ? err : rows_read(&rows, arena, found);
}

/* ---- looking ---- */

enum err rules_watch_get(struct tx *tx, int64_t project_no, struct rule_watch *watch)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &select_watch, DB_ARGS(db_int(project_no)), &rows);

    if (err)
        return err;
    *watch = (struct rule_watch){db_get_int(&rows, 0), db_get_int(&rows, 1)};
    return db_rows_end(&rows);
}

enum err rules_watch_move(struct tx *tx, int64_t project_no, int64_t from, int64_t to)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &move_watch,
               DB_ARGS(db_int(project_no), db_int(from), db_int(to), db_int(tx->now_us)), &changed);

    return err ? err : changed ? OK : ERR_CONFLICT;
}

enum err spans_changed(struct tx *tx, int64_t project_no, int64_t after_seq, int64_t limit,
                       struct arena *arena, struct span_changes *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_changed,
                            DB_ARGS(db_int(project_no), db_int(after_seq), db_int(limit)), &rows);

    *found = (struct span_changes){0};
    if (err)
        return err;
    found->list = ARENA_ARRAY(arena, struct span_row, (size_t)limit);
    while (db_next(&rows))
        span_row_read(&rows, 0, arena, &found->list[found->count++]);
    return db_rows_end(&rows);
}

/* ---- the log ---- */

enum err rule_log_has(struct tx *tx, int64_t rule_no, int64_t span_no, bool *has)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &has_application, DB_ARGS(db_int(rule_no), db_int(span_no)), &rows);

    *has = !err;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return db_rows_end(&rows);
}

enum err rule_log_add(struct tx *tx, int64_t rule_no, const struct rule_application *a)
{
    struct str id = str_range((const char *)a->span_id.bytes, sizeof(a->span_id.bytes));
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &add_application,
               DB_ARGS(db_int(rule_no), db_int(a->span_no), db_blob(id), db_text(a->span_name),
                       db_int(a->span_type), db_int(a->start_us), db_int(a->end_us),
                       db_int(tx->now_us), db_text(a->outcome), db_text(a->deliveries),
                       db_text(a->actions), db_int(a->is_backfill), db_text(a->thread_id)),
               &changed);

    return err ? err : changed ? OK : ERR_CONFLICT;
}

enum err rule_log_list(struct tx *tx, int64_t rule_no, struct arena *arena,
                       struct rule_applications *page)
{
    struct db_rows rows = {0};
    enum err err =
        db_query(tx->db, &list_applications,
                 DB_ARGS(db_int(rule_no), db_int(page->since_us),
                         db_int(page->until_us ? page->until_us : INT64_MAX), db_int(page->limit),
                         db_int(page->offset), db_int(page->of_backfill)),
                 &rows);

    page->count = 0;
    if (err)
        return err;
    page->list = ARENA_ARRAY(arena, struct rule_application, (size_t)page->limit);
    while (db_next(&rows)) {
        struct rule_application *a = &page->list[page->count++];
        struct str id = db_get_str(&rows, 1);

        *a = (struct rule_application){.span_no = db_get_int(&rows, 0),
                                       .span_name = db_get_keep(&rows, 2, arena),
                                       .span_type = (enum span_type)db_get_int(&rows, 3),
                                       .start_us = db_get_int(&rows, 4),
                                       .end_us = db_get_int(&rows, 5),
                                       .applied_us = db_get_int(&rows, 6),
                                       .outcome = db_get_keep(&rows, 7, arena),
                                       .deliveries = db_get_keep(&rows, 8, arena),
                                       .actions = db_get_keep(&rows, 9, arena),
                                       .thread_id = db_get_keep(&rows, 10, arena)};
        if (id.len == sizeof(a->span_id.bytes))
            memcpy(a->span_id.bytes, id.data, id.len);
    }
    return db_rows_end(&rows);
}
