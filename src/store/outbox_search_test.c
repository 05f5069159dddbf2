/* Tests of the log on both databases: each filter alone and together, pages that meet without a
 * gap, a search that stops after its share of rows, the feed that is followed, and what is
 * cancelled. */
#include "store/delivery_feed.h"
#include "store/outbox_fixture.h"

#define A "https://a.example:443"
#define URL_A "https://a.example/hook?token=1"
#define URL_B "http://b.example/in_100%"

static struct delivery_page search(struct outbox_rig *rig, struct delivery_filter filter)
{
    struct tx *tx = outbox_rig_begin(rig);
    struct delivery_page page;

    filter.tenant = STR("t");
    filter.limit = filter.limit ? filter.limit : 100;
    assert_int_equal(outbox_rig_end(rig, delivery_search(tx, &filter, &rig->arena, &page)), OK);
    return page;
}

/* The ids found, as one text: "3 1 ". */
static const char *found(struct outbox_rig *rig, struct delivery_filter filter)
{
    static char text[256];
    struct delivery_page page = search(rig, filter);
    size_t len = 0;

    text[0] = 0;
    for (size_t i = 0; i < page.count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%lld ",
                                (long long)page.found[i].delivery_id);
    return text;
}

static void settle(struct outbox_rig *rig, const struct outbox_claimed *row,
                   struct outbox_outcome outcome)
{
    struct tx *tx = outbox_rig_begin(rig);

    outcome.row = row;
    outcome.ended_us = rig->now_us;
    assert_int_equal(outbox_rig_end(rig, outbox_settle(tx, &rig->rules, &outcome, 1)), OK);
}

static enum err cancel(struct outbox_rig *rig, int64_t delivery_id)
{
    struct tx *tx = outbox_rig_begin(rig);

    return outbox_rig_end(rig, outbox_cancel(tx, STR("t"), delivery_id));
}

/* 1: a, done 200; 2: a, dead 404; 3: b, due; 4: a, due after a timeout. A second apart. */
static void four(struct outbox_rig *rig)
{
    struct outbox_claimed *rows;
    size_t count;

    (void)outbox_rig_add(rig, URL_A, "o1", STR("{}"));
    rig->now_us += US_PER_SECOND;
    (void)outbox_rig_add(rig, URL_A, "o2", STR("{}"));
    rig->now_us += US_PER_SECOND;
    (void)outbox_rig_add(rig, URL_B, "o1", STR("{}"));
    rig->now_us += US_PER_SECOND;
    (void)outbox_rig_add(rig, URL_A, "o4", STR("{}"));
    rows = outbox_rig_claim(rig, A, 3, 0, &count);
    assert_int_equal(count, 3);
    settle(rig, &rows[0],
           (struct outbox_outcome){
               .to = DELIVERY_DONE, .result = STR("delivered"), .status = 200, .dns_us = 1});
    settle(rig, &rows[1],
           (struct outbox_outcome){.to = DELIVERY_DEAD,
                                   .result = STR("rejected"),
                                   .reason = STR("rejected"),
                                   .status = 404});
    settle(rig, &rows[2],
           (struct outbox_outcome){.to = DELIVERY_DUE,
                                   .next_us = rig->now_us + 1,
                                   .result = STR("timeout"),
                                   .reason = STR("timeout"),
                                   .detail = STR("No answer in Time")});
}

static void every_filter_finds(void **state)
{
    struct outbox_rig *rig = *state;
    int64_t start_us = rig->now_us;
    struct str webhook_id;

    four(rig);
    webhook_id = outbox_rig_get(rig, 3).webhook_id;
    assert_string_equal(found(rig, (struct delivery_filter){0}), "4 3 2 1 ");
    assert_string_equal(found(rig, (struct delivery_filter){.object_id = STR("o1")}), "3 1 ");
    assert_string_equal(found(rig, (struct delivery_filter){.webhook_id = webhook_id}), "3 ");
    assert_string_equal(found(rig, (struct delivery_filter){.state = STR("dead")}), "2 ");
    assert_string_equal(found(rig, (struct delivery_filter){.state = STR("done")}), "1 ");
    assert_string_equal(found(rig, (struct delivery_filter){.state = STR("due")}), "4 3 ");
    assert_string_equal(found(rig, (struct delivery_filter){.state = STR("held")}), "");
    assert_string_equal(found(rig, (struct delivery_filter){.kind = STR("run")}), "4 3 2 1 ");
    assert_string_equal(found(rig, (struct delivery_filter){.kind = STR("rule")}), "");
    assert_string_equal(found(rig, (struct delivery_filter){.result = STR("timeout")}), "4 ");
    assert_string_equal(found(rig, (struct delivery_filter){.result = STR("delivered")}), "1 ");
    assert_string_equal(found(rig, (struct delivery_filter){.status_min = 400, .status_max = 499}),
                        "2 ");
    assert_string_equal(found(rig, (struct delivery_filter){.url = STR("B.Example")}), "3 ");
    assert_string_equal(found(rig, (struct delivery_filter){.url = STR("in_100%")}), "3 ");
    assert_string_equal(found(rig, (struct delivery_filter){.url = STR("in%100")}), "");
    assert_string_equal(found(rig, (struct delivery_filter){.text = STR("answer in TIME")}), "4 ");
    assert_string_equal(found(rig, (struct delivery_filter){.text = STR("reject")}), "2 ");
    assert_string_equal(
        found(rig, (struct delivery_filter){.endpoint_id = outbox_rig_get(rig, 1).endpoint_id,
                                            .state = STR("due")}),
        "4 ");
    assert_string_equal(
        found(rig, (struct delivery_filter){.since_us = start_us + US_PER_SECOND,
                                            .until_us = start_us + 3 * US_PER_SECOND}),
        "3 2 ");
    assert_string_equal(found(rig, (struct delivery_filter){.object_id = STR("o1"),
                                                            .status_min = 200,
                                                            .status_max = 299}),
                        "1 ");
}

static void other_tenants_see_nothing(void **state)
{
    struct outbox_rig *rig = *state;
    struct delivery_filter filter = {.tenant = STR("u"), .limit = 10};
    struct delivery_page page;
    struct tx *tx;

    four(rig);
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, delivery_search(tx, &filter, &rig->arena, &page)), OK);
    assert_int_equal(page.count, 0);
    assert_int_equal(cancel(rig, 99), ERR_NOT_FOUND);
}

static void pages_meet(void **state)
{
    struct outbox_rig *rig = *state;
    struct delivery_filter filter = {.limit = 3};
    struct delivery_page page;

    four(rig);
    page = search(rig, filter);
    assert_int_equal(page.count, 3);
    assert_int_equal(page.next, 2);
    filter.before_id = page.next;
    page = search(rig, filter);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.found[0].delivery_id, 1);
    assert_int_equal(page.next, 0);
}

static const struct db_statement many = {
    "test_many",
    "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 25009)"
    " INSERT INTO deliveries (delivery_id, tenant, endpoint_id, origin, webhook_id, kind,"
    " object_id, resend_of, policy, state, attempts, created_us, updated_us, sequence)"
    " SELECT n.i, d.tenant, d.endpoint_id, d.origin, d.webhook_id, 'alert', 'many', 1,"
    " d.policy, 'done', 1, d.created_us + n.i, d.updated_us, n.i FROM n, deliveries d"
    " WHERE d.delivery_id = 1",
    NULL};

/* 25,000 rows that do not pass lie above the one that does. */
static void a_search_stops_after_its_share(void **state)
{
    struct outbox_rig *rig = *state;
    struct delivery_filter filter = {.kind = STR("run"), .limit = 10};
    struct delivery_page page;
    struct tx *tx;

    four(rig);
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, db_run(tx->db, &many, DB_NO_ARGS, NULL)), OK);
    page = search(rig, filter);
    assert_int_equal(page.count, 0);
    assert_true(page.next > 4 && page.next <= 25010 - OUTBOX_SCAN_MAX);
    filter.before_id = page.next;
    page = search(rig, filter);
    assert_int_equal(page.count, 4);
    assert_int_equal(page.next, 0);
}

static void ids_are_found_by_time(void **state)
{
    struct outbox_rig *rig = *state;
    int64_t start_us = rig->now_us, id = 0;
    static const int64_t wanted[] = {1, 1, 2, 3, 4, 5};

    four(rig);
    for (int64_t i = 0; i < 6; i++) {
        struct tx *tx = outbox_rig_begin(rig);

        assert_int_equal(
            outbox_rig_end(rig,
                           delivery_id_at(tx, STR("t"), start_us + (i - 1) * US_PER_SECOND, &id)),
            OK);
        assert_int_equal(id, wanted[i]);
    }
}

/* ---- the feed ---- */

static size_t follow(struct outbox_rig *rig, struct delivery_filter filter, int64_t *position,
                     struct feed_row **rows)
{
    struct feed_page page = {.position = *position};
    struct tx *tx = outbox_rig_begin(rig);

    filter.tenant = STR("t");
    assert_int_equal(outbox_rig_end(rig, delivery_feed_read(tx, &filter, &rig->arena, &page)), OK);
    assert_false(page.more);
    *position = page.position;
    *rows = page.found;
    return page.count;
}

static void the_feed_tells_all_in_order(void **state)
{
    struct outbox_rig *rig = *state;
    struct feed_row *rows = NULL;
    int64_t position = 0, middle;

    four(rig);
    assert_int_equal(follow(rig, (struct delivery_filter){0}, &position, &rows), 7);
    assert_int_equal(rows[0].delivery.delivery_id, 1);
    assert_int_equal(rows[0].state, DELIVERY_DUE);
    assert_false(rows[0].has_attempt);
    assert_int_equal(rows[4].state, DELIVERY_DONE);
    assert_true(rows[4].has_attempt);
    assert_int_equal(rows[4].attempt.status, 200);
    assert_int_equal(rows[6].state, DELIVERY_DUE);
    ASSERT_STR(rows[6].attempt.result, "timeout");
    middle = rows[4].position;
    assert_int_equal(follow(rig, (struct delivery_filter){0}, &position, &rows), 0);
    position = middle;
    assert_int_equal(follow(rig, (struct delivery_filter){0}, &position, &rows), 2);
    position = 0;
    assert_int_equal(follow(rig, (struct delivery_filter){.url = STR("b.ex")}, &position, &rows),
                     1);
    position = 0;
    assert_int_equal(
        follow(rig, (struct delivery_filter){.result = STR("rejected")}, &position, &rows), 1);
}

static void the_feed_is_trimmed(void **state)
{
    struct outbox_rig *rig = *state;
    struct feed_row *rows = NULL;
    int64_t deleted = 0, position = 0;
    struct tx *tx;

    four(rig);
    rig->now_us += FEED_AGE_US + 1;
    (void)outbox_rig_add(rig, URL_A, "o5", STR("{}"));
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, delivery_feed_trim(tx, 5, &deleted)), OK);
    assert_int_equal(deleted, 5);
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, delivery_feed_trim(tx, 5, &deleted)), OK);
    assert_int_equal(deleted, 2);
    assert_int_equal(follow(rig, (struct delivery_filter){0}, &position, &rows), 1);
}

/* ---- cancelling ---- */

static void what_waits_is_cancelled_at_once(void **state)
{
    struct outbox_rig *rig = *state;

    four(rig);
    assert_int_equal(cancel(rig, 3), OK);
    assert_int_equal(outbox_rig_get(rig, 3).state, DELIVERY_DEAD);
    ASSERT_STR(outbox_rig_get(rig, 3).state_reason, "cancelled");
    assert_int_equal(cancel(rig, 3), ERR_CONFLICT);
    assert_int_equal(cancel(rig, 1), ERR_CONFLICT);
    assert_int_equal(cancel(rig, 4), OK);
    assert_int_equal(outbox_rig_get(rig, 4).attempts, 1);
}

static void what_is_under_way_is_not_tried_again(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    size_t count = 0;

    (void)outbox_rig_add(rig, URL_A, "o1", STR("{}"));
    (void)outbox_rig_add(rig, URL_A, "o2", STR("{}"));
    (void)outbox_rig_add(rig, URL_A, "o3", STR("{}"));
    rows = outbox_rig_claim(rig, A, 3, 0, &count);
    assert_int_equal(cancel(rig, 1), OK);
    assert_int_equal(cancel(rig, 2), OK);
    assert_true(outbox_rig_get(rig, 1).is_cancelled);
    assert_int_equal(outbox_rig_get(rig, 1).state, DELIVERY_SENDING);
    for (int i = 0; i < 3; i++)
        outbox_rig_settle(rig, &rows[i], i == 1 ? DELIVERY_DONE : DELIVERY_DUE, rig->now_us + 9);
    assert_int_equal(outbox_rig_get(rig, 1).state, DELIVERY_DEAD);
    ASSERT_STR(outbox_rig_get(rig, 1).state_reason, "cancelled");
    assert_int_equal(outbox_rig_get(rig, 2).state, DELIVERY_DONE);
    assert_int_equal(outbox_rig_get(rig, 3).state, DELIVERY_DUE);
}

static void a_crash_does_not_bring_it_back(void **state)
{
    struct outbox_rig *rig = *state;
    size_t count = 0;

    (void)outbox_rig_add(rig, URL_A, "o1", STR("{}"));
    (void)outbox_rig_claim(rig, A, 1, 0, &count);
    assert_int_equal(cancel(rig, 1), OK);
    assert_int_equal(outbox_rig_recover(rig, "node"), 1);
    assert_int_equal(outbox_rig_get(rig, 1).state, DELIVERY_DEAD);
}

static const struct CMUnitTest tests[] = {
    TEST("every filter finds what it names", every_filter_finds),
    TEST("other tenants see nothing", other_tenants_see_nothing),
    TEST("pages meet without a gap", pages_meet),
    TEST("a search stops after its share of rows and says where to go on",
         a_search_stops_after_its_share),
    TEST("ids are found by time", ids_are_found_by_time),
    TEST("the feed tells all changes in their order", the_feed_tells_all_in_order),
    TEST("the feed is trimmed in pieces", the_feed_is_trimmed),
    TEST("what waits is cancelled at once", what_waits_is_cancelled_at_once),
    TEST("what is being sent ends with this attempt", what_is_under_way_is_not_tried_again),
    TEST("a crash does not bring back what was cancelled", a_crash_does_not_bring_it_back),
};

int main(void)
{
    return OUTBOX_RUN_TESTS(tests);
}
