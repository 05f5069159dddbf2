/* outbox_fixture.c -- the database under the outbox's tests. */
#include "store/outbox_fixture.h"

#include <unistd.h>

#include "store/fresh_rig.h"
#include "store/log_size.h"
#include "store/outbox_queue.h"
#include "store/thread_totals.h"

#define CLAIM_BYTES_MAX (8 * MIB)

static void open_sqlite(struct outbox_rig *rig)
{
    struct db_sqlite_options options = {0};
    const char *why = "";
    char path[TEST_PATH_BYTES];

    test_folder(rig->folder, "outbox");
    snprintf(path, sizeof(path), "%s/test.db", rig->folder);
    fresh_sqlite(path);
    options.path = path;
    assert_int_equal(db_sqlite_open(&options, &rig->db, &why), OK);
}

void outbox_rig_open(struct outbox_rig *rig, const char *postgres_url)
{
    const char *why = "";

    memset(rig, 0, sizeof(*rig));
    arena_init(&rig->arena);
    arena_init(&rig->tx_arena);
    rng_seed(&rig->rng, 7);
    rig->now_us = INT64_C(1795240800000000);
    rig->postgres_url = postgres_url;
    if (postgres_url) {
        fresh_postgres(postgres_url);
        assert_int_equal(db_postgres_open(postgres_url, &rig->db, &why), OK);
    } else {
        open_sqlite(rig);
    }
}

static void remove_sqlite(struct outbox_rig *rig)
{
    static const char *const names[] = {"test.db", "test.db-wal", "test.db-shm"};
    char path[TEST_PATH_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", rig->folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(rig->folder), 0);
}

/* The law of outbox_queue.h, whatever the test has done. */
static void check_queue(struct outbox_rig *rig)
{
    static const struct db_statement count = {
        "test_queue_law",
        "SELECT (SELECT COUNT(*) FROM deliveries d WHERE d.state = 'due' AND 1 <>"
        " (SELECT COUNT(*) FROM delivery_queue q WHERE q.delivery_id = d.delivery_id) +"
        " (SELECT COUNT(*) FROM delivery_sending s WHERE s.delivery_id = d.delivery_id)),"
        " (SELECT COUNT(*) FROM delivery_queue q WHERE NOT EXISTS (SELECT 1 FROM deliveries d"
        " JOIN endpoints e ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id"
        " WHERE d.delivery_id = q.delivery_id AND d.state = 'due' AND d.next_us = q.at_us"
        " AND e.endpoint_no = q.endpoint_no AND q.line = " QUEUE_LINE
        ")) + (SELECT COUNT(*) FROM delivery_sending s WHERE NOT EXISTS (SELECT 1 FROM deliveries d"
        " JOIN endpoints e ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id"
        " WHERE d.delivery_id = s.delivery_id AND d.state = 'due'"
        " AND e.endpoint_no = s.endpoint_no))",
        NULL};
    struct db_rows rows = {0};

    assert_int_equal(db_query_one(rig->db, &count, DB_NO_ARGS, &rows), OK);
    assert_int_equal(db_get_int(&rows, 0), 0); /* due, and in none or both */
    assert_int_equal(db_get_int(&rows, 1), 0); /* there, and not due; or in a wrong place */
    assert_int_equal(db_rows_end(&rows), OK);
}

/* PostgreSQL's law of outbox_marks.h: each that has ended stands in delivery_ends, nothing else. */
static void check_ends(struct outbox_rig *rig)
{
    static const struct db_statement count = {
        "test_ends_law", "SELECT 0",
        "SELECT COUNT(*) FROM (SELECT ended_us, delivery_id FROM deliveries"
        " WHERE ended_us IS NOT NULL) d FULL JOIN delivery_ends e ON e.delivery_id = d.delivery_id"
        " AND e.ended_us = d.ended_us WHERE d.delivery_id IS NULL OR e.delivery_id IS NULL"};
    struct db_rows rows = {0};

    assert_int_equal(db_query_one(rig->db, &count, DB_NO_ARGS, &rows), OK);
    assert_int_equal(db_get_int(&rows, 0), 0);
    assert_int_equal(db_rows_end(&rows), OK);
}

void outbox_rig_close(struct outbox_rig *rig)
{
    check_queue(rig);
    check_ends(rig);
    db_close(rig->db);
    if (!rig->postgres_url)
        remove_sqlite(rig);
    arena_release(&rig->tx_arena);
    arena_release(&rig->arena);
}

static int setup(void **state)
{
    static struct outbox_rig rig;

    outbox_rig_open(&rig, fresh_postgres_url());
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    outbox_rig_close(*state);
    return 0;
}

int outbox_rig_run_tests(const struct CMUnitTest *tests, size_t count)
{
    return fresh_run_tests(tests, count, setup, teardown);
}

struct tx *outbox_rig_begin(struct outbox_rig *rig)
{
    arena_reset(&rig->tx_arena);
    rig->tx = (struct tx){.db = rig->db,
                          .arena = &rig->tx_arena,
                          .now_us = rig->now_us,
                          .rng = &rig->rng,
                          .notes = rig->notes,
                          .is_write = true};
    assert_int_equal(db_begin(rig->db), OK);
    return &rig->tx;
}

enum err outbox_rig_end(struct outbox_rig *rig, enum err err)
{
    if (!err)
        err = log_size_write(&rig->tx);
    if (!err)
        err = thread_totals_write(&rig->tx);
    if (!err)
        return db_commit(rig->db);
    db_rollback(rig->db);
    return err;
}

struct str outbox_rig_add(struct outbox_rig *rig, const char *url, const char *object_id,
                          struct str body)
{
    struct outbox_event event = {.tenant = STR("t"),
                                 .kind = STR("run"),
                                 .object_id = str_of(object_id),
                                 .url = str_of(url),
                                 .content_type = STR("application/json"),
                                 .body = body,
                                 .policy = STR("durable")};
    struct str webhook_id = STR_NONE;
    struct tx *tx = outbox_rig_begin(rig);
    enum err err = outbox_add(tx, &event, &webhook_id);

    webhook_id = arena_str(&rig->arena, webhook_id);
    assert_int_equal(outbox_rig_end(rig, err), OK);
    return webhook_id;
}

struct outbox_claimed *outbox_rig_claim_lane(struct outbox_rig *rig, struct outbox_claim_lane *lane,
                                             size_t *count)
{
    struct outbox_claim claim = {.node = STR("node"),
                                 .lease_us = 60 * US_PER_SECOND,
                                 .bytes_max = CLAIM_BYTES_MAX,
                                 .lanes = lane,
                                 .lane_count = 1};
    struct outbox_claimed *claimed = NULL;
    struct tx *tx = outbox_rig_begin(rig);

    assert_int_equal(outbox_rig_end(rig, outbox_claim(tx, &claim, &rig->arena, &claimed, count)),
                     OK);
    assert_int_equal(lane->taken, *count);
    return claimed;
}

struct outbox_claimed *outbox_rig_claim(struct outbox_rig *rig, const char *origin, unsigned room,
                                        unsigned retry_share, size_t *count)
{
    struct outbox_claim_lane lane = {.lane = arena_printf(&rig->arena, "%s t", origin),
                                     .room = room,
                                     .shares = {[OUTBOX_RETRY] = retry_share}};

    return outbox_rig_claim_lane(rig, &lane, count);
}

void outbox_rig_settle(struct outbox_rig *rig, const struct outbox_claimed *row,
                       enum delivery_state to, int64_t next_us)
{
    bool is_done = to == DELIVERY_DONE;
    struct outbox_outcome outcome = {.row = row,
                                     .to = to,
                                     .next_us = next_us,
                                     .news = is_done ? ENDPOINT_WELL : ENDPOINT_FAILED,
                                     .is_hard = true,
                                     .reason = is_done ? STR_NONE : STR("timeout"),
                                     .result = is_done ? STR("delivered") : STR("timeout"),
                                     .status = is_done ? 200 : 0,
                                     .ended_us = rig->now_us,
                                     .dns_us = 1,
                                     .connect_us = -1,
                                     .excerpt = STR("ok\0\xff")};
    struct tx *tx = outbox_rig_begin(rig);

    assert_int_equal(outbox_rig_end(rig, outbox_settle(tx, &rig->rules, &outcome, 1)), OK);
}

size_t outbox_rig_recover(struct outbox_rig *rig, const char *node)
{
    struct tx *tx = outbox_rig_begin(rig);
    size_t count = 0;

    assert_int_equal(outbox_rig_end(rig, outbox_recover(tx, str_of(node), 100, &count)), OK);
    return count;
}

struct delivery_row outbox_rig_get(struct outbox_rig *rig, int64_t delivery_id)
{
    struct tx *tx = outbox_rig_begin(rig);
    struct delivery_row row = {0};

    assert_int_equal(
        outbox_rig_end(rig, delivery_get(tx, STR("t"), delivery_id, &rig->arena, &row)), OK);
    return row;
}

size_t outbox_rig_list(struct outbox_rig *rig, const char *object_id, const char *state,
                       struct delivery_row **found)
{
    struct delivery_filter filter = {
        .tenant = STR("t"), .object_id = str_of(object_id), .state = str_of(state), .limit = 100};
    struct tx *tx = outbox_rig_begin(rig);
    struct delivery_page page;

    assert_int_equal(outbox_rig_end(rig, delivery_search(tx, &filter, &rig->arena, &page)), OK);
    *found = page.found;
    return page.count;
}
