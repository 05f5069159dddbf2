/* inspector_test.c -- inspectors and what they keep, on both databases (issue 3 row 7). */
#include "store/inspector.h"

#include "store/table_rig.h"

static const struct inspector_limits limits = {
    .inspectors_max = 3, .requests_max = 4, .bytes_max = 1000};

static enum err insert(struct table *t, const char *tenant, const char *id, const char *slug)
{
    struct inspector inspector = {.tenant = str_of(tenant),
                                  .inspector_id = str_of(id),
                                  .slug = str_of(slug),
                                  .name = STR("n"),
                                  .answer = STR("{}")};

    return inspector_insert(t->tx, &inspector, &limits);
}

static struct inspector receive(struct table *t, const char *slug, size_t bytes)
{
    struct inspected request = {.received_us = t->tx->now_us,
                                .status = 200,
                                .head = STR("{\"method\":\"POST\"}"),
                                .body = str_range(arena_alloc_zero(&t->arena, bytes + 1), bytes)};
    struct inspector inspector;

    assert_int_equal(inspector_count(t->tx, str_of(slug), &t->arena, &inspector), OK);
    assert_int_equal(inspector_keep(t->tx, &inspector, &request, &limits), OK);
    return inspector;
}

/* The numbers of what is kept. */
static struct str kept(struct table *t, bool is_forward, int64_t position, int64_t limit)
{
    struct inspected_filter filter = {TENANT, STR("i1"), is_forward, position, limit};
    struct str text = STR("");
    struct inspected_list found;

    assert_int_equal(inspected_find(t->tx, &filter, &t->arena, &found), OK);
    for (size_t i = 0; i < found.count; i++)
        table_join(t, &text, arena_printf(&t->arena, "%lld", (long long)found.list[i].request_id));
    return text;
}

static void a_slug_is_one_inspector(void **state)
{
    struct table *t = *state;
    struct inspector inspector;
    struct inspectors found;

    assert_int_equal(insert(t, "t", "i1", "slug-1"), OK);
    assert_int_equal(insert(t, "other", "i1", "slug-1"), ERR_CONFLICT);
    assert_int_equal(insert(t, "other", "i1", "slug-2"), OK);
    assert_int_equal(inspector_find(t->tx, STR("slug-2"), &t->arena, &inspector), OK);
    ASSERT_STR(inspector.tenant, "other");
    assert_int_equal(inspector_get(t->tx, TENANT, STR("slug-1"), &t->arena, &inspector), OK);
    ASSERT_STR(inspector.inspector_id, "i1");
    assert_int_equal(inspector_get(t->tx, TENANT, STR("slug-2"), &t->arena, &inspector),
                     ERR_NOT_FOUND);
    assert_int_equal(insert(t, "t", "i2", "slug-3"), OK);
    assert_int_equal(insert(t, "t", "i3", "slug-4"), OK);
    assert_int_equal(insert(t, "t", "i4", "slug-5"), ERR_LIMIT);
    assert_int_equal(inspector_delete(t->tx, TENANT, STR("i2")), OK);
    assert_int_equal(inspector_delete(t->tx, TENANT, STR("i2")), ERR_NOT_FOUND);
    assert_int_equal(inspector_list(t->tx, TENANT, &t->arena, &found), OK);
    assert_int_equal(found.count, 2);
}

static void requests_are_numbered_and_the_newest_are_kept(void **state)
{
    struct table *t = *state;
    struct inspector inspector;

    assert_int_equal(insert(t, "t", "i1", "s"), OK);
    assert_int_equal(receive(t, "s", 10).received, 1);
    t->tx->now_us++;
    inspector = receive(t, "s", 10);
    assert_int_equal(inspector.received, 2);
    assert_int_equal(inspector.used_us, t->tx->now_us);
    ASSERT_STR(kept(t, false, 0, 10), "2,1");
    for (int i = 0; i < 4; i++)
        receive(t, "s", 10);
    ASSERT_STR(kept(t, false, 0, 10), "6,5,4,3"); /* four at most */
    ASSERT_STR(kept(t, false, 5, 1), "4");
    ASSERT_STR(kept(t, true, 0, 10), "3,4,5,6");
    ASSERT_STR(kept(t, true, 4, 1), "5");
    receive(t, "s", 930);
    ASSERT_STR(kept(t, true, 0, 10), "6,7"); /* 1000 bytes at most, with heads */
    receive(t, "s", 5000);
    ASSERT_STR(kept(t, true, 0, 10), "8"); /* the newest stays, however large */
    assert_int_equal(inspected_clear(t->tx, TENANT, STR("i1")), OK);
    ASSERT_STR(kept(t, true, 0, 10), "");
    assert_int_equal(receive(t, "s", 0).received, 9);
}

static void a_new_answer_starts_its_script_again(void **state)
{
    struct table *t = *state;
    struct inspector inspector;
    struct inspected request;

    assert_int_equal(insert(t, "t", "i1", "s"), OK);
    receive(t, "s", 3);
    assert_int_equal(receive(t, "s", 3).answered, 2);
    assert_int_equal(inspector_get(t->tx, TENANT, STR("i1"), &t->arena, &inspector), OK);
    inspector.answer = STR("{\"status\":500}");
    assert_int_equal(inspector_update(t->tx, &inspector), OK);
    inspector = receive(t, "s", 3);
    assert_int_equal(inspector.answered, 1);
    assert_int_equal(inspector.received, 3);
    ASSERT_STR(inspector.answer, "{\"status\":500}");
    assert_int_equal(inspected_get(t->tx, &inspector, 3, &t->arena, &request), OK);
    assert_int_equal(request.body.len, 3);
    ASSERT_STR(request.head, "{\"method\":\"POST\"}");
    assert_int_equal(inspected_get(t->tx, &inspector, 4, &t->arena, &request), ERR_NOT_FOUND);
    inspector.tenant = STR("other");
    assert_int_equal(inspector_update(t->tx, &inspector), ERR_NOT_FOUND);
    assert_int_equal(inspector_count(t->tx, STR("nobody"), &t->arena, &inspector), ERR_NOT_FOUND);
}

static const struct CMUnitTest tests[] = {
    TEST("a slug is one inspector's, a tenant has a few", a_slug_is_one_inspector),
    TEST("requests are numbered, and the newest are kept",
         requests_are_numbered_and_the_newest_are_kept),
    TEST("a new answer starts its script again", a_new_answer_starts_its_script_again),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
