/* protocol_test.c -- events of the event streaming protocol: numbers that rise over runs, a table
 * of filters (contract 1.10: channels, namespaces that ignore task ids, depth), envelopes. */
#include "base/test.h"

#include "agent/protocol.h"

#include <stdio.h>

struct rig {
    struct arena arena;
    char text[512];
};

static int setup(void **state)
{
    static struct rig rig;

    arena_init(&rig.arena);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    arena_release(&rig->arena);
    return 0;
}

/* Single quotes stand for double ones. */
static const struct json *parse(struct rig *rig, const char *text)
{
    const struct json *json;
    size_t len = strlen(text);

    memcpy(rig->text, text, len);
    for (size_t i = 0; i < len; i++)
        rig->text[i] = rig->text[i] == '\'' ? '"' : rig->text[i];
    assert_int_equal(json_parse(&rig->arena, str_range(rig->text, len), &json, NULL), OK);
    return json;
}

static void numbers_rise(void **state)
{
    (void)state;
    assert_int_equal(protocol_seq(0, 3), 3);
    assert_true(protocol_seq(7, 0) > protocol_seq_end(6));
    assert_true(protocol_seq_tail(6, 0) > protocol_seq(6, INT32_MAX));
    assert_true(protocol_seq_tail(6, 1) > protocol_seq_tail(6, 0));
    assert_true(protocol_seq_end(6) > protocol_seq_tail(6, INT32_MAX));
    assert_true(protocol_seq_tail(6, INT32_MAX) > protocol_seq_tail(6, 4000));
    assert_int_equal(protocol_seq_position(protocol_seq(123456, 789)), 123456);
    assert_int_equal(protocol_seq_event(protocol_seq(123456, 789)), 789);
    assert_int_equal(protocol_seq_position(protocol_seq_end(5)), 5);
    assert_true(protocol_seq_end(500 * 1000 * 1000) < INT64_C(1) << 53);
}

static const struct {
    const char *filter;
    const char *name;
    bool admits;
} filters[] = {
    {"{'channels':['values']}", "@values", true},
    {"{'channels':['values']}", "@values|a:1|b:2", true},
    {"{'channels':['values']}", "@updates", false},
    {"{'channels':['updates','values']}", "@values", true},
    {"{'channels':['input']}", "@input|a:1", true},
    {"{'channels':['custom']}", "@custom", true},
    {"{'channels':['custom']}", "@custom:progress", true},
    {"{'channels':['custom:progress']}", "@custom:progress|a:1", true},
    {"{'channels':['custom:progress']}", "@custom:other", false},
    {"{'channels':['custom:progress']}", "@custom", false},
    {"{'channels':['values'],'namespaces':[]}", "@values|a:1", true},
    {"{'channels':['values'],'namespaces':[[]]}", "@values|a:1", true},
    {"{'channels':['values'],'namespaces':[['a']]}", "@values|a:1", true},
    {"{'channels':['values'],'namespaces':[['a']]}", "@values|a:1|b:2", true},
    {"{'channels':['values'],'namespaces':[['a']]}", "@values", false},
    {"{'channels':['values'],'namespaces':[['a']]}", "@values|ab:1", false},
    {"{'channels':['values'],'namespaces':[['a:1']]}", "@values|a:1", true},
    {"{'channels':['values'],'namespaces':[['a:1']]}", "@values|a:2", false},
    {"{'channels':['values'],'namespaces':[['b'],['a']]}", "@values|a:2", true},
    {"{'channels':['values'],'namespaces':[['a','b']]}", "@values|a:2", false},
    {"{'channels':['values'],'namespaces':[['a','b']]}", "@values|a:2|b:1", true},
    /* The depth is below a namespace; without one the SDKs take everything, so we do. */
    {"{'channels':['values'],'depth':0}", "@values|a:1", true},
    {"{'channels':['values'],'namespaces':[[]],'depth':0}", "@values", true},
    {"{'channels':['values'],'namespaces':[[]],'depth':0}", "@values|a:1", false},
    {"{'channels':['values'],'namespaces':[[]],'depth':1}", "@values|a:1", true},
    {"{'channels':['values'],'namespaces':[['a']],'depth':0}", "@values|a:1", true},
    {"{'channels':['values'],'namespaces':[['a']],'depth':0}", "@values|a:1|b:1", false},
    {"{'channels':['values'],'namespaces':[['a']],'depth':1}", "@values|a:1|b:1", true},
    {"{'channels':['values'],'namespaces':null,'depth':null,'since':null}", "@values|a", true},
};

static void filters_admit(void **state)
{
    struct rig *rig = *state;

    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        struct protocol_filter filter;
        const char *why;

        assert_int_equal(protocol_filter_read(parse(rig, filters[i].filter), &filter, &why), OK);
        if (protocol_filter_admits(&filter, str_of(filters[i].name)) != filters[i].admits)
            fail_msg("%s and %s", filters[i].filter, filters[i].name);
    }
}

static void bad_filters_are_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{'channels':[]}",
        "{'channels':'values'}",
        "{'channels':[1]}",
        "{'channels':['nope']}",
        "{'channels':['custom:']}",
        "{'channels':['values'],'namespaces':'a'}",
        "{'channels':['values'],'namespaces':['a']}",
        "{'channels':['values'],'namespaces':[[1]]}",
        "{'channels':['values'],'depth':-1}",
        "{'channels':['values'],'depth':0.5}",
        "{'channels':['values'],'since':'3'}",
        "{'channels':['values'],'since':-1}",
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct protocol_filter filter;
        const char *why = NULL;

        if (protocol_filter_read(parse(rig, bad[i]), &filter, &why) != ERR_INVALID)
            fail_msg("%s was taken", bad[i]);
        assert_non_null(why);
    }
}

static void since_is_read(void **state)
{
    struct protocol_filter filter;
    const char *why;

    assert_int_equal(
        protocol_filter_read(parse(*state, "{'channels':['values'],'since':7}"), &filter, &why),
        OK);
    assert_int_equal(filter.since, 7);
}

static void envelopes(void **state)
{
    struct buf out, params;

    (void)state;
    buf_init(&out, 4096);
    buf_init(&params, 4096);
    protocol_event_write(&out, 3, STR("@custom:progress|a:1"), STR("{\"data\":1}"));
    ASSERT_STR(buf_str(&out),
               "{\"type\":\"event\",\"event_id\":\"3\",\"seq\":3,\"method\":\"custom\","
               "\"params\":{\"data\":1}}");
    buf_clear(&out);
    protocol_input_write(&params, 5, STR("{\"id\":\"i1\",\"value\":[1]}"));
    protocol_event_write(&out, 4, PROTOCOL_INPUT, buf_str(&params));
    ASSERT_STR(buf_str(&out),
               "{\"type\":\"event\",\"event_id\":\"4\",\"seq\":4,\"method\":\"input.requested\","
               "\"params\":{\"namespace\":[],\"timestamp\":5,\"data\":{\"interrupt_id\":\"i1\","
               "\"payload\":[1],\"value\":[1]}}}");
    buf_clear(&params);
    protocol_lifecycle_write(
        &params, &(struct protocol_lifecycle){"failed", STR("agent"), STR("no \"such\" thing"), 5});
    ASSERT_STR(buf_str(&params), "{\"namespace\":[],\"timestamp\":5,\"data\":{\"event\":\"failed\","
                                 "\"graph_name\":\"agent\",\"error\":\"no \\\"such\\\" thing\"}}");
    buf_release(&out);
    buf_release(&params);
}

static const struct CMUnitTest tests[] = {
    TEST("numbers rise over all runs of a thread", numbers_rise),
    TEST("filters: channels, namespaces without task ids, depth", filters_admit),
    TEST("what is no filter is refused with words", bad_filters_are_refused),
    TEST("since is a number", since_is_read),
    TEST("envelopes carry the params as they came", envelopes),
};

int main(void)
{
    return cmocka_run_group_tests(tests, setup, teardown);
}
