/* Tests of the configuration of policies: what is understood, and the words for what is not. */
#include "delivery/policies.h"

#include "base/test.h"

struct scene {
    struct arena arena;
    struct policy_set set;
    struct str why;
};

static enum err read(struct scene *scene, const char *policies, const char *kinds)
{
    const struct json *root = NULL;
    enum err err = OK;

    if (policies) {
        assert_int_equal(json_parse(&scene->arena, str_of(policies), &root, NULL), OK);
        err = policies_read(root, &scene->arena, &scene->set, &scene->why);
    }
    if (!err && kinds) {
        assert_int_equal(json_parse(&scene->arena, str_of(kinds), &root, NULL), OK);
        err = policies_read_kinds(root, &scene->arena, &scene->set, &scene->why);
    }
    return err;
}

static void kinds_have_their_policies(void **state)
{
    static const char *const cases[][2] = {{"run", "durable"},      {"rule", "documented"},
                                           {"alert", "documented"}, {"fleet", "once"},
                                           {"system", "durable"},   {"another", "durable"}};
    struct policy_set set = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ASSERT_STR(policies_for_kind(&set, str_of(cases[i][0])), cases[i][1]);
    assert_null(policies_find(&set, STR("patient")));
    assert_string_equal(policies_find(&set, STR("once"))->name, "once");
}

static void own_ones_are_read(void **state)
{
    struct scene scene = {0};
    const struct policy *policy;
    struct json_writer w;
    struct buf out;

    (void)state;
    arena_init(&scene.arena);
    assert_int_equal(
        read(&scene,
             "{\"patient\": {\"delays_s\": [0.5, 60], \"jitter\": 0, \"timeout_s\": 20,"
             " \"retry\": [\"busy\", \"rejected\"], \"retry_after_s\": 60, \"age_s\": 3600},"
             " \"plain\": {}}",
             "{\"run\": \"patient\", \"alert\": \"plain\"}"),
        OK);
    policy = policies_find(&scene.set, STR("patient"));
    assert_int_equal(policy->delay_count, 2);
    assert_int_equal(policy->delays_ms[0], 500);
    assert_int_equal(policy->delays_ms[1], 60000);
    assert_int_equal(policy->retries,
                     SCHEDULE_RETRIES(RESULT_BUSY) | SCHEDULE_RETRIES(RESULT_REJECTED));
    assert_int_equal(policy->budget.total_ms, 20000);
    assert_int_equal(policy->retry_after_ms_max, 60000);
    assert_int_equal(policy->age_ms_max, 3600000);
    /* What is not said is as in durable. */
    policy = policies_find(&scene.set, STR("plain"));
    assert_int_equal(policy->delay_count, policy_find(STR("durable"))->delay_count);
    ASSERT_STR(policies_for_kind(&scene.set, STR("run")), "patient");
    ASSERT_STR(policies_for_kind(&scene.set, STR("rule")), "documented");
    assert_int_equal(policies_attempt_ms_max(&scene.set), 22000);
    ASSERT_STR(policies_names(&scene.set, &scene.arena),
               "durable, documented, once, patient or plain");
    buf_init(&out, 4 * KIB);
    json_writer_init(&w, &out);
    policies_write_kinds(&w, &scene.set);
    assert_true(str_contains(buf_str(&out), STR("\"run\":\"patient\"")));
    buf_release(&out);
    arena_release(&scene.arena);
}

static void mistakes_are_named(void **state)
{
    static const char *const cases[][3] = {
        {"{\"p\": {\"delay_s\": [1]}}", NULL,
         "policies.p.delay_s is not known; did you mean delays_s?"},
        {"{\"p\": {\"retry\": [\"timeouts\"]}}", NULL,
         "policies.p.retry: \"timeouts\" cannot be retried or is not known; did you mean "
         "\"timeout\"?"},
        {"{\"p\": {\"retry\": [\"gone\"]}}", NULL, "cannot be retried"},
        {"{\"p\": {\"delays_s\": [-1]}}", NULL, "policies.p.delays_s must hold numbers"},
        {"{\"p\": {\"delays_s\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}}", NULL, "at most 16"},
        {"{\"p\": {\"jitter\": 0.6}}", NULL, "policies.p.jitter must be a number from 0 to 0.5"},
        {"{\"p\": {\"timeout_s\": 301}}", NULL, "from 0 to 300"},
        {"{\"p\": {\"timeout_s\": 0}}", NULL, "at least 0.1"},
        {"{\"p\": {\"retry_after_s\": 86401}}", NULL, "from 0 to 86400"},
        {"{\"p\": 5}", NULL, "policies.p must be an object"},
        {"{\"\": {}}", NULL, "a name of 1 to 32 characters"},
        {"{\"once\": {}}", NULL, "policies.once is built in"},
        {"[]", NULL, "policies must be an object"},
        {NULL, "{\"run\": \"durabel\"}",
         "policy.run: there is no policy \"durabel\"; did you mean \"durable\"?"},
        {"{\"patient\": {}}", "{\"run\": \"patent\"}", "did you mean \"patient\"?"},
        {NULL, "{\"runs\": \"once\"}", "policy.runs is not a kind"},
        {NULL, "5", "policy must be an object"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene = {0};

        arena_init(&scene.arena);
        assert_int_equal(read(&scene, cases[i][0], cases[i][1]), ERR_INVALID);
        if (!str_contains(scene.why, str_of(cases[i][2])))
            fail_msg("%.*s", STR_ARG(scene.why));
        arena_release(&scene.arena);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("each kind has its policy unless told otherwise", kinds_have_their_policies),
    TEST("own policies are read, and what they do not say is as in durable", own_ones_are_read),
    TEST("mistakes are named with the nearest word", mistakes_are_named),
};

int main(void)
{
    return cmocka_run_group_tests_name("policies", tests, NULL, NULL);
}
