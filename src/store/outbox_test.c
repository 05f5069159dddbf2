/* Tests of the outbox on both databases: what is added is claimed once, settled once, and never
 * stuck. */
#include "store/outbox_fixture.h"

#define A "https://a.example:443"
#define B "http://b.example:80"
#define URL_A "https://a.example/hook?token=1"
#define URL_B "http://b.example/hook"

static void what_is_added_is_claimed(void **state)
{
    struct outbox_rig *rig = *state;
    struct str webhook_id = outbox_rig_add(rig, URL_A, "run-1", STR("{\"n\":1}"));
    struct outbox_claimed *rows;
    char id[64];
    size_t count = 0;

    snprintf(id, sizeof(id), "%.*s", STR_ARG(webhook_id));
    assert_int_equal(webhook_id.len, 36);
    rows = outbox_rig_claim(rig, A, 10, 0, &count);
    assert_int_equal(count, 1);
    ASSERT_STR(rows[0].webhook_id, id);
    ASSERT_STR(rows[0].url, URL_A);
    ASSERT_STR(rows[0].body, "{\"n\":1}");
    ASSERT_STR(rows[0].content_type, "application/json");
    ASSERT_STR(rows[0].kind, "run");
    ASSERT_STR(rows[0].object_id, "run-1");
    ASSERT_STR(rows[0].policy, "durable");
    assert_int_equal(rows[0].attempts, 1);
    assert_int_equal(outbox_rig_get(rig, rows[0].delivery_id).state, DELIVERY_SENDING);
    (void)outbox_rig_claim(rig, A, 10, 0, &count);
    assert_int_equal(count, 0);
}

static void adding_nudges_the_origin(void **state)
{
    struct outbox_rig *rig = *state;

    (void)outbox_rig_add(rig, URL_A, "run-1", STR("{}"));
    assert_int_equal(rig->tx.note_count, 2);
    assert_int_equal(rig->notes[0].topic, TOPIC_DELIVERY_DUE);
    assert_int_equal(rig->notes[1].topic, TOPIC_DELIVERY_LOG);
    ASSERT_STR(rig->notes[0].key, A " t");
    (void)outbox_rig_add(rig, "/relative", "run-1", STR("{}"));
    ASSERT_STR(rig->notes[0].key, "self t");
    (void)outbox_rig_add(rig, "no url at all", "run-1", STR("{}"));
    ASSERT_STR(rig->notes[0].key, "none t");
}

static void a_rolled_back_fact_leaves_nothing(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_event event = {.tenant = STR("t"),
                                 .kind = STR("run"),
                                 .object_id = STR("o"),
                                 .url = STR(URL_A),
                                 .content_type = STR("a/b"),
                                 .body = STR("x"),
                                 .policy = STR("once")};
    struct tx *tx = outbox_rig_begin(rig);
    struct delivery_row *found;

    assert_int_equal(outbox_add(tx, &event, NULL), OK);
    assert_int_equal(outbox_rig_end(rig, ERR_INVALID), ERR_INVALID);
    assert_int_equal(outbox_rig_list(rig, NULL, NULL, &found), 0);
}

static void attempts_stand_before_the_first_byte(void **state)
{
    struct outbox_rig *rig = *state;
    struct attempt_row *attempts = NULL;
    struct outbox_claimed row;
    size_t count = 0, attempt_count = 0;
    struct tx *tx;

    (void)outbox_rig_add(rig, URL_A, "o", STR("{}"));
    row = outbox_rig_claim(rig, A, 1, 0, &count)[0];
    tx = outbox_rig_begin(rig);
    assert_int_equal(
        attempt_list(tx, STR("t"), row.delivery_id, &rig->arena, &attempts, &attempt_count), OK);
    assert_int_equal(outbox_rig_end(rig, OK), OK);
    assert_int_equal(attempt_count, 1);
    assert_int_equal(attempts[0].attempt_id, row.attempt_id);
    assert_true(str_is_none(attempts[0].result) && attempts[0].ended_us == 0);
    outbox_rig_settle(rig, &row, DELIVERY_DONE, 0);
    tx = outbox_rig_begin(rig);
    assert_int_equal(
        attempt_list(tx, STR("t"), row.delivery_id, &rig->arena, &attempts, &attempt_count), OK);
    assert_int_equal(outbox_rig_end(rig, OK), OK);
    ASSERT_STR(attempts[0].result, "delivered");
    assert_int_equal(attempts[0].status, 200);
    assert_int_equal(attempts[0].dns_us, 1);
    assert_int_equal(attempts[0].connect_us, -1);
    assert_int_equal(attempts[0].excerpt.len, 4);
}

static void retries_wait_for_their_time(void **state)
{
    struct outbox_rig *rig = *state;
    struct str webhook_id = outbox_rig_add(rig, URL_A, "o", STR("{}"));
    struct outbox_claimed *rows;
    char id[64];
    size_t count = 0;

    snprintf(id, sizeof(id), "%.*s", STR_ARG(webhook_id));
    rows = outbox_rig_claim(rig, A, 1, 0, &count);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DUE, rig->now_us + 5 * US_PER_SECOND);
    rig->now_us += 5 * US_PER_SECOND - 1;
    (void)outbox_rig_claim(rig, A, 1, 1, &count);
    assert_int_equal(count, 0);
    rig->now_us += 1;
    rows = outbox_rig_claim(rig, A, 1, 1, &count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].attempts, 2);
    ASSERT_STR(rows[0].webhook_id, id);
}

static void settled_is_final(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed row;
    size_t count = 0;

    (void)outbox_rig_add(rig, URL_A, "o", STR("{}"));
    row = outbox_rig_claim(rig, A, 1, 0, &count)[0];
    outbox_rig_settle(rig, &row, DELIVERY_DONE, 0);
    outbox_rig_settle(rig, &row, DELIVERY_DUE, rig->now_us); /* too late: nothing happens */
    assert_int_equal(outbox_rig_get(rig, row.delivery_id).state, DELIVERY_DONE);
    (void)outbox_rig_claim(rig, A, 1, 0, &count);
    assert_int_equal(count, 0);
    assert_int_equal(outbox_rig_recover(rig, "node"), 0);
}

static void a_crash_makes_it_due_again(void **state)
{
    struct outbox_rig *rig = *state;
    struct str webhook_id = outbox_rig_add(rig, URL_A, "o", STR("{}"));
    struct outbox_claimed row, *rows;
    char id[64];
    size_t count = 0;

    snprintf(id, sizeof(id), "%.*s", STR_ARG(webhook_id));
    row = outbox_rig_claim(rig, A, 1, 0, &count)[0];
    assert_int_equal(outbox_rig_recover(rig, "another node"), 0);
    assert_int_equal(outbox_rig_recover(rig, "node"), 1);
    assert_int_equal(rig->tx.note_count, 2);
    rows = outbox_rig_claim(rig, A, 1, 1, &count);
    assert_int_equal(count, 1);
    ASSERT_STR(rows[0].webhook_id, id);
    assert_int_equal(rows[0].attempts, 2);
    /* The old attempt's outcome comes too late: the new one holds the delivery. */
    outbox_rig_settle(rig, &row, DELIVERY_DONE, 0);
    assert_int_equal(outbox_rig_get(rig, row.delivery_id).state, DELIVERY_SENDING);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    assert_int_equal(outbox_rig_get(rig, row.delivery_id).state, DELIVERY_DONE);
}

static void a_lease_ends(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_chores chores = {0};
    size_t count = 0;
    struct tx *tx;

    (void)outbox_rig_add(rig, URL_A, "o", STR("{}"));
    (void)outbox_rig_claim(rig, A, 1, 0, &count);
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, outbox_chores(tx, &chores)), OK);
    assert_int_equal(chores.lease_until_us, rig->now_us + 60 * US_PER_SECOND);
    assert_int_equal(outbox_rig_recover(rig, NULL), 0);
    rig->now_us = chores.lease_until_us + 1;
    assert_int_equal(outbox_rig_recover(rig, NULL), 1);
    (void)outbox_rig_claim(rig, A, 1, 1, &count);
    assert_int_equal(count, 1);
}

/* Adds `fresh` new ones and `retries` that have been tried. */
static void mix(struct outbox_rig *rig, int fresh, int retries)
{
    size_t count = 0;

    for (int i = 0; i < retries; i++)
        (void)outbox_rig_add(rig, URL_A, "retry", STR("{}"));
    for (int i = 0; i < retries; i++)
        outbox_rig_settle(rig, outbox_rig_claim(rig, A, 1, 0, &count), DELIVERY_DUE,
                          rig->now_us + US_PER_SECOND);
    rig->now_us += 2 * US_PER_SECOND;
    for (int i = 0; i < fresh; i++)
        (void)outbox_rig_add(rig, URL_A, "fresh", STR("{}"));
}

static void lines_share(void **state)
{
    static const struct {
        int fresh, retries;
        unsigned room, share, fresh_taken, retries_taken;
    } cases[] = {
        {6, 6, 4, 2, 2, 2}, {6, 1, 4, 2, 3, 1}, {1, 6, 4, 2, 1, 3}, {6, 6, 1, 0, 1, 0},
        {6, 6, 1, 1, 0, 1}, {0, 6, 4, 4, 0, 4}, {2, 2, 9, 4, 2, 2},
    };
    struct outbox_rig *rig = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outbox_claimed *rows, *rest;
        size_t count = 0, rest_count = 0, fresh = 0;

        mix(rig, cases[i].fresh, cases[i].retries);
        rows = outbox_rig_claim(rig, A, cases[i].room, cases[i].share, &count);
        for (size_t j = 0; j < count; j++)
            fresh += rows[j].attempts == 1;
        assert_int_equal(fresh, cases[i].fresh_taken);
        assert_int_equal(count - fresh, cases[i].retries_taken);
        rest = outbox_rig_claim(rig, A, 100, 50, &rest_count);
        assert_int_equal(count + rest_count, cases[i].fresh + cases[i].retries);
        for (size_t j = 0; j < rest_count; j++)
            outbox_rig_settle(rig, &rest[j], DELIVERY_DONE, 0);
        rig->now_us += 3600 * US_PER_SECOND;
        (void)outbox_rig_recover(rig, "node");
        rest = outbox_rig_claim(rig, A, 100, 50, &rest_count);
        for (size_t j = 0; j < rest_count; j++)
            outbox_rig_settle(rig, &rest[j], DELIVERY_DONE, 0);
    }
}

static void a_claim_tells_what_is_left(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claim_lane rooms[] = {{.lane = STR(A " t"), .room = 1},
                                        {.lane = STR(B " t"), .room = 5}};
    struct outbox_claim claim = {
        .node = STR("node"), .lease_us = 1000, .bytes_max = 1, .lanes = rooms, .lane_count = 2};
    struct outbox_claimed *rows = NULL;
    size_t count = 0;
    struct tx *tx;

    (void)outbox_rig_add(rig, URL_A, "o", STR("{}"));
    rig->now_us += 5;
    (void)outbox_rig_add(rig, URL_A, "o", STR("{}"));
    (void)outbox_rig_add(rig, URL_B, "o", STR("{}"));
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, outbox_claim(tx, &claim, &rig->arena, &rows, &count)), OK);
    assert_int_equal(count, 1); /* one whatever its size, then the bytes are used up */
    assert_int_equal(rooms[0].next_us[OUTBOX_FRESH], rig->now_us);
    assert_int_equal(rooms[0].next_us[OUTBOX_RETRY], 0);
    assert_int_equal(rooms[1].next_us[OUTBOX_FRESH], rig->now_us);
    assert_int_equal(rooms[1].taken, 0);
}

static void large_bodies_come_whole(void **state)
{
    static char large[300000];
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    size_t count = 0;

    memset(large, 'x', sizeof(large));
    large[0] = '\0';
    (void)outbox_rig_add(rig, URL_A, "o", str_range(large, sizeof(large)));
    rows = outbox_rig_claim(rig, A, 1, 0, &count);
    assert_int_equal(rows[0].body.len, sizeof(large));
    assert_memory_equal(rows[0].body.data, large, sizeof(large));
}

static void the_survey_walks_lanes(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_survey survey = {.line = OUTBOX_FRESH, .after = STR(""), .limit = 3};
    size_t seen = 0;
    char url[64];

    for (int i = 0; i < 30; i++) {
        snprintf(url, sizeof(url), "https://h%02d.example/", i % 10);
        (void)outbox_rig_add(rig, url, "o", STR("{}"));
        rig->now_us++;
    }
    do {
        struct tx *tx = outbox_rig_begin(rig);

        assert_int_equal(outbox_rig_end(rig, outbox_survey(tx, &survey, &rig->arena)), OK);
        for (size_t i = 0; i < survey.count; i++, seen++) {
            snprintf(url, sizeof(url), "https://h%02zu.example:443 t", seen);
            ASSERT_STR(survey.found[i].lane, url);
            assert_int_equal(survey.found[i].next_us, rig->now_us - 30 + (int64_t)seen);
            survey.after = survey.found[i].lane;
        }
    } while (survey.count == 3);
    assert_int_equal(seen, 10);
}

static void untried_leaves_no_trace(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_outcome outcome = {
        .to = DELIVERY_DUE, .is_untried = true, .next_us = rig->now_us};
    struct attempt_row *attempts = NULL;
    struct outbox_claimed row;
    size_t count = 0;
    struct tx *tx;

    (void)outbox_rig_add(rig, URL_A, "o", STR("{}"));
    row = outbox_rig_claim(rig, A, 1, 0, &count)[0];
    outcome.row = &row;
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, outbox_settle(tx, &rig->rules, &outcome, 1)), OK);
    tx = outbox_rig_begin(rig);
    assert_int_equal(attempt_list(tx, STR("t"), row.delivery_id, &rig->arena, &attempts, &count),
                     OK);
    assert_int_equal(outbox_rig_end(rig, OK), OK);
    assert_int_equal(count, 0);
    assert_int_equal(outbox_rig_get(rig, row.delivery_id).attempts, 0);
    assert_int_equal(outbox_rig_claim(rig, A, 1, 0, &count)[0].attempts, 1);
}

static enum err resend(struct outbox_rig *rig, int64_t delivery_id, int64_t *new_id)
{
    struct tx *tx = outbox_rig_begin(rig);

    return outbox_rig_end(rig, outbox_resend(tx,
                                             &(struct outbox_again){.tenant = STR("t"),
                                                                    .delivery_id = delivery_id,
                                                                    .class = DELIVERY_LIVE},
                                             new_id));
}

static void resending_makes_a_new_one(void **state)
{
    struct outbox_rig *rig = *state;
    struct delivery_row first, second;
    struct outbox_claimed row;
    int64_t new_id = 0, third_id = 0;
    size_t count = 0;

    (void)outbox_rig_add(rig, URL_A, "o", STR("{\"n\":1}"));
    row = outbox_rig_claim(rig, A, 1, 0, &count)[0];
    assert_int_equal(resend(rig, row.delivery_id, &new_id), ERR_CONFLICT);
    assert_int_equal(resend(rig, 999, &new_id), ERR_NOT_FOUND);
    outbox_rig_settle(rig, &row, DELIVERY_DEAD, 0);
    assert_int_equal(resend(rig, row.delivery_id, &new_id), OK);
    first = outbox_rig_get(rig, row.delivery_id);
    second = outbox_rig_get(rig, new_id);
    assert_int_equal(first.state, DELIVERY_DEAD);
    assert_int_equal(second.state, DELIVERY_DUE);
    assert_true(str_eq(first.webhook_id, second.webhook_id));
    assert_int_equal(second.resend_of, first.delivery_id);
    row = outbox_rig_claim(rig, A, 1, 0, &count)[0];
    ASSERT_STR(row.body, "{\"n\":1}");
    outbox_rig_settle(rig, &row, DELIVERY_DONE, 0);
    assert_int_equal(resend(rig, new_id, &third_id), OK);
    assert_int_equal(outbox_rig_get(rig, third_id).resend_of, row.delivery_id - 1);
}

static void sequences_have_no_gaps(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_event event = {.tenant = STR("t"),
                                 .kind = STR("run"),
                                 .object_id = STR("o"),
                                 .url = STR(URL_A),
                                 .content_type = STR("a/b"),
                                 .body = STR("x"),
                                 .policy = STR("once"),
                                 .class = DELIVERY_SYSTEM};
    struct outbox_claimed *rows;
    int64_t new_id = 0;
    size_t count = 0;
    struct tx *tx;

    (void)outbox_rig_add(rig, URL_A, "o1", STR("{}"));
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_add(tx, &event, NULL), OK);
    assert_int_equal(outbox_rig_end(rig, ERR_INVALID), ERR_INVALID);
    (void)outbox_rig_add(rig, URL_B, "o1", STR("{}"));
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, outbox_add(tx, &event, NULL)), OK);
    rows = outbox_rig_claim(rig, A, 3, 0, &count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].sequence, 1);
    assert_int_equal(rows[0].class, DELIVERY_LIVE);
    assert_int_equal(rows[1].sequence, 2);
    assert_int_equal(rows[1].class, DELIVERY_SYSTEM);
    outbox_rig_settle(rig, &rows[1], DELIVERY_DEAD, 0);
    assert_int_equal(resend(rig, rows[1].delivery_id, &new_id), OK);
    rows = outbox_rig_claim(rig, A, 3, 0, &count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].sequence, 3);
    assert_int_equal(rows[0].class, DELIVERY_SYSTEM);
    rows = outbox_rig_claim(rig, B, 3, 0, &count);
    assert_int_equal(rows[0].sequence, 1);
}

static void lists_filter(void **state)
{
    struct outbox_rig *rig = *state;
    struct delivery_row *found = NULL;
    struct outbox_claimed row;
    size_t count = 0;

    (void)outbox_rig_add(rig, URL_A, "o1", STR("{}"));
    (void)outbox_rig_add(rig, URL_A, "o2", STR("{}"));
    (void)outbox_rig_add(rig, URL_B, "o1", STR("{}"));
    row = outbox_rig_claim(rig, A, 1, 0, &count)[0];
    outbox_rig_settle(rig, &row, DELIVERY_DONE, 0);
    assert_int_equal(outbox_rig_list(rig, NULL, NULL, &found), 3);
    ASSERT_STR(found[0].url, URL_B); /* newest first */
    assert_int_equal(found[0].body_bytes, 2);
    assert_int_equal(outbox_rig_list(rig, "o1", NULL, &found), 2);
    assert_int_equal(outbox_rig_list(rig, "o1", "done", &found), 1);
    assert_int_equal(outbox_rig_list(rig, "o2", "done", &found), 0);
    assert_int_equal(outbox_rig_list(rig, NULL, "due", &found), 2);
    assert_int_equal(outbox_rig_list(rig, "o3", NULL, &found), 0);
}

static const struct CMUnitTest tests[] = {
    TEST("what is added is claimed once, as it was added", what_is_added_is_claimed),
    TEST("adding nudges the origin", adding_nudges_the_origin),
    TEST("a fact that is rolled back leaves no delivery", a_rolled_back_fact_leaves_nothing),
    TEST("the attempt's row stands before it is sent, and tells how it ended",
         attempts_stand_before_the_first_byte),
    TEST("a retry waits for its time and keeps its webhook id", retries_wait_for_their_time),
    TEST("what is done stays done", settled_is_final),
    TEST("after a crash it is due again under the same id", a_crash_makes_it_due_again),
    TEST("when a lease ends it is due again", a_lease_ends),
    TEST("first tries and retries share the places", lines_share),
    TEST("a claim tells what is left, and keeps to its bytes", a_claim_tells_what_is_left),
    TEST("large bodies come whole", large_bodies_come_whole),
    TEST("the survey walks over the lanes, page by page", the_survey_walks_lanes),
    TEST("what was not sent after all leaves no trace", untried_leaves_no_trace),
    TEST("resending makes a new delivery with the same webhook id", resending_makes_a_new_one),
    TEST("an endpoint's deliveries are counted without gaps", sequences_have_no_gaps),
    TEST("lists filter by object and state, newest first", lists_filter),
};

int main(void)
{
    return OUTBOX_RUN_TESTS(tests);
}
