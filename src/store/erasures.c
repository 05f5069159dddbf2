/* erasures.c -- the table, and the steps of erasures.h. */
#include "db/forget.h"
#include "store/erasures_priv.h"

/* SQLite's pages have 4096 bytes; a blob of this size fills so many of the free ones. */
#define WIPE_PAGES 512
#define PAGE_BYTES 4000

#define COLUMNS                                                                                    \
    "tenant, erasure_id, scope, state, subject, cursor_id, deleted_rows, created_us, ended_us,"    \
    " stage"

static const struct db_statement insert_one = {
    "erasures_insert",
    "INSERT INTO erasures (" COLUMNS ") VALUES ($1, $2, $3, 'deleting', $4, 0, 0, $5, NULL, 0)",
    NULL};
static const struct db_statement select_one = {"erasures_get",
                                               "SELECT " COLUMNS
                                               " FROM erasures WHERE erasure_id = $2"
                                               " AND (CAST($1 AS TEXT) IS NULL OR tenant = $1)",
                                               NULL};
static const struct db_statement select_list = {
    "erasures_list",
    "SELECT " COLUMNS " FROM erasures WHERE CAST($1 AS TEXT) IS NULL OR tenant = $1"
    " ORDER BY created_us DESC, erasure_id LIMIT CAST($2 AS BIGINT)",
    NULL};
#define OPEN "SELECT " COLUMNS " FROM erasures WHERE ended_us IS NULL ORDER BY created_us LIMIT 1"
static const struct db_statement select_open = {"erasures_open", OPEN,
                                                OPEN " FOR UPDATE SKIP LOCKED"};
static const struct db_statement is_any_open = {
    "erasures_is_open", "SELECT 1 FROM erasures WHERE ended_us IS NULL LIMIT 1", NULL};
static const struct db_statement update_one = {"erasures_update",
                                               "UPDATE erasures SET state = $3, subject = $4, "
                                               "cursor_id = $5, deleted_rows = $6, ended_us = $7,"
                                               " stage = $8"
                                               " WHERE tenant = $1 AND erasure_id = $2",
                                               NULL};
static const struct db_statement free_pages = {"erasures_free_pages", "PRAGMA freelist_count",
                                               "SELECT 0"};
static const struct db_statement fill = {
    "erasures_fill", "INSERT INTO erasure_filler (bytes) VALUES (ZEROBLOB($1))",
    "INSERT INTO erasure_filler (piece, bytes) VALUES ($1, '')"};
static const struct db_statement unfill = {"erasures_unfill", "DELETE FROM erasure_filler", NULL};

static const char *const scope_names[ERASURE_SCOPE_COUNT] = {"object", "thread", "ordering_key",
                                                             "workspace"};
static const char *const state_names[ERASURE_STATE_COUNT] = {"deleting", "wiping", "closing",
                                                             "done"};

struct str erasure_scope_name(enum erasure_scope scope)
{
    REQUIRE(scope < ERASURE_SCOPE_COUNT);
    return str_of(scope_names[scope]);
}

struct str erasure_state_name(enum erasure_state state)
{
    REQUIRE(state < ERASURE_STATE_COUNT);
    return str_of(state_names[state]);
}

/* ---- rows ---- */

static bool find_name(struct str name, const char *const *names, int count, int *found)
{
    for (*found = 0; *found < count; (*found)++)
        if (str_eq(name, str_of(names[*found])))
            return true;
    return false;
}

static enum err row_read(const struct db_rows *rows, struct arena *arena, struct erasure_row *row)
{
    int scope, state;

    *row = (struct erasure_row){
        .tenant = db_get_keep(rows, 0, arena),
        .erasure_id = db_get_keep(rows, 1, arena),
        .subject = db_get_keep(rows, 4, arena),
        .cursor_id = db_get_int(rows, 5),
        .rows = db_get_int(rows, 6),
        .created_us = db_get_int(rows, 7),
        .ended_us = db_get_int(rows, 8),
        .stage = db_get_int(rows, 9),
    };
    if (!find_name(db_get_str(rows, 2), scope_names, ERASURE_SCOPE_COUNT, &scope) ||
        !find_name(db_get_str(rows, 3), state_names, ERASURE_STATE_COUNT, &state))
        return ERR_INVALID;
    row->scope = (enum erasure_scope)scope;
    row->state = (enum erasure_state)state;
    return OK;
}

enum err erasure_add(struct tx *tx, struct erasure_row *erasure)
{
    erasure->state = ERASURE_DELETING;
    erasure->created_us = tx->now_us;
    erasure->stage = erasure->cursor_id = erasure->rows = erasure->ended_us = 0;
    return db_run(tx->db, &insert_one,
                  DB_ARGS(db_text(erasure->tenant), db_text(erasure->erasure_id),
                          db_text(erasure_scope_name(erasure->scope)), db_text(erasure->subject),
                          db_int(tx->now_us)),
                  NULL);
}

static enum err read_one(struct tx *tx, const struct db_statement *statement,
                         const struct db_value *args, size_t arg_count, struct arena *arena,
                         struct erasure_row *erasure)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement, args, arg_count, &rows), ended;

    if (err)
        return err;
    err = row_read(&rows, arena, erasure);
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

enum err erasure_get(struct tx *tx, struct str tenant, struct str erasure_id, struct arena *arena,
                     struct erasure_row *erasure)
{
    const struct db_value args[] = {db_text(tenant), db_text(erasure_id)};

    return read_one(tx, &select_one, args, ARRAY_LEN(args), arena, erasure);
}

enum err erasure_list(struct tx *tx, struct str tenant, int64_t limit, struct arena *arena,
                      struct erasure_row **found, size_t *count)
{
    struct erasure_row *list = ARENA_ARRAY(arena, struct erasure_row, (size_t)limit);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(tx->db, &select_list, DB_ARGS(db_text(tenant), db_int(limit)), &rows);
    enum err ended;

    if (err)
        return err;
    while (!err && n < (size_t)limit && db_next(&rows))
        err = row_read(&rows, arena, &list[n++]);
    ended = db_rows_end(&rows);
    *found = list;
    *count = n;
    return err ? err : ended;
}

enum err erasure_is_open(struct tx *tx, bool *is_open)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &is_any_open, DB_NO_ARGS, &rows);

    *is_open = err == OK;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return db_rows_end(&rows);
}

/* ---- the steps ---- */

static enum err delete_step(struct erasing *e)
{
    static enum err (*const stages[])(struct erasing * e) = {erase_log, erase_traces,
                                                             erase_inspected, erase_replies};
    static const int64_t stage_counts[ERASURE_SCOPE_COUNT] = {
        [ERASURE_OBJECT] = ARRAY_LEN(stages),
        [ERASURE_THREAD] = ARRAY_LEN(stages),
        [ERASURE_ORDERING_KEY] = 1,
        [ERASURE_WORKSPACE] = 1,
    };
    struct erasure_row *erasure = e->erasure;
    enum err err;

    REQUIRE(erasure->stage < stage_counts[erasure->scope]);
    err = erasure->scope == ERASURE_WORKSPACE ? erase_workspace(e) : stages[erasure->stage](e);
    if (err || !e->is_over)
        return err;
    erasure->cursor_id = 0;
    if (++erasure->stage == stage_counts[erasure->scope])
        erasure->state = ERASURE_WIPING;
    return OK;
}

/* What lies in free pages is overwritten by taking them all for zeroes. */
static enum err wipe_step(struct erasing *e)
{
    struct db_rows rows = {0};
    int64_t pages;
    enum err err = db_query_one(e->tx->db, &free_pages, DB_NO_ARGS, &rows);

    if (err)
        return err;
    pages = db_get_int(&rows, 0);
    err = db_rows_end(&rows);
    if (err)
        return err;
    if (pages > 0)
        return db_run(e->tx->db, &fill,
                      DB_ARGS(db_int((pages < WIPE_PAGES ? pages : WIPE_PAGES) * PAGE_BYTES)),
                      NULL);
    err = db_run(e->tx->db, &unfill, DB_NO_ARGS, NULL);
    e->erasure->state = ERASURE_CLOSING;
    db_forget(e->tx->db);
    return err;
}

static enum err close_step(struct erasing *e)
{
    if (db_has_forgotten(e->tx->db)) {
        e->erasure->state = ERASURE_DONE;
        e->erasure->subject = STR_NONE;
        e->erasure->ended_us = e->tx->now_us;
    } else {
        db_forget(e->tx->db); /* a restart has lost that it was asked for */
    }
    return OK;
}

static enum err write_down(struct tx *tx, const struct erasure_row *row)
{
    return db_run(tx->db, &update_one,
                  DB_ARGS(db_text(row->tenant), db_text(row->erasure_id),
                          db_text(erasure_state_name(row->state)), db_text(row->subject),
                          db_int(row->cursor_id), db_int(row->rows), db_int_or_null(row->ended_us),
                          db_int(row->stage)),
                  NULL);
}

enum err erasure_step(struct tx *tx, bool *more)
{
    static enum err (*const steps[ERASURE_STATE_COUNT])(struct erasing *
                                                        e) = {[ERASURE_DELETING] = delete_step,
                                                              [ERASURE_WIPING] = wipe_step,
                                                              [ERASURE_CLOSING] = close_step};
    struct erasure_row erasure;
    struct erasing e = {.tx = tx, .erasure = &erasure};
    enum err err = read_one(tx, &select_open, DB_NO_ARGS, tx->arena, &erasure);

    REQUIRE(tx->is_write);
    *more = false;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    REQUIRE(erasure.state != ERASURE_DONE);
    err = steps[erasure.state](&e);
    *more = !e.is_waiting;
    return err ? err : write_down(tx, &erasure);
}
