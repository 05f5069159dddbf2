/* One walk over the queue, over each partial index of deliveries, and over the endpoints. */
#include "store/outbox_census.h"

#include "store/log_size.h"
#include "store/outbox_marks.h"
#include "store/outbox_queue.h"

/* What is in a page of an index, and its last row: where the next page begins. A page has tenant,
 * endpoint_id, next_us and a number, constants where the index has none. SQLite is told which
 * index, so that a statement that would read the table cannot even be prepared. */
#define OF_PAGE(page)                                                                              \
    "WITH page AS (" page ") SELECT (SELECT COUNT(*) FROM page),"                                  \
    " (SELECT COUNT(*) FROM page WHERE next_us <= $1), (SELECT MIN(next_us) FROM page),"           \
    " tenant, endpoint_id, next_us, id FROM page"                                                  \
    " ORDER BY tenant DESC, endpoint_id DESC, next_us DESC, id DESC LIMIT 1"
#define LIMIT_4 " LIMIT CAST($4 AS BIGINT)"
#define LIMIT_5 " LIMIT CAST($5 AS BIGINT)"

/* All lines, in their order. The page is walked twice, which costs less than to keep it. */
#define QUEUED(columns, rest)                                                                      \
    "(SELECT " columns " FROM delivery_queue WHERE (line, endpoint_no, at_us, delivery_id)"        \
    " > ($2, $3, $4, $5) ORDER BY line, endpoint_no, at_us, delivery_id LIMIT " rest ")"
#define DUE                                                                                        \
    "SELECT n, early, first_us, line, endpoint_no, at_us, delivery_id FROM (SELECT COUNT(*) AS n," \
    " COALESCE(SUM(CASE WHEN at_us <= $1 THEN 1 ELSE 0 END), 0) AS early, MIN(at_us) AS first_us"  \
    " FROM " QUEUED("at_us", "CAST($6 AS BIGINT)") " page) counts LEFT JOIN " QUEUED(              \
        "*", "1 OFFSET CAST($6 AS BIGINT) - 1") " last ON 1 = 1"

#define FOLLOWING(from, where)                                                                     \
    OF_PAGE("SELECT tenant, endpoint_id, CAST(0 AS BIGINT) AS next_us, sequence AS id"             \
            " FROM deliveries " from " WHERE " where                                               \
            " AND (tenant, endpoint_id, sequence) > ($2, $3, $4)"                                  \
            " ORDER BY tenant, endpoint_id, sequence" LIMIT_5)

/* The rest of a tenant, then the tenants behind it: in SQLite the number is the rowid, and a row of
 * values that ends with it is sought by the tenant alone. */
#define NUMBERED                                                                                   \
    "SELECT tenant, '' AS endpoint_id, CAST(0 AS BIGINT) AS next_us, delivery_id AS id"            \
    " FROM deliveries "
#define REST_OF_TENANT " AND tenant = $2 AND delivery_id > $3 ORDER BY delivery_id" LIMIT_4
#define NEXT_TENANTS " AND tenant > $2 ORDER BY tenant, delivery_id" LIMIT_4
#define BEHIND " AND (tenant, delivery_id) > ($2, $3) ORDER BY tenant, delivery_id" LIMIT_4
#define BY_TENANT_SQLITE(from, where)                                                              \
    OF_PAGE("SELECT * FROM (" NUMBERED from " WHERE " where REST_OF_TENANT                         \
            ") UNION ALL SELECT * FROM (" NUMBERED from " WHERE " where NEXT_TENANTS ")" LIMIT_4)
#define BY_TENANT_POSTGRES(where) OF_PAGE(NUMBERED "WHERE " where BEHIND)

/* So many are being sent as a few nodes can have under way. */
#define SENDING                                                                                    \
    "SELECT COUNT(*), COUNT(*), CAST(0 AS BIGINT), '', '', CAST(0 AS BIGINT), CAST(0 AS BIGINT)"   \
    " FROM delivery_sending WHERE $1 > 0"

#define BY_TENANT(name, index, sqlite, postgres)                                                   \
    {                                                                                              \
        name, BY_TENANT_SQLITE("INDEXED BY " index, sqlite), BY_TENANT_POSTGRES(postgres)          \
    }

#define PAGE_OF_ENDPOINTS                                                                          \
    "SELECT tenant, endpoint_id, state, rest_until_us FROM endpoints"                              \
    " WHERE (tenant, endpoint_id) > ($2, $3) ORDER BY tenant, endpoint_id" LIMIT_4
#define COUNT_OF(condition) "SUM(CASE WHEN " condition " THEN 1 ELSE 0 END)"
#define ACTIVE COUNT_OF("state = 'active'")
#define RESTING COUNT_OF("state = 'active' AND rest_until_us > $1")
#define PAUSED COUNT_OF("state = 'paused'")
#define DISABLED COUNT_OF("state = 'disabled'")
#define UNREADABLE COUNT_OF("state = 'secret_unreadable'")
#define COUNTS                                                                                     \
    "SELECT COUNT(*) AS n, " ACTIVE " AS active, " RESTING " AS resting, " PAUSED                  \
    " AS paused, " DISABLED " AS disabled, " UNREADABLE " AS unreadable FROM page"
#define ENDPOINTS                                                                                  \
    "WITH page AS (" PAGE_OF_ENDPOINTS "), counts AS (" COUNTS ")"                                 \
    " SELECT n, active - resting, resting, paused, disabled, unreadable, tenant,"                  \
    " endpoint_id FROM counts CROSS JOIN page ORDER BY tenant DESC, endpoint_id DESC LIMIT 1"

/* What a walk counts: rows of this state, and, of the due, those whose time is to come. */
struct walk {
    struct db_statement statement;
    enum census_queue queue;
    bool has_tenant, has_endpoint; /* in its cursor, besides the number */
    bool is_whole;                 /* in one page */
};

static const struct walk walks[] = {
    {{"census_due", DUE, NULL}, CENSUS_DUE, false, false, false},
    {{"census_sending", SENDING, NULL}, CENSUS_SENDING, false, false, true},
    {BY_TENANT("census_held", "deliveries_held", MARK_HELD(""), MARK_HELD_POSTGRES("")),
     CENSUS_BLOCKED, true, false, false},
    {{"census_following", FOLLOWING("INDEXED BY deliveries_following", MARK_FOLLOWING("")),
      FOLLOWING("", MARK_FOLLOWING_POSTGRES(""))},
     CENSUS_HELD,
     true,
     true,
     false},
    {BY_TENANT("census_dead", "deliveries_dead", MARK_DEAD(""), MARK_DEAD_POSTGRES("")),
     CENSUS_DEAD, true, false, false},
};
static const struct db_statement endpoints_page = {"census_endpoints", ENDPOINTS, NULL};

static void next_walk(struct outbox_census *census)
{
    census->walk++;
    census->cursor = (struct census_cursor){.tenant = STR(""), .endpoint_id = STR("")};
}

static size_t walk_args(const struct walk *walk, const struct census_cursor *cursor, int64_t now_us,
                        size_t limit, struct db_value *args)
{
    size_t n = 0;

    args[n++] = db_int(now_us);
    if (walk->is_whole)
        return n;
    if (walk->queue == CENSUS_DUE) {
        args[n++] = db_int(cursor->line);
        args[n++] = db_int(cursor->endpoint_no);
        args[n++] = db_int(cursor->at_us);
    }
    if (walk->has_tenant)
        args[n++] = db_text(cursor->tenant);
    if (walk->has_endpoint)
        args[n++] = db_text(cursor->endpoint_id);
    args[n++] = db_int(cursor->id);
    args[n++] = db_int((int64_t)limit);
    return n;
}

static void take_page(struct outbox_census *census, const struct walk *walk,
                      const struct db_rows *rows)
{
    int64_t count = db_get_int(rows, 0), early = db_get_int(rows, 1),
            first_us = db_get_int(rows, 2);

    if (walk->queue != CENSUS_DUE) {
        census->queue[walk->queue] += count;
        return;
    }
    census->queue[CENSUS_DUE] += early;
    census->queue[CENSUS_SCHEDULED] += count - early;
    if (early && (!census->oldest_us || first_us < census->oldest_us))
        census->oldest_us = first_us;
}

/* The page's last row. */
static struct census_cursor cursor_read(const struct walk *walk, const struct db_rows *rows,
                                        struct arena *arena)
{
    struct census_cursor cursor = {.id = db_get_int(rows, 6)};

    if (walk->queue == CENSUS_DUE) {
        cursor.line = db_get_int(rows, 3);
        cursor.endpoint_no = db_get_int(rows, 4);
        cursor.at_us = db_get_int(rows, 5);
    }
    cursor.tenant = walk->has_tenant ? db_get_keep(rows, 3, arena) : STR("");
    cursor.endpoint_id = walk->has_endpoint ? db_get_keep(rows, 4, arena) : STR("");
    return cursor;
}

static enum err deliveries_step(struct tx *tx, struct outbox_census *census, size_t limit,
                                struct arena *arena)
{
    const struct walk *walk = &walks[census->walk];
    struct db_rows rows = {0};
    struct db_value args[6];
    size_t arg_count = walk_args(walk, &census->cursor, tx->now_us, limit, args);
    enum err err = db_query_one(tx->db, &walk->statement, args, arg_count, &rows);

    if (err == ERR_NOT_FOUND) {
        next_walk(census);
        return OK;
    }
    if (err)
        return err;
    take_page(census, walk, &rows);
    census->cursor = cursor_read(walk, &rows, arena);
    if (walk->is_whole || db_get_int(&rows, 0) < (int64_t)limit)
        next_walk(census);
    return db_rows_end(&rows);
}

static enum err endpoints_step(struct tx *tx, struct outbox_census *census, size_t limit,
                               struct arena *arena)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &endpoints_page,
                     DB_ARGS(db_int(tx->now_us), db_text(census->cursor.tenant),
                             db_text(census->cursor.endpoint_id), db_int((int64_t)limit)),
                     &rows);

    census->is_done = err == ERR_NOT_FOUND;
    if (err)
        return census->is_done ? OK : err;
    census->is_done = db_get_int(&rows, 0) < (int64_t)limit;
    for (int i = 0; i < CENSUS_ENDPOINT_COUNT; i++)
        census->endpoints[i] += db_get_int(&rows, 1 + i);
    census->cursor.tenant = db_get_keep(&rows, 1 + CENSUS_ENDPOINT_COUNT, arena);
    census->cursor.endpoint_id = db_get_keep(&rows, 2 + CENSUS_ENDPOINT_COUNT, arena);
    return db_rows_end(&rows);
}

/* All that are held were counted as blocked first. */
static void tell_apart(struct outbox_census *census)
{
    int64_t held = census->queue[CENSUS_HELD], all = census->queue[CENSUS_BLOCKED];

    census->queue[CENSUS_BLOCKED] = all > held ? all - held : 0;
}

enum err outbox_census_step(struct tx *tx, struct outbox_census *census, size_t limit,
                            struct arena *arena)
{
    enum err err;

    REQUIRE(limit > 0 && !census->is_done);
    if (str_is_none(census->cursor.tenant))
        census->cursor = (struct census_cursor){.tenant = STR(""), .endpoint_id = STR("")};
    if (census->walk < ARRAY_LEN(walks))
        return deliveries_step(tx, census, limit, arena);
    err = endpoints_step(tx, census, limit, arena);
    if (err || !census->is_done)
        return err;
    tell_apart(census);
    return log_size_read(tx, &census->log_bytes);
}
