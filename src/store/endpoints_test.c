/* Tests of endpoints on both databases: their order and states, and what is told of them. */
#include "store/endpoint_fixture.h"
#include "store/outbox_upkeep.h"

#define A ENDPOINT_ORIGIN
#define URL_A ENDPOINT_URL
#define NOTIFY "https://ops.example/in"
#define OPS "https://ops.example:443"

/* ---- order ---- */

static void one_key_goes_in_order(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows, first;
    size_t count = 0;

    (void)endpoint_rig_make(rig, (struct endpoint_row){.is_fifo = true});
    for (int i = 0; i < 3; i++) {
        endpoint_rig_add(rig, (struct outbox_event){.ordering_key = STR("k1")});
        endpoint_rig_add(rig, (struct outbox_event){.ordering_key = STR("k2")});
    }
    rows = outbox_rig_claim(rig, A, 10, 0, &count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].sequence, 1);
    assert_int_equal(rows[1].sequence, 2);
    first = rows[0];
    outbox_rig_settle(rig, &rows[0], DELIVERY_DUE, rig->now_us + 60 * US_PER_SECOND);
    outbox_rig_settle(rig, &rows[1], DELIVERY_DONE, 0);
    /* k1 waits for its retry, k2 goes on. */
    rows = outbox_rig_claim(rig, A, 10, 5, &count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].sequence, 4);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DEAD, 0); /* a dead one blocks nobody */
    assert_int_equal(outbox_rig_claim(rig, A, 10, 5, &count)->sequence, 6);
    rig->now_us += 61 * US_PER_SECOND;
    rows = outbox_rig_claim(rig, A, 10, 5, &count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].delivery_id, first.delivery_id);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    assert_int_equal(outbox_rig_claim(rig, A, 10, 5, &count)->sequence, 3);
}

static void without_a_key_all_is_one_line(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    struct delivery_row *found;
    size_t count = 0;

    (void)endpoint_rig_make(rig, (struct endpoint_row){.is_fifo = true});
    endpoint_rig_add_many(rig, URL_A, 3);
    rows = outbox_rig_claim(rig, A, 10, 0, &count);
    assert_int_equal(count, 1);
    assert_int_equal(outbox_rig_list(rig, NULL, "held", &found), 2);
    ASSERT_STR(found[0].state_reason, "order");
    /* One that is called off lets the next one go. */
    outbox_rig_settle(rig, &rows[0], DELIVERY_DUE, rig->now_us + 3600 * US_PER_SECOND);
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 0);
    assert_int_equal(
        outbox_rig_end(rig, outbox_cancel(outbox_rig_begin(rig), STR("t"), rows[0].delivery_id)),
        OK);
    assert_int_equal(outbox_rig_claim(rig, A, 10, 0, &count)->sequence, 2);
}

static void order_lasts_through_a_pause(void **state)
{
    struct outbox_rig *rig = *state;
    struct str id = endpoint_rig_make(rig, (struct endpoint_row){.is_fifo = true});
    struct outbox_claimed *rows;
    size_t count = 0;

    endpoint_rig_add_many(rig, URL_A, 3);
    rows = outbox_rig_claim(rig, A, 10, 0, &count);
    endpoint_rig_set_state(rig, id, ENDPOINT_PAUSED);
    (void)endpoint_rig_shift(rig, 2);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    endpoint_rig_add_many(rig, URL_A, 1);
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 0);
    assert_int_equal(endpoint_rig_backlog(rig, id).held, 3);
    endpoint_rig_set_state(rig, id, ENDPOINT_ACTIVE);
    (void)endpoint_rig_shift(rig, 2);
    for (int64_t sequence = 2; sequence <= 4; sequence++) {
        rows = outbox_rig_claim(rig, A, 10, 0, &count);
        assert_int_equal(count, 1);
        assert_int_equal(rows[0].sequence, sequence);
        outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    }
}

/* ---- states ---- */

static void a_pause_holds_all_and_drops_none(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    struct str id;
    size_t count = 0;

    id = endpoint_rig_make(rig, (struct endpoint_row){0});
    endpoint_rig_add_many(rig, URL_A, 10);
    rows = outbox_rig_claim(rig, A, 2, 0, &count);
    endpoint_rig_set_state(rig, id, ENDPOINT_PAUSED);
    assert_int_equal(endpoint_rig_claim_count(rig, 20),
                     0); /* at once, before a row has been moved */
    assert_int_equal(endpoint_rig_shift(rig, 3), 3);
    assert_int_equal(endpoint_rig_backlog(rig, id).held, 8);
    endpoint_rig_add_many(rig, URL_A, 1);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    outbox_rig_settle(rig, &rows[1], DELIVERY_DUE, rig->now_us + 1);
    (void)endpoint_rig_shift(rig, 100); /* the retry of one that was under way is held too */
    assert_int_equal(endpoint_rig_backlog(rig, id).held, 10);
    assert_int_equal(endpoint_rig_backlog(rig, id).due, 0);
    endpoint_rig_set_state(rig, id, ENDPOINT_ACTIVE);
    assert_int_equal(endpoint_rig_shift(rig, 4), 3);
    assert_int_equal(endpoint_rig_backlog(rig, id).due, 10);
    (void)outbox_rig_claim(rig, A, 20, 10, &count);
    assert_int_equal(count, 10);
    ASSERT_STR(endpoint_rig_get(rig, id).state_reason, "by hand");
}

static void what_died_at_a_disabled_one_is_held(void **state)
{
    struct outbox_rig *rig = *state;
    struct str id = endpoint_rig_make(rig, (struct endpoint_row){0});
    size_t count = 0;

    endpoint_rig_add_many(rig, URL_A, 2);
    (void)outbox_rig_claim(rig, A, 2, 0, &count);
    endpoint_rig_set_state(rig, id, ENDPOINT_DISABLED);
    (void)endpoint_rig_shift(rig, 10);
    assert_int_equal(outbox_rig_recover(rig, "node"), 2);
    assert_int_equal(endpoint_rig_claim_count(rig, 5), 0);
    (void)endpoint_rig_shift(rig, 10);
    assert_int_equal(endpoint_rig_backlog(rig, id).held, 2);
    assert_int_equal(endpoint_rig_backlog(rig, id).due, 0);
}

/* Claims from the operational endpoint; its body. */
static struct str told(struct outbox_rig *rig)
{
    size_t count = 0;
    struct outbox_claimed *rows = outbox_rig_claim(rig, OPS, 10, 0, &count);

    if (count != 1)
        return STR_NONE;
    ASSERT_STR(rows[0].kind, "system");
    assert_int_equal(rows[0].class, DELIVERY_SYSTEM);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    return rows[0].body;
}

static void gone_disables_and_tells(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_outcome gone = {
        .to = DELIVERY_DONE, .news = ENDPOINT_GONE, .result = STR("gone"), .status = 410};
    struct outbox_claimed *rows;
    struct endpoint_row row;
    struct str id, body;
    size_t count = 0;

    rig->rules.notify_url = STR(NOTIFY);
    rig->rules.notify_policy = STR("durable");
    id = endpoint_rig_make(rig, (struct endpoint_row){.name = STR("mine")});
    endpoint_rig_add_many(rig, URL_A, 3);
    rows = outbox_rig_claim(rig, A, 1, 0, &count);
    gone.row = &rows[0];
    endpoint_rig_settle(rig, &gone);
    body = told(rig);
    assert_true(str_contains(body, STR("\"type\":\"endpoint.disabled\"")));
    assert_true(str_contains(body, STR("\"reason\":\"gone\"")));
    assert_true(str_contains(body, STR("\"name\":\"mine\"")));
    row = endpoint_rig_get(rig, id);
    assert_int_equal(row.state, ENDPOINT_DISABLED);
    ASSERT_STR(row.state_reason, "gone");
    (void)endpoint_rig_shift(rig, 10);
    endpoint_rig_add_many(rig, URL_A, 1);
    assert_int_equal(endpoint_rig_backlog(rig, id).held, 3);
    /* It is enabled, and well: that is told once. */
    endpoint_rig_set_state(rig, id, ENDPOINT_ACTIVE);
    (void)endpoint_rig_shift(rig, 10);
    rows = outbox_rig_claim(rig, A, 10, 0, &count);
    assert_int_equal(count, 3);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    assert_true(str_contains(told(rig), STR("\"type\":\"endpoint.recovered\"")));
    outbox_rig_settle(rig, &rows[1], DELIVERY_DONE, 0);
    assert_true(str_is_none(told(rig)));
}

static void failing_for_days_disables(void **state)
{
    struct outbox_rig *rig = *state;
    int64_t day_us = 86400 * US_PER_SECOND;
    struct outbox_claimed *rows;
    struct str id;
    size_t count = 0;

    rig->rules.disable_after_us = 5 * day_us;
    id = endpoint_rig_make(rig, (struct endpoint_row){0});
    for (int day = 0; day < 12; day++) { /* it is well once, on the fourth day */
        endpoint_rig_add_many(rig, URL_A, 1);
        rows = outbox_rig_claim(rig, A, 10, 0, &count);
        assert_int_equal(count, day < 10 ? 1 : 0);
        for (size_t i = 0; i < count; i++)
            outbox_rig_settle(rig, &rows[i], day == 3 ? DELIVERY_DONE : DELIVERY_DEAD, 0);
        assert_int_equal(endpoint_rig_get(rig, id).failing_since_us > 0, day != 3);
        assert_int_equal(endpoint_rig_get(rig, id).state,
                         day < 9 ? ENDPOINT_ACTIVE : ENDPOINT_DISABLED);
        rig->now_us += day_us;
    }
    ASSERT_STR(endpoint_rig_get(rig, id).state_reason, "failing");
    assert_int_equal(endpoint_rig_backlog(rig, id).held, 2);
}

static void what_is_told_tells_nothing(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_outcome gone = {.to = DELIVERY_DEAD,
                                  .news = ENDPOINT_GONE,
                                  .reason = STR("gone"),
                                  .result = STR("gone"),
                                  .status = 410};
    struct outbox_claimed *rows;
    struct delivery_row *found;
    size_t count = 0;

    rig->rules.notify_url = STR(NOTIFY);
    rig->rules.notify_policy = STR("durable");
    endpoint_rig_add_many(rig, URL_A "?token=hidden", 1);
    rows = outbox_rig_claim(rig, A, 1, 0, &count);
    gone.row = &rows[0];
    endpoint_rig_settle(rig, &gone);
    rows = outbox_rig_claim(rig, OPS, 10, 0, &count);
    assert_int_equal(count, 2); /* the delivery is dead, its endpoint disabled */
    for (size_t i = 0; i < count; i++) {
        assert_false(str_contains(rows[i].body, STR("hidden")));
        gone.row = &rows[i];
        endpoint_rig_settle(rig, &gone);
    }
    assert_int_equal(outbox_rig_list(rig, NULL, NULL, &found), 3);
}

static void what_is_too_old_is_dead(void **state)
{
    struct outbox_rig *rig = *state;
    struct str id = endpoint_rig_make(rig, (struct endpoint_row){.expires_after_s = 60});
    struct delivery_row *found;
    size_t count = 0;
    struct tx *tx;

    endpoint_rig_add_many(rig, URL_A, 1);
    endpoint_rig_set_state(rig, id, ENDPOINT_PAUSED);
    (void)endpoint_rig_shift(rig, 10);
    rig->now_us += 30 * US_PER_SECOND;
    endpoint_rig_add_many(rig, URL_A, 1);
    rig->now_us += 31 * US_PER_SECOND;
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, outbox_expire(tx, &rig->rules, 10, &count)), OK);
    assert_int_equal(count, 1);
    assert_int_equal(outbox_rig_list(rig, NULL, "dead", &found), 1);
    ASSERT_STR(found[0].state_reason, "expired");
    assert_int_equal(endpoint_rig_backlog(rig, id).held, 1);
}

static void deleting_refuses_and_forgets(void **state)
{
    struct outbox_rig *rig = *state;
    struct str id =
        endpoint_rig_make(rig, (struct endpoint_row){.name = STR("n"), .is_fifo = true});
    struct endpoint_row again = {.tenant = STR("t"), .kind = STR("run"), .url = STR(URL_A)};
    struct delivery_row *found;

    endpoint_rig_add_many(rig, URL_A, 5);
    assert_int_equal(
        outbox_rig_end(rig, endpoint_delete(outbox_rig_begin(rig), STR("t"), id, false)),
        ERR_CONFLICT);
    assert_int_equal(
        outbox_rig_end(rig, endpoint_delete(outbox_rig_begin(rig), STR("t"), id, true)), OK);
    (void)endpoint_rig_shift(rig, 3);
    assert_int_equal(outbox_rig_list(rig, NULL, "dead", &found), 5);
    ASSERT_STR(found[0].state_reason, "deleted");
    assert_int_equal(endpoint_rig_get(rig, id).state, ENDPOINT_DELETED);
    assert_int_equal(
        outbox_rig_end(rig, endpoint_delete(outbox_rig_begin(rig), STR("t"), id, true)),
        ERR_NOT_FOUND);
    endpoint_rig_add_many(rig, URL_A, 1);
    assert_int_equal(endpoint_rig_get(rig, id).state, ENDPOINT_ACTIVE);
    assert_true(str_is_none(endpoint_rig_get(rig, id).name));
    assert_int_equal(outbox_rig_claim(rig, A, 5, 0, &(size_t){0})->sequence, 6);
    assert_int_equal(outbox_rig_end(rig, endpoint_add(outbox_rig_begin(rig), &again)),
                     ERR_CONFLICT);
}

static void owners_have_their_own(void **state)
{
    struct outbox_rig *rig = *state;
    struct str anybodys = endpoint_rig_make(rig, (struct endpoint_row){0});
    struct str ones = endpoint_rig_make(rig, (struct endpoint_row){.owner = STR("alert 1")});
    struct str others = endpoint_rig_make(rig, (struct endpoint_row){.owner = STR("alert 2")});

    assert_false(str_eq(anybodys, ones));
    assert_false(str_eq(ones, others));
    endpoint_rig_add(rig, (struct outbox_event){.endpoint_id = others});
    assert_int_equal(endpoint_rig_backlog(rig, others).due, 1);
    assert_int_equal(endpoint_rig_backlog(rig, anybodys).due, 0);
}

static const struct CMUnitTest tests[] = {
    TEST("whoever needs headers of their own has an endpoint of their own", owners_have_their_own),
    TEST("those of one key go in order, and block only their key", one_key_goes_in_order),
    TEST("without a key all is one line; a cancelled one blocks nobody",
         without_a_key_all_is_one_line),
    TEST("order lasts through a pause", order_lasts_through_a_pause),
    TEST("a pause holds all and drops none", a_pause_holds_all_and_drops_none),
    TEST("what was being sent to one that is disabled meanwhile, by a node that died, is held",
         what_died_at_a_disabled_one_is_held),
    TEST("410 disables, and it is told; so is the recovery", gone_disables_and_tells),
    TEST("failing for days without a success disables", failing_for_days_disables),
    TEST("what is told tells nothing of itself", what_is_told_tells_nothing),
    TEST("what is too old is dead, held or not", what_is_too_old_is_dead),
    TEST("deleting refuses while something waits, or ends it, and forgets",
         deleting_refuses_and_forgets),
};

int main(void)
{
    return OUTBOX_RUN_TESTS(tests);
}
