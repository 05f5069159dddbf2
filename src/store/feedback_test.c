/* feedback_test.c -- the table feedback, on both databases. */
#include "store/feedback.h"

#include "store/projects.h"
#include "store/retention.h"
#include "store/spans.h"
#include "store/table_rig.h"

static struct uuid id_of(uint8_t kind, uint8_t last)
{
    struct uuid id = {{0x01, 0x93, kind, 0, 0, 0, 0x70, 0, 0x80}};

    id.bytes[15] = last;
    return id;
}

static void add_span(struct table *t, uint8_t last, int64_t project_no)
{
    struct span_change post = {.layer = SPAN_POST,
                               .span_id = id_of(1, last),
                               .given = SPAN_HAS_NAME | SPAN_HAS_START,
                               .name = STR("n"),
                               .start_us = 1000 + last,
                               .project_no = project_no};

    assert_int_equal(spans_apply(t->tx, TENANT, &post, 1), OK);
}

static int64_t change_of(struct table *t, uint8_t last)
{
    struct span_row span;

    assert_int_equal(spans_get(t->tx, TENANT, id_of(1, last), &t->arena, &span), OK);
    return span.change_seq;
}

static struct feedback_row of_span(uint8_t last, uint8_t span, const char *key)
{
    return (struct feedback_row){.feedback_id = id_of(2, last),
                                 .has_span = true,
                                 .span_id = id_of(1, span),
                                 .key = str_of(key)};
}

static void put(struct table *t, struct feedback_row row)
{
    t->tx->now_us++;
    assert_int_equal(feedback_put(t->tx, TENANT, &row), OK);
}

static struct feedback_row get(struct table *t, uint8_t last)
{
    struct feedback_row row;

    assert_int_equal(feedback_get(t->tx, TENANT, id_of(2, last), &t->arena, &row), OK);
    return row;
}

static void what_goes_in_comes_out(void **state)
{
    struct table *t = *state;
    struct feedback_row in = of_span(1, 1, "score"), out;

    add_span(t, 1, 7);
    in.has_score = in.score_is_bool = true;
    in.score = 1;
    in.value = STR("\"GOOD\"");
    in.comment = STR("c");
    in.correction = STR("{\"a\":1}");
    in.source_type = STR("api");
    in.source = STR("{\"type\":\"api\"}");
    in.extra = STR("{}");
    in.group_id = STR("g");
    in.experiment_id = STR("e");
    in.is_error = true;
    put(t, in);
    out = get(t, 1);
    assert_true(out.has_score && out.score_is_bool && out.score > 0.5 && out.is_error);
    ASSERT_STR(out.value, "\"GOOD\"");
    ASSERT_STR(out.correction, "{\"a\":1}");
    ASSERT_STR(out.comment, "c");
    ASSERT_STR(out.experiment_id, "e");
    assert_int_equal(out.project_no, 7);
    assert_int_equal(out.start_us, 1001);
    assert_true(out.is_root && out.has_trace && uuid_eq(out.trace_id, id_of(1, 1)));
    assert_true(out.created_us > 0);

    in = of_span(1, 1, "score");
    in.created_us = out.created_us;
    put(t, in);
    assert_false(get(t, 1).has_score);
    ASSERT_STR(get(t, 1).comment, NULL);
    assert_int_equal(get(t, 1).created_us, out.created_us);
    assert_true(get(t, 1).modified_us > out.modified_us);
}

static void a_change_of_feedback_changes_its_span(void **state)
{
    struct table *t = *state;
    int64_t before;

    add_span(t, 1, 7);
    before = change_of(t, 1);
    put(t, of_span(1, 1, "k"));
    assert_true(change_of(t, 1) > before);
    before = change_of(t, 1);
    assert_int_equal(feedback_delete(t->tx, TENANT, id_of(2, 1)), OK);
    assert_true(change_of(t, 1) > before);
    assert_int_equal(feedback_delete(t->tx, TENANT, id_of(2, 1)), ERR_NOT_FOUND);
}

static void it_may_come_before_its_span(void **state)
{
    struct table *t = *state;
    struct feedback_rows found;

    put(t, of_span(1, 1, "k"));
    assert_int_equal(get(t, 1).project_no, 0);
    add_span(t, 1, 7);
    assert_int_equal(get(t, 1).project_no, 7);
    assert_int_equal(get(t, 1).start_us, 1001);
    assert_int_equal(feedback_of_span(t->tx, TENANT, id_of(1, 1), &t->arena, &found), OK);
    assert_int_equal(found.count, 1);
}

static size_t search(struct table *t, struct feedback_filter filter, const char *expected)
{
    struct feedback_rows found;
    struct buf text;

    filter.tenant = TENANT;
    if (filter.limit == 0)
        filter.limit = 100;
    assert_int_equal(feedback_search(t->tx, &filter, &t->arena, &found), OK);
    buf_init(&text, 1000);
    for (size_t i = 0; i < found.count; i++)
        buf_add_char(&text, (char)('0' + found.list[i].feedback_id.bytes[15]));
    ASSERT_STR(buf_str(&text), expected);
    buf_release(&text);
    return found.count;
}

#define ANY .has_comment = -1, .has_score = -1

static void lists_are_filtered(void **state)
{
    struct table *t = *state;
    struct uuid both[] = {id_of(1, 1), id_of(1, 2)};
    int64_t projects[] = {7, 8};
    struct feedback_row row;

    add_span(t, 1, 7);
    add_span(t, 2, 8);
    put(t, of_span(1, 1, "a"));
    row = of_span(2, 2, "b");
    row.comment = STR("x");
    put(t, row);
    row = of_span(3, 1, "b");
    row.has_score = true;
    row.source_type = STR("app");
    put(t, row);
    row = of_span(4, 0, "of project");
    row.has_span = false;
    row.project_no = 7;
    row.experiment_id = STR("e");
    put(t, row);

    search(t, (struct feedback_filter){ANY}, "4321");
    search(t, (struct feedback_filter){ANY, .spans = both, .span_count = 1}, "31");
    search(t, (struct feedback_filter){ANY, .spans = both, .span_count = 2}, "321");
    search(t,
           (struct feedback_filter){ANY, .spans = both, .span_count = 2, .limit = 1, .offset = 1},
           "2");
    search(t, (struct feedback_filter){ANY, .spans = both, .span_count = 2, .offset = 5}, "");
    search(t, (struct feedback_filter){ANY, .projects = projects, .project_count = 1}, "431");
    search(t, (struct feedback_filter){ANY, .projects = projects, .project_count = 2}, "4321");
    search(t, (struct feedback_filter){ANY, .keys = STR("[\"b\",\"c\"]")}, "32");
    search(t, (struct feedback_filter){ANY, .source_types = STR("[\"app\"]")}, "3");
    search(t, (struct feedback_filter){ANY, .experiment_id = STR("e")}, "4");
    search(t, (struct feedback_filter){ANY, .level = FEEDBACK_OF_SPANS}, "321");
    search(t, (struct feedback_filter){ANY, .level = FEEDBACK_OF_PROJECTS}, "4");
    search(t, (struct feedback_filter){.has_comment = 1, .has_score = -1}, "2");
    search(t, (struct feedback_filter){.has_comment = -1, .has_score = 0}, "421");
    search(t,
           (struct feedback_filter){ANY, .created_min_us = get(t, 2).created_us,
                                    .created_max_us = get(t, 3).created_us},
           "32");
}

#define DAY_US (24 * 3600 * US_PER_SECOND)

static struct project_row project_of_age(struct table *t, const char *name, int64_t keep_us,
                                         struct str tier)
{
    struct project_row project;

    assert_int_equal(projects_ensure(t->tx, TENANT, str_of(name), &t->arena, &project), OK);
    project.keep_us = keep_us;
    project.trace_tier = tier;
    assert_int_equal(projects_update(t->tx, &project), OK);
    return project;
}

static void retain(struct table *t, int64_t usual_us)
{
    const struct retention_limits limits = {.traces_us = usual_us,
                                            .traces_extended_us = 100 * DAY_US};
    enum retention_pace pace = RETENTION_MORE;

    for (int i = 0; pace != RETENTION_DONE; i++) {
        assert_true(i < 100);
        assert_int_equal(retention_step(t->tx, t->tx->now_us, &limits, &pace), OK);
    }
}

/* The last numbers of the spans there are. */
static void there_are(struct table *t, const char *expected)
{
    struct span_row span;
    char found[8] = "";

    for (uint8_t last = 1; last <= 6; last++)
        if (!spans_get(t->tx, TENANT, id_of(1, last), &t->arena, &span))
            found[strlen(found)] = (char)('0' + last);
    assert_string_equal(found, expected);
}

static void being_kept_never_makes_a_life_shorter(void **state)
{
    struct table *t = *state;
    const int64_t projects[] = {
        project_of_age(t, "usual", 0, STR_NONE).project_no,
        project_of_age(t, "three hundred days", 300 * DAY_US, STR_NONE).project_no,
        project_of_age(t, "a year", 365 * DAY_US, STR_NONE).project_no,
        project_of_age(t, "five days", 5 * DAY_US, STR("longlived")).project_no,
        project_of_age(t, "longlived", 0, STR("longlived")).project_no,
        project_of_age(t, "changed late", 0, STR_NONE).project_no,
    };

    for (uint8_t i = 1; i <= 6; i++) {
        add_span(t, i, projects[i - 1]);
        put(t, of_span(i, i, "k"));
    }
    t->tx->now_us += 60 * DAY_US;
    retain(t, 10 * DAY_US);
    add_span(t, 5, projects[4]);
    t->tx->now_us += 39 * DAY_US;
    add_span(t, 6, projects[5]);
    retain(t, 10 * DAY_US);
    there_are(t, "123456");
    t->tx->now_us += 2 * DAY_US; /* 101: what only the feedback has kept goes */
    retain(t, 10 * DAY_US);
    there_are(t, "2356");
    t->tx->now_us += 10 * DAY_US; /* 111: ten days from the late change */
    retain(t, 10 * DAY_US);
    there_are(t, "235");
    t->tx->now_us += 60 * DAY_US; /* 171: a hundred days from the other */
    retain(t, 10 * DAY_US);
    there_are(t, "23");
    t->tx->now_us += 130 * DAY_US;
    retain(t, 10 * DAY_US);
    there_are(t, "3");
    project_of_age(t, "a year", 0, STR_NONE);
    retain(t, 0); /* the usual age is none: for ever */
    t->tx->now_us += 1000 * DAY_US;
    retain(t, 0);
    there_are(t, "3");
    retain(t, 10 * DAY_US); /* looked at again a hundred days after the last time */
    t->tx->now_us += 101 * DAY_US;
    retain(t, 10 * DAY_US);
    there_are(t, "");
}

/* More than are looked at in one piece, and all of the same time. */
static void many_were_kept(void **state)
{
    struct table *t = *state;
    const int64_t kept = project_of_age(t, "kept", 300 * DAY_US, STR_NONE).project_no;
    const int64_t old = project_of_age(t, "old", 0, STR_NONE).project_no;

    for (uint8_t i = 1; i <= 250; i++) {
        struct feedback_row row = of_span(i, i, "k");

        add_span(t, i, i <= 6 || i % 2 ? kept : old);
        assert_int_equal(feedback_put(t->tx, TENANT, &row), OK);
    }
    t->tx->now_us += 101 * DAY_US;
    retain(t, 10 * DAY_US);
    there_are(t, "123456");
    for (uint8_t i = 7; i <= 250; i++) {
        struct span_row span;

        assert_int_equal(spans_get(t->tx, TENANT, id_of(1, i), &t->arena, &span),
                         i % 2 ? OK : ERR_NOT_FOUND);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("feedback never makes the life of a trace shorter", being_kept_never_makes_a_life_shorter),
    TEST("of many kept traces those go that nothing keeps any more", many_were_kept),
    TEST("what goes in comes out, and the same id again replaces it", what_goes_in_comes_out),
    TEST("a change of feedback changes its span", a_change_of_feedback_changes_its_span),
    TEST("it may come before its span, and gets its place later", it_may_come_before_its_span),
    TEST("lists are filtered, newest first, in pages", lists_are_filtered),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
