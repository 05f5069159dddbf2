/* run_flow_test.c -- every path to a terminal status: exactly one delivery, with the payload that
 * is documented (C9, C10; golden files in run_flow_test/), in the same transaction as the status.
 */
#include "base/golden.h"

#include "agent/flow_rig.h"

#define BODY                                                                                       \
    "{'assistant_id':'agent','input':{'messages':['Hello!']},'metadata':{'m':1},'webhook':"        \
    "'" FLOW_HOOK "'"
#define STATE_END "{\"values\":{\"messages\":[\"Hello!\",\"Hi\"]},\"next\":[]}"
#define STATE_STOP "{\"values\":{\"messages\":[\"Hello!\"]},\"next\":[\"ask\"]}"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static const struct run_outcome succeeded = {.status = TEXT("success"),
                                             .state = TEXT(STATE_END),
                                             .values = TEXT("{\"v\":1}"),
                                             .next = TEXT("[]")};
static const struct run_outcome stopped = {
    .status = TEXT("success"),
    .state = TEXT(STATE_STOP),
    .next = TEXT("[\"ask\"]"),
    .interrupts = TEXT("{\"task\":[{\"id\":\"i\",\"value\":\"?\"}]}"),
};
static const struct run_outcome failed = {
    .status = TEXT("error"),
    .error = TEXT("{\"error\":\"TimeoutError\",\"message\":\"Boo!\"}"),
    .state = TEXT(STATE_STOP),
};
static const struct run_outcome timed_out = {
    .status = TEXT("timeout"),
    .error =
        TEXT("{\"error\":\"TimeoutError\",\"message\":\"Run exceeded maximum execution time\"}"),
};
static const struct run_outcome cancelled = {
    .status = TEXT("interrupted"), .state = TEXT(STATE_STOP), .next = TEXT("[\"ask\"]")};

static void pass_second(struct flow *flow)
{
    flow->rig.now_us += US_PER_SECOND;
}

/* A run with a webhook, claimed a second after it was made; a second later … */
static void begin(struct flow *flow, const char *thread_id, const char *more)
{
    flow_make(flow, "run-1", thread_id,
              arena_cstr(&flow->arena, arena_printf(&flow->arena, BODY "%s}", more)));
    pass_second(flow);
    ASSERT_STR(flow_claim(flow, 10), "run-1");
    assert_int_equal(flow_deliveries(flow, "run-1"), 0);
    pass_second(flow);
}

static void begin_stateful(struct flow *flow)
{
    begin(flow, "thread-1", ",'if_not_exists':'create'");
}

/* ---- the paths ---- */

static void success(struct flow *flow)
{
    begin_stateful(flow);
    flow_finish(flow, "run-1", &succeeded);
}

static void human(struct flow *flow)
{
    begin_stateful(flow);
    flow_finish(flow, "run-1", &stopped);
}

static void error(struct flow *flow)
{
    begin_stateful(flow);
    flow_finish(flow, "run-1", &failed);
}

static void timeout(struct flow *flow)
{
    begin_stateful(flow);
    flow_finish(flow, "run-1", &timed_out);
}

static void stateless_success(struct flow *flow)
{
    begin(flow, NULL, "");
    flow_finish(flow, "run-1", &succeeded);
}

static void stateless_error(struct flow *flow)
{
    begin(flow, NULL, "");
    flow_finish(flow, "run-1", &failed);
}

static void stateless_kept(struct flow *flow)
{
    begin(flow, NULL, ",'on_completion':'keep'");
    flow_finish(flow, "run-1", &succeeded);
}

static void make_pending(struct flow *flow)
{
    flow_make(flow, "run-1", "thread-1", BODY ",'if_not_exists':'create'}");
    pass_second(flow);
}

static void cancel_pending(struct flow *flow)
{
    make_pending(flow);
    flow_cancel(flow, "run-1", "interrupt");
}

static void roll_back_pending(struct flow *flow)
{
    make_pending(flow);
    flow_cancel(flow, "run-1", "rollback");
}

static void cancel_running(struct flow *flow)
{
    begin_stateful(flow);
    flow_cancel(flow, "run-1", "interrupt");
    ASSERT_STR(buf_str(&flow->notes), "run_cancel run-1;");
    ASSERT_STR(flow_run_status(flow, "run-1"), "running");
    assert_int_equal(flow_deliveries(flow, "run-1"), 0);
    flow_finish(flow, "run-1", &cancelled);
}

/* A run before it left a head and a checkpoint: these stay, what the second did goes. */
static void roll_back_running(struct flow *flow)
{
    flow_make(flow, "run-0", "thread-1", "{'assistant_id':'agent','if_not_exists':'create'}");
    ASSERT_STR(flow_claim(flow, 10), "run-0");
    flow_checkpoint(flow, "thread-1", "1f-0", "run-0");
    flow_finish(flow, "run-0", &succeeded);
    begin_stateful(flow);
    flow_checkpoint(flow, "thread-1", "1f-1", "run-1");
    flow_cancel(flow, "run-1", "rollback");
    flow_finish(flow, "run-1", &cancelled);
    ASSERT_STR(flow_checkpoints(flow, "thread-1"), "1f-0");
}

static void crash(struct flow *flow)
{
    begin_stateful(flow);
    for (int64_t attempt = 1; attempt < 3; attempt++) {
        assert_false(flow_lose(flow, "run-1", attempt));
        ASSERT_STR(buf_str(&flow->notes), "run_pending thread-1;");
        ASSERT_STR(flow_run_status(flow, "run-1"), "pending");
        assert_int_equal(flow_deliveries(flow, "run-1"), 0);
        ASSERT_STR(flow_claim(flow, 10), "run-1");
    }
    assert_true(flow_lose(flow, "run-1", 3));
}

static void lost_while_cancelled(struct flow *flow)
{
    begin_stateful(flow);
    flow_cancel(flow, "run-1", "interrupt");
    assert_true(flow_lose(flow, "run-1", 1));
}

static enum err delete_apply(struct tx *tx, void *context)
{
    struct flow *flow = context;
    struct run run;
    enum err err = run_get(tx, FLOW_TENANT, STR_NONE, STR("run-1"), tx->arena, &run);

    return err ? err : run_end_by_delete(tx, &flow->config, &run);
}

static void ended_by_delete(struct flow *flow)
{
    begin_stateful(flow);
    assert_int_equal(flow_apply(flow, delete_apply, flow), OK);
    assert_true(str_contains(buf_str(&flow->notes), STR("run_cancel run-1;")));
}

static void superseded(struct flow *flow)
{
    make_pending(flow);
    flow_make(flow, "run-2", "thread-1",
              "{'assistant_id':'agent','multitask_strategy':'interrupt'}");
}

struct path {
    const char *name; /* of its golden file */
    void (*go)(struct flow *flow);
    const char *run_status, *thread_id, *thread_status;
};

static const struct path paths[] = {
    {"success", success, "success", "thread-1", "idle"},
    {"human", human, "success", "thread-1", "interrupted"},
    {"error", error, "error", "thread-1", "error"},
    {"timeout", timeout, "timeout", "thread-1", "error"},
    {"stateless_success", stateless_success, "success", "thread-of-run-1", "gone"},
    {"stateless_error", stateless_error, "error", "thread-of-run-1", "gone"},
    {"stateless_kept", stateless_kept, "success", "thread-of-run-1", "idle"},
    {"cancel_pending", cancel_pending, "interrupted", "thread-1", "idle"},
    {"roll_back_pending", roll_back_pending, "gone", "thread-1", "idle"},
    {"cancel_running", cancel_running, "interrupted", "thread-1", "interrupted"},
    {"roll_back_running", roll_back_running, "gone", "thread-1", "idle"},
    {"crash", crash, "error", "thread-1", "error"},
    {"lost_while_cancelled", lost_while_cancelled, "interrupted", "thread-1", "idle"},
    {"ended_by_delete", ended_by_delete, "interrupted", "thread-1", "idle"},
    {"superseded", superseded, "interrupted", "thread-1", "busy"},
};

static void expect_path(struct flow *flow, const struct path *path)
{
    print_message("    %s\n", path->name);
    path->go(flow);
    assert_true(str_contains(buf_str(&flow->notes), STR("run_done run-1;")));
    assert_true(
        str_contains(buf_str(&flow->notes), STR("delivery_due https://receiver.example:443 t;")));
    ASSERT_STR(flow_run_status(flow, "run-1"), path->run_status);
    ASSERT_STR(flow_thread_status(flow, path->thread_id), path->thread_status);
    ASSERT_GOLDEN(flow_payload(flow, "run-1"), GOLDEN, path->name);
    /* Whoever still reports an end changes nothing. */
    for (int64_t attempt = 0; attempt <= 4; attempt++) {
        assert_false(flow_finish_attempt(flow, "run-1", attempt, &failed));
        assert_false(flow_lose(flow, "run-1", attempt));
    }
    assert_int_equal(flow_deliveries(flow, "run-1"), 1);
    ASSERT_STR(flow_run_status(flow, "run-1"), path->run_status);
    ASSERT_STR(flow_thread_status(flow, path->thread_id), path->thread_status);
}

static void every_path_has_one_delivery(void **state)
{
    struct flow *flow = *state;
    const char *postgres_url = flow->rig.postgres_url;

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        expect_path(flow, &paths[i]);
        flow_close(flow);
        flow_open(flow, postgres_url);
    }
}

/* ---- the rest of what an end does ---- */

static void no_webhook_no_delivery(void **state)
{
    struct flow *flow = *state;

    flow_make(flow, "run-1", NULL, "{'assistant_id':'agent'}");
    ASSERT_STR(flow_claim(flow, 1), "run-1");
    flow_finish(flow, "run-1", &succeeded);
    ASSERT_STR(buf_str(&flow->notes), "run_done run-1;");
    assert_int_equal(flow_deliveries(flow, "run-1"), 0);
}

static void webhooks_may_be_switched_off(void **state)
{
    struct flow *flow = *state;

    flow->config.webhooks_disabled = true;
    begin_stateful(flow);
    flow_finish(flow, "run-1", &succeeded);
    assert_int_equal(flow_deliveries(flow, "run-1"), 0);
    ASSERT_STR(flow_run_status(flow, "run-1"), "success");
}

static void another_attempts_end_counts_for_nothing(void **state)
{
    struct flow *flow = *state;

    begin_stateful(flow);
    assert_false(flow_lose(flow, "run-1", 1));
    ASSERT_STR(flow_claim(flow, 1), "run-1");
    assert_false(flow_finish_attempt(flow, "run-1", 1, &succeeded));
    assert_false(flow_lose(flow, "run-1", 1));
    assert_false(flow_finish_attempt(flow, "run-1", 3, &succeeded));
    ASSERT_STR(flow_run_status(flow, "run-1"), "running");
    assert_true(flow_finish_attempt(flow, "run-1", 2, &succeeded));
}

/* However often the server is stopped in order, the run has its attempts for what goes wrong. */
static void an_orderly_shutdown_costs_no_attempt(void **state)
{
    struct flow *flow = *state;

    begin_stateful(flow);
    for (int i = 0; i < 5; i++) {
        assert_false(flow_lose_by(flow, "run-1", 1, "WorkerShutdown"));
        ASSERT_STR(flow_run_status(flow, "run-1"), "pending");
        ASSERT_STR(flow_claim(flow, 1), "run-1");
    }
    assert_int_equal(flow_deliveries(flow, "run-1"), 0);
    flow_cancel(flow, "run-1", "interrupt");
    assert_true(flow_lose_by(flow, "run-1", 1, "WorkerShutdown")); /* its end was asked for */
    ASSERT_STR(flow_run_status(flow, "run-1"), "interrupted");
}

static void a_failure_is_the_threads_until_a_success(void **state)
{
    struct flow *flow = *state;
    struct thread thread;

    begin_stateful(flow);
    flow_finish(flow, "run-1", &failed);
    assert_int_equal(flow_thread(flow, "thread-1", &thread), OK);
    ASSERT_STR(flow_member(thread.error, "message"), "\"Boo!\"");
    ASSERT_STR(flow_member(thread.head_values, "messages"), "[\"Hello!\"]");
    flow_make(flow, "run-2", "thread-1", "{'assistant_id':'agent'}");
    ASSERT_STR(flow_claim(flow, 1), "run-2");
    flow_finish(flow, "run-2", &succeeded);
    assert_int_equal(flow_thread(flow, "thread-1", &thread), OK);
    ASSERT_STR(thread.status, "idle");
    ASSERT_STR(thread.error, NULL);
    ASSERT_STR(thread.interrupts, "{}");
    ASSERT_STR(flow_member(thread.head_state, "next"), "[]");
    assert_int_equal(thread.state_updated_us, flow->rig.now_us);
}

/* What a cancelled run did is no failure of its thread, and with a rollback it did nothing. */
static void a_cancel_is_no_failure(void **state)
{
    struct flow *flow = *state;
    struct thread thread;

    roll_back_running(flow);
    assert_int_equal(flow_thread(flow, "thread-1", &thread), OK);
    ASSERT_STR(thread.error, NULL);
    ASSERT_STR(thread.head_state, STATE_END);
    flow_close(flow);
    flow_open(flow, flow->rig.postgres_url);
    cancel_running(flow);
    assert_int_equal(flow_thread(flow, "thread-1", &thread), OK);
    ASSERT_STR(thread.error, NULL);
    ASSERT_STR(thread.head_state, STATE_STOP);
}

static void a_run_that_ends_well_is_still_rolled_back(void **state)
{
    struct flow *flow = *state;

    begin_stateful(flow);
    flow_cancel(flow, "run-1", "rollback");
    flow_finish(flow, "run-1", &succeeded); /* it was faster than the cancel */
    ASSERT_STR(flow_run_status(flow, "run-1"), "gone");
    ASSERT_STR(flow_member(flow_payload(flow, "run-1"), "status"), "\"interrupted\"");
}

static void a_thread_stays_busy_while_runs_wait(void **state)
{
    struct flow *flow = *state;

    begin_stateful(flow);
    flow_make(flow, "run-2", "thread-1", "{'assistant_id':'agent'}");
    flow_finish(flow, "run-1", &stopped);
    assert_true(str_contains(buf_str(&flow->notes), STR("run_pending thread-1;")));
    ASSERT_STR(flow_thread_status(flow, "thread-1"), "busy");
    ASSERT_STR(flow_member(flow_payload(flow, "run-1"), "thread_status"), "\"busy\"");
}

static void the_built_in_checkpoint_is_stored_with_the_end(void **state)
{
    struct flow *flow = *state;
    const struct checkpoint checkpoint = {.tenant = FLOW_TENANT,
                                          .thread_id = STR("thread-1"),
                                          .ns = STR(""),
                                          .checkpoint_id = STR("1f-9"),
                                          .run_id = STR("run-1"),
                                          .serde = STR("builtin"),
                                          .body = STR("{}"),
                                          .metadata = STR("{}")};
    struct run_outcome outcome = succeeded;

    outcome.checkpoint = &checkpoint;
    begin_stateful(flow);
    flow_finish(flow, "run-1", &outcome);
    ASSERT_STR(flow_checkpoints(flow, "thread-1"), "1f-9");
}

/* ---- what wait and join answer ---- */

static void waiting_gives_values_or_the_error(void **state)
{
    struct flow *flow = *state;

    success(flow);
    ASSERT_STR(flow_result(flow, "run-1"), "{\"messages\":[\"Hello!\",\"Hi\"]}");
    flow_make(flow, "run-2", NULL, "{'assistant_id':'agent'}");
    ASSERT_STR(flow_claim(flow, 1), "run-2");
    flow_finish(flow, "run-2", &succeeded); /* its thread is gone: its own result was kept */
    ASSERT_STR(flow_result(flow, "run-2"), "{\"v\":1}");
    flow_make(flow, "run-3", NULL, "{'assistant_id':'agent'}");
    ASSERT_STR(flow_claim(flow, 1), "run-3");
    flow_finish(flow, "run-3", &failed);
    ASSERT_STR(flow_result(flow, "run-3"),
               "{\"__error__\":{\"error\":\"TimeoutError\",\"message\":\"Boo!\"}}");
    flow_make(flow, "run-4", "thread-4", "{'assistant_id':'agent','if_not_exists':'create'}");
    flow_cancel(flow, "run-4", "interrupt");
    ASSERT_STR(flow_result(flow, "run-4"), "null");
}

/* For whoever comes behind the end: another node, a client whose connection broke. */
static void a_question_is_told_while_it_waits(void **state)
{
    struct flow *flow = *state;

    human(flow);
    ASSERT_STR(flow_result(flow, "run-1"),
               "{\"messages\":[\"Hello!\"],\"__interrupt__\":[{\"id\":\"i\",\"value\":\"?\"}]}");
    flow_make(flow, "run-2", "thread-1", "{'assistant_id':'agent'}");
    ASSERT_STR(flow_claim(flow, 1), "run-2");
    flow_finish(flow, "run-2", &succeeded);
    ASSERT_STR(flow_result(flow, "run-1"), "{\"messages\":[\"Hello!\",\"Hi\"]}");
}

static const struct CMUnitTest tests[] = {
    TEST("every path to an end has exactly one delivery, with the documented payload",
         every_path_has_one_delivery),
    TEST("without a webhook there is no delivery", no_webhook_no_delivery),
    TEST("webhooks may be switched off", webhooks_may_be_switched_off),
    TEST("another attempt's end counts for nothing", another_attempts_end_counts_for_nothing),
    TEST("an orderly shutdown costs no attempt", an_orderly_shutdown_costs_no_attempt),
    TEST("a failure is the thread's until a success", a_failure_is_the_threads_until_a_success),
    TEST("a cancel is no failure of the thread", a_cancel_is_no_failure),
    TEST("a run that ends well before its rollback is still rolled back",
         a_run_that_ends_well_is_still_rolled_back),
    TEST("a thread stays busy while runs wait", a_thread_stays_busy_while_runs_wait),
    TEST("the built-in agent's checkpoint is stored with the end",
         the_built_in_checkpoint_is_stored_with_the_end),
    TEST("waiting gives the values, or the error", waiting_gives_values_or_the_error),
    TEST("a question is told while it waits", a_question_is_told_while_it_waits),
};

int main(void)
{
    return FLOW_RUN_TESTS(tests);
}
