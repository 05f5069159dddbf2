/* outbox_many_test.c -- that a claim looks at what it takes, however much waits; on both databases.
 */
#include "store/outbox_claim.h"
#include "store/table_rig.h"

#define MANY 600
#define ROOM 20

/* What this transaction has read of the tables by their indexes. */
#define READ(table)                                                                                \
    "SELECT CAST(idx_tup_fetch + seq_tup_read AS BIGINT) FROM pg_stat_xact_user_tables"            \
    " WHERE relname = '" table "'"
static const struct db_statement bodies_read = {"outbox_test_bodies", "SELECT 0", READ("bodies")};
static const struct db_statement queue_read = {"outbox_test_queue", "SELECT 0",
                                               READ("delivery_queue")};

static void add(struct table *t, int count)
{
    const struct outbox_event event = {.tenant = TENANT,
                                       .kind = STR("run"),
                                       .object_id = STR("o"),
                                       .url = STR("https://a.example/hook"),
                                       .content_type = STR("application/json"),
                                       .body = STR("{}"),
                                       .policy = STR("durable")};

    for (int i = 0; i < count; i++)
        assert_int_equal(outbox_add(t->tx, &event, NULL), OK);
}

static void claim_in_order(struct table *t)
{
    struct outbox_claim_lane lane = {.lane = STR("https://a.example:443 t"), .room = ROOM};
    struct outbox_claim claim = {.node = STR("node"),
                                 .lease_us = 60 * US_PER_SECOND,
                                 .bytes_max = MIB,
                                 .lanes = &lane,
                                 .lane_count = 1};
    struct outbox_claimed *claimed = NULL;
    size_t count = 0;

    assert_int_equal(outbox_claim(t->tx, &claim, &t->arena, &claimed, &count), OK);
    assert_int_equal(count, ROOM);
    for (size_t i = 1; i < count; i++)
        assert_int_equal(claimed[i].delivery_id, claimed[i - 1].delivery_id + 1);
}

/* What waits elsewhere makes the queue large; PostgreSQL has not looked at it yet, and takes what
 * waits here for two or three: to sort those seems cheap. */
static void fill_queue(struct table *t)
{
    if (db_dialect(t->tx->db) == DB_POSTGRES)
        assert_int_equal(
            db_script(t->tx->db,
                      "INSERT INTO delivery_queue (delivery_id, endpoint_no, line, at_us)"
                      " SELECT 1000000 + n, 1000, 0, n FROM generate_series(1, 100000) n"),
            OK);
}

static void a_claim_reads_what_it_takes(void **state)
{
    struct table *t = *state;
    int64_t bodies, queue;

    fill_queue(t);
    add(t, MANY);
    bodies = table_ask(t, &bodies_read);
    queue = table_ask(t, &queue_read);
    claim_in_order(t);
    assert_in_range(table_ask(t, &bodies_read) - bodies, 0, ROOM + 1);
    assert_in_range(table_ask(t, &queue_read) - queue, 0, 2 * ROOM + 1); /* found, and taken */
    assert_int_equal(db_script(t->tx->db, "DELETE FROM delivery_queue WHERE endpoint_no = 1000"),
                     OK);
}

static const struct CMUnitTest tests[] = {
    TEST("a claim reads what it takes, of many that wait", a_claim_reads_what_it_takes),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
