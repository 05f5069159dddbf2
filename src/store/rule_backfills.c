/* The table rule_backfills. */
#include "store/rule_backfills.h"

#define COLUMNS                                                                                    \
    "b.rule_no, b.backfill_id, b.from_us, b.until_us, b.at_us, b.at_no, b.looked, b.matched, "     \
    "b.is_done, b.completed_us"
#define COLUMN_COUNT 10

static const struct db_statement add_one = {
    "rule_backfills_add",
    "INSERT INTO rule_backfills (rule_no, backfill_id, from_us, until_us, at_us, at_no, looked,"
    " matched, is_done, completed_us) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, 0)",
    NULL};
static const struct db_statement select_one = {
    "rule_backfills_get", "SELECT " COLUMNS " FROM rule_backfills b WHERE b.rule_no = $1", NULL};
static const struct db_statement select_running = {
    "rule_backfills_running",
    "SELECT " COLUMNS ", " RULE_COLUMNS("r") " FROM rule_backfills b JOIN rules r ON"
                                             " r.rule_no = b.rule_no WHERE b.is_done = 0 AND "
                                             "r.is_enabled = 1 ORDER BY b.rule_no LIMIT $1",
    NULL};
static const struct db_statement move_one = {
    "rule_backfills_move",
    "UPDATE rule_backfills SET at_us = $4, at_no = $5, looked = looked + $6,"
    " matched = matched + $7, is_done = $8, completed_us = $9"
    " WHERE rule_no = $1 AND at_us = $2 AND at_no = $3 AND is_done = 0",
    NULL};
static const struct db_statement delete_one = {
    "rule_backfills_delete", "DELETE FROM rule_backfills WHERE rule_no = $1", NULL};

static void row_read(const struct db_rows *rows, struct arena *arena, struct rule_backfill *b)
{
    *b = (struct rule_backfill){
        .rule_no = db_get_int(rows, 0),
        .backfill_id = db_get_keep(rows, 1, arena),
        .from_us = db_get_int(rows, 2),
        .until_us = db_get_int(rows, 3),
        .at = {db_get_int(rows, 4), db_get_int(rows, 5)},
        .looked = db_get_int(rows, 6),
        .matched = db_get_int(rows, 7),
        .is_done = db_get_int(rows, 8) != 0,
        .completed_us = db_get_int(rows, 9),
    };
}

enum err rule_backfills_add(struct tx *tx, const struct rule_backfill *b)
{
    REQUIRE(tx->is_write);
    return db_run(tx->db, &add_one,
                  DB_ARGS(db_int(b->rule_no), db_text(b->backfill_id), db_int(b->from_us),
                          db_int(b->until_us), db_int(b->at.start_us), db_int(b->at.span_no)),
                  NULL);
}

enum err rule_backfills_get(struct tx *tx, int64_t rule_no, struct arena *arena,
                            struct rule_backfill *backfill)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &select_one, DB_ARGS(db_int(rule_no)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, backfill);
    return db_rows_end(&rows);
}

enum err rule_backfills_running(struct tx *tx, struct arena *arena, struct rule_backfill *found,
                                struct rule_row *rules, size_t max, size_t *count)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_running, DB_ARGS(db_int((int64_t)max)), &rows);

    *count = 0;
    if (err)
        return err;
    while (*count < max && db_next(&rows)) {
        row_read(&rows, arena, &found[*count]);
        rule_row_read(&rows, COLUMN_COUNT, arena, &rules[(*count)++]);
    }
    return db_rows_end(&rows);
}

enum err rule_backfills_move(struct tx *tx, const struct span_place *from,
                             const struct rule_backfill *to)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &move_one,
               DB_ARGS(db_int(to->rule_no), db_int(from->start_us), db_int(from->span_no),
                       db_int(to->at.start_us), db_int(to->at.span_no), db_int(to->looked),
                       db_int(to->matched), db_int(to->is_done), db_int(to->completed_us)),
               &changed);

    return err ? err : changed ? OK : ERR_CONFLICT;
}

enum err rule_backfills_delete(struct tx *tx, int64_t rule_no)
{
    return db_run(tx->db, &delete_one, DB_ARGS(db_int(rule_no)), NULL);
}
