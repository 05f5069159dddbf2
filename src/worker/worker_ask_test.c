/* worker_ask_test.c -- questions to a worker process: each is answered once, unless it is
 * cancelled.
 */
#include "worker/worker_rig.h"

/* ---- questions ---- */

static void ask_thrice(struct rig *rig)
{
    rig_ask(rig, "one", GUARD_MS);
    rig_ask(rig, "two", GUARD_MS);
    rig_ask(rig, "three", GUARD_MS);
}

static void answers_find_their_questions(void **state)
{
    struct rig *rig = *state;

    rig->on_ready = ask_thrice;
    /* The ids are 1, 2, 3: the answers come the other way round, the second twice. */
    ASSERT_STR(rig_run(rig,
                       "hello ready wait=three reply send={\"t\":\"reply\",\"re\":2,\"ok\":true} "
                       "send={\"t\":\"reply\",\"re\":2,\"ok\":true} "
                       "send={\"t\":\"reply\",\"re\":1,\"ok\":false,\"error\":{\"code\":"
                       "\"conflict\"}} exit=0"),
               "ready;ok three;ok;conflict;gone: it exited by itself;");
}

static void ask_once(struct rig *rig)
{
    rig_ask(rig, "one", GUARD_MS);
}

static void refusals_have_an_err(void **state)
{
    static const struct {
        const char *code, *heard;
    } cases[] = {
        {"invalid", "invalid one"}, {"not_found", "not_found one"}, {"conflict", "conflict one"},
        {"too_large", "limit one"}, {"failed", "io one"},           {"unavailable", "again one"},
        {"no_such_code", "io one"},
    };
    struct rig *rig = *state;

    rig->on_ready = ask_once;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char steps[64], heard[96];

        snprintf(steps, sizeof(steps), "hello ready wait=one fail=%s exit=0", cases[i].code);
        snprintf(heard, sizeof(heard), "ready;%s;gone: it exited by itself;", cases[i].heard);
        ASSERT_STR(rig_run(rig, steps), heard);
    }
}

static void kill_it(struct rig *rig)
{
    worker_kill(rig->worker, "enough");
    worker_kill(rig->worker, "more than enough");
}

static void ask_briefly(struct rig *rig)
{
    rig_ask(rig, "one", 20);
    rig_ask(rig, "two", GUARD_MS);
    rig_later(rig, 60, kill_it);
}

static void questions_do_not_wait_for_ever(void **state)
{
    struct rig *rig = *state;

    rig->on_ready = ask_briefly;
    ASSERT_STR(rig_run(rig, "hello ready"), "ready;again -;again -;gone: enough;");
}

static void ask_and_cancel(struct rig *rig)
{
    worker_ask_cancel(rig_ask(rig, "one", 10));
    rig_ask(rig, "two", GUARD_MS);
}

static void a_cancelled_question_stays_unanswered(void **state)
{
    struct rig *rig = *state;

    rig->on_ready = ask_and_cancel;
    ASSERT_STR(rig_run(rig, "hello ready wait=one reply wait=two reply exit=0"),
               "ready;ok two;gone: it exited by itself;");
}

static void say_and_kill(struct rig *rig)
{
    rig_hear(rig, "later", STR_NONE);
    kill_it(rig);
}

static void ask_too_much(struct rig *rig)
{
    static char much[9 * MIB];
    struct frame_writer frame;

    frame_writer_begin(&frame, "one");
    memset(much, 'x', sizeof(much));
    json_put_str(&frame.json, "text", str_range(much, sizeof(much)));
    worker_ask(rig->worker, &frame, GUARD_MS, rig_on_answer, rig);
    ASSERT_STR(buf_str(&rig->heard), "ready;"); /* never from inside the call */
    frame_writer_begin(&frame, "two");
    json_put_str(&frame.json, "text", str_range(much, sizeof(much)));
    assert_int_equal(worker_send(rig->worker, &frame), ERR_LIMIT);
    rig_later(rig, 30, say_and_kill);
}

static void what_is_too_large_is_not_sent(void **state)
{
    struct rig *rig = *state;

    rig->on_ready = ask_too_much;
    ASSERT_STR(rig_run(rig, "hello ready wait=one exit=0"), "ready;again -;later;gone: enough;");
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), rig_setup, rig_teardown, NULL                                      \
    }

static const struct CMUnitTest tests[] = {
    CASE("answers find their questions", answers_find_their_questions),
    CASE("a refusal has an err", refusals_have_an_err),
    CASE("questions do not wait for ever", questions_do_not_wait_for_ever),
    CASE("a cancelled question stays unanswered", a_cancelled_question_stays_unanswered),
    CASE("what is too large is not sent", what_is_too_large_is_not_sent),
};

int main(void)
{
    return RUN_TESTS(tests);
}
