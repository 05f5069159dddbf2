/* Laws of the outbox that the walks through it do not need, and that a changed line would break
 * unseen: each of these was found missing by tools/mutants. On both databases. */
#include "store/endpoint_fixture.h"
#include "store/outbox_pull.h"
#include "store/outbox_query.h"
#include "store/outbox_upkeep.h"

#define A ENDPOINT_ORIGIN
#define URL_A ENDPOINT_URL

/* As many of URL_A, claimed. */
static struct outbox_claimed *claim_many(struct outbox_rig *rig, unsigned many)
{
    struct outbox_claimed *rows;
    size_t count = 0;

    endpoint_rig_add_many(rig, URL_A, (int)many);
    rows = outbox_rig_claim(rig, A, many, 0, &count);
    assert_int_equal(count, many);
    return rows;
}

/* All in one write, as the sender does it. */
static void settle_all(struct outbox_rig *rig, const struct outbox_outcome *outcomes, size_t count)
{
    struct tx *tx = outbox_rig_begin(rig);

    assert_int_equal(outbox_rig_end(rig, outbox_settle(tx, &rig->rules, outcomes, count)), OK);
}

/* A try that failed in a way that says something of the endpoint. */
static struct outbox_outcome failed(struct outbox_rig *rig, const struct outbox_claimed *row)
{
    return (struct outbox_outcome){.row = row,
                                   .to = DELIVERY_DUE,
                                   .next_us = rig->now_us + 1000,
                                   .news = ENDPOINT_FAILED,
                                   .is_hard = true,
                                   .reason = STR("timeout"),
                                   .result = STR("timeout")};
}

/* How many retries may go now; they stay claimed. */
static size_t retries_now(struct outbox_rig *rig)
{
    size_t count = 0;

    (void)outbox_rig_claim(rig, A, 20, 20, &count);
    return count;
}

/* ---- times ---- */

/* Its endpoint stands in line for the first of them. */
static void each_waits_for_its_own_time(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claim_lane lane = {
        .lane = STR(A " t"), .room = 4, .shares = {[OUTBOX_RETRY] = 4}};
    struct outbox_claimed *rows = claim_many(rig, 2);
    int64_t late_us = rig->now_us + 60 * US_PER_SECOND;
    size_t count = 0;

    outbox_rig_settle(rig, &rows[0], DELIVERY_DUE, late_us);
    outbox_rig_settle(rig, &rows[1], DELIVERY_DUE, rig->now_us + 5 * US_PER_SECOND);
    rig->now_us += 5 * US_PER_SECOND;
    (void)outbox_rig_claim_lane(rig, &lane, &count);
    assert_int_equal(count, 1);
    assert_int_equal(lane.next_us[OUTBOX_RETRY], late_us);
    rig->now_us = late_us - 1;
    (void)outbox_rig_claim_lane(rig, &lane, &count);
    assert_int_equal(count, 0);
    rig->now_us = late_us;
    (void)outbox_rig_claim_lane(rig, &lane, &count);
    assert_int_equal(count, 1);
}

/* ---- rests ---- */

static void the_longest_rest_counts(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows = claim_many(rig, 3);
    int64_t long_us = rig->now_us + 60 * US_PER_SECOND;
    struct outbox_outcome busy[] = {failed(rig, &rows[0]), failed(rig, &rows[1]),
                                    failed(rig, &rows[2])};

    busy[0].rest_until_us = rig->now_us + 10 * US_PER_SECOND;
    busy[1].rest_until_us = long_us;
    busy[2].rest_until_us = rig->now_us + 20 * US_PER_SECOND;
    settle_all(rig, busy, 2);
    settle_all(rig, &busy[2], 1); /* a shorter one does not shorten it */
    rig->now_us = long_us - 1;
    assert_int_equal(retries_now(rig), 0);
    rig->now_us = long_us;
    assert_int_equal(retries_now(rig), 1);
}

static void a_rest_is_five_minutes_at_most(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_outcome outcome;
    int64_t until_us;
    size_t count = 0;

    rig->rules.rest_after = 1;
    outcome = failed(rig, claim_many(rig, 1));
    settle_all(rig, &outcome, 1);
    rig->now_us += 7200 * US_PER_SECOND;
    outcome = failed(rig, outbox_rig_claim(rig, A, 1, 1, &count));
    assert_int_equal(count, 1);
    settle_all(rig, &outcome, 1); /* it has failed for two hours */
    until_us = rig->now_us + 300 * US_PER_SECOND;
    rig->now_us = until_us - 1;
    assert_int_equal(retries_now(rig), 0);
    rig->now_us = until_us;
    assert_int_equal(retries_now(rig), 1);
}

static void what_refuses_does_not_rest(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows = claim_many(rig, 4);
    struct outbox_outcome outcomes[4];

    rig->rules.rest_after = 2;
    for (int i = 0; i < 4; i++) {
        outcomes[i] = failed(rig, &rows[i]);
        outcomes[i].is_hard = false; /* it answered: with a 400, say */
    }
    settle_all(rig, outcomes, 4);
    rig->now_us += 1000;
    assert_int_equal(retries_now(rig), 4);
}

static void a_success_weighs_more_than_failures(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows = claim_many(rig, 4);
    struct outbox_outcome outcomes[4];

    rig->rules.rest_after = 2;
    for (int i = 0; i < 4; i++)
        outcomes[i] = failed(rig, &rows[i]);
    outcomes[1].to = DELIVERY_DONE;
    outcomes[1].news = ENDPOINT_WELL;
    settle_all(rig, outcomes, 4);
    rig->now_us += 1000;
    assert_int_equal(retries_now(rig), 3);
}

/* ---- rows ---- */

static void outcomes_of_one_write_keep_their_words(void **state)
{
    static const struct {
        struct str reason, result;
        int64_t status;
    } words[] = {{{"timeout", 7}, {"timeout", 7}, 0},
                 {{"expired", 7}, {"timeout", 7}, 0},
                 {{"rejected", 8}, {"rejected", 8}, 400},
                 {{"rejected", 8}, {"rejected", 8}, 404}};
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows = claim_many(rig, 2 * ARRAY_LEN(words));
    struct outbox_outcome outcomes[2 * ARRAY_LEN(words)];

    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        outcomes[i] = failed(rig, &rows[i]);
        outcomes[i].to = DELIVERY_DEAD;
        outcomes[i].reason = words[i % 4].reason;
        outcomes[i].result = words[i % 4].result;
        outcomes[i].status = words[i % 4].status;
    }
    settle_all(rig, outcomes, ARRAY_LEN(outcomes));
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        struct delivery_row row = outbox_rig_get(rig, rows[i].delivery_id);

        assert_true(str_eq(row.state_reason, words[i % 4].reason));
        assert_true(str_eq(row.last_result, words[i % 4].result));
        assert_int_equal(row.last_status, words[i % 4].status);
    }
}

static void a_lost_attempt_is_in_the_log(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows = claim_many(rig, 1);
    struct attempt_row *attempts = NULL;
    size_t count = 0;
    struct tx *tx;

    rig->now_us += 61 * US_PER_SECOND;
    assert_int_equal(outbox_rig_recover(rig, NULL), 1);
    tx = outbox_rig_begin(rig);
    assert_int_equal(
        attempt_list(tx, STR("t"), rows[0].delivery_id, &rig->arena, &attempts, &count), OK);
    assert_int_equal(outbox_rig_end(rig, OK), OK);
    assert_int_equal(count, 1);
    assert_int_equal(attempts[0].attempt_id, rows[0].attempt_id);
    ASSERT_STR(attempts[0].result, "unknown");
    assert_int_equal(attempts[0].ended_us, rig->now_us);
}

/* The node that was thought dead says that it is to be tried again; another one is trying. */
static void what_comes_too_late_takes_nothing_away(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows = claim_many(rig, 1), *again;
    size_t count = 0;

    rig->now_us += 61 * US_PER_SECOND;
    assert_int_equal(outbox_rig_recover(rig, NULL), 1);
    again = outbox_rig_claim(rig, A, 1, 1, &count);
    assert_int_equal(count, 1);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DUE, rig->now_us);
    assert_int_equal(outbox_rig_get(rig, rows[0].delivery_id).state, DELIVERY_SENDING);
    assert_int_equal(retries_now(rig), 0);
    outbox_rig_settle(rig, &again[0], DELIVERY_DONE, 0);
    assert_int_equal(outbox_rig_get(rig, rows[0].delivery_id).state, DELIVERY_DONE);
}

static void pulling_goes_on_behind_the_last(void **state)
{
    struct outbox_rig *rig = *state;
    struct str id = endpoint_rig_make(rig, (struct endpoint_row){0});
    struct outbox_pull pull = {
        .tenant = STR("t"), .endpoint_id = id, .limit = 2, .bytes_max = 1000};
    struct tx *tx;

    endpoint_rig_add_many(rig, URL_A, 5);
    for (int64_t next = 1; next <= 5; next += 2) {
        tx = outbox_rig_begin(rig);
        assert_int_equal(outbox_rig_end(rig, outbox_pull(tx, &pull, &rig->arena)), OK);
        assert_int_equal(pull.count, next < 5 ? 2 : 1);
        assert_int_equal(pull.more, next < 5);
        assert_int_equal(pull.found[0].sequence, next);
        pull.after = pull.found[pull.count - 1].sequence;
    }
}

static void a_test_is_tried_once_whatever_its_endpoint_is_told(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    size_t count = 0;

    (void)endpoint_rig_make(rig, (struct endpoint_row){.policy = STR("documented")});
    (void)outbox_rig_add(rig, URL_A, "test-1", STR("{}"));
    (void)outbox_rig_add(rig, URL_A, "run-1", STR("{}"));
    rows = outbox_rig_claim(rig, A, 2, 0, &count);
    assert_int_equal(count, 2);
    ASSERT_STR(rows[0].policy, "durable"); /* as it was added: for a test that is "once" */
    ASSERT_STR(rows[1].policy, "documented");
}

/* ---- order ---- */

static enum err expire(struct outbox_rig *rig, size_t *count)
{
    struct tx *tx = outbox_rig_begin(rig);

    return outbox_rig_end(rig, outbox_expire(tx, &rig->rules, 10, count));
}

static void what_expires_lets_the_next_one_go(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    size_t count = 0;

    (void)endpoint_rig_make(rig, (struct endpoint_row){.is_fifo = true, .expires_after_s = 60});
    rows = claim_many(rig, 1);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DUE, rig->now_us + 3600 * US_PER_SECOND);
    rig->now_us += 30 * US_PER_SECOND;
    endpoint_rig_add_many(rig, URL_A, 1);
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 0);
    rig->now_us += 31 * US_PER_SECOND;
    assert_int_equal(expire(rig, &count), OK);
    assert_int_equal(count, 1);
    rows = outbox_rig_claim(rig, A, 10, 0, &count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].sequence, 2);
}

static void what_is_being_sent_does_not_expire(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    size_t count = 9;

    (void)endpoint_rig_make(rig, (struct endpoint_row){.expires_after_s = 10});
    rows = claim_many(rig, 1);
    rig->now_us += 11 * US_PER_SECOND;
    assert_int_equal(expire(rig, &count), OK);
    assert_int_equal(count, 0);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    assert_int_equal(outbox_rig_get(rig, rows[0].delivery_id).state, DELIVERY_DONE);
}

static void what_is_sent_again_does_not_wait_for_its_turn(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_again again = {.tenant = STR("t"), .class = DELIVERY_LIVE};
    struct outbox_claimed *rows;
    int64_t new_id = 0;
    size_t count = 0;

    (void)endpoint_rig_make(rig, (struct endpoint_row){.is_fifo = true});
    rows = claim_many(rig, 1);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DEAD, 0);
    again.delivery_id = rows[0].delivery_id;
    (void)claim_many(rig, 1); /* the next one is under way */
    assert_int_equal(outbox_rig_end(rig, outbox_resend(outbox_rig_begin(rig), &again, &new_id)),
                     OK);
    rows = outbox_rig_claim(rig, A, 10, 0, &count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].delivery_id, new_id);
}

/* ---- tenants ---- */

static void nobody_cancels_for_another_tenant(void **state)
{
    struct outbox_rig *rig = *state;

    endpoint_rig_add_many(rig, URL_A, 1);
    assert_int_equal(outbox_rig_end(rig, outbox_cancel(outbox_rig_begin(rig), STR("another"), 1)),
                     ERR_NOT_FOUND);
    assert_int_equal(outbox_rig_get(rig, 1).state, DELIVERY_DUE);
}

static void a_deleted_endpoint_gets_nothing_again(void **state)
{
    struct outbox_rig *rig = *state;
    struct str id = endpoint_rig_make(rig, (struct endpoint_row){0});
    struct outbox_claimed *rows = claim_many(rig, 1);
    struct outbox_again again = {
        .tenant = STR("t"), .delivery_id = rows[0].delivery_id, .class = DELIVERY_LIVE};
    int64_t new_id = 0;

    outbox_rig_settle(rig, &rows[0], DELIVERY_DEAD, 0);
    assert_int_equal(
        outbox_rig_end(rig, endpoint_delete(outbox_rig_begin(rig), STR("t"), id, false)), OK);
    assert_int_equal(outbox_rig_end(rig, outbox_resend(outbox_rig_begin(rig), &again, &new_id)),
                     ERR_DENIED);
}

static const struct CMUnitTest tests[] = {
    TEST("of one endpoint each waits for its own time", each_waits_for_its_own_time),
    TEST("of several rests the longest counts", the_longest_rest_counts),
    TEST("a rest is five minutes at most", a_rest_is_five_minutes_at_most),
    TEST("an endpoint that refuses does not rest", what_refuses_does_not_rest),
    TEST("a success weighs more than failures beside it", a_success_weighs_more_than_failures),
    TEST("outcomes of one write keep their words", outcomes_of_one_write_keep_their_words),
    TEST("an attempt that was lost is in the log", a_lost_attempt_is_in_the_log),
    TEST("what comes too late takes nothing away", what_comes_too_late_takes_nothing_away),
    TEST("pulling goes on behind the last", pulling_goes_on_behind_the_last),
    TEST("a test keeps its policy whatever its endpoint is told",
         a_test_is_tried_once_whatever_its_endpoint_is_told),
    TEST("what expires lets the next of its key go", what_expires_lets_the_next_one_go),
    TEST("what is being sent does not expire", what_is_being_sent_does_not_expire),
    TEST("what is sent again does not wait for its turn",
         what_is_sent_again_does_not_wait_for_its_turn),
    TEST("nobody cancels for another tenant", nobody_cancels_for_another_tenant),
    TEST("nothing is sent again to an endpoint that is deleted",
         a_deleted_endpoint_gets_nothing_again),
};

int main(void)
{
    return OUTBOX_RUN_TESTS(tests);
}
