/* outcome_test.c -- what the upstream says of runs, and the webhooks that are made of it. */
#include "base/golden.h"
#include "base/test_arena.h"
#include "gateway/outcome.h"

#define RUN(STATUS)                                                                                \
    "{\"run_id\":\"r\",\"thread_id\":\"t\",\"assistant_id\":\"a\",\"status\":\"" STATUS "\","      \
    "\"created_at\":\"2026-11-21T05:12:37.533121+00:00\","                                         \
    "\"updated_at\":\"2026-11-21T05:12:38Z\",\"metadata\":{\"k\":1,\"runbell_intent\":\"i\"},"     \
    "\"kwargs\":{\"input\":{\"n\":1.0}},\"multitask_strategy\":\"enqueue\"}"
#define HEAD(STATUS)                                                                               \
    "{\"run_id\":\"r\",\"thread_id\":\"t\",\"assistant_id\":\"a\",\"status\":\"" STATUS "\","      \
    "\"created_at\":\"2026-11-21T05:12:37.533121+00:00\","                                         \
    "\"updated_at\":\"2026-11-21T05:12:38.000000+00:00\","                                         \
    "\"run_started_at\":\"2026-11-21T05:12:37.533121+00:00\","                                     \
    "\"run_ended_at\":\"2026-11-21T05:12:38.000000+00:00\","                                       \
    "\"webhook_sent_at\":\"2026-11-21T05:12:39.000000+00:00\",\"metadata\":{\"k\":1},"             \
    "\"kwargs\":{\"input\":{\"n\":1.0}},"
#define SENT_US INT64_C(1795237959000000)

static struct str body_of(const struct outcome *outcome, bool drops_thread)
{
    const struct intent intent = {.tenant = STR("t"),
                                  .run_id = STR("r"),
                                  .thread_id = STR("t"),
                                  .assistant_id = STR("agent"),
                                  .drops_thread = drops_thread,
                                  .created_us = SENT_US};
    struct str text;
    struct buf out;

    buf_init(&out, MIB);
    outcome_write(&out, &arena, &intent, outcome, SENT_US);
    text = arena_str(&arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void success(void **state)
{
    const struct outcome outcome = {
        .run = STR(RUN("success")),
        .thread = STR("{\"status\":\"idle\",\"values\":{\"x\":[ 1.50 ]},\"interrupts\":{}}")};

    (void)state;
    ASSERT_STR(body_of(&outcome, false),
               HEAD("success") "\"values\":{\"x\":[ 1.50 ]},\"multitask_strategy\":\"enqueue\","
                               "\"error\":null,\"attempt\":1,\"thread_status\":\"idle\"}");
    ASSERT_STR(body_of(&outcome, true),
               HEAD("success") "\"multitask_strategy\":\"enqueue\",\"error\":null,\"attempt\":1}");
}

static void waits_for_a_person(void **state)
{
    const struct outcome outcome = {
        .run = STR(RUN("success")),
        .thread = STR("{\"status\":\"interrupted\",\"values\":{},\"interrupts\":{\"q\":[{}]}}"),
        .state = STR("{\"next\":[\"ask\"]}")};

    (void)state;
    ASSERT_STR(body_of(&outcome, false),
               HEAD("success") "\"values\":{},\"multitask_strategy\":\"enqueue\",\"error\":null,"
                               "\"attempt\":1,\"thread_status\":\"interrupted\","
                               "\"next\":[\"ask\"],\"interrupts\":{\"q\":[{}]}}");
}

static void failures_say_why(void **state)
{
    struct outcome outcome = {
        .run = STR(RUN("error")),
        .thread = STR("{\"status\":\"error\",\"error\":{\"error\":\"E\",\"message\":\"m\"}}")};

    (void)state;
    assert_true(str_contains(body_of(&outcome, true),
                             STR("\"error\":{\"error\":\"E\",\"message\":\"m\"}")));
    outcome.thread = STR("{\"error\":\"text\"}");
    assert_true(str_contains(body_of(&outcome, true),
                             STR("\"error\":{\"error\":\"RunError\",\"message\":\"text\"}")));
    outcome.run = STR_NONE;
    assert_true(str_contains(body_of(&outcome, true), STR("\"status\":\"interrupted\"")));
    assert_true(str_contains(body_of(&outcome, true), STR("\"error\":\"RunVanished\"")));
    outcome.is_given_up = true;
    assert_true(str_contains(body_of(&outcome, true), STR("\"error\":\"UpstreamUnreachable\"")));
    assert_true(str_contains(body_of(&outcome, true), STR("\"status\":\"error\"")));
}

static void runs_are_found_by_their_mark(void **state)
{
    struct str list =
        STR("[{\"run_id\":\"a\"}, 7,{\"run_id\":\"b\",\"metadata\":{\"runbell_intent\":\"i\"}}]");
    bool ended;

    (void)state;
    ASSERT_STR(outcome_text(&arena, outcome_find(&arena, list, STR("i")), "run_id"), "b");
    ASSERT_STR(outcome_find(&arena, list, STR("j")), NULL);
    ASSERT_STR(outcome_find(&arena, STR("{}"), STR("i")), NULL);
    ASSERT_STR(outcome_find(&arena, STR("[nonsense"), STR("i")), NULL);
    assert_int_equal(outcome_has_ended(&arena, STR("{\"status\":\"pending\"}"), &ended), OK);
    assert_false(ended);
    assert_int_equal(outcome_has_ended(&arena, STR("{\"status\":\"timeout\"}"), &ended), OK);
    assert_true(ended);
    assert_int_equal(outcome_has_ended(&arena, STR("<html>"), &ended), ERR_INVALID);
    assert_false(outcome_id_is_plain(STR("../x")));
    assert_false(outcome_id_is_plain(STR("")));
    assert_true(outcome_id_is_plain(STR("019aa501-0000-7000-8000-000000000001")));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(success),
    cmocka_unit_test(waits_for_a_person),
    cmocka_unit_test(failures_say_why),
    cmocka_unit_test(runs_are_found_by_their_mark),
};

int main(void)
{
    return cmocka_run_group_tests(tests, test_arena_open, test_arena_close);
}
