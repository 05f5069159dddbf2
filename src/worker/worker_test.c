/* worker_test.c -- one worker process, from its greeting to its end. */
#include "worker/worker_rig.h"

/* ---- the greeting, and ends that the child chooses ---- */

static void a_worker_greets_loads_and_speaks(void **state)
{
    struct rig *rig = *state;

    rig->init = STR("\"project_dir\":\"/p\",\"graphs\":{}");
    ASSERT_STR(
        rig_run(rig,
                "hello wait=init "
                "send={\"t\":\"load_error\",\"graph_id\":\"g\",\"error\":{\"message\":\"g.py:3\"}} "
                "ready tell send={\"t\":\"run.event\"} exit=0"),
        "load_error graph \"g\";because g.py:3;ready;frame told;"
        "blob {\"t\":\"init\",\"project_dir\":\"/p\",\"graphs\":{}};frame run.event;"
        "gone: it exited by itself;");
}

static void an_init_may_be_empty(void **state)
{
    struct rig *rig = *state;

    ASSERT_STR(rig_run(rig, "hello wait=init ready tell exit=0"),
               "ready;frame told;blob {\"t\":\"init\"};gone: it exited by itself;");
}

struct ending {
    const char *steps, *heard;
};

static const struct ending endings[] = {
    {"exit=1", "gone: it exited by itself;"},
    {"hello exit=1", "gone: it exited by itself;"},
    {"hello ready abort", "ready;gone: it was killed by a signal;"},
    {"hello ready close sleep", "ready;gone: it was killed by a signal;"},
    {"send={\"t\":\"hello\",\"proto\":2}", "gone: it speaks another version of the protocol;"},
    {"send={\"t\":\"hello\"}", "gone: it speaks another version of the protocol;"},
    {"ready", "gone: it sent something before it was ready;"},
    {"hello hello", "gone: it sent something before it was ready;"},
    {"send={\"t\":\"load_error\"}", "gone: it sent something before it was ready;"},
    {"hello send={\"t\":\"ckpt.get\",\"id\":1} ready",
     "gone: it sent something before it was ready;"},
    {"hello ready ready", "ready;gone: it greeted twice;"},
    {"hello ready send={\"t\":\"load_error\"}", "ready;gone: it greeted twice;"},
    {"bytes=nonsense", "gone: it broke the protocol;"},
    {"hello ready send={\"t\":\"a\"} bytes=nonsense send={\"t\":\"b\"} sleep",
     "ready;frame a;gone: it broke the protocol;"},
    {"hello ready send={\"a\":1} send={\"t\":\"b\"}", "ready;gone: it broke the protocol;"},
    {"hello ready twice={\"t\":\"kill_me\"}", "ready;frame kill_me;gone: it asked for it;"},
    {"hello ready send={\"t\":\"reply\",\"re\":77,\"ok\":true} send={\"t\":\"a\"} exit=0",
     "ready;frame a;gone: it exited by itself;"},
};

static void every_end_has_its_words(void **state)
{
    struct rig *rig = *state;

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        struct str heard = rig_run(rig, endings[i].steps);

        if (!str_eq(heard, str_of(endings[i].heard)))
            fail_msg("%s: %.*s", endings[i].steps, STR_ARG(heard));
    }
}

static void last_words_are_heard(void **state)
{
    struct rig *rig = *state;

    for (int i = 0; i < 20; i++)
        ASSERT_STR(
            rig_run(rig,
                    "hello ready send={\"t\":\"1\"} send={\"t\":\"2\"} send={\"t\":\"3\"} exit=0"),
            "ready;frame 1;frame 2;frame 3;gone: it exited by itself;");
}

static void a_program_that_is_not_there(void **state)
{
    struct rig *rig = *state;
    const char *why = NULL;

    assert_int_equal(rig_start(rig, "/nowhere/worker", "", &why), ERR_NOT_FOUND);
    assert_non_null(why);
    ASSERT_STR(buf_str(&rig->heard), "");
}

static void what_it_prints_is_logged(void **state)
{
    struct rig *rig = *state;

    rig_run(rig, "line=import_failed exit=1");
    assert_true(str_contains(buf_str(&rig->lines), STR("at=worker")));
    assert_true(str_contains(buf_str(&rig->lines), STR(": import_failed")));
}

static void loading_has_a_deadline(void **state)
{
    struct rig *rig = *state;

    rig->load_timeout_ms = 50;
    ASSERT_STR(rig_run(rig, "hello"), "gone: it did not finish loading in time;");
}

/* ---- watching, stopping ---- */

static void who_answers_pings_lives(void **state)
{
    struct rig *rig = *state;

    rig->ping_interval_ms = 10;
    rig->on_ready = NULL;
    ASSERT_STR(
        rig_run(rig, "hello ready wait=ping reply wait=ping reply wait=ping reply wait=ping reply "
                     "wait=ping reply send={\"t\":\"alive\"} exit=0"),
        "ready;frame alive;gone: it exited by itself;");
}

static void who_misses_pings_is_killed(void **state)
{
    struct rig *rig = *state;

    rig->ping_interval_ms = 150;
    ASSERT_STR(rig_run(rig, "hello ready wait=ping wait=ping wait=ping send={\"t\":\"third\"} "
                            "wait=ping send={\"t\":\"fourth\"}"),
               "ready;frame third;gone: it did not answer pings;");
}

static void stop_gently(struct rig *rig)
{
    worker_stop(rig->worker, GUARD_MS);
}

static void stop_soon(struct rig *rig)
{
    worker_stop(rig->worker, 30);
}

static void who_is_asked_to_end_ends(void **state)
{
    struct rig *rig = *state;

    rig->on_ready = stop_gently;
    ASSERT_STR(rig_run(rig, "hello ready serve"), "ready;gone: it was stopped;");
}

static void who_ends_slowly_has_its_grace(void **state)
{
    struct rig *rig = *state;

    rig->ping_interval_ms = 10; /* pings no longer count: the grace does */
    rig->on_ready = stop_gently;
    ASSERT_STR(rig_run(rig, "hello ready wait=shutdown rest=100 exit=0"),
               "ready;gone: it was stopped;");
}

static void who_does_not_end_is_killed(void **state)
{
    struct rig *rig = *state;

    rig->on_ready = stop_soon;
    ASSERT_STR(rig_run(rig, "hello ready sleep"), "ready;gone: it did not stop in time;");
}

static void who_still_loads_is_killed_at_once(void **state)
{
    struct rig *rig = *state;

    rig_later(rig, 20, stop_gently);
    ASSERT_STR(rig_run(rig, "hello"), "gone: it was stopped while loading;");
}

static void forget_it(struct rig *rig)
{
    rig_ask(rig, "one", GUARD_MS);
    worker_free(rig->worker);
    rig->worker = NULL;
    loop_stop(rig->loop);
}

static void who_is_forgotten_is_silent(void **state)
{
    struct rig *rig = *state;

    rig_later(rig, 50, forget_it);
    ASSERT_STR(rig_run(rig, "hello ready"), "ready;");
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), rig_setup, rig_teardown, NULL                                      \
    }

static const struct CMUnitTest tests[] = {
    CASE("a worker greets, loads and speaks", a_worker_greets_loads_and_speaks),
    CASE("an init may be empty", an_init_may_be_empty),
    CASE("every end has its words", every_end_has_its_words),
    CASE("last words are heard before the end", last_words_are_heard),
    CASE("a program that is not there is an error at once", a_program_that_is_not_there),
    CASE("what a worker prints is logged", what_it_prints_is_logged),
    CASE("loading has a deadline", loading_has_a_deadline),
    CASE("who answers pings lives", who_answers_pings_lives),
    CASE("who misses pings is killed", who_misses_pings_is_killed),
    CASE("who is asked to end ends", who_is_asked_to_end_ends),
    CASE("who ends slowly has its grace", who_ends_slowly_has_its_grace),
    CASE("who does not end is killed", who_does_not_end_is_killed),
    CASE("who still loads is killed at once", who_still_loads_is_killed_at_once),
    CASE("who is forgotten is silent", who_is_forgotten_is_silent),
};

int main(void)
{
    return RUN_TESTS(tests);
}
