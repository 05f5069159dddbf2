/* Tests of many deliveries moved at once, and of what the feed tells of it, on both databases. */
#include "store/delivery_feed.h"
#include "store/migrations.h"
#include "store/migrations_priv.h"
#include "store/outbox_fixture.h"
#include "store/outbox_priv.h"

#define A "https://a.example:443"
#define URL_A "https://a.example/hook"
#define MANY 6

static struct outbox_claimed *claim_many(struct outbox_rig *rig)
{
    struct outbox_claimed *rows;
    size_t count = 0;

    for (int i = 0; i < MANY; i++)
        (void)outbox_rig_add(rig, URL_A, "o", STR("{}"));
    rows = outbox_rig_claim(rig, A, MANY, 0, &count);
    assert_int_equal(count, MANY);
    return rows;
}

/* Three are done, two fail in the same way at the same time, one in its own. */
static void settle_many(struct outbox_rig *rig, const struct outbox_claimed *rows)
{
    static const enum delivery_state to[MANY] = {DELIVERY_DONE, DELIVERY_DUE,  DELIVERY_DONE,
                                                 DELIVERY_DUE,  DELIVERY_DONE, DELIVERY_DUE};
    struct outbox_outcome outcomes[MANY];
    struct tx *tx = outbox_rig_begin(rig);

    for (int i = 0; i < MANY; i++)
        outcomes[i] = (struct outbox_outcome){
            .row = &rows[i],
            .to = to[i],
            .next_us = rig->now_us + (i == 5 ? 2000 : 1000),
            .result = to[i] == DELIVERY_DONE ? STR("delivered") : STR("server_error"),
            .status = to[i] == DELIVERY_DONE ? 200 : 502};
    assert_int_equal(outbox_rig_end(rig, outbox_settle(tx, &rig->rules, outcomes, MANY)), OK);
}

static size_t follow(struct outbox_rig *rig, int64_t after, struct feed_row **rows)
{
    const struct delivery_filter filter = {.tenant = STR("t")};
    struct feed_page page = {.position = after};
    struct tx *tx = outbox_rig_begin(rig);

    assert_int_equal(outbox_rig_end(rig, delivery_feed_read(tx, &filter, &rig->arena, &page)), OK);
    *rows = page.found;
    return page.count;
}

static void each_goes_its_own_way(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows = claim_many(rig);

    settle_many(rig, rows);
    for (int i = 0; i < MANY; i++) {
        struct delivery_row row = outbox_rig_get(rig, rows[i].delivery_id);
        bool is_done = i % 2 == 0;

        assert_int_equal(row.state, is_done ? DELIVERY_DONE : DELIVERY_DUE);
        assert_int_equal(row.attempts, 1);
        assert_int_equal(row.last_status, is_done ? 200 : 502);
        assert_int_equal(row.next_us, is_done ? 0 : rig->now_us + (i == 5 ? 2000 : 1000));
        assert_int_equal(row.ended_us, is_done ? rig->now_us : 0);
    }
}

/* Two have been recovered meanwhile, one of these is being sent again. */
static void what_came_too_late_stays_as_it_is(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows = claim_many(rig), *again;
    struct feed_row *told;
    size_t count = 0, first;
    int64_t position;

    rig->now_us += 61 * US_PER_SECOND;
    assert_int_equal(outbox_rig_recover(rig, NULL), MANY);
    again = outbox_rig_claim(rig, A, 1, 1, &count);
    assert_int_equal(count, 1);
    first = follow(rig, 0, &told);
    position = told[first - 1].position;
    settle_many(rig, rows);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(outbox_rig_get(rig, rows[i].delivery_id).state,
                         rows[i].delivery_id == again[0].delivery_id ? DELIVERY_SENDING
                                                                     : DELIVERY_DUE);
    count = follow(rig, position, &told);
    assert_int_equal(count, MANY);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(told[i].state, told[i].delivery.state);
}

static void the_feed_goes_on_in_the_middle_of_many(void **state)
{
    struct outbox_rig *rig = *state;
    struct feed_row *all, *rest;
    size_t count;

    settle_many(rig, claim_many(rig));
    count = follow(rig, 0, &all);
    assert_int_equal(count, 2 * MANY);
    for (size_t from = 0; from < count; from++) {
        size_t left = follow(rig, all[from].position, &rest);

        assert_int_equal(left, count - from - 1);
        for (size_t i = 0; i < left; i++) {
            assert_int_equal(rest[i].position, all[from + 1 + i].position);
            assert_int_equal(rest[i].delivery.delivery_id, all[from + 1 + i].delivery.delivery_id);
            assert_int_equal(rest[i].attempt.attempt_id, all[from + 1 + i].attempt.attempt_id);
        }
    }
}

/* In one transaction. */
static enum err add_and_hold(struct tx *tx, size_t count)
{
    struct delivery_move *moves = ARENA_ARRAY(tx->arena, struct delivery_move, count);
    const struct outbox_event event = {.tenant = STR("t"),
                                       .kind = STR("run"),
                                       .object_id = STR("o"),
                                       .url = STR(URL_A),
                                       .content_type = STR("text/plain"),
                                       .body = STR("x"),
                                       .policy = STR("durable")};
    enum err err = OK;

    for (size_t i = 0; !err && i < count; i++)
        err = outbox_add(tx, &event, NULL);
    if (err)
        return err;
    for (size_t i = 0; i < count; i++)
        moves[i] = (struct delivery_move){.delivery_id = (int64_t)i + 1,
                                          .from = DELIVERY_DUE,
                                          .to = DELIVERY_HELD,
                                          .reason = STR("paused")};
    return delivery_move(tx, moves, count);
}

static void very_many_are_told_page_by_page(void **state)
{
    struct outbox_rig *rig = *state;
    struct feed_row *told;
    int64_t position = 0;
    size_t count, all = 0;
    struct tx *tx;

    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, add_and_hold(tx, 2 * FEED_READ_MAX)), OK);
    while ((count = follow(rig, position, &told)) > 0) {
        assert_true(count <= FEED_READ_MAX + FEED_ROW_MAX);
        all += count;
        position = told[count - 1].position;
    }
    assert_int_equal(all, 4 * FEED_READ_MAX);
}

/* What changes when one that is due is delivered stands in no index of PostgreSQL's, so that its
 * new row needs no entry in any (outbox_marks.h). */
static void a_delivered_one_touches_no_index(void **state)
{
    static const struct db_statement indexed = {
        "test_indexed", "SELECT 0",
        "SELECT COUNT(*) FROM pg_index i JOIN pg_depend p ON p.objid = i.indexrelid"
        " AND p.refobjid = i.indrelid JOIN pg_attribute a ON a.attrelid = p.refobjid"
        " AND a.attnum = p.refobjsubid WHERE i.indrelid = CAST('deliveries' AS regclass)"
        " AND a.attname IN ('state', 'attempts', 'updated_us', 'ended_us', 'last_result',"
        " 'last_status')"};
    struct outbox_rig *rig = *state;
    struct db_rows rows = {0};

    assert_int_equal(db_query_one(rig->db, &indexed, DB_NO_ARGS, &rows), OK);
    assert_int_equal(db_get_int(&rows, 0), 0);
    assert_int_equal(db_rows_end(&rows), OK);
}

/* What the step `delivery_queue` found: the state in the wide row alone, bodies by ids of theirs.
 */
static const char as_before[] =
    "ALTER TABLE deliveries ADD COLUMN body_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE deliveries ADD COLUMN lease_node TEXT;"
    "ALTER TABLE deliveries ADD COLUMN lease_until_us BIGINT;"
    "ALTER TABLE deliveries ADD COLUMN attempt_id BIGINT;"
    "\n@sqlite ALTER TABLE deliveries DROP COLUMN room;\n"
    "DROP INDEX deliveries_resent;"
    "UPDATE deliveries SET body_id = 'b' || COALESCE(resend_of, delivery_id);"
    "CREATE INDEX deliveries_by_body ON deliveries (tenant, body_id);"
    "ALTER TABLE bodies RENAME TO bodies_now;"
    "CREATE TABLE bodies (tenant TEXT NOT NULL, body_id TEXT NOT NULL, content_type TEXT NOT NULL,"
    "  bytes BYTEA NOT NULL, created_us BIGINT NOT NULL, PRIMARY KEY (tenant, body_id));"
    "INSERT INTO bodies SELECT tenant, 'b' || delivery_id, content_type, bytes, 1 FROM bodies_now;"
    "DROP TABLE bodies_now;"
    "ALTER TABLE delivery_queue ADD COLUMN attempt_id BIGINT;"
    "ALTER TABLE delivery_queue ADD COLUMN taken_us BIGINT;"
    "ALTER TABLE delivery_queue ADD COLUMN lease_node TEXT;"
    "INSERT INTO delivery_queue (delivery_id, endpoint_no, line, at_us, attempt_id, taken_us,"
    "  lease_node) SELECT delivery_id, endpoint_no, 3, until_us, attempt_id, taken_us, node"
    "  FROM delivery_sending;"
    "DROP TABLE delivery_sending;"
    "UPDATE deliveries SET next_us = q.at_us FROM delivery_queue q"
    " WHERE q.delivery_id = deliveries.delivery_id AND q.line < 3;"
    "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, attempt_id = q.attempt_id,"
    " updated_us = q.taken_us, lease_node = q.lease_node, lease_until_us = q.at_us"
    " FROM delivery_queue q WHERE q.delivery_id = deliveries.delivery_id AND q.line = 3;"
    "DROP TABLE delivery_queue;"
    "DROP INDEX endpoints_by_no;"
    "DROP INDEX endpoints_fresh;"
    "DROP INDEX endpoints_retry;"
    "DROP INDEX endpoints_replay;"
    "CREATE INDEX endpoints_fresh ON endpoints (lane, fresh_us, endpoint_id)"
    "  WHERE fresh_us IS NOT NULL;"
    "CREATE INDEX endpoints_retry ON endpoints (lane, retry_us, endpoint_id)"
    "  WHERE retry_us IS NOT NULL;"
    "CREATE INDEX endpoints_replay ON endpoints (lane, replay_us, endpoint_id)"
    "  WHERE replay_us IS NOT NULL;"
    "ALTER TABLE endpoints DROP COLUMN endpoint_no;"
    "DELETE FROM sequences WHERE name = 'endpoint';"
    "DROP INDEX deliveries_cancelled;"
    "CREATE INDEX deliveries_cancelled ON deliveries (delivery_id)"
    "  WHERE cancelled_us IS NOT NULL AND state = 'sending';"
    "CREATE INDEX deliveries_fresh ON deliveries (tenant, endpoint_id, next_us, delivery_id)"
    "  WHERE state = 'due' AND attempts = 0 AND class <> 'replay';"
    "CREATE INDEX deliveries_retry ON deliveries (tenant, endpoint_id, next_us, delivery_id)"
    "  WHERE state = 'due' AND attempts > 0 AND class <> 'replay';"
    "CREATE INDEX deliveries_replay ON deliveries (tenant, endpoint_id, next_us, delivery_id)"
    "  WHERE state = 'due' AND class = 'replay';"
    "CREATE INDEX deliveries_sending ON deliveries (tenant, endpoint_id, lease_until_us)"
    "  WHERE state = 'sending';";

static void assert_same(const struct delivery_row *a, const struct delivery_row *b)
{
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->next_us, b->next_us);
    assert_int_equal(a->updated_us, b->updated_us);
    assert_int_equal(a->ended_us, b->ended_us);
}

/* One of each state: done, due again, being sent, new. */
static void a_store_of_before_gets_its_queue(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    const struct outbox_again again = {
        .tenant = STR("t"), .delivery_id = 1, .url = STR_NONE, .class = DELIVERY_LIVE};
    struct delivery_row before[4], after;
    int64_t again_id = 0;
    size_t count = 0;
    struct tx *tx;

    (void)outbox_rig_add(rig, URL_A, "o", STR("one"));
    (void)outbox_rig_add(rig, URL_A, "o", STR("two"));
    (void)outbox_rig_add(rig, URL_A, "o", STR("three"));
    rows = outbox_rig_claim(rig, A, 3, 0, &count);
    assert_int_equal(count, 3);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    outbox_rig_settle(rig, &rows[1], DELIVERY_DUE, rig->now_us + 1000);
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, outbox_resend(tx, &again, &again_id)), OK);
    assert_int_equal(again_id, 4);
    for (int i = 0; i < 4; i++)
        before[i] = outbox_rig_get(rig, i + 1);
    assert_int_equal(before[2].state, DELIVERY_SENDING);
    assert_int_equal(migration_run(rig->db, as_before), OK);
    assert_int_equal(migration_run(rig->db, step_delivery_queue), OK);
    assert_int_equal(migration_run(rig->db, step_delivery_sending), OK);
    assert_int_equal(migration_run(rig->db, step_numbered_bodies), OK);
    assert_int_equal(migration_run(rig->db, step_endpoint_lines), OK);
    for (int i = 0; i < 4; i++) {
        after = outbox_rig_get(rig, i + 1);
        assert_same(&before[i], &after);
    }
    /* And it goes on: the attempt that was under way ends, the others are claimed. */
    outbox_rig_settle(rig, &rows[2], DELIVERY_DONE, 0);
    assert_int_equal(outbox_rig_get(rig, 3).state, DELIVERY_DONE);
    assert_int_equal(outbox_rig_get(rig, 3).attempts, 1);
    (void)outbox_rig_add(rig, "https://c.example/hook", "o", STR("{}"));
    rig->now_us += 2000;
    rows = outbox_rig_claim(rig, A, 3, 3, &count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].delivery_id, 2);
    assert_int_equal(rows[0].attempts, 2);
    ASSERT_STR(rows[0].body, "two");
    assert_int_equal(rows[1].delivery_id, 4);
    ASSERT_STR(rows[1].body, "one");
    rows = outbox_rig_claim(rig, "https://c.example:443", 3, 0, &count);
    assert_int_equal(count, 1);
}

static const struct CMUnitTest tests[] = {
    TEST("of many that are settled at once each goes its own way", each_goes_its_own_way),
    TEST("what came too late stays as it is, and is told so", what_came_too_late_stays_as_it_is),
    TEST("the feed goes on in the middle of many", the_feed_goes_on_in_the_middle_of_many),
    TEST("very many changes are told page by page", very_many_are_told_page_by_page),
    TEST("a delivered one touches no index", a_delivered_one_touches_no_index),
    TEST("a store of before gets its queue", a_store_of_before_gets_its_queue),
};

int main(void)
{
    return OUTBOX_RUN_TESTS(tests);
}
