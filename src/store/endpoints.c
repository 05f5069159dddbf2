/* Reading the table endpoints. */
#include "store/endpoints.h"

#include "store/outbox_marks.h"
#include "store/outbox_queue.h"

#define COLUMNS                                                                                    \
    "tenant, endpoint_id, kind, url, origin, name, policy, rate_limit, rate_burst, "               \
    "in_flight_max, ordering, expires_after_s, state, state_reason, state_since_us, "              \
    "next_sequence, failing_since_us, failures, rest_until_us, created_us, updated_us"
static const struct db_statement select_one = {
    "endpoints_get", "SELECT " COLUMNS " FROM endpoints WHERE tenant = $1 AND endpoint_id = $2",
    NULL};
static const struct db_statement select_list = {
    "endpoints_list",
    "SELECT " COLUMNS " FROM endpoints WHERE tenant = $1 AND endpoint_id > $2"
    " AND state <> 'deleted' AND (CAST($3 AS TEXT) IS NULL OR kind = $3) AND (CAST($4 AS TEXT) IS "
    "NULL OR state = $4)"
    " AND (CAST($5 AS TEXT) IS NULL OR origin = $5)"
    " AND (CAST($7 AS TEXT) IS NULL OR kind <> $7)"
    " ORDER BY endpoint_id LIMIT CAST($6 AS BIGINT)",
    NULL};
#define COUNT(state)                                                                               \
    "(SELECT COUNT(*) FROM deliveries WHERE tenant = $1 AND endpoint_id = $2 AND " state ")"
#define COUNT_QUEUED(table, where)                                                                 \
    "(SELECT COUNT(*) FROM " table " q WHERE " where                                               \
    "q.endpoint_no = (SELECT endpoint_no FROM endpoints WHERE tenant = $1 AND endpoint_id = $2))"
#define COUNT_LINE(line) COUNT_QUEUED("delivery_queue", "q.line = " line " AND ")
#define COUNT_FRESH COUNT_LINE("0")
#define COUNT_RETRY COUNT_LINE("1")
#define COUNT_REPLAY COUNT_LINE("2")
#define COUNT_SENDING COUNT_QUEUED("delivery_sending", "")
#define COUNT_HELD COUNT(MARK_FOLLOWING(""))
#define COUNT_HELD_POSTGRES COUNT(MARK_FOLLOWING_POSTGRES(""))
/* What waits for its turn is found by its key: there may be many others that are held. */
#define WAITS " AND state = 'held' AND state_reason = 'order'"
#define COUNT_ORDERED COUNT("ordering_key IS NOT NULL AND ended_us IS NULL" WAITS)
#define COUNT_ORDERED_POSTGRES COUNT("open_key IS NOT NULL" WAITS)
#define PLACE(column) "SELECT " column " AS p FROM endpoints WHERE tenant = $1 AND endpoint_id = $2"
#define FIRST_PLACE                                                                                \
    "(SELECT MIN(p) FROM (" PLACE("fresh_us") " UNION ALL " PLACE("retry_us") " UNION ALL " PLACE( \
        "replay_us") ") places)"
#define BACKLOG(held, ordered)                                                                     \
    "SELECT " COUNT_FRESH " + " COUNT_RETRY " + " COUNT_REPLAY ", " COUNT_SENDING ", " held        \
    " + " ordered ", " FIRST_PLACE
static const struct db_statement select_backlog = {
    "endpoints_backlog", BACKLOG(COUNT_HELD, COUNT_ORDERED),
    BACKLOG(COUNT_HELD_POSTGRES, COUNT_ORDERED_POSTGRES)};

/* ---- states ---- */

static const char *const state_names[ENDPOINT_STATE_COUNT] = {"active", "paused", "disabled",
                                                              "secret_unreadable", "deleted"};

struct str endpoint_state_name(enum endpoint_state state)
{
    REQUIRE(state < ENDPOINT_STATE_COUNT);
    return str_of(state_names[state]);
}

enum err endpoint_state_parse(struct str name, enum endpoint_state *state)
{
    for (int i = 0; i < ENDPOINT_STATE_COUNT; i++) {
        if (!str_eq(name, str_of(state_names[i])))
            continue;
        *state = (enum endpoint_state)i;
        return OK;
    }
    return ERR_INVALID;
}

/* ---- reading ---- */

static enum err row_read(const struct db_rows *rows, struct arena *arena, struct endpoint_row *row)
{
    *row = (struct endpoint_row){
        .tenant = db_get_keep(rows, 0, arena),
        .endpoint_id = db_get_keep(rows, 1, arena),
        .kind = db_get_keep(rows, 2, arena),
        .url = db_get_keep(rows, 3, arena),
        .origin = db_get_keep(rows, 4, arena),
        .name = db_get_keep(rows, 5, arena),
        .policy = db_get_keep(rows, 6, arena),
        .rate_limit = db_get_double(rows, 7),
        .rate_burst = db_get_int(rows, 8),
        .in_flight_max = db_get_int(rows, 9),
        .is_fifo = str_eq(db_get_str(rows, 10), STR("fifo")),
        .expires_after_s = db_get_int(rows, 11),
        .state_reason = db_get_keep(rows, 13, arena),
        .state_since_us = db_get_int(rows, 14),
        .next_sequence = db_get_int(rows, 15),
        .failing_since_us = db_get_int(rows, 16),
        .failures = db_get_int(rows, 17),
        .rest_until_us = db_get_int(rows, 18),
        .created_us = db_get_int(rows, 19),
        .updated_us = db_get_int(rows, 20),
    };
    return endpoint_state_parse(db_get_str(rows, 12), &row->state);
}

/* The first error counts; the rows are ended in any case. */
static enum err end_rows(struct db_rows *rows, enum err err)
{
    enum err ended = db_rows_end(rows);

    return err ? err : ended;
}

enum err endpoint_get(struct tx *tx, struct str tenant, struct str endpoint_id, struct arena *arena,
                      struct endpoint_row *endpoint)
{
    struct db_rows rows = {0};
    struct endpoint_row row = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(endpoint_id)), &rows);

    if (err)
        return err;
    err = end_rows(&rows, row_read(&rows, arena, &row));
    if (!err)
        *endpoint = row;
    return err;
}

enum err endpoint_list(struct tx *tx, const struct endpoint_filter *filter, struct arena *arena,
                       struct endpoint_row **found, size_t *count)
{
    struct endpoint_row *list;
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err;

    REQUIRE(filter->limit >= 1 && filter->limit <= ENDPOINTS_LIST_MAX);
    list = ARENA_ARRAY(arena, struct endpoint_row, (size_t)filter->limit);
    err = db_query(tx->db, &select_list,
                   DB_ARGS(db_text(filter->tenant), db_text(filter->after), db_text(filter->kind),
                           db_text(filter->state), db_text(filter->origin), db_int(filter->limit),
                           db_text(filter->not_kind)),
                   &rows);
    if (err)
        return err;
    while (!err && n < (size_t)filter->limit && db_next(&rows))
        err = row_read(&rows, arena, &list[n++]);
    err = end_rows(&rows, err);
    if (err)
        return err;
    *found = list;
    *count = n;
    return OK;
}

enum err endpoint_backlog(struct tx *tx, struct str tenant, struct str endpoint_id,
                          struct endpoint_backlog *backlog)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &select_backlog,
                                DB_ARGS(db_text(tenant), db_text(endpoint_id)), &rows);

    if (err)
        return err;
    *backlog = (struct endpoint_backlog){
        .due = db_get_int(&rows, 0),
        .sending = db_get_int(&rows, 1),
        .held = db_get_int(&rows, 2),
        .next_us = db_get_int(&rows, 3),
    };
    return db_rows_end(&rows);
}
