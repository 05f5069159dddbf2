/* The table crons. */
#include "store/crons.h"

#include "store/search.h"

#define COLUMNS                                                                                    \
    "tenant, cron_id, assistant_id, thread_id, schedule, timezone, end_us, keep, enabled, "        \
    "payload, metadata, user_id, auth_user, created_us, updated_us, next_us"

static const struct db_statement select_one = {
    "crons_get", "SELECT " COLUMNS " FROM crons WHERE tenant = $1 AND cron_id = $2", NULL};
static const struct db_statement insert_one = {
    "crons_insert",
    "INSERT INTO crons (" COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    NULL};
static const struct db_statement update_one = {
    "crons_update",
    "UPDATE crons SET assistant_id = $3, schedule = $4, timezone = $5, end_us = $6, keep = $7,"
    " enabled = $8, payload = $9, metadata = $10, updated_us = $11, next_us = $12"
    " WHERE tenant = $1 AND cron_id = $2",
    NULL};
static const struct db_statement delete_one = {
    "crons_delete", "DELETE FROM crons WHERE tenant = $1 AND cron_id = $2", NULL};
static const struct db_statement delete_of = {
    "crons_delete_of", "DELETE FROM crons WHERE tenant = $1 AND assistant_id = $2", NULL};
#define DUE                                                                                        \
    "SELECT " COLUMNS " FROM crons WHERE next_us IS NOT NULL AND next_us <= $1"                    \
    " ORDER BY next_us, cron_id LIMIT CAST($2 AS BIGINT)"
static const struct db_statement select_due = {"crons_due", DUE, DUE " FOR UPDATE SKIP LOCKED"};
static const struct db_statement move_one = {
    "crons_move",
    "UPDATE crons SET enabled = $4, next_us = $5, updated_us = $6"
    " WHERE tenant = $1 AND cron_id = $2 AND next_us = $3",
    NULL};
static const struct db_statement next_due = {
    "crons_next_due", "SELECT MIN(next_us) FROM crons WHERE next_us IS NOT NULL", NULL};

#define WHERE                                                                                      \
    " FROM crons WHERE tenant = $3 AND (CAST($4 AS TEXT) IS NULL OR assistant_id = $4)"            \
    " AND (CAST($5 AS TEXT) IS NULL OR thread_id = $5)"                                            \
    " AND (CAST($7 AS BIGINT) < 0 OR enabled = CAST($7 AS BIGINT))"
#define SQLITE_WHERE                                                                               \
    WHERE " AND (CAST($6 AS TEXT) IS NULL OR json_contains(metadata, $6))" SQLITE_ADMITS("$8")
#define POSTGRES_WHERE                                                                             \
    WHERE                                                                                          \
    " AND (CAST($6 AS TEXT) IS NULL OR metadata::jsonb @> CAST($6 AS jsonb))" POSTGRES_ADMITS("$"  \
                                                                                              "8")
#define ORDER(SORT_BY, COLUMN, KEY)                                                                \
    SEARCH_ORDER("crons_search", SORT_BY, COLUMN, KEY, "SELECT " COLUMNS SQLITE_WHERE,             \
                 "SELECT " COLUMNS POSTGRES_WHERE)

static const struct search_order orders[] = {
    ORDER("created_at", "created_us", "cron_id"),
    ORDER("updated_at", "updated_us", "cron_id"),
    ORDER("next_run_date", "COALESCE(next_us, 0)", "cron_id"),
    ORDER("end_time", "COALESCE(end_us, 0)", "cron_id"),
    ORDER("cron_id", "cron_id", "created_us"),
    ORDER("assistant_id", "assistant_id", "cron_id"),
    ORDER("thread_id", "COALESCE(thread_id, '')", "cron_id"),
};

#define COUNT_TAIL " AND CAST($1 AS BIGINT) >= CAST($2 AS BIGINT)"
static const struct db_statement count_all = {"crons_count",
                                              "SELECT COUNT(*)" SQLITE_WHERE COUNT_TAIL,
                                              "SELECT COUNT(*)" POSTGRES_WHERE COUNT_TAIL};

static void row_read(const struct db_rows *rows, struct arena *arena, struct cron_row *cron)
{
    *cron = (struct cron_row){
        .tenant = db_get_keep(rows, 0, arena),
        .cron_id = db_get_keep(rows, 1, arena),
        .assistant_id = db_get_keep(rows, 2, arena),
        .thread_id = db_get_keep(rows, 3, arena),
        .schedule = db_get_keep(rows, 4, arena),
        .timezone = db_get_keep(rows, 5, arena),
        .end_us = db_get_int(rows, 6),
        .keep = db_get_int(rows, 7) != 0,
        .enabled = db_get_int(rows, 8) != 0,
        .payload = db_get_keep(rows, 9, arena),
        .metadata = db_get_keep(rows, 10, arena),
        .user_id = db_get_keep(rows, 11, arena),
        .auth_user = db_get_keep(rows, 12, arena),
        .created_us = db_get_int(rows, 13),
        .updated_us = db_get_int(rows, 14),
        .next_us = db_get_int(rows, 15),
    };
}

static enum err rows_read(struct db_rows *rows, int64_t limit, struct arena *arena,
                          struct cron_rows *found)
{
    found->list = ARENA_ARRAY(arena, struct cron_row, (size_t)limit + 1);
    found->count = 0;
    while (db_next(rows))
        row_read(rows, arena, &found->list[found->count++]);
    return db_rows_end(rows);
}

enum err crons_get(struct tx *tx, struct str tenant, struct str cron_id, struct arena *arena,
                   struct cron_row *cron)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(cron_id)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, cron);
    return db_rows_end(&rows);
}

enum err crons_insert(struct tx *tx, const struct cron_row *c)
{
    return db_run(tx->db, &insert_one,
                  DB_ARGS(db_text(c->tenant), db_text(c->cron_id), db_text(c->assistant_id),
                          db_text(c->thread_id), db_text(c->schedule), db_text(c->timezone),
                          db_int_or_null(c->end_us), db_int(c->keep), db_int(c->enabled),
                          db_text(c->payload), db_text(c->metadata), db_text(c->user_id),
                          db_text(c->auth_user), db_int(c->created_us), db_int(c->updated_us),
                          db_int_or_null(c->next_us)),
                  NULL);
}

/* What must have touched a row. */
static enum err changed_one(enum err err, int64_t changed, enum err otherwise)
{
    return !err && changed == 0 ? otherwise : err;
}

enum err crons_update(struct tx *tx, const struct cron_row *c)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &update_one,
               DB_ARGS(db_text(c->tenant), db_text(c->cron_id), db_text(c->assistant_id),
                       db_text(c->schedule), db_text(c->timezone), db_int_or_null(c->end_us),
                       db_int(c->keep), db_int(c->enabled), db_text(c->payload),
                       db_text(c->metadata), db_int(c->updated_us), db_int_or_null(c->next_us)),
               &changed);

    return changed_one(err, changed, ERR_NOT_FOUND);
}

enum err crons_delete(struct tx *tx, struct str tenant, struct str cron_id)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(cron_id)), &changed);

    return changed_one(err, changed, ERR_NOT_FOUND);
}

enum err crons_delete_of(struct tx *tx, struct str tenant, struct str assistant_id)
{
    return db_run(tx->db, &delete_of, DB_ARGS(db_text(tenant), db_text(assistant_id)), NULL);
}

enum err crons_search(struct tx *tx, const struct cron_filter *f, struct arena *arena,
                      struct cron_rows *found)
{
    struct db_rows rows = {0};
    enum err err =
        db_query(tx->db, search_statement(orders, ARRAY_LEN(orders), f->sort_by, f->ascending),
                 DB_ARGS(db_int(f->limit), db_int(f->offset), db_text(f->tenant),
                         db_text(f->assistant_id), db_text(f->thread_id), db_text(f->metadata),
                         db_int(f->enabled), db_text(f->admitted)),
                 &rows);

    return err ? err : rows_read(&rows, f->limit, arena, found);
}

enum err crons_count(struct tx *tx, const struct cron_filter *f, int64_t *count)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &count_all,
                     DB_ARGS(db_int(1), db_int(0), db_text(f->tenant), db_text(f->assistant_id),
                             db_text(f->thread_id), db_text(f->metadata), db_int(f->enabled),
                             db_text(f->admitted)),
                     &rows);

    if (err)
        return err;
    *count = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err crons_list_due(struct tx *tx, int64_t limit, struct arena *arena, struct cron_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_due, DB_ARGS(db_int(tx->now_us), db_int(limit)), &rows);

    return err ? err : rows_read(&rows, limit, arena, found);
}

enum err crons_move(struct tx *tx, const struct cron_row *c, int64_t was_next_us)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &move_one,
               DB_ARGS(db_text(c->tenant), db_text(c->cron_id), db_int(was_next_us),
                       db_int(c->enabled), db_int_or_null(c->next_us), db_int(tx->now_us)),
               &changed);

    return changed_one(err, changed, ERR_CONFLICT);
}

enum err crons_next_due(struct tx *tx, int64_t *next_us)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &next_due, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *next_us = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}
