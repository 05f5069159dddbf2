/* run_create_test.c -- what one "create a run" writes: the merged configuration, the thread, the
 * multitask strategy; and that a refusal writes nothing. */
#include "agent/flow_rig.h"

#define AGENT_ID "fe096781-5601-53d2-b2f6-0d3403f7e9ca"

static const struct run_outcome succeeded = {.status = {"success", 7}};

/* A member of the run's kwargs; "(none)" if absent. */
static struct str kwarg(struct flow *flow, const char *run_id, const char *path)
{
    struct run run;

    assert_int_equal(flow_run(flow, run_id, &run), OK);
    return flow_member(run.kwargs, path);
}

/* ---- assistants and threads ---- */

static void a_graphs_own_assistant_is_made_once(void **state)
{
    struct flow *flow = *state;
    struct run by_name, by_id;

    flow_make(flow, "run-1", NULL, "{'assistant_id':'agent'}");
    flow_make(flow, "run-2", NULL, "{'assistant_id':'" AGENT_ID "'}");
    assert_int_equal(flow_run(flow, "run-1", &by_name), OK);
    assert_int_equal(flow_run(flow, "run-2", &by_id), OK);
    ASSERT_STR(by_name.assistant_id, AGENT_ID);
    ASSERT_STR(by_id.assistant_id, AGENT_ID);
    ASSERT_STR(by_id.graph_id, "agent");
}

static void an_unknown_assistant_is_named(void **state)
{
    struct flow *flow = *state;

    assert_int_equal(flow_create(flow, "run-1", NULL, "{'assistant_id':'nobody'}"), ERR_NOT_FOUND);
    assert_string_equal(flow->error.text,
                        "No assistant found for \"nobody\". Make sure the assistant ID is for a "
                        "valid assistant or a valid graph ID.");
    ASSERT_STR(flow_run_status(flow, "run-1"), "gone");
    ASSERT_STR(flow_thread_status(flow, "thread-of-run-1"), "gone");
    ASSERT_STR(buf_str(&flow->notes), "");
}

static void a_missing_thread_is_made_only_when_asked(void **state)
{
    struct flow *flow = *state;
    struct thread thread;

    assert_int_equal(flow_create(flow, "run-1", "thread-1", "{'assistant_id':'agent'}"),
                     ERR_NOT_FOUND);
    assert_string_equal(flow->error.text, "Thread with ID thread-1 not found");
    flow_make(flow, "run-2", "thread-1",
              "{'assistant_id':'agent','if_not_exists':'create','metadata':{'a':1}}");
    assert_int_equal(flow_thread(flow, "thread-1", &thread), OK);
    ASSERT_STR(thread.status, "busy");
    ASSERT_STR(thread.graph_id, "agent");
    ASSERT_STR(thread.metadata,
               "{\"a\":1,\"graph_id\":\"agent\",\"assistant_id\":\"" AGENT_ID "\"}");
    assert_false(thread.temporary);
    ASSERT_STR(buf_str(&flow->notes), "run_pending thread-1;");
}

static void a_later_run_does_not_change_the_threads_metadata(void **state)
{
    struct flow *flow = *state;
    struct thread thread;

    flow_make(flow, "run-1", "thread-1", "{'assistant_id':'agent','if_not_exists':'create'}");
    flow_make(flow, "run-2", "thread-1", "{'assistant_id':'agent','metadata':{'mine':1}}");
    assert_int_equal(flow_thread(flow, "thread-1", &thread), OK);
    ASSERT_STR(flow_member(thread.metadata, "mine"), NULL);
}

static void a_stateless_run_has_a_thread_of_its_own(void **state)
{
    struct flow *flow = *state;
    struct thread thread;
    struct run run;

    flow_make(flow, "run-1", NULL, "{'assistant_id':'agent'}");
    assert_int_equal(flow_run(flow, "run-1", &run), OK);
    assert_true(run.temporary);
    ASSERT_STR(run.thread_id, "thread-of-run-1");
    assert_int_equal(flow_thread(flow, "thread-of-run-1", &thread), OK);
    assert_true(thread.temporary);
    flow_make(flow, "run-2", NULL, "{'assistant_id':'agent','on_completion':'keep'}");
    assert_int_equal(flow_run(flow, "run-2", &run), OK);
    assert_false(run.temporary);
}

/* ---- configuration ---- */

static enum err assistant_apply(struct tx *tx, void *context)
{
    struct assistant *assistant = context;

    assistant->created_us = assistant->updated_us = tx->now_us;
    return assistant_insert(tx, assistant);
}

static void make_assistant(struct flow *flow)
{
    struct assistant assistant = {
        .tenant = FLOW_TENANT,
        .assistant_id = STR("mine"),
        .graph_id = STR("agent"),
        .name = STR("mine"),
        .config = flow_json(flow, "{'tags':['assistant'],'recursion_limit':7,'configurable':{"
                                  "'who':'assistant','a':'assistant','run_id':'forged'}}"),
        .context = flow_json(flow, "{'who':'assistant','a':'assistant'}"),
        .metadata = flow_json(flow, "{'who':'assistant','a':'assistant'}"),
        .version = 1,
    };

    assert_int_equal(flow_apply(flow, assistant_apply, &assistant), OK);
}

/* The rig sends the headers {"header":"h","who":"header"} along. */
static void later_words_win(void **state)
{
    struct flow *flow = *state;

    make_assistant(flow);
    flow_make(flow, "run-1", "thread-1",
              "{'assistant_id':'mine','if_not_exists':'create','metadata':{'t':'thread'},"
              "'config':{'configurable':{'who':'first','t':'thread','thread_id':'forged'}}}");
    flow_make(flow, "run-2", "thread-1",
              "{'assistant_id':'mine','metadata':{'who':'run'},'context':{'who':'run'},"
              "'config':{'tags':['run'],'configurable':{'r':'run'}},"
              "'checkpoint':{'checkpoint_ns':'n','checkpoint_id':'c'}}");
    ASSERT_STR(kwarg(flow, "run-1", "config.configurable"),
               "{\"who\":\"first\",\"a\":\"assistant\",\"run_id\":\"run-1\",\"header\":\"h\","
               "\"t\":\"thread\",\"thread_id\":\"thread-1\",\"graph_id\":\"agent\","
               "\"assistant_id\":\"mine\"}");
    ASSERT_STR(kwarg(flow, "run-1", "config.tags"), "[\"assistant\"]");
    ASSERT_STR(kwarg(flow, "run-1", "config.recursion_limit"), "7");
    /* The header stands over what the thread remembers, the run over both. */
    ASSERT_STR(kwarg(flow, "run-2", "config.configurable.who"), "\"header\"");
    ASSERT_STR(kwarg(flow, "run-2", "config.configurable.t"), "\"thread\"");
    ASSERT_STR(kwarg(flow, "run-2", "config.configurable.r"), "\"run\"");
    ASSERT_STR(kwarg(flow, "run-2", "config.configurable.checkpoint_id"), "\"c\"");
    ASSERT_STR(kwarg(flow, "run-2", "config.configurable.checkpoint_ns"), "\"n\"");
    ASSERT_STR(kwarg(flow, "run-2", "config.configurable.run_id"), "\"run-2\"");
    ASSERT_STR(kwarg(flow, "run-2", "config.tags"), "[\"run\"]");
    ASSERT_STR(kwarg(flow, "run-2", "context"), "{\"who\":\"run\",\"a\":\"assistant\"}");
    ASSERT_STR(kwarg(flow, "run-2", "config.metadata"),
               "{\"who\":\"run\",\"a\":\"assistant\",\"t\":\"thread\",\"graph_id\":\"agent\","
               "\"assistant_id\":\"mine\"}");
}

static void what_is_one_runs_own_does_not_last(void **state)
{
    struct flow *flow = *state;
    struct thread thread;

    flow_make(flow, "run-1", "thread-1",
              "{'assistant_id':'agent','if_not_exists':'create','checkpoint_id':'c',"
              "'config':{'configurable':{'lasts':1}}}");
    assert_int_equal(flow_thread(flow, "thread-1", &thread), OK);
    ASSERT_STR(thread.config,
               "{\"configurable\":{\"header\":\"h\",\"who\":\"header\",\"lasts\":1}}");
    flow_make(flow, "run-2", "thread-1", "{'assistant_id':'agent'}");
    ASSERT_STR(kwarg(flow, "run-1", "config.configurable.checkpoint_id"), "\"c\"");
    ASSERT_STR(kwarg(flow, "run-2", "config.configurable.checkpoint_id"), NULL);
    ASSERT_STR(kwarg(flow, "run-2", "config.configurable.lasts"), "1");
}

/* Written into config.configurable instead of the field for it: the same. */
static void nor_does_what_names_a_checkpoint(void **state)
{
    struct flow *flow = *state;
    struct thread thread;

    flow_make(flow, "run-1", "thread-1",
              "{'assistant_id':'agent','if_not_exists':'create','config':{'configurable':{"
              "'checkpoint_id':'c','checkpoint_ns':'n','checkpoint_map':{},'__x':1,'thread_id':'f',"
              "'run_id':'f','a\\u0022':1}}}");
    assert_int_equal(flow_thread(flow, "thread-1", &thread), OK);
    ASSERT_STR(thread.config,
               "{\"configurable\":{\"header\":\"h\",\"who\":\"header\",\"a\\u0022\":1}}");
    ASSERT_STR(kwarg(flow, "run-1", "config.configurable.checkpoint_id"), "\"c\"");
}

/* The metadata stand one level deeper in the arguments than in the request. */
static void too_deep_is_refused(void **state)
{
    struct flow *flow = *state;
    char brackets[2 * JSON_DEPTH_MAX];
    int deepest = JSON_DEPTH_MAX - 2;

    memset(brackets, '[', (size_t)deepest);
    memset(brackets + deepest, ']', (size_t)deepest);
    for (int depth = deepest; depth >= deepest - 1; depth--) {
        struct str body =
            arena_printf(&flow->arena, "{'assistant_id':'agent','metadata':{'x':%.*s}}", 2 * depth,
                         brackets + deepest - depth);
        bool fits = depth < deepest;

        assert_int_equal(flow_create(flow, "run-1", NULL, arena_cstr(&flow->arena, body)),
                         fits ? OK : ERR_INVALID);
        assert_true(fits || str_contains(str_of(flow->error.text), STR("too deeply")));
        ASSERT_STR(flow_run_status(flow, "run-1"), fits ? "pending" : "gone");
    }
}

static void kwargs_hold_what_was_given(void **state)
{
    struct flow *flow = *state;

    flow_make(flow, "run-1", NULL,
              "{'assistant_id':'agent','input':[1.50],'command':{'resume':null},'context':[2],"
              "'stream_mode':'updates','interrupt_before':'*','interrupt_after':['n'],"
              "'stream_subgraphs':true,'stream_resumable':true,'durability':'sync',"
              "'feedback_keys':['k'],'webhook':'" FLOW_HOOK "'}");
    ASSERT_STR(kwarg(flow, "run-1", "input"), "[1.50]");
    ASSERT_STR(kwarg(flow, "run-1", "command"), "{\"resume\":null}");
    ASSERT_STR(kwarg(flow, "run-1", "context"), "[2]");
    ASSERT_STR(kwarg(flow, "run-1", "stream_mode"), "[\"updates\"]");
    ASSERT_STR(kwarg(flow, "run-1", "interrupt_before"), "\"*\"");
    ASSERT_STR(kwarg(flow, "run-1", "interrupt_after"), "[\"n\"]");
    ASSERT_STR(kwarg(flow, "run-1", "subgraphs"), "true");
    ASSERT_STR(kwarg(flow, "run-1", "resumable"), "true");
    ASSERT_STR(kwarg(flow, "run-1", "temporary"), "true");
    ASSERT_STR(kwarg(flow, "run-1", "durability"), "\"sync\"");
    ASSERT_STR(kwarg(flow, "run-1", "feedback_keys"), "[\"k\"]");
    ASSERT_STR(kwarg(flow, "run-1", "webhook"), "\"" FLOW_HOOK "\"");
    ASSERT_STR(kwarg(flow, "run-1", "config.recursion_limit"), NULL);
    flow_make(flow, "run-2", NULL, "{'assistant_id':'agent'}");
    ASSERT_STR(kwarg(flow, "run-2", "input"), NULL);
    ASSERT_STR(kwarg(flow, "run-2", "command"), NULL);
    ASSERT_STR(kwarg(flow, "run-2", "webhook"), NULL);
}

/* ---- multitask strategies ---- */

/* thread-1 with run-1 running and run-2 waiting. */
static void two_live(struct flow *flow)
{
    flow_make(flow, "run-1", "thread-1", "{'assistant_id':'agent','if_not_exists':'create'}");
    ASSERT_STR(flow_claim(flow, 10), "run-1");
    flow_make(flow, "run-2", "thread-1",
              "{'assistant_id':'agent','webhook':'" FLOW_HOOK "','multitask_strategy':'enqueue'}");
}

static void reject_refuses_and_writes_nothing(void **state)
{
    struct flow *flow = *state;

    two_live(flow);
    assert_int_equal(flow_create(flow, "run-3", "thread-1",
                                 "{'assistant_id':'agent','multitask_strategy':'reject',"
                                 "'webhook':'" FLOW_HOOK "'}"),
                     ERR_CONFLICT);
    assert_true(str_contains(str_of(flow->error.text), STR("already running a task")));
    ASSERT_STR(buf_str(&flow->notes), "");
    ASSERT_STR(flow_run_status(flow, "run-3"), "gone");
    ASSERT_STR(flow_run_status(flow, "run-2"), "pending");
    assert_int_equal(flow_deliveries(flow, "run-3"), 0);
}

static void reject_takes_an_idle_thread(void **state)
{
    struct flow *flow = *state;

    flow_make(flow, "run-1", "thread-1", "{'assistant_id':'agent','if_not_exists':'create'}");
    ASSERT_STR(flow_claim(flow, 10), "run-1");
    flow_finish(flow, "run-1", &succeeded);
    flow_make(flow, "run-2", "thread-1", "{'assistant_id':'agent','multitask_strategy':'reject'}");
    ASSERT_STR(flow_run_status(flow, "run-2"), "pending");
}

static void enqueue_leaves_the_others_alone(void **state)
{
    struct flow *flow = *state;

    two_live(flow);
    ASSERT_STR(buf_str(&flow->notes), "run_pending thread-1;");
    ASSERT_STR(flow_run_status(flow, "run-1"), "running");
    ASSERT_STR(flow_run_status(flow, "run-2"), "pending");
    ASSERT_STR(flow_thread_status(flow, "thread-1"), "busy");
}

static void expect_cancel_action(struct flow *flow, const char *run_id, const char *action)
{
    struct run run;

    assert_int_equal(flow_run(flow, run_id, &run), OK);
    ASSERT_STR(run.cancel_action, action);
}

static void interrupt_ends_all_older_ones(void **state)
{
    struct flow *flow = *state;

    two_live(flow);
    flow_make(flow, "run-3", "thread-1",
              "{'assistant_id':'agent','multitask_strategy':'interrupt'}");
    expect_cancel_action(flow, "run-1", "interrupt");
    assert_true(str_contains(buf_str(&flow->notes), STR("run_cancel run-1;")));
    ASSERT_STR(flow_run_status(flow, "run-1"), "running"); /* until its executor has heard */
    ASSERT_STR(flow_run_status(flow, "run-2"), "interrupted");
    assert_int_equal(flow_deliveries(flow, "run-2"), 1);
    expect_cancel_action(flow, "run-3", NULL);
    ASSERT_STR(flow_thread_status(flow, "thread-1"), "busy");
    ASSERT_STR(flow_claim(flow, 10), ""); /* one at a time */
    flow_finish(flow, "run-1", &succeeded);
    ASSERT_STR(flow_claim(flow, 10), "run-3");
}

static void rollback_leaves_nothing_of_them(void **state)
{
    struct flow *flow = *state;

    two_live(flow);
    flow_checkpoint(flow, "thread-1", "1f-1", "run-1");
    flow_make(flow, "run-3", "thread-1",
              "{'assistant_id':'agent','multitask_strategy':'rollback'}");
    expect_cancel_action(flow, "run-1", "rollback");
    ASSERT_STR(flow_run_status(flow, "run-2"), "gone");
    assert_int_equal(flow_deliveries(flow, "run-2"), 1);
    flow_finish(flow, "run-1", &succeeded);
    ASSERT_STR(flow_run_status(flow, "run-1"), "gone");
    ASSERT_STR(flow_checkpoints(flow, "thread-1"), "");
    ASSERT_STR(flow_claim(flow, 10), "run-3");
}

static void a_second_cancel_changes_the_first(void **state)
{
    struct flow *flow = *state;

    two_live(flow);
    flow_cancel(flow, "run-1", "interrupt");
    flow_cancel(flow, "run-1", "rollback");
    expect_cancel_action(flow, "run-1", "rollback");
    flow_finish(flow, "run-1", &succeeded);
    flow_cancel(flow, "run-2", "interrupt");
    flow_cancel(flow, "run-2", "rollback"); /* it has ended: left alone */
    ASSERT_STR(flow_run_status(flow, "run-2"), "interrupted");
    assert_int_equal(flow_deliveries(flow, "run-2"), 1);
}

static const struct CMUnitTest tests[] = {
    TEST("a graph's own assistant is made once, and found by name and id",
         a_graphs_own_assistant_is_made_once),
    TEST("an unknown assistant is named in the refusal", an_unknown_assistant_is_named),
    TEST("a missing thread is made only when asked", a_missing_thread_is_made_only_when_asked),
    TEST("a later run does not change the thread's metadata",
         a_later_run_does_not_change_the_threads_metadata),
    TEST("a stateless run has a thread of its own", a_stateless_run_has_a_thread_of_its_own),
    TEST("of assistant, thread, headers, run and server the later word wins", later_words_win),
    TEST("what is one run's own does not last on the thread", what_is_one_runs_own_does_not_last),
    TEST("nor does what names a checkpoint", nor_does_what_names_a_checkpoint),
    TEST("what nests too deeply is refused", too_deep_is_refused),
    TEST("the arguments hold what was given, as it was given", kwargs_hold_what_was_given),
    TEST("reject refuses and writes nothing", reject_refuses_and_writes_nothing),
    TEST("reject takes an idle thread", reject_takes_an_idle_thread),
    TEST("enqueue leaves the others alone", enqueue_leaves_the_others_alone),
    TEST("interrupt ends all older runs", interrupt_ends_all_older_ones),
    TEST("rollback leaves nothing of the older runs", rollback_leaves_nothing_of_them),
    TEST("a second cancel changes the first, unless the run has ended",
         a_second_cancel_changes_the_first),
};

int main(void)
{
    return FLOW_RUN_TESTS(tests);
}
