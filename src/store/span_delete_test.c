/* span_delete_test.c -- traces go, with all that is theirs, in small pieces; what is kept stays. */
#include "store/span_delete.h"

#include "store/feedback.h"
#include "store/projects.h"
#include "store/retention.h"
#include "store/rules.h"
#include "store/spans.h"
#include "store/table_rig.h"

#define DAY_US (24 * 3600 * US_PER_SECOND)

static struct uuid id_of(size_t number)
{
    struct uuid id = {{0x01, 0x93, 0, 0, 0, 0, 0x70, 0, 0x80}};

    id.bytes[14] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

/* A span with values, an attachment and feedback. */
static void span_make(struct table *t, size_t number, size_t parent, int64_t project_no)
{
    const struct span_attachment attachment = {
        STR("a"), STR("text/plain"), {.bytes = STR("bytes"), .size = 5}};
    struct span_change post = {
        .layer = SPAN_POST,
        .span_id = id_of(number),
        .given = SPAN_HAS_NAME | SPAN_HAS_START | SPAN_HAS_FIELD(SPAN_INPUTS),
        .name = STR("n"),
        .start_us = t->tx->now_us,
        .project_no = project_no,
        .values[SPAN_INPUTS] = {.bytes = STR("{\"x\":1}"), .size = 7},
        .attachments = &attachment,
        .attachment_count = 1,
    };

    if (parent) {
        post.given |= SPAN_HAS_PARENT;
        post.parent_id = id_of(parent);
    }
    assert_int_equal(spans_apply(t->tx, TENANT, &post, 1), OK);
}

static void say(struct table *t, size_t number, bool keeps)
{
    const struct feedback_row row = {.feedback_id = id_of(1000 + number),
                                     .has_span = true,
                                     .span_id = id_of(number),
                                     .key = STR("k"),
                                     .does_not_keep = !keeps};

    assert_int_equal(feedback_put(t->tx, TENANT, &row), OK);
}

static int64_t count(struct table *t, const char *table)
{
    static const struct {
        const char *table;
        struct db_statement statement;
    } counts[] = {
        {"spans", {"test_count_spans", "SELECT COUNT(*) FROM spans", NULL}},
        {"span_values", {"test_count_values", "SELECT COUNT(*) FROM span_values", NULL}},
        {"span_attachments",
         {"test_count_attachments", "SELECT COUNT(*) FROM span_attachments", NULL}},
        {"feedback", {"test_count_feedback", "SELECT COUNT(*) FROM feedback", NULL}},
        {"gone_traces", {"test_count_traces", "SELECT COUNT(*) FROM gone_traces", NULL}},
        {"gone_projects", {"test_count_projects", "SELECT COUNT(*) FROM gone_projects", NULL}},
        {"kept_traces", {"test_count_kept", "SELECT COUNT(*) FROM kept_traces", NULL}},
        {"rule_log", {"test_count_log", "SELECT COUNT(*) FROM rule_log", NULL}},
    };
    struct db_rows rows = {0};
    int64_t number = -1;

    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        if (strcmp(counts[i].table, table) == 0) {
            assert_int_equal(db_query_one(t->tx->db, &counts[i].statement, DB_NO_ARGS, &rows), OK);
            number = db_get_int(&rows, 0);
            assert_int_equal(db_rows_end(&rows), OK);
        }
    assert_true(number >= 0);
    return number;
}

static void nothing_is_left(struct table *t)
{
    static const char *const tables[] = {"spans",       "span_values", "span_attachments",
                                         "feedback",    "gone_traces", "gone_projects",
                                         "kept_traces", "rule_log"};

    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        assert_int_equal(count(t, tables[i]), 0);
}

/* One piece; how many spans it may still have taken. */
static int64_t step(struct table *t, int64_t piece, struct trace_ages ages)
{
    int64_t rows_left = piece;

    assert_int_equal(traces_delete_step(t->tx, t->tx->now_us, &ages, &rows_left), OK);
    return rows_left;
}

static void one_trace(void **state)
{
    struct table *t = *state;
    struct uuid trace_id = id_of(1);
    int64_t rows_left = 3;

    for (size_t i = 1; i <= 8; i++)
        span_make(t, i, i == 1 ? 0 : 1, 1);
    span_make(t, 9, 0, 1);
    say(t, 2, true);
    assert_int_equal(trace_delete(t->tx, STR("another"), &trace_id, &rows_left), OK);
    assert_int_equal(count(t, "spans"), 9);
    rows_left = 3;
    assert_int_equal(trace_delete(t->tx, TENANT, &trace_id, &rows_left), OK);
    assert_int_equal(count(t, "spans"), 6);
    assert_int_equal(count(t, "gone_traces"), 1);
    for (int i = 0; i < 3; i++)
        step(t, 3, (struct trace_ages){0});
    assert_int_equal(count(t, "spans"), 1);
    assert_int_equal(count(t, "span_values"), 1);
    assert_int_equal(count(t, "span_attachments"), 1);
    assert_int_equal(count(t, "feedback"), 0);
    assert_int_equal(count(t, "kept_traces"), 0);
    assert_int_equal(count(t, "gone_traces"), 0);
}

static void what_comes_too_late(void **state)
{
    struct table *t = *state;
    struct uuid trace_id = id_of(1);
    int64_t rows_left = 100;

    span_make(t, 1, 0, 1);
    assert_int_equal(trace_delete(t->tx, TENANT, &trace_id, &rows_left), OK);
    span_make(t, 2, 1, 1);
    assert_int_equal(count(t, "spans"), 0);
    assert_int_equal(count(t, "span_values"), 0);
    span_make(t, 1, 0, 1);
    span_make(t, 3, 1, 1);
    assert_int_equal(count(t, "spans"), 2);
    assert_int_equal(trace_delete(t->tx, TENANT, &trace_id, &rows_left), OK);
    assert_int_equal(count(t, "spans"), 0);
    t->tx->now_us += TRACE_REMEMBERED_US + 1;
    step(t, 500, (struct trace_ages){0});
    span_make(t, 2, 1, 1);
    assert_int_equal(count(t, "spans"), 1);
}

static void one_project(void **state)
{
    struct table *t = *state;
    struct project_row project;
    struct rule_row rule = {.tenant = TENANT,
                            .rule_id = STR("r"),
                            .body = STR("{}"),
                            .webhooks = STR("[]"),
                            .is_enabled = true};
    struct rule_application applied = {.span_no = 1,
                                       .span_id = id_of(1),
                                       .span_name = STR("n"),
                                       .outcome = STR("success"),
                                       .deliveries = STR("[]")};

    assert_int_equal(projects_ensure(t->tx, TENANT, STR("p"), &t->arena, &project), OK);
    for (size_t i = 1; i <= 8; i++)
        span_make(t, i, 0, project.project_no);
    say(t, 3, true);
    rule.project_no = project.project_no;
    assert_int_equal(rules_insert(t->tx, &rule), OK);
    assert_int_equal(rule_log_add(t->tx, rule.rule_no, &applied), OK);
    assert_int_equal(projects_delete(t->tx, TENANT, project.project_id), OK);
    assert_int_equal(count(t, "gone_projects"), 1);
    for (int i = 0; i < 10; i++)
        step(t, 3, (struct trace_ages){0});
    assert_int_equal(rules_delete(t->tx, &rule), OK);
    /* A trace of its own each; that it was kept goes with the trace's age. */
    assert_int_equal(step(t, 3, (struct trace_ages){.extended_us = 1}), 3);
    t->tx->now_us += 2;
    step(t, 3, (struct trace_ages){.extended_us = 1});
    nothing_is_left(t);
}

static void ages(void **state)
{
    const struct trace_ages usual = {.usual_us = 10 * DAY_US, .extended_us = 100 * DAY_US};
    struct table *t = *state;
    struct project_row plain, own, longlived;

    assert_int_equal(projects_ensure(t->tx, TENANT, STR("plain"), &t->arena, &plain), OK);
    assert_int_equal(projects_ensure(t->tx, TENANT, STR("own"), &t->arena, &own), OK);
    assert_int_equal(projects_ensure(t->tx, TENANT, STR("long"), &t->arena, &longlived), OK);
    own.keep_us = 5 * DAY_US;
    longlived.trace_tier = STR("longlived");
    assert_int_equal(projects_update(t->tx, &own), OK);
    assert_int_equal(projects_update(t->tx, &longlived), OK);
    span_make(t, 1, 0, plain.project_no);
    span_make(t, 2, 1, plain.project_no);
    span_make(t, 3, 0, plain.project_no); /* somebody says something */
    span_make(t, 4, 0, plain.project_no); /* … and does not keep it */
    span_make(t, 5, 0, own.project_no);
    span_make(t, 6, 0, longlived.project_no);
    say(t, 3, true);
    say(t, 4, false);
    step(t, 500, usual);
    assert_int_equal(count(t, "spans"), 6);
    t->tx->now_us += 6 * DAY_US;
    step(t, 500, usual);
    assert_int_equal(count(t, "spans"), 5); /* without 5 */
    span_make(t, 7, 0, plain.project_no);
    t->tx->now_us += 5 * DAY_US;
    step(t, 500, usual);
    assert_int_equal(count(t, "spans"), 3); /* 3, 6, 7 */
    t->tx->now_us += 50 * DAY_US;
    step(t, 500, usual);
    assert_int_equal(count(t, "spans"), 2);
    t->tx->now_us += 100 * DAY_US;
    step(t, 500, usual);
    step(t, 500, usual);
    nothing_is_left(t);
}

static void pieces(void **state)
{
    const struct trace_ages usual = {.usual_us = DAY_US, .extended_us = DAY_US};
    struct table *t = *state;
    struct project_row project;

    assert_int_equal(projects_ensure(t->tx, TENANT, STR("p"), &t->arena, &project), OK);
    for (size_t i = 1; i <= 250; i++)
        span_make(t, i, i % 5 == 1 ? 0 : (i - 1) / 5 * 5 + 1, project.project_no);
    t->tx->now_us += 2 * DAY_US;
    for (int i = 0; i < 200 && count(t, "spans") > 0; i++) {
        int64_t before = count(t, "spans");

        step(t, 7, usual);
        assert_true(before - count(t, "spans") <= 7);
    }
    nothing_is_left(t);
}

static const struct CMUnitTest tests[] = {
    TEST("a trace goes in pieces, with all that is its spans'", one_trace),
    TEST("what comes of a deleted trace is dropped for a week, until its root comes again",
         what_comes_too_late),
    TEST("the traces of a deleted project go, and what is noted of it", one_project),
    TEST("traces have the age that their project says, and longer with feedback", ages),
    TEST("no piece is larger than it may be, and nothing is forgotten", pieces),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
