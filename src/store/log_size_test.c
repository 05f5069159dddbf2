/* The size of the log is what counting it says, whatever has happened; and retention by it takes
 * the oldest of what has ended, and no more than is too much. */
#include "store/log_size.h"

#include "db/state.h"
#include "store/erasures.h"
#include "store/inspector.h"
#include "store/outbox_fixture.h"
#include "store/retention.h"

#define ORIGIN "https://a.example:443"
#define URL "https://a.example/hook"
#define HOUR_US (3600 * US_PER_SECOND)

/* ---- counting, as the step of the schema does it ---- */

#define COUNTED                                                                                    \
    "SELECT CAST((SELECT COUNT(*) * 1024 FROM deliveries)"                                         \
    " + (SELECT COALESCE(SUM(LENGTH(bytes) + 256), 0) FROM bodies)"                                \
    " + (SELECT COALESCE(SUM(COALESCE(LENGTH(response_excerpt), 0) + 384), 0) FROM attempts)"
#define OF_INSPECTORS(head)                                                                        \
    " + (SELECT COALESCE(SUM(body_bytes + " head " + 256), 0) FROM inspector_requests) AS BIGINT)"
static const struct db_statement counted = {"test_counted",
                                            COUNTED OF_INSPECTORS("LENGTH(CAST(head AS BLOB))"),
                                            COUNTED OF_INSPECTORS("OCTET_LENGTH(head)")};

static int64_t ask(struct outbox_rig *rig, const struct db_statement *statement)
{
    struct tx *tx = outbox_rig_begin(rig);
    struct db_rows rows = {0};
    int64_t value;

    assert_int_equal(db_query_one(tx->db, statement, DB_NO_ARGS, &rows), OK);
    value = db_get_int(&rows, 0);
    assert_int_equal(db_rows_end(&rows), OK);
    assert_int_equal(outbox_rig_end(rig, OK), OK);
    return value;
}

static int64_t size_of(struct outbox_rig *rig)
{
    struct tx *tx = outbox_rig_begin(rig);
    int64_t bytes = 0;

    assert_int_equal(outbox_rig_end(rig, log_size_read(tx, &bytes)), OK);
    return bytes;
}

static int64_t check(struct outbox_rig *rig)
{
    int64_t bytes = size_of(rig);

    assert_int_equal(bytes, ask(rig, &counted));
    return bytes;
}

/* Statements are told apart by their address as well. */
static int64_t rows_of(struct outbox_rig *rig, const char *sql)
{
    static struct db_statement known[32];
    size_t i = 0;

    while (known[i].sql && strcmp(known[i].sql, sql) != 0)
        i++;
    assert_true(i + 1 < ARRAY_LEN(known));
    known[i] = (struct db_statement){sql, sql, NULL};
    return ask(rig, &known[i]);
}

#define ROWS(from_where) rows_of(rig, "SELECT COUNT(*) FROM " from_where)

/* ---- what happens ---- */

static struct str body_of(struct outbox_rig *rig, size_t bytes)
{
    char *text = arena_alloc(&rig->arena, bytes);

    memset(text, 'x', bytes);
    return str_range(text, bytes);
}

/* One that has ended so many hours after the beginning; an answer of 4 bytes. */
static void add_ended(struct outbox_rig *rig, const char *object_id, size_t bytes)
{
    struct outbox_claimed *rows;
    size_t count = 0;

    (void)outbox_rig_add(rig, URL, object_id, body_of(rig, bytes));
    rows = outbox_rig_claim(rig, ORIGIN, 10, 0, &count);
    assert_int_equal(count, 1);
    rig->now_us += HOUR_US;
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
}

static void keep_request(struct outbox_rig *rig, size_t bytes, int64_t most)
{
    const struct inspector_limits limits = {10, most, MIB};
    struct inspector inspector = {.tenant = STR("t"),
                                  .inspector_id = STR("i"),
                                  .slug = STR("s"),
                                  .name = STR("n"),
                                  .answer = STR("{}")};
    struct inspected request = {.received_us = rig->now_us,
                                .status = 200,
                                .head = STR("{\"path\":\"/ä\"}"),
                                .body = body_of(rig, bytes)};
    struct tx *tx = outbox_rig_begin(rig);
    enum err err = inspector_insert(tx, &inspector, &limits);

    if (err == ERR_CONFLICT)
        err = OK;
    if (!err)
        err = inspector_count(tx, STR("s"), tx->arena, &inspector);
    assert_int_equal(
        outbox_rig_end(rig, err ? err : inspector_keep(tx, &inspector, &request, &limits)), OK);
}

static enum err resend(struct outbox_rig *rig, int64_t delivery_id)
{
    const struct outbox_again again = {.tenant = STR("t"), .delivery_id = delivery_id};
    struct tx *tx = outbox_rig_begin(rig);
    int64_t new_id;

    return outbox_rig_end(rig, outbox_resend(tx, &again, &new_id));
}

static void erase(struct outbox_rig *rig, const char *object_id)
{
    struct erasure_row erasure = {.tenant = STR("t"),
                                  .erasure_id = STR("e"),
                                  .scope = ERASURE_OBJECT,
                                  .subject = str_of(object_id)};
    struct tx *tx = outbox_rig_begin(rig);
    bool more = true;

    assert_int_equal(outbox_rig_end(rig, erasure_add(tx, &erasure)), OK);
    while (more) {
        tx = outbox_rig_begin(rig);
        assert_int_equal(outbox_rig_end(rig, erasure_step(tx, &more)), OK);
        assert_int_equal(db_tidy(rig->db), OK); /* as the writer does between groups */
    }
}

/* Until nothing more is told. */
static void sweep(struct outbox_rig *rig, const struct retention_limits *limits)
{
    enum retention_pace pace = RETENTION_MORE;

    for (int i = 0; pace != RETENTION_DONE; i++) {
        struct tx *tx = outbox_rig_begin(rig);

        assert_true(i < 1000);
        assert_int_equal(outbox_rig_end(rig, retention_step(tx, rig->now_us, limits, &pace)), OK);
    }
}

static void the_size_is_what_counting_says(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    size_t count = 0;
    struct tx *tx;

    assert_int_equal(check(rig), 0);
    add_ended(rig, "one", 1000);
    assert_int_equal(check(rig), 1024 + 256 + 1000 + 384 + 4);
    /* The same body for two, and what comes to nothing. */
    assert_int_equal(resend(rig, 1), OK);
    tx = outbox_rig_begin(rig);
    log_grow(tx, LOG_BODY, 1, 5);
    assert_int_equal(outbox_rig_end(rig, ERR_INVALID), ERR_INVALID);
    assert_int_equal(check(rig), 2 * 1024 + 256 + 1000 + 384 + 4);
    /* Its attempt is tried, lost, and told of too late; another one is given back untried. */
    rows = outbox_rig_claim(rig, ORIGIN, 10, 0, &count);
    assert_int_equal(count, 1);
    assert_int_equal(outbox_rig_recover(rig, "node"), 1);
    (void)check(rig);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DUE, rig->now_us);
    (void)check(rig);
    rows = outbox_rig_claim(rig, ORIGIN, 10, 1, &count);
    assert_int_equal(count, 1);
    (void)check(rig);
    tx = outbox_rig_begin(rig);
    assert_int_equal(
        outbox_rig_end(rig, outbox_settle(tx, &rig->rules,
                                          &(struct outbox_outcome){.row = &rows[0],
                                                                   .to = DELIVERY_DUE,
                                                                   .is_untried = true,
                                                                   .next_us = rig->now_us},
                                          1)),
        OK);
    assert_int_equal(ROWS("attempts"), 2);
    (void)check(rig);
    keep_request(rig, 100, 2);
    keep_request(rig, 200, 2);
    keep_request(rig, 300, 2);
    assert_int_equal(ROWS("inspector_requests"), 2);
    (void)check(rig);
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, inspected_clear(tx, STR("t"), STR("i"))), OK);
    (void)check(rig);
}

static void the_size_goes_down_with_what_goes(void **state)
{
    static const struct retention_limits attempts_only = {.attempts_us = HOUR_US};
    static const struct retention_limits all = {
        .attempts_us = HOUR_US, .deliveries_us = HOUR_US, .inspected_us = HOUR_US};
    struct outbox_rig *rig = *state;
    int64_t before;

    add_ended(rig, "one", 1000);
    add_ended(rig, "two", 2000);
    keep_request(rig, 100, 5);
    before = check(rig);
    erase(rig, "one");
    assert_int_equal(check(rig), before - (1024 + 256 + 1000 + 384 + 4));
    rig->now_us += 2 * HOUR_US;
    sweep(rig, &attempts_only);
    assert_int_equal(ROWS("attempts"), 0);
    assert_int_equal(ROWS("deliveries"), 1);
    (void)check(rig);
    sweep(rig, &all);
    assert_int_equal(ROWS("deliveries"), 0);
    assert_int_equal(ROWS("inspector_requests"), 0);
    assert_int_equal(check(rig), 0);
}

/* ---- retention by size ---- */

#define ENDED_BYTES (1024 + 256 + 384 + 4) /* of one, besides its body */

static void the_oldest_that_has_ended_goes(void **state)
{
    struct outbox_rig *rig = *state;
    struct retention_limits limits = {0};
    size_t count = 0;
    int64_t size;

    (void)outbox_rig_add(rig, "https://b.example/", "waits", body_of(rig, 50000));
    (void)outbox_rig_claim(rig, "https://b.example:443", 1, 0, &count);
    (void)outbox_rig_add(rig, "https://b.example/", "due", body_of(rig, 50000));
    (void)resend(rig, 1); /* refused: it has not ended */
    add_ended(rig, "first", 1000);
    rig->now_us++;
    keep_request(rig, 1000, 5);
    add_ended(rig, "second", 1000);
    add_ended(rig, "third", 1000);
    size = check(rig);
    limits.log_bytes = size;
    sweep(rig, &limits);
    assert_int_equal(ROWS("deliveries"), 5);
    /* One byte too much: one delivery goes, the first. */
    limits.log_bytes = size - 1;
    sweep(rig, &limits);
    assert_int_equal(ROWS("deliveries"), 4);
    assert_int_equal(ROWS("deliveries WHERE object_id = 'first'"), 0);
    assert_int_equal(ROWS("bodies"), 4);
    assert_int_equal(ROWS("inspector_requests"), 1);
    assert_int_equal(check(rig), size - ENDED_BYTES - 1000);
    /* Then the request, which came before the second ended. */
    limits.log_bytes = check(rig) - 1;
    sweep(rig, &limits);
    assert_int_equal(ROWS("deliveries"), 4);
    assert_int_equal(ROWS("inspector_requests"), 0);
    (void)check(rig);
    /* However small the log should be, what has not ended stays. */
    limits.log_bytes = 1;
    sweep(rig, &limits);
    assert_int_equal(ROWS("deliveries"), 2);
    assert_int_equal(ROWS("deliveries WHERE state IN ('due', 'sending')"), 2);
    assert_int_equal(ROWS("bodies"), 2);
    assert_int_equal(ROWS("attempts"), 0); /* the one under way stands in the queue */
    (void)check(rig);
}

static void held_ones_stay(void **state)
{
    static const struct retention_limits limits = {.log_bytes = 1};
    struct outbox_rig *rig = *state;

    (void)outbox_rig_add(rig, URL, "held", STR("{}"));
    assert_int_equal(db_script(rig->db,
                               "UPDATE deliveries SET state = 'held', state_reason = 'paused';"
                               "DELETE FROM delivery_queue;"),
                     OK);
    sweep(rig, &limits);
    assert_int_equal(ROWS("deliveries WHERE state = 'held'"), 1);
    assert_int_equal(ROWS("bodies"), 1);
}

/* A body that two have goes with the second of them: only then the log is smaller by it. */
static void a_shared_body_goes_with_the_last(void **state)
{
    struct outbox_rig *rig = *state;
    struct retention_limits limits = {0};
    struct outbox_claimed *rows;
    size_t count = 0;

    add_ended(rig, "one", 10000);
    assert_int_equal(resend(rig, 1), OK);
    rows = outbox_rig_claim(rig, ORIGIN, 10, 0, &count);
    rig->now_us += HOUR_US;
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    limits.log_bytes = check(rig) - 1;
    sweep(rig, &limits);
    assert_int_equal(ROWS("deliveries"), 1);
    assert_int_equal(ROWS("bodies"), 1);
    assert_int_equal(check(rig), ENDED_BYTES + 10000);
    limits.log_bytes = check(rig) - 1;
    sweep(rig, &limits);
    assert_int_equal(check(rig), 0);
}

/* Many pieces, each told to be followed soon, and none of them looks at the whole log. */
static void a_large_excess_goes_in_pieces(void **state)
{
    struct outbox_rig *rig = *state;
    const struct retention_limits limits = {.log_bytes = 100 * (ENDED_BYTES + 10)};
    enum retention_pace pace = RETENTION_DONE;
    struct tx *tx;

    for (int i = 0; i < 400; i++)
        add_ended(rig, "many", 10);
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, retention_step(tx, rig->now_us, &limits, &pace)), OK);
    assert_int_equal(pace, RETENTION_PRESSED);
    sweep(rig, &limits);
    assert_int_equal(ROWS("deliveries"), 100);
    assert_int_equal(check(rig), limits.log_bytes);
    assert_int_equal(ROWS("deliveries WHERE delivery_id > 300"), 100);
}

/* A second node on the same database sweeps while the first has not committed. */
static void two_nodes_take_no_more_than_one(void **state)
{
    static const struct db_statement impatient = {"test_impatient", "SET lock_timeout = '5s'",
                                                  NULL};
    struct outbox_rig *rig = *state, other;
    const struct retention_limits limits = {.log_bytes = 10 * (ENDED_BYTES + 10)};
    enum retention_pace pace = RETENTION_DONE;
    const char *why = "";
    struct tx *tx;

    if (!rig->postgres_url)
        return; /* there is one writer */
    for (int i = 0; i < 20; i++)
        add_ended(rig, "many", 10);
    other = *rig;
    arena_init(&other.tx_arena);
    assert_int_equal(db_postgres_open(rig->postgres_url, &other.db, &why), OK);
    assert_int_equal(db_run(other.db, &impatient, DB_NO_ARGS, NULL), OK);
    tx = outbox_rig_begin(rig);
    assert_int_equal(retention_step(tx, rig->now_us, &limits, &pace), OK);
    sweep(&other, &limits); /* leaves it to the first */
    assert_int_equal(outbox_rig_end(rig, OK), OK);
    assert_int_equal(check(rig), limits.log_bytes);
    sweep(&other, &limits); /* sees what the first has done */
    assert_int_equal(check(rig), limits.log_bytes);
    add_ended(rig, "one more", 10);
    sweep(&other, &limits);
    assert_int_equal(check(rig), limits.log_bytes);
    db_close(other.db);
    arena_release(&other.tx_arena);
}

static const struct CMUnitTest tests[] = {
    TEST("the size of the log is what counting it says", the_size_is_what_counting_says),
    TEST("it goes down with what goes, by age and by erasure", the_size_goes_down_with_what_goes),
    TEST("by size the oldest goes that has ended, and no more than is too much",
         the_oldest_that_has_ended_goes),
    TEST("what is held stays, however large the log is", held_ones_stay),
    TEST("a shared body goes with the last that has it", a_shared_body_goes_with_the_last),
    TEST("a large excess goes in pieces", a_large_excess_goes_in_pieces),
    TEST("two nodes take away no more than one", two_nodes_take_no_more_than_one),
};

int main(void)
{
    return OUTBOX_RUN_TESTS(tests);
}
