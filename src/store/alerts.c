/* The tables of alerts; see alerts.h. */
#include "store/alerts.h"

#include "base/buf.h"
#include "store/sequence.h"

#define AT_ONCE 500
#define MINUTE_ARGS 5
#define STEP_ARGS 8
#define STRETCH_BYTES_MAX 90 /* as JSON: four numbers */

#define COLUMNS                                                                                    \
    "tenant, alert_id, alert_no, project_no, rule, actions, is_enabled, is_firing, since_us, "     \
    "told_us, value, threshold, version, created_us, updated_us, begun_seq, "                      \
    "begun_us"
/* The newest end of a span of the project. */
#define NEWEST_END(project)                                                                        \
    "COALESCE((SELECT MAX(ended_seq) FROM spans WHERE project_no = " project                       \
    " AND ended_seq IS NOT NULL), 0)"
#define SELECT "SELECT " COLUMNS " FROM alerts "

static const struct db_statement count_of_project = {
    "alerts_count", "SELECT COUNT(*) FROM alerts WHERE project_no = $1", NULL};
static const struct db_statement insert_one = {
    "alerts_insert",
    "INSERT INTO alerts (" COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, 0, NULL, NULL, 1, $8, $8, " NEWEST_END(
        "$4") ", $8)",
    NULL};
static const struct db_statement update_one = {
    "alerts_update",
    "UPDATE alerts SET rule = $3, actions = $4, is_enabled = $5, is_firing = 0, since_us = $6,"
    " told_us = 0, value = NULL, threshold = NULL, version = version + 1, updated_us = $6,"
    " begun_us = $6, begun_seq = " NEWEST_END("alerts.project_no") " WHERE tenant = $1 AND"
                                                                   " alert_id = $2",
    NULL};
static const struct db_statement rename_one = {
    "alerts_rename",
    "UPDATE alerts SET rule = $3, actions = $4, version = version + 1, updated_us = $5"
    " WHERE tenant = $1 AND alert_id = $2",
    NULL};
static const struct db_statement delete_one = {
    "alerts_delete", "DELETE FROM alerts WHERE tenant = $1 AND alert_id = $2", NULL};
static const struct db_statement delete_events = {
    "alerts_delete_events", "DELETE FROM alert_events WHERE tenant = $1 AND alert_id = $2", NULL};
static const struct db_statement select_one = {"alerts_get",
                                               SELECT "WHERE tenant = $1 AND alert_id = $2", NULL};
static const struct db_statement select_project = {
    "alerts_of_project", SELECT "WHERE project_no = $1 ORDER BY alert_no", NULL};
static const struct db_statement select_enabled = {
    "alerts_enabled", SELECT "WHERE is_enabled = 1 ORDER BY project_no, alert_no", NULL};

static const struct db_statement select_watch = {
    "alert_watches_get", "SELECT ended_seq FROM alert_watches WHERE project_no = $1", NULL};
static const struct db_statement begin_watch = {
    "alert_watches_begin",
    "INSERT INTO alert_watches (project_no, ended_seq) SELECT CAST($1 AS BIGINT), " NEWEST_END(
        "$1") " WHERE true ON CONFLICT (project_no) DO NOTHING",
    NULL};
static const struct db_statement move_watch = {
    "alert_watches_move",
    "UPDATE alert_watches SET ended_seq = $3 WHERE project_no = $1 AND ended_seq = $2", NULL};
static const struct db_statement select_ended = {
    "spans_ended",
    "SELECT ended_seq, " SPAN_COLUMNS " FROM spans WHERE project_no = $1 AND ended_seq > $2"
    " ORDER BY ended_seq LIMIT $3",
    NULL};

static const struct db_statement add_minute = {
    "alert_minutes_add",
    "INSERT INTO alert_minutes (alert_no, minute, sum, count, total) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (alert_no, minute) DO UPDATE SET sum = alert_minutes.sum + excluded.sum,"
    " count = alert_minutes.count + excluded.count, total = alert_minutes.total + excluded.total",
    NULL};
/* $1: [[alert_no, before, from, until], …] */
#define SUM_OF(when, column) "SUM(CASE WHEN m.minute " when " w.since THEN m." column " ELSE 0 END)"
#define SUMS_OF(when)                                                                              \
    "CAST(" SUM_OF(when, "sum") " AS DOUBLE PRECISION), CAST(" SUM_OF(                             \
        when, "count") " AS BIGINT), CAST(" SUM_OF(when, "total") " AS BIGINT)"
#define SUM_ALL                                                                                    \
    " SELECT w.no, " SUMS_OF(">=") ", " SUMS_OF(                                                   \
        "<") " FROM w JOIN alert_minutes m ON"                                                     \
             " m.alert_no = w.no AND m.minute >= w.before AND m.minute < w.until"                  \
             " GROUP BY w.no ORDER BY w.no"
static const struct db_statement sum_minutes = {
    "alert_minutes_sum",
    "WITH w AS MATERIALIZED (SELECT value ->> 0 AS no, value ->> 1 AS before, value ->> 2 AS since,"
    " value ->> 3 AS until FROM json_each($1))" SUM_ALL,
    "WITH w AS MATERIALIZED (SELECT CAST(v ->> 0 AS BIGINT) AS no, CAST(v ->> 1 AS BIGINT) AS "
    "before, CAST(v ->> 2 AS BIGINT) AS since, CAST(v ->> 3 AS BIGINT) AS until"
    " FROM jsonb_array_elements(CAST($1 AS jsonb)) v)" SUM_ALL};
static const struct db_statement trim_minutes = {
    "alert_minutes_trim", "DELETE FROM alert_minutes WHERE alert_no = $1 AND minute < $2", NULL};

static const struct db_statement step_one = {
    "alerts_step",
    "UPDATE alerts SET is_firing = $4, since_us = $5, told_us = $6, value = $7, threshold = $8,"
    " version = version + 1 WHERE tenant = $1 AND alert_id = $2 AND version = $3",
    NULL};
static const struct db_statement insert_event = {
    "alert_events_add",
    "INSERT INTO alert_events (tenant, alert_id, event_no, what, value, threshold, deliveries,"
    " at_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    NULL};
static const struct db_statement select_events = {
    "alert_events_list",
    "SELECT event_no, what, value, threshold, deliveries, at_us FROM alert_events"
    " WHERE tenant = $1 AND alert_id = $2 AND event_no < $3 ORDER BY event_no DESC LIMIT $4",
    NULL};

/* ---- rows ---- */

static void row_read(const struct db_rows *rows, struct arena *arena, struct alert_row *alert)
{
    *alert = (struct alert_row){
        .tenant = db_get_keep(rows, 0, arena),
        .alert_id = db_get_keep(rows, 1, arena),
        .alert_no = db_get_int(rows, 2),
        .project_no = db_get_int(rows, 3),
        .rule = db_get_keep(rows, 4, arena),
        .actions = db_get_keep(rows, 5, arena),
        .is_enabled = db_get_int(rows, 6) != 0,
        .is_firing = db_get_int(rows, 7) != 0,
        .since_us = db_get_int(rows, 8),
        .told_us = db_get_int(rows, 9),
        .has_value = !db_is_null(rows, 10),
        .value = db_get_double(rows, 10),
        .threshold = db_get_double(rows, 11),
        .version = db_get_int(rows, 12),
        .created_us = db_get_int(rows, 13),
        .updated_us = db_get_int(rows, 14),
        .begun_seq = db_get_int(rows, 15),
        .begun_us = db_get_int(rows, 16),
    };
}

static enum err rows_read(struct db_rows *rows, struct arena *arena, struct alert_rows *found)
{
    size_t cap = 0;

    *found = (struct alert_rows){0};
    while (db_next(rows)) {
        found->list = arena_more(arena, found->list, found->count, &cap, sizeof(*found->list));
        row_read(rows, arena, &found->list[found->count++]);
    }
    return db_rows_end(rows);
}

static enum err has_room(struct tx *tx, int64_t project_no)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &count_of_project, DB_ARGS(db_int(project_no)), &rows);
    bool is_full = !err && db_get_int(&rows, 0) >= ALERTS_OF_PROJECT_MAX;

    if (!err)
        err = db_rows_end(&rows);
    return err ? err : is_full ? ERR_LIMIT : OK;
}

enum err alerts_insert(struct tx *tx, struct alert_row *alert)
{
    enum err err;

    REQUIRE(tx->is_write && alert->project_no > 0);
    if ((err = has_room(tx, alert->project_no)) ||
        (err = sequence_next(tx, STR("alerts"), 1, &alert->alert_no)) ||
        (err = alerts_watch_begin(tx, alert->project_no)))
        return err;
    alert->version = 1;
    alert->since_us = alert->created_us = alert->updated_us = alert->begun_us = tx->now_us;
    tx_notify(tx, TOPIC_ALERTS, STR_NONE);
    return db_run(tx->db, &insert_one,
                  DB_ARGS(db_text(alert->tenant), db_text(alert->alert_id), db_int(alert->alert_no),
                          db_int(alert->project_no), db_text(alert->rule), db_text(alert->actions),
                          db_int(alert->is_enabled), db_int(tx->now_us)),
                  NULL);
}

enum err alerts_update(struct tx *tx, const struct alert_row *alert)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &update_one,
               DB_ARGS(db_text(alert->tenant), db_text(alert->alert_id), db_text(alert->rule),
                       db_text(alert->actions), db_int(alert->is_enabled), db_int(tx->now_us)),
               &changed);

    if (!err && !changed)
        return ERR_NOT_FOUND;
    tx_notify(tx, TOPIC_ALERTS, STR_NONE);
    return err ? err : alert_minutes_trim(tx, &alert->alert_no, 1, INT64_MAX);
}

enum err alerts_rename(struct tx *tx, const struct alert_row *alert)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &rename_one,
               DB_ARGS(db_text(alert->tenant), db_text(alert->alert_id), db_text(alert->rule),
                       db_text(alert->actions), db_int(tx->now_us)),
               &changed);

    if (err || !changed)
        return err ? err : ERR_NOT_FOUND;
    tx_notify(tx, TOPIC_ALERTS, STR_NONE);
    return OK;
}

enum err alerts_delete(struct tx *tx, struct str tenant, struct str alert_id)
{
    struct alert_row alert;
    enum err err = alerts_get(tx, tenant, alert_id, tx->arena, &alert);

    if (err || (err = alert_minutes_trim(tx, &alert.alert_no, 1, INT64_MAX)) ||
        (err = db_run(tx->db, &delete_events, DB_ARGS(db_text(tenant), db_text(alert_id)), NULL)))
        return err;
    return db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(alert_id)), NULL);
}

enum err alerts_get(struct tx *tx, struct str tenant, struct str alert_id, struct arena *arena,
                    struct alert_row *alert)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(alert_id)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, alert);
    return db_rows_end(&rows);
}

enum err alerts_of_project(struct tx *tx, int64_t project_no, struct arena *arena,
                           struct alert_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_project, DB_ARGS(db_int(project_no)), &rows);

    return err ? err : rows_read(&rows, arena, found);
}

enum err alerts_enabled(struct tx *tx, struct arena *arena, struct alert_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_enabled, DB_NO_ARGS, &rows);

    return err ? err : rows_read(&rows, arena, found);
}

/* ---- counting ---- */

enum err alerts_watch_get(struct tx *tx, int64_t project_no, int64_t *ended_seq)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &select_watch, DB_ARGS(db_int(project_no)), &rows);

    if (err)
        return err;
    *ended_seq = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err alerts_watch_begin(struct tx *tx, int64_t project_no)
{
    return db_run(tx->db, &begin_watch, DB_ARGS(db_int(project_no)), NULL);
}

enum err alerts_watch_move(struct tx *tx, int64_t project_no, int64_t from, int64_t to)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &move_watch,
                          DB_ARGS(db_int(project_no), db_int(from), db_int(to)), &changed);

    return err ? err : changed ? OK : ERR_CONFLICT;
}

enum err spans_ended(struct tx *tx, int64_t project_no, int64_t after_seq, int64_t limit,
                     struct arena *arena, struct span_ends *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_ended,
                            DB_ARGS(db_int(project_no), db_int(after_seq), db_int(limit)), &rows);

    *found = (struct span_ends){.last_seq = after_seq};
    if (err)
        return err;
    found->list = ARENA_ARRAY(arena, struct span_row, (size_t)limit);
    found->seqs = ARENA_ARRAY(arena, int64_t, (size_t)limit);
    while (db_next(&rows)) {
        found->seqs[found->count] = found->last_seq = db_get_int(&rows, 0);
        span_row_read(&rows, 1, arena, &found->list[found->count++]);
    }
    return db_rows_end(&rows);
}

enum err alert_minutes_add(struct tx *tx, const struct alert_minute *minutes, size_t count)
{
    struct db_value *args = ARENA_ARRAY(tx->arena, struct db_value, MINUTE_ARGS * AT_ONCE);
    enum err err = OK;

    for (size_t done = 0, n; !err && done < count; done += n) {
        for (n = 0; n < AT_ONCE && done + n < count; n++) {
            const struct alert_minute *minute = &minutes[done + n];
            struct db_value *arg = &args[n * MINUTE_ARGS];

            arg[0] = db_int(minute->alert_no);
            arg[1] = db_int(minute->minute);
            arg[2] = db_double(minute->sum);
            arg[3] = db_int(minute->count);
            arg[4] = db_int(minute->total);
        }
        err = db_run_many(tx->db, &add_minute, args, MINUTE_ARGS, n);
    }
    return err;
}

static struct str stretches_write(struct tx *tx, const struct alert_stretch *list, size_t count)
{
    struct str text;
    struct buf out;

    buf_init(&out, count * STRETCH_BYTES_MAX + 2);
    for (size_t i = 0; i < count; i++)
        buf_addf(&out, "%s[%lld,%lld,%lld,%lld]", i ? "," : "[", (long long)list[i].alert_no,
                 (long long)list[i].before, (long long)list[i].from, (long long)list[i].until);
    buf_add(&out, count ? STR("]") : STR("[]"));
    text = arena_str(tx->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void sums_read(const struct db_rows *rows, int column, struct alert_minute *sums)
{
    sums->sum = db_get_double(rows, column);
    sums->count = db_get_int(rows, column + 1);
    sums->total = db_get_int(rows, column + 2);
}

enum err alert_minutes_sum(struct tx *tx, struct alert_stretch *list, size_t count)
{
    struct db_rows rows = {0};
    size_t i = 0;
    enum err err =
        db_query(tx->db, &sum_minutes, DB_ARGS(db_text(stretches_write(tx, list, count))), &rows);

    if (err)
        return err;
    while (db_next(&rows)) { /* who has counted nothing has no row */
        while (i < count && list[i].alert_no != db_get_int(&rows, 0))
            i++;
        REQUIRE(i < count);
        sums_read(&rows, 1, &list[i].window);
        sums_read(&rows, 4, &list[i].baseline);
    }
    return db_rows_end(&rows);
}

enum err alert_minutes_trim(struct tx *tx, const int64_t *alert_nos, size_t count, int64_t before)
{
    struct db_value *args = ARENA_ARRAY(tx->arena, struct db_value, 2 * count + 1);

    for (size_t i = 0; i < count; i++) {
        args[2 * i] = db_int(alert_nos[i]);
        args[2 * i + 1] = db_int(before);
    }
    return count ? db_run_many(tx->db, &trim_minutes, args, 2, count) : OK;
}

/* ---- its life ---- */

static void step_args(const struct alert_row *alert, struct db_value *args)
{
    args[0] = db_text(alert->tenant);
    args[1] = db_text(alert->alert_id);
    args[2] = db_int(alert->version);
    args[3] = db_int(alert->is_firing);
    args[4] = db_int(alert->since_us);
    args[5] = db_int(alert->told_us);
    args[6] = alert->has_value ? db_double(alert->value) : db_null();
    args[7] = alert->has_value ? db_double(alert->threshold) : db_null();
}

enum err alerts_step(struct tx *tx, const struct alert_row *alert)
{
    struct db_value args[STEP_ARGS];
    int64_t changed = 0;
    enum err err;

    step_args(alert, args);
    err = db_run(tx->db, &step_one, args, STEP_ARGS, &changed);
    return err ? err : changed ? OK : ERR_CONFLICT;
}

enum err alerts_step_all(struct tx *tx, const struct alert_row *alerts, size_t count)
{
    struct db_value *args = ARENA_ARRAY(tx->arena, struct db_value, STEP_ARGS * AT_ONCE);
    enum err err = OK;

    for (size_t done = 0, n; !err && done < count; done += n) {
        for (n = 0; n < AT_ONCE && done + n < count; n++)
            step_args(&alerts[done + n], &args[n * STEP_ARGS]);
        err = db_run_many(tx->db, &step_one, args, STEP_ARGS, n);
    }
    return err;
}

enum err alert_event_add(struct tx *tx, const struct alert_row *alert,
                         const struct alert_event *event)
{
    int64_t event_no = 0;
    enum err err = sequence_next(tx, STR("alert_events"), 1, &event_no);

    if (err)
        return err;
    return db_run(tx->db, &insert_event,
                  DB_ARGS(db_text(alert->tenant), db_text(alert->alert_id), db_int(event_no),
                          db_text(event->what), db_double(event->value),
                          db_double(event->threshold), db_text(event->deliveries),
                          db_int(tx->now_us)),
                  NULL);
}

enum err alert_events_list(struct tx *tx, struct str tenant, struct str alert_id,
                           struct arena *arena, struct alert_events *page)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_events,
                            DB_ARGS(db_text(tenant), db_text(alert_id),
                                    db_int(page->before_no ? page->before_no : INT64_MAX),
                                    db_int(page->limit)),
                            &rows);

    page->count = 0;
    if (err)
        return err;
    page->list = ARENA_ARRAY(arena, struct alert_event, (size_t)page->limit);
    while (db_next(&rows))
        page->list[page->count++] = (struct alert_event){.event_no = db_get_int(&rows, 0),
                                                         .what = db_get_keep(&rows, 1, arena),
                                                         .value = db_get_double(&rows, 2),
                                                         .threshold = db_get_double(&rows, 3),
                                                         .deliveries = db_get_keep(&rows, 4, arena),
                                                         .at_us = db_get_int(&rows, 5)};
    return db_rows_end(&rows);
}
