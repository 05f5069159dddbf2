/* usage_test.c -- runs are counted and refused for whoever pays, on both databases. */
#include "store/table_rig.h"
#include "store/usage.h"

#define DAY_US (INT64_C(86400) * US_PER_SECOND)

static const struct db_statement run_make = {
    "usage_test_run",
    "INSERT INTO runs (tenant, run_id, thread_id, assistant_id, graph_id, status, metadata, kwargs,"
    " multitask_strategy, temporary, resumable, created_us, updated_us, due_us, position, attempt,"
    " events_reserved) VALUES ($1, $2, 'x', 'x', 'x', 'pending', '{}', '{}', 'x', 0, 0, 0, 0, 0, 0,"
    " 0, 0)",
    NULL};
static const struct db_statement run_finish = {
    "usage_test_end", "UPDATE runs SET status = 'success' WHERE run_id = $1", NULL};

static enum err pay(struct table *t, const struct usage_payer *payer, struct usage_refusal *refusal)
{
    const struct usage_payers payers = {payer, 1};
    enum err err = usage_admit_run(t->tx, &payers, refusal);

    return err ? err : usage_count_run(t->tx, &payers, TENANT, STR("none"));
}

static void live(struct table *t, const struct usage_payer *payer, const char *run_id)
{
    assert_int_equal(
        db_run(t->tx->db, &run_make, DB_ARGS(db_text(TENANT), db_text(str_of(run_id))), NULL), OK);
    assert_int_equal(
        usage_count_run(t->tx, &(struct usage_payers){payer, 1}, TENANT, str_of(run_id)), OK);
}

static void end(struct table *t, const char *run_id)
{
    assert_int_equal(db_run(t->tx->db, &run_finish, DB_ARGS(db_text(str_of(run_id))), NULL), OK);
}

static void a_day_has_so_many_runs(void **state)
{
    struct table *t = *state;
    const struct usage_payer payer = {.id = STR("k:1"), .runs_per_day = 3},
                             other = {.id = STR("k:2"), .runs_per_day = 3};
    struct usage_refusal refusal;
    struct usage_now now;

    t->tx->now_us = 100 * DAY_US + 5 * US_PER_SECOND;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pay(t, &payer, &refusal), OK);
    assert_int_equal(pay(t, &payer, &refusal), ERR_LIMIT);
    ASSERT_STR(str_of(refusal.limit), "runs_per_day");
    assert_int_equal(refusal.max, 3);
    assert_int_equal(refusal.retry_after_s, 86400 - 5 + 1);
    assert_false(refusal.is_workspace);
    assert_int_equal(pay(t, &other, &refusal), OK);
    assert_int_equal(usage_get(t->tx, &payer, &now), OK);
    assert_int_equal(now.runs_today, 3);
    t->tx->now_us = 101 * DAY_US;
    assert_int_equal(pay(t, &payer, &refusal), OK);
    assert_int_equal(usage_get(t->tx, &payer, &now), OK);
    assert_int_equal(now.runs_today, 1);
}

static void so_many_runs_live_at_once(void **state)
{
    struct table *t = *state;
    const struct usage_payer payer = {.id = STR("k:1"), .runs_live = 2},
                             other = {.id = STR("k:2"), .runs_live = 2};
    struct usage_refusal refusal;
    struct usage_now now;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(pay(t, &payer, &refusal), OK);
        live(t, &payer, i ? "b" : "a");
    }
    assert_int_equal(pay(t, &payer, &refusal), ERR_LIMIT);
    ASSERT_STR(str_of(refusal.limit), "runs_live");
    assert_int_equal(refusal.max, 2);
    assert_int_equal(pay(t, &other, &refusal), OK);
    assert_int_equal(usage_get(t->tx, &payer, &now), OK);
    assert_int_equal(now.runs_live, 2);
    end(t, "a");
    assert_int_equal(pay(t, &payer, &refusal), OK);
}

static void a_workspace_pays_for_all_its_runs(void **state)
{
    struct table *t = *state;
    const struct usage_payer workspace = {.id = STR("w:t"), .tenant = TENANT, .runs_live = 1},
                             key = {.id = STR("k:1")};
    struct usage_refusal refusal;

    assert_int_equal(pay(t, &workspace, &refusal), OK);
    live(t, &key, "a");
    assert_int_equal(pay(t, &workspace, &refusal), ERR_LIMIT);
    assert_true(refusal.is_workspace);
    end(t, "a");
    assert_int_equal(pay(t, &workspace, &refusal), OK);
}

static void who_has_no_limit_is_not_counted(void **state)
{
    struct table *t = *state;
    const struct usage_payer free = {.id = STR("k:1")};
    struct usage_refusal refusal;
    struct usage_now now;

    for (int i = 0; i < 100; i++)
        assert_int_equal(pay(t, &free, &refusal), OK);
    assert_int_equal(usage_get(t->tx, &free, &now), OK);
    assert_int_equal(now.runs_today, 0);
}

static void old_days_are_forgotten(void **state)
{
    struct table *t = *state;
    const struct usage_payer payer = {.id = STR("k:1"), .runs_per_day = 9};
    struct usage_refusal refusal;
    int64_t gone = 0;

    t->tx->now_us = 100 * DAY_US;
    assert_int_equal(pay(t, &payer, &refusal), OK);
    t->tx->now_us = (100 + USAGE_DAYS_KEPT) * DAY_US;
    assert_int_equal(usage_forget(t->tx, 10, &gone), OK);
    assert_int_equal(gone, 0);
    t->tx->now_us += DAY_US;
    assert_int_equal(usage_forget(t->tx, 10, &gone), OK);
    assert_int_equal(gone, 1);
}

static const struct CMUnitTest tests[] = {
    TEST("a day has so many runs", a_day_has_so_many_runs),
    TEST("so many runs live at once", so_many_runs_live_at_once),
    TEST("a workspace pays for all its runs", a_workspace_pays_for_all_its_runs),
    TEST("who has no limit is not counted", who_has_no_limit_is_not_counted),
    TEST("old days are forgotten", old_days_are_forgotten),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
