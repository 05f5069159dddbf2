/* cron_fire_test.c -- what one look of the cron clock writes: the runs, and when each cron fires
 * next. */
#include "agent/cron_fire.h"
#include "agent/cron_plan.h"
#include "agent/flow_rig.h"

#define MINUTE_US (60 * US_PER_SECOND)

struct firing {
    struct flow *flow;
    int64_t limit;
    struct cron_firings found;
};

static enum err insert_apply(struct tx *tx, void *context)
{
    return crons_insert(tx, context);
}

/* A cron made of a body as the API takes it, due at once. */
static struct cron_row add(struct flow *flow, const char *id, const char *thread_id,
                           const char *body)
{
    struct str text = flow_json(flow, body);
    struct cron_row cron = {.tenant = FLOW_TENANT,
                            .cron_id = str_of(id),
                            .thread_id = thread_id ? str_of(thread_id) : STR_NONE,
                            .enabled = true,
                            .payload = STR("{}"),
                            .metadata = STR("{}"),
                            .created_us = 1,
                            .updated_us = 1};
    struct run_request request;
    const struct json *root;

    assert_int_equal(json_parse(&flow->arena, text, &root, NULL), OK);
    if (cron_plan_read(&flow->arena, text, root, &cron, &request, &flow->error))
        fail_msg("%s", flow->error.text);
    cron.next_us = flow->rig.now_us;
    assert_int_equal(flow_apply(flow, insert_apply, &cron), OK);
    return cron;
}

static enum err fire_apply(struct tx *tx, void *context)
{
    struct firing *firing = context;

    return cron_fire(tx, &firing->flow->config, firing->limit, &firing->flow->arena,
                     &firing->found);
}

static struct cron_firings fire(struct flow *flow)
{
    struct firing firing = {.flow = flow, .limit = 10};

    assert_int_equal(flow_apply(flow, fire_apply, &firing), OK);
    return firing.found;
}

struct lookup {
    struct flow *flow;
    const char *id;
    struct cron_row cron;
};

static enum err get_apply(struct tx *tx, void *context)
{
    struct lookup *lookup = context;

    return crons_get(tx, FLOW_TENANT, str_of(lookup->id), &lookup->flow->arena, &lookup->cron);
}

static struct cron_row get(struct flow *flow, const char *id)
{
    struct lookup lookup = {.flow = flow, .id = id};

    assert_int_equal(flow_apply(flow, get_apply, &lookup), OK);
    return lookup.cron;
}

static struct run run_of(struct flow *flow, struct str id)
{
    struct run run;

    assert_int_equal(flow_run(flow, arena_cstr(&flow->arena, id), &run), OK);
    return run;
}

static void a_firing_makes_its_run_and_moves_on(void **state)
{
    struct flow *flow = *state;
    struct cron_firings found;
    struct str ids;
    struct run run;

    add(flow, "c", NULL,
        "{'assistant_id':'agent','schedule':'0 * * * *','input':{'a':1},'metadata':{'m':1},"
        "'webhook':'" FLOW_HOOK "','config':{'configurable':{'user':'u'}}}");
    found = fire(flow);
    assert_int_equal(found.looked_at, 1);
    assert_int_equal(found.report_count, 0);
    assert_int_equal(found.next_us, get(flow, "c").next_us);
    assert_true(found.next_us > flow->rig.now_us &&
                found.next_us <= flow->rig.now_us + 60 * MINUTE_US);
    assert_int_equal(fire(flow).looked_at, 0);
    ids = flow_claim(flow, 10);
    assert_int_equal(ids.len, 36); /* one */
    run = run_of(flow, ids);
    ASSERT_STR(flow_member(run.kwargs, "input"), "{\"a\":1}");
    ASSERT_STR(flow_member(run.kwargs, "config.configurable.user"), "\"u\"");
    ASSERT_STR(flow_member(run.metadata, "m"), "1");
    ASSERT_STR(run.webhook, FLOW_HOOK);
    assert_true(run.temporary);
    ASSERT_STR(flow_member(run.kwargs, "schedule"), NULL);
}

static void keep_keeps_the_thread(void **state)
{
    struct flow *flow = *state;

    add(flow, "c", NULL,
        "{'assistant_id':'agent','schedule':'0 * * * *','on_run_completed':'keep'}");
    fire(flow);
    assert_false(run_of(flow, flow_claim(flow, 10)).temporary);
}

static void a_threads_cron_waits_for_its_turn(void **state)
{
    struct flow *flow = *state;
    struct str ids;

    flow_make(flow, "run-1", "thread-1", "{'assistant_id':'agent','if_not_exists':'create'}");
    add(flow, "c", "thread-1", "{'assistant_id':'agent','schedule':'0 * * * *'}");
    add(flow, "d", "thread-1",
        "{'assistant_id':'agent','schedule':'0 * * * *','multitask_strategy':'reject'}");
    assert_int_equal(fire(flow).report_count, 1); /* d, left out; it fires again later */
    assert_true(get(flow, "d").enabled && get(flow, "d").next_us > flow->rig.now_us);
    ids = flow_claim(flow, 10);
    ASSERT_STR(ids, "run-1");
}

static void what_is_gone_disables_the_cron(void **state)
{
    struct flow *flow = *state;
    struct cron_firings found;

    add(flow, "c", "thread-9", "{'assistant_id':'agent','schedule':'0 * * * *'}");
    add(flow, "d", NULL, "{'assistant_id':'nobody','schedule':'0 * * * *'}");
    add(flow, "e", NULL, "{'assistant_id':'agent','schedule':'0 * * * *'}");
    found = fire(flow);
    assert_int_equal(found.report_count, 2);
    ASSERT_STR(found.reports[0].text, "disabled: Thread with ID thread-9 not found");
    assert_false(get(flow, "c").enabled || get(flow, "d").enabled);
    assert_int_equal(get(flow, "c").next_us, 0);
    assert_int_equal(flow_claim(flow, 10).len, 36); /* e's */
}

static void missed_firings_are_made_up_for_by_one_or_left_out(void **state)
{
    struct flow *flow = *state;

    add(flow, "c", NULL, "{'assistant_id':'agent','schedule':'* * * * *'}");
    flow->rig.now_us += 600 * MINUTE_US;
    fire(flow);
    assert_int_equal(flow_claim(flow, 10).len, 36);
    assert_int_equal(fire(flow).looked_at, 0);

    flow->config.crons_skip_missed = true;
    flow->rig.now_us += 600 * MINUTE_US;
    assert_int_equal(fire(flow).looked_at, 1);
    assert_int_equal(flow_claim(flow, 10).len, 0);
    flow->rig.now_us = get(flow, "c").next_us + MINUTE_US; /* late, but not missed */
    fire(flow);
    assert_int_equal(flow_claim(flow, 10).len, 36);
}

static void nothing_fires_after_the_end(void **state)
{
    struct flow *flow = *state;
    struct cron_row cron = add(flow, "c", NULL,
                               "{'assistant_id':'agent','schedule':'* * * * *',"
                               "'end_time':'2020-01-01T00:00:00Z'}");

    assert_int_equal(cron_plan_next(&cron, flow->rig.now_us, &flow->error), OK);
    assert_int_equal(cron.next_us, 0);
    cron.end_us = flow->rig.now_us + 10 * MINUTE_US;
    assert_int_equal(cron_plan_next(&cron, flow->rig.now_us, &flow->error), OK);
    assert_true(cron.next_us > 0);
    cron.enabled = false;
    assert_int_equal(cron_plan_next(&cron, flow->rig.now_us, &flow->error), OK);
    assert_int_equal(cron.next_us, 0);
}

static void a_wrong_field_is_named(void **state)
{
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"{'assistant_id':'agent'}", "schedule: is required"},
        {"{'schedule':'* * * * *'}", "assistant_id"},
        {"{'assistant_id':'a','schedule':5}", "schedule: must be a string, not a number"},
        {"{'assistant_id':'a','schedule':'* * *'}", "schedule: must have five fields"},
        {"{'assistant_id':'a','schedule':'* * * * *','timezone':'Mars/X'}",
         "timezone: there is no"},
        {"{'assistant_id':'a','schedule':'* * * * *','end_time':'soon'}", "end_time: \"soon\""},
        {"{'assistant_id':'a','schedule':'* * * * *','enabled':1}", "enabled: must be true"},
        {"{'assistant_id':'a','schedule':'* * * * *','metadata':[]}", "metadata: must be an"},
        {"{'assistant_id':'a','schedule':'* * * * *','on_run_completed':'x'}", "on_run_completed"},
        {"{'assistant_id':'a','schedule':'* * * * *','multitask_strategy':'x'}", "multitask"},
    };
    struct flow *flow = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = flow_json(flow, cases[i].body);
        struct cron_row cron = {.enabled = true, .payload = STR("{}"), .metadata = STR("{}")};
        struct run_request request;
        const struct json *root;
        enum err err;

        assert_int_equal(json_parse(&flow->arena, text, &root, NULL), OK);
        err = cron_plan_read(&flow->arena, text, root, &cron, &request, &flow->error);
        if (!err)
            err = cron_plan_next(&cron, 1, &flow->error);
        assert_int_equal(err, ERR_INVALID);
        if (!str_starts(str_of(flow->error.text), str_of(cases[i].says)))
            fail_msg("%s: %s", cases[i].body, flow->error.text);
    }
}

static void a_patch_keeps_what_it_leaves_out(void **state)
{
    struct flow *flow = *state;
    struct cron_row cron = add(flow, "c", NULL,
                               "{'assistant_id':'agent','schedule':'* * * * *','input':{'a':1},"
                               "'timezone':'Europe/Berlin','metadata':{'m':1},"
                               "'end_time':'2099-01-01T00:00:00Z','webhook':'" FLOW_HOOK "'}");
    struct str text = flow_json(flow, "{'webhook':null,'timezone':null,'metadata':{'n':2},"
                                      "'end_time':null,'input':{'b':2}}");
    struct run_request request;
    const struct json *root;

    assert_int_equal(json_parse(&flow->arena, text, &root, NULL), OK);
    assert_int_equal(cron_plan_read(&flow->arena, text, root, &cron, &request, &flow->error), OK);
    ASSERT_STR(cron.schedule, "* * * * *");
    ASSERT_STR(cron.timezone, NULL);
    ASSERT_STR(cron.metadata, "{\"m\":1,\"n\":2}");
    assert_int_equal(cron.end_us, 0);
    ASSERT_STR(request.webhook, NULL);
    ASSERT_STR(request.input, "{\"b\":2}");
}

static const struct CMUnitTest tests[] = {
    TEST("a firing makes one run and plans the next", a_firing_makes_its_run_and_moves_on),
    TEST("on_run_completed keep keeps the thread", keep_keeps_the_thread),
    TEST("a busy thread's cron queues, or is left out where it says reject",
         a_threads_cron_waits_for_its_turn),
    TEST("a cron whose thread or assistant is gone is disabled, the others fire",
         what_is_gone_disables_the_cron),
    TEST("missed firings: one makes up for them, or none",
         missed_firings_are_made_up_for_by_one_or_left_out),
    TEST("no firing after the end, none while disabled", nothing_fires_after_the_end),
    TEST("a wrong field is named", a_wrong_field_is_named),
    TEST("a patch keeps what it leaves out", a_patch_keeps_what_it_leaves_out),
};

int main(void)
{
    return FLOW_RUN_TESTS(tests);
}
