/* The table thread_totals. */
#include "store/thread_totals.h"

#define SHARDS "8"

static const struct db_statement total_read = {
    "thread_total_read", "SELECT COALESCE(SUM(total), 0) FROM thread_totals WHERE tenant = $1",
    "SELECT CAST(COALESCE(SUM(total), 0) AS BIGINT) FROM thread_totals WHERE tenant = $1"};
#define TOTAL_WRITE(shard)                                                                         \
    "INSERT INTO thread_totals (tenant, shard, total) VALUES ($1, " shard ", $2)"                  \
    " ON CONFLICT (tenant, shard) DO UPDATE SET total = thread_totals.total + EXCLUDED.total"
static const struct db_statement total_write = {"thread_total_write", TOTAL_WRITE("0"),
                                                TOTAL_WRITE("pg_backend_pid() % " SHARDS)};

/* Never changed once it is in the list, so that what a failed work has added goes by putting the
 * head back (writer.c). */
struct thread_growth {
    struct str tenant;
    int64_t by;
    struct thread_growth *next;
};

void thread_total_grow(struct tx *tx, struct str tenant, int64_t by)
{
    struct thread_growth *growth = ARENA_NEW(tx->arena, struct thread_growth);

    REQUIRE(tx->is_write);
    *growth = (struct thread_growth){arena_str(tx->arena, tenant), by, tx->thread_growth};
    tx->thread_growth = growth;
}

static int64_t grown(const struct tx *tx, struct str tenant)
{
    int64_t sum = 0;

    for (const struct thread_growth *g = tx->thread_growth; g; g = g->next)
        sum += str_eq(g->tenant, tenant) ? g->by : 0;
    return sum;
}

enum err thread_total_read(struct tx *tx, struct str tenant, int64_t *total)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &total_read, DB_ARGS(db_text(tenant)), &rows);

    if (err)
        return err;
    *total = db_get_int(&rows, 0) + grown(tx, tenant);
    return db_rows_end(&rows);
}

/* The least tenant that is greater: rows are locked in one order, or two nodes could each wait for
 * the other. */
static struct str next_tenant(const struct tx *tx, struct str last)
{
    struct str least = STR_NONE;

    for (const struct thread_growth *g = tx->thread_growth; g; g = g->next)
        if ((str_is_none(last) || str_compare(g->tenant, last) > 0) &&
            (str_is_none(least) || str_compare(g->tenant, least) < 0))
            least = g->tenant;
    return least;
}

enum err thread_totals_write(struct tx *tx)
{
    struct str tenant = next_tenant(tx, STR_NONE);
    enum err err = OK;

    for (; !err && !str_is_none(tenant); tenant = next_tenant(tx, tenant)) {
        int64_t by = grown(tx, tenant);

        if (by != 0)
            err = db_run(tx->db, &total_write, DB_ARGS(db_text(tenant), db_int(by)), NULL);
    }
    tx->thread_growth = NULL;
    return err;
}
