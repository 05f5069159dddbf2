/* projects_test.c -- the table projects, on both databases. */
#include "store/projects.h"
#include "store/table_rig.h"

static struct project_row add(struct table *t, const char *id, const char *name, int64_t start_us)
{
    struct project_row project = {
        .tenant = TENANT, .project_id = str_of(id), .name = str_of(name), .start_us = start_us};

    assert_int_equal(projects_insert(t->tx, &project), OK);
    return project;
}

static void what_goes_in_comes_out(void **state)
{
    struct table *t = *state;
    struct project_row in = {.tenant = TENANT,
                             .project_id = STR("p"),
                             .name = STR("n"),
                             .description = STR("d"),
                             .extra = STR("{\"metadata\":{\"a\":1}}"),
                             .start_us = 5,
                             .keep_us = 9},
                       out;

    assert_int_equal(projects_insert(t->tx, &in), OK);
    assert_true(in.project_no > 0);
    assert_int_equal(projects_get(t->tx, TENANT, STR("p"), &t->arena, &out), OK);
    ASSERT_STR(out.description, "d");
    ASSERT_STR(out.reference_dataset_id, NULL);
    assert_int_equal(out.keep_us, 9);
    assert_int_equal(out.project_no, in.project_no);
    assert_int_equal(projects_get_by_no(t->tx, in.project_no, &t->arena, &out), OK);
    ASSERT_STR(out.name, "n");
    assert_int_equal(projects_find(t->tx, STR("other"), STR("n"), &t->arena, &out), ERR_NOT_FOUND);
    assert_int_equal(projects_insert(t->tx, &in), ERR_CONFLICT);

    in.name = STR("m");
    in.end_us = 7;
    assert_int_equal(projects_update(t->tx, &in), OK);
    assert_int_equal(projects_find(t->tx, TENANT, STR("m"), &t->arena, &out), OK);
    assert_int_equal(out.end_us, 7);
    add(t, "q", "taken", 1);
    in.name = STR("taken");
    assert_int_equal(projects_update(t->tx, &in), ERR_CONFLICT);
    in.project_id = STR("none");
    assert_int_equal(projects_update(t->tx, &in), ERR_NOT_FOUND);
    assert_int_equal(projects_delete(t->tx, TENANT, STR("p")), OK);
    assert_int_equal(projects_delete(t->tx, TENANT, STR("p")), ERR_NOT_FOUND);
}

static void made_once(void **state)
{
    struct table *t = *state;
    struct project_row first, second;

    assert_int_equal(projects_ensure(t->tx, TENANT, STR("x"), &t->arena, &first), OK);
    assert_int_equal(projects_ensure(t->tx, TENANT, STR("x"), &t->arena, &second), OK);
    assert_int_equal(first.project_no, second.project_no);
    assert_int_equal(projects_ensure(t->tx, STR("u"), STR("x"), &t->arena, &second), OK);
    assert_int_not_equal(first.project_no, second.project_no);
}

static struct str search(struct table *t, struct project_filter filter)
{
    struct project_rows found;
    struct str ids = STR("");

    filter.tenant = TENANT;
    filter.limit = filter.limit ? filter.limit : 10;
    assert_int_equal(projects_search(t->tx, &filter, &t->arena, &found), OK);
    for (size_t i = 0; i < found.count; i++)
        table_join(t, &ids, found.list[i].project_id);
    return ids;
}

#define SEARCH(...) search(t, (struct project_filter){__VA_ARGS__})

static void searches(void **state)
{
    struct table *t = *state;
    struct project_row of_dataset = {.tenant = TENANT,
                                     .project_id = STR("c"),
                                     .name = STR("Third_one"),
                                     .extra = STR("{\"metadata\":{\"k\":\"v\",\"l\":2}}"),
                                     .start_us = 3,
                                     .reference_dataset_id = STR("d")};

    add(t, "a", "first", 1);
    add(t, "b", "second one", 2);
    assert_int_equal(projects_insert(t->tx, &of_dataset), OK);
    ASSERT_STR(SEARCH(.ascending = true), "a,b,c");
    ASSERT_STR(SEARCH(.ascending = false), "c,b,a");
    ASSERT_STR(SEARCH(.limit = 1, .offset = 1), "b");
    ASSERT_STR(SEARCH(.name = STR("first")), "a");
    ASSERT_STR(SEARCH(.name_contains = STR("ONE")), "c,b");
    ASSERT_STR(SEARCH(.name_contains = STR("d_o")), "c");
    ASSERT_STR(SEARCH(.reference_dataset_id = STR("d")), "c");
    ASSERT_STR(SEARCH(.reference_dataset_id = STR("")), "b,a");
    ASSERT_STR(SEARCH(.metadata = STR("{\"k\":\"v\"}")), "c");
    ASSERT_STR(SEARCH(.metadata = STR("{\"k\":\"w\"}")), "");
}

static const struct CMUnitTest tests[] = {
    TEST("a project comes out as it went in; id and name are taken once", what_goes_in_comes_out),
    TEST("a project that is asked for by name is made once in each tenant", made_once),
    TEST("projects are found by what they are about", searches),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
