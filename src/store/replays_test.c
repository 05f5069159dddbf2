/* Tests of bulk replays, on both databases. */
#include "store/replays.h"

#include "store/endpoint_fixture.h"

#define A ENDPOINT_ORIGIN
#define URL_A ENDPOINT_URL
#define URL_B "https://b.example/hook"

/* ---- short words ---- */

/* `count` that ended so, one second apart; ids from the store's next on. */
static void add_ended(struct outbox_rig *rig, const char *url, int count, enum delivery_state to)
{
    struct outbox_claimed *rows;
    size_t claimed = 0;

    for (int i = 0; i < count; i++) {
        endpoint_rig_add_many(rig, url, 1);
        rows = outbox_rig_claim(rig, A, 1, 0, &claimed);
        assert_int_equal(claimed, 1);
        outbox_rig_settle(rig, &rows[0], to, 0);
        rig->now_us += US_PER_SECOND;
    }
}

static enum err add(struct outbox_rig *rig, struct replay_row *row)
{
    struct tx *tx = outbox_rig_begin(rig);

    row->tenant = STR("t");
    row->filter.tenant = row->tenant;
    row->per_s = row->per_s > 0 ? row->per_s : REPLAY_PER_S_DEFAULT;
    if (str_is_none(row->replay_id))
        row->replay_id = STR("r");
    return outbox_rig_end(rig, replay_add(tx, row));
}

static void add_dead(struct outbox_rig *rig)
{
    struct replay_row row = {.filter = {.state = STR("dead")}};

    assert_int_equal(add(rig, &row), OK);
}

static struct replay_row get(struct outbox_rig *rig, const char *id)
{
    struct tx *tx = outbox_rig_begin(rig);
    struct replay_row row = {0};

    assert_int_equal(outbox_rig_end(rig, replay_get(tx, STR("t"), str_of(id), &rig->arena, &row)),
                     OK);
    return row;
}

static enum err set_state(struct outbox_rig *rig, enum replay_state state)
{
    struct tx *tx = outbox_rig_begin(rig);

    return outbox_rig_end(rig, replay_set_state(tx, STR("t"), STR("r"), state));
}

static enum err find(struct outbox_rig *rig, struct replay_piece *piece)
{
    struct tx *tx = outbox_rig_begin(rig);

    return outbox_rig_end(rig, replay_find(tx, &rig->arena, piece));
}

static void take(struct outbox_rig *rig, const struct replay_piece *piece)
{
    struct tx *tx = outbox_rig_begin(rig);

    assert_int_equal(outbox_rig_end(rig, replay_take(tx, piece)), OK);
}

/* As the sender does, while time passes. */
static void work_off(struct outbox_rig *rig)
{
    static struct replay_piece piece;
    int64_t end_us = rig->now_us + 1000 * US_PER_SECOND;

    for (; rig->now_us < end_us; rig->now_us += US_PER_SECOND)
        while (find(rig, &piece) == OK)
            take(rig, &piece);
}

static struct delivery_page of_replay(struct outbox_rig *rig)
{
    const struct delivery_filter filter = {
        .tenant = STR("t"), .replay_id = STR("r"), .is_oldest_first = true, .limit = 1000};
    struct tx *tx = outbox_rig_begin(rig);
    struct delivery_page page;

    assert_int_equal(outbox_rig_end(rig, delivery_search(tx, &filter, &rig->arena, &page)), OK);
    return page;
}

static void assert_counts(struct outbox_rig *rig, int64_t queued, int64_t skipped, int64_t failed)
{
    struct replay_row row = get(rig, "r");

    assert_int_equal(row.queued, queued);
    assert_int_equal(row.skipped, skipped);
    assert_int_equal(row.failed, failed);
    assert_int_equal(row.matched, queued + skipped + failed);
    assert_int_equal(of_replay(rig).count, queued);
}

/* ---- the job ---- */

static void all_that_is_dead_is_sent_once_more(void **state)
{
    struct outbox_rig *rig = *state;
    struct delivery_page page;

    add_ended(rig, URL_A, 3, DELIVERY_DEAD);
    add_ended(rig, URL_A "?other", 2, DELIVERY_DONE);
    add_ended(rig, URL_A "?other", 2, DELIVERY_DEAD);
    add_dead(rig);
    work_off(rig);
    assert_counts(rig, 5, 0, 0);
    assert_int_equal(get(rig, "r").state, REPLAY_DONE);
    page = of_replay(rig);
    for (size_t i = 0; i < page.count; i++) {
        static const int64_t first[] = {1, 2, 3, 6, 7}; /* the oldest first */

        assert_int_equal(page.found[i].resend_of, first[i]);
        assert_true(str_eq(page.found[i].webhook_id, outbox_rig_get(rig, first[i]).webhook_id));
        assert_true(str_eq(page.found[i].url, outbox_rig_get(rig, first[i]).url));
        ASSERT_STR(page.found[i].policy, "durable"); /* with all its tries */
    }
}

static void replays_stand_in_their_own_line(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claim_lane lane = {
        .lane = STR(A " t"), .room = 8, .shares = {[OUTBOX_REPLAY] = 1}};
    struct outbox_claimed *rows;
    size_t count = 0, replays = 0;

    add_ended(rig, URL_A, 12, DELIVERY_DEAD);
    add_dead(rig);
    work_off(rig);
    endpoint_rig_add_many(rig, URL_A, 20);
    rows = outbox_rig_claim_lane(rig, &lane, &count);
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++)
        replays += rows[i].class == DELIVERY_REPLAY;
    assert_int_equal(replays, 1);
}

/* What a crash, a lost answer or a second node may do: the same piece comes again. */
static void no_piece_is_taken_twice(void **state)
{
    static struct replay_piece first, again;
    struct outbox_rig *rig = *state;

    add_ended(rig, URL_A, 5, DELIVERY_DEAD);
    add_dead(rig);
    assert_int_equal(find(rig, &first), OK);
    assert_int_equal(find(rig, &again), OK);
    take(rig, &first);
    take(rig, &again);
    take(rig, &first);
    work_off(rig);
    take(rig, &first);
    assert_counts(rig, 5, 0, 0);
}

static void what_was_undone_is_found_again(void **state)
{
    static struct replay_piece piece;
    struct outbox_rig *rig = *state;
    struct tx *tx;

    add_ended(rig, URL_A, 5, DELIVERY_DEAD);
    add_dead(rig);
    assert_int_equal(find(rig, &piece), OK);
    tx = outbox_rig_begin(rig);
    assert_int_equal(replay_take(tx, &piece), OK);
    assert_int_equal(outbox_rig_end(rig, ERR_IO), ERR_IO); /* the process dies before the commit */
    assert_counts(rig, 0, 0, 0);
    work_off(rig);
    assert_counts(rig, 5, 0, 0);
}

static void the_rate_is_kept(void **state)
{
    static struct replay_piece piece;
    struct outbox_rig *rig = *state;
    struct replay_row row = {.filter = {.state = STR("dead")}, .per_s = 20};
    int64_t next_us = 0;
    struct tx *tx;

    add_ended(rig, URL_A, 10, DELIVERY_DEAD);
    assert_int_equal(add(rig, &row), OK);
    assert_int_equal(find(rig, &piece), OK);
    assert_int_equal(piece.count, 4);
    take(rig, &piece);
    assert_int_equal(find(rig, &piece), ERR_NOT_FOUND);
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, replay_next_due(tx, &next_us)), OK);
    assert_int_equal(next_us, rig->now_us + 200000);
    rig->now_us = next_us;
    assert_int_equal(find(rig, &piece), OK);
    take(rig, &piece);
    rig->now_us += 3600 * US_PER_SECOND; /* what it could not do meanwhile is not made up for */
    assert_int_equal(find(rig, &piece), OK);
    assert_int_equal(piece.count, 2);
}

static void hands_stop_it(void **state)
{
    struct outbox_rig *rig = *state;
    static struct replay_piece piece;

    add_ended(rig, URL_A, 3, DELIVERY_DEAD);
    add_dead(rig);
    assert_int_equal(find(rig, &piece), OK);
    assert_int_equal(set_state(rig, REPLAY_PAUSED), OK);
    take(rig, &piece); /* it was found before */
    work_off(rig);
    assert_counts(rig, 0, 0, 0);
    assert_int_equal(set_state(rig, REPLAY_RUNNING), OK);
    work_off(rig);
    assert_counts(rig, 3, 0, 0);
    assert_int_equal(set_state(rig, REPLAY_CANCELLED), ERR_CONFLICT);
    assert_int_equal(get(rig, "r").state, REPLAY_DONE);
}

static void a_cancelled_one_does_not_come_back(void **state)
{
    struct outbox_rig *rig = *state;

    add_ended(rig, URL_A, 3, DELIVERY_DEAD);
    add_dead(rig);
    assert_int_equal(set_state(rig, REPLAY_CANCELLED), OK);
    assert_int_equal(set_state(rig, REPLAY_RUNNING), ERR_CONFLICT);
    work_off(rig);
    assert_counts(rig, 0, 0, 0);
    assert_true(get(rig, "r").ended_us > 0);
}

/* ---- what is passed over ---- */

static void resend(struct outbox_rig *rig, int64_t id, struct str url)
{
    const struct outbox_again again = {.tenant = STR("t"), .delivery_id = id, .url = url};
    struct tx *tx = outbox_rig_begin(rig);
    int64_t new_id;

    assert_int_equal(outbox_rig_end(rig, outbox_resend(tx, &again, &new_id)), OK);
}

static void end_next(struct outbox_rig *rig, enum delivery_state to)
{
    size_t count = 0;
    struct outbox_claimed *rows = outbox_rig_claim(rig, A, 1, 0, &count);

    assert_int_equal(count, 1);
    outbox_rig_settle(rig, &rows[0], to, 0);
}

static void what_has_arrived_later_is_passed_over(void **state)
{
    struct outbox_rig *rig = *state;

    add_ended(rig, URL_A, 4, DELIVERY_DEAD);
    resend(rig, 1, STR_NONE); /* arrives */
    end_next(rig, DELIVERY_DONE);
    resend(rig, 2, STR_NONE); /* is dead again: one of both is sent */
    end_next(rig, DELIVERY_DEAD);
    resend(rig, 3, STR(URL_B)); /* elsewhere does not count */
    resend(rig, 4, STR_NONE);   /* is under way */
    add_dead(rig);
    work_off(rig);
    assert_counts(rig, 2, 3, 0);
    assert_int_equal(of_replay(rig).found[0].resend_of, 2);
    assert_int_equal(of_replay(rig).found[1].resend_of, 3);
}

static void samples_are_passed_over(void **state)
{
    struct outbox_rig *rig = *state;

    (void)outbox_rig_add(rig, URL_A, "test-1", STR("{}"));
    end_next(rig, DELIVERY_DEAD);
    add_dead(rig);
    work_off(rig);
    assert_counts(rig, 0, 1, 0);
}

static void what_has_not_ended_is_passed_over(void **state)
{
    struct outbox_rig *rig = *state;
    struct replay_row row = {0};

    add_ended(rig, URL_A, 1, DELIVERY_DONE);
    endpoint_rig_add_many(rig, URL_A, 2);
    assert_int_equal(add(rig, &row), OK);
    work_off(rig);
    assert_counts(rig, 1, 2, 0);
}

static void a_deleted_endpoint_gets_nothing(void **state)
{
    struct outbox_rig *rig = *state;
    struct str endpoint_id;
    struct tx *tx;

    add_ended(rig, URL_A, 2, DELIVERY_DEAD);
    endpoint_id = outbox_rig_get(rig, 1).endpoint_id;
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, endpoint_delete(tx, STR("t"), endpoint_id, false)), OK);
    add_dead(rig);
    work_off(rig);
    assert_counts(rig, 0, 0, 2);
}

static void all_may_go_to_another_url(void **state)
{
    struct outbox_rig *rig = *state;
    struct replay_row row = {.filter = {.state = STR("done")}, .url = STR(URL_B)};

    add_ended(rig, URL_A, 3, DELIVERY_DONE);
    resend(rig, 1, STR_NONE); /* two of one webhook-id: one goes */
    end_next(rig, DELIVERY_DONE);
    assert_int_equal(add(rig, &row), OK);
    work_off(rig);
    assert_counts(rig, 3, 1, 0);
    for (int i = 0; i < 3; i++)
        ASSERT_STR(of_replay(rig).found[i].url, URL_B);
}

static void the_filter_outlives_a_restart(void **state)
{
    struct outbox_rig *rig = *state;
    const struct delivery_filter wanted = {.object_id = STR("o\"1"),
                                           .endpoint_id = STR("e"),
                                           .webhook_id = STR("w"),
                                           .kind = STR("run"),
                                           .state = STR("dead"),
                                           .replay_id = STR("before"),
                                           .result = STR("timeout"),
                                           .status_min = 500,
                                           .status_max = 599,
                                           .url = STR("part"),
                                           .text = STR("words"),
                                           .since_us = 5,
                                           .until_us = INT64_C(1795240800000001)};
    struct replay_row row = {
        .filter = wanted, .url = STR("https://x"), .expected = 7, .is_exact = true, .per_s = 0.5};
    struct replay_row read;

    assert_int_equal(add(rig, &row), OK);
    read = get(rig, "r");
    ASSERT_STR(read.filter.object_id, "o\"1");
    ASSERT_STR(read.filter.endpoint_id, "e");
    ASSERT_STR(read.filter.webhook_id, "w");
    ASSERT_STR(read.filter.kind, "run");
    ASSERT_STR(read.filter.state, "dead");
    ASSERT_STR(read.filter.replay_id, "before");
    ASSERT_STR(read.filter.result, "timeout");
    ASSERT_STR(read.filter.url, "part");
    ASSERT_STR(read.filter.text, "words");
    ASSERT_STR(read.url, "https://x");
    assert_int_equal(read.filter.status_min, 500);
    assert_int_equal(read.filter.status_max, 599);
    assert_int_equal(read.filter.since_us, 5);
    assert_int_equal(read.filter.until_us, wanted.until_us);
    assert_int_equal(read.expected, 7);
    assert_true(read.is_exact);
    assert_true(read.per_s > 0.49 && read.per_s < 0.51);
}

static void outcomes_are_told(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claim_lane lane = {.lane = STR(A " t"), .room = 2};
    struct replay_outcomes outcomes = {0};
    struct outbox_claimed *rows;
    size_t count = 0;
    struct tx *tx;

    add_ended(rig, URL_A, 4, DELIVERY_DEAD);
    add_dead(rig);
    work_off(rig);
    rows = outbox_rig_claim_lane(rig, &lane, &count);
    assert_int_equal(count, 2);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    outbox_rig_settle(rig, &rows[1], DELIVERY_DEAD, 0);
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, replay_outcomes(tx, STR("t"), STR("r"), &outcomes)), OK);
    assert_int_equal(outcomes.waiting, 2);
    assert_int_equal(outcomes.done, 1);
    assert_int_equal(outcomes.dead, 1);
}

static void few_run_at_once(void **state)
{
    struct outbox_rig *rig = *state;
    struct replay_list list = {0};
    struct tx *tx;

    for (int i = 0; i <= REPLAYS_OPEN_MAX; i++) {
        struct replay_row row = {.replay_id = arena_printf(&rig->arena, "r%d", i)};

        assert_int_equal(add(rig, &row), i < REPLAYS_OPEN_MAX ? OK : ERR_LIMIT);
        rig->now_us++;
    }
    tx = outbox_rig_begin(rig);
    assert_int_equal(
        outbox_rig_end(rig, replay_list(tx, STR("t"), INT64_MAX, 5, &rig->arena, &list)), OK);
    assert_int_equal(list.count, 5);
    ASSERT_STR(list.found[0].replay_id, "r19");
}

static const struct CMUnitTest tests[] = {
    TEST("all that is dead is sent once more, the oldest first",
         all_that_is_dead_is_sent_once_more),
    TEST("replays stand in their own line", replays_stand_in_their_own_line),
    TEST("no piece is taken twice", no_piece_is_taken_twice),
    TEST("what a crash has undone is found again", what_was_undone_is_found_again),
    TEST("the rate is kept", the_rate_is_kept),
    TEST("hands stop it, and let it go on", hands_stop_it),
    TEST("a cancelled one does not come back", a_cancelled_one_does_not_come_back),
    TEST("what has arrived later is passed over", what_has_arrived_later_is_passed_over),
    TEST("samples are passed over", samples_are_passed_over),
    TEST("what has not ended is passed over", what_has_not_ended_is_passed_over),
    TEST("a deleted endpoint gets nothing", a_deleted_endpoint_gets_nothing),
    TEST("all may go to another URL", all_may_go_to_another_url),
    TEST("the filter outlives a restart", the_filter_outlives_a_restart),
    TEST("what became of them is told", outcomes_are_told),
    TEST("few run at once", few_run_at_once),
};

int main(void)
{
    return OUTBOX_RUN_TESTS(tests);
}
