/* threads_test.c -- threads, their heads and what goes with them, on both databases. */
#include "store/checkpoints.h"
#include "store/run_events.h"
#include "store/runs.h"
#include "store/table_rig.h"
#include "store/threads.h"

static struct thread thread_of(const char *id)
{
    return (struct thread){.tenant = TENANT,
                           .thread_id = str_of(id),
                           .status = THREAD_IDLE,
                           .metadata = STR("{}"),
                           .config = STR("{}"),
                           .interrupts = STR("{}"),
                           .created_us = 100,
                           .updated_us = 100};
}

static void add(struct table *t, const struct thread *thread)
{
    assert_int_equal(thread_insert(t->tx, thread), OK);
}

static struct thread get(struct table *t, const char *id)
{
    struct thread thread = {0};

    assert_int_equal(thread_get(t->tx, TENANT, str_of(id), &t->arena, &thread), OK);
    return thread;
}

static void what_is_added_is_found_as_it_was(void **state)
{
    struct table *t = *state;
    struct thread in = thread_of("a"), out;

    assert_int_equal(thread_get(t->tx, TENANT, STR("a"), &t->arena, &out), ERR_NOT_FOUND);
    in.metadata = STR("{\"b\": 1}");
    in.temporary = true;
    add(t, &in);
    out = get(t, "a");
    ASSERT_STR(out.status, "idle");
    ASSERT_STR(out.metadata, "{\"b\": 1}");
    ASSERT_STR(out.graph_id, NULL);
    ASSERT_STR(out.head_values, NULL);
    ASSERT_STR(out.head_state, NULL);
    ASSERT_STR(out.error, NULL);
    assert_true(out.temporary);
    assert_int_equal(out.state_updated_us, 0);
    assert_int_equal(thread_get_for_update(t->tx, TENANT, STR("a"), &t->arena, &out), OK);
    ASSERT_STR(out.thread_id, "a");
    assert_int_equal(thread_get(t->tx, STR("other"), STR("a"), &t->arena, &out), ERR_NOT_FOUND);
    table_try(t);
    assert_int_equal(thread_insert(t->tx, &in), ERR_CONFLICT);
    table_undo(t);
}

static void an_update_leaves_the_head_and_a_head_the_rest(void **state)
{
    struct table *t = *state;
    struct thread thread = thread_of("a"), out;

    add(t, &thread);
    thread.status = THREAD_ERROR;
    thread.metadata = STR("{\"m\":1}");
    thread.config = STR("{\"c\":1}");
    thread.graph_id = STR("g");
    thread.error = STR("{\"error\":\"E\"}");
    thread.head_values = STR("{\"v\":1}");
    thread.updated_us = 200;
    assert_int_equal(thread_update(t->tx, &thread), OK);
    out = get(t, "a");
    ASSERT_STR(out.status, "error");
    ASSERT_STR(out.metadata, "{\"m\":1}");
    ASSERT_STR(out.config, "{\"c\":1}");
    ASSERT_STR(out.graph_id, "g");
    ASSERT_STR(out.error, "{\"error\":\"E\"}");
    ASSERT_STR(out.head_values, NULL);
    assert_int_equal(out.updated_us, 200);
    assert_int_equal(out.state_updated_us, 0);
    thread.head_state = STR("{\"values\":{\"v\":1}}");
    thread.interrupts = STR("{\"i\":[]}");
    thread.status = THREAD_IDLE;
    assert_int_equal(thread_update_head(t->tx, &thread), OK);
    out = get(t, "a");
    ASSERT_STR(out.status, "error");
    ASSERT_STR(out.head_values, "{\"v\":1}");
    ASSERT_STR(out.head_state, "{\"values\":{\"v\":1}}");
    ASSERT_STR(out.interrupts, "{\"i\":[]}");
    assert_int_equal(out.updated_us, t->tx->now_us);
    assert_int_equal(out.state_updated_us, t->tx->now_us);
}

/* ---- deleting ---- */

/* A thread with a run "r-<id>", an event of it, a checkpoint and a write. */
static void add_with_all(struct table *t, const char *id)
{
    struct thread thread = thread_of(id);
    struct str run_id = arena_printf(&t->arena, "r-%s", id);
    struct run run = {.tenant = TENANT,
                      .run_id = run_id,
                      .thread_id = thread.thread_id,
                      .assistant_id = STR("x"),
                      .graph_id = STR("g"),
                      .metadata = STR("{}"),
                      .kwargs = STR("{}"),
                      .multitask_strategy = STR("enqueue"),
                      .created_us = 1,
                      .due_us = 1};
    struct run_event_row event = {1, STR("values"), STR("{}")};
    struct checkpoint checkpoint = {.tenant = TENANT,
                                    .thread_id = thread.thread_id,
                                    .ns = STR(""),
                                    .checkpoint_id = STR("1f"),
                                    .serde = STR("json"),
                                    .body = STR("b"),
                                    .metadata = STR("{}")};
    struct checkpoint_write write = {.task_id = STR("task"),
                                     .task_path = STR(""),
                                     .channel = STR("c"),
                                     .serde = STR("json"),
                                     .body = STR("b")};

    add(t, &thread);
    assert_int_equal(run_insert(t->tx, &run), OK);
    assert_int_equal(run_events_insert(t->tx, TENANT, run_id, &event, 1), OK);
    assert_int_equal(checkpoint_put(t->tx, &checkpoint), OK);
    assert_int_equal(checkpoint_writes_put(t->tx, &checkpoint, 0, &write, 1), OK);
}

/* "thread run event checkpoint write": what there is of each. */
static struct str left_of(struct table *t, const char *id)
{
    struct str run_id = arena_printf(&t->arena, "r-%s", id);
    struct run run = {.tenant = TENANT, .run_id = run_id};
    struct checkpoint key = {
        .tenant = TENANT, .thread_id = str_of(id), .ns = STR(""), .checkpoint_id = STR("1f")};
    struct checkpoint checkpoint;
    struct checkpoint_write *writes;
    struct run_event_rows events;
    struct thread thread;
    size_t write_count = 0;
    enum err has_thread, has_run, has_checkpoint;

    has_thread = thread_get(t->tx, TENANT, str_of(id), &t->arena, &thread);
    assert_int_equal(run_events_list(t->tx, &run, -1, &t->arena, &events), OK);
    has_run = run_get(t->tx, TENANT, STR_NONE, run_id, &t->arena, &run);
    has_checkpoint = checkpoint_get(t->tx, &key, &t->arena, &checkpoint);
    assert_int_equal(checkpoint_writes_list(t->tx, &key, &t->arena, &writes, &write_count), OK);
    return arena_printf(&t->arena, "%d%d%zu%d%zu", !has_thread, !has_run, events.count,
                        !has_checkpoint, write_count);
}

static void deleting_takes_everything_along(void **state)
{
    struct table *t = *state;

    add_with_all(t, "a");
    add_with_all(t, "b");
    ASSERT_STR(left_of(t, "a"), "11111");
    assert_int_equal(thread_delete(t->tx, STR("other"), STR("a")), ERR_NOT_FOUND);
    assert_int_equal(thread_delete(t->tx, TENANT, STR("a")), OK);
    assert_int_equal(thread_delete(t->tx, TENANT, STR("a")), ERR_NOT_FOUND);
    ASSERT_STR(left_of(t, "a"), "00000");
    ASSERT_STR(left_of(t, "b"), "11111");
}

static void a_temporary_thread_leaves_its_run_for_late_joins(void **state)
{
    struct table *t = *state;

    add_with_all(t, "a");
    add_with_all(t, "b");
    assert_int_equal(thread_delete_temporary(t->tx, TENANT, STR("a")), OK);
    assert_int_equal(thread_delete_temporary(t->tx, TENANT, STR("a")), ERR_NOT_FOUND);
    ASSERT_STR(left_of(t, "a"), "01100");
    ASSERT_STR(left_of(t, "b"), "11111");
}

/* ---- searching ---- */

static struct thread_filter everything(void)
{
    return (struct thread_filter){.tenant = TENANT, .limit = 100};
}

static struct str search(struct table *t, const struct thread_filter *filter)
{
    struct thread_filter whole = *filter;
    struct thread *found = NULL;
    struct str ids = STR("");
    int64_t counted = -1;
    size_t count = 0;

    assert_int_equal(thread_search(t->tx, filter, &t->arena, &found, &count), OK);
    for (size_t i = 0; i < count; i++)
        table_join(t, &ids, found[i].thread_id);
    assert_int_equal(thread_count(t->tx, filter, &counted), OK);
    whole.limit = 100;
    whole.offset = 0;
    assert_int_equal(thread_search(t->tx, &whole, &t->arena, &found, &count), OK);
    assert_int_equal(counted, count);
    return ids;
}

/* a and c have a head; d has none and is the newest. */
static void add_four(struct table *t)
{
    struct thread a = thread_of("a"), b = thread_of("b"), c = thread_of("c"), d = thread_of("d");
    struct thread temporary = thread_of("temporary"), stranger = thread_of("stranger");

    a.created_us = 4;
    a.updated_us = 1;
    a.metadata = STR("{\"user\":{\"id\":7},\"tags\":[1,2]}");
    a.head_values = STR("{\"messages\":[{\"content\":\"hi\",\"id\":\"m\"}],\"n\":1}");
    a.state_updated_us = 20;
    b.created_us = 3;
    b.updated_us = 4;
    b.status = THREAD_BUSY;
    c.created_us = 2;
    c.updated_us = 3;
    c.status = THREAD_ERROR;
    c.head_values = STR("[1]"); /* a state need not be an object */
    c.state_updated_us = 10;
    d.created_us = 1;
    d.updated_us = 2;
    d.metadata = STR("{\"user\":{\"id\":\"7\"}}");
    temporary.temporary = true;
    stranger.tenant = STR("other");
    add(t, &a);
    add(t, &b);
    add(t, &c);
    add(t, &d);
    add(t, &temporary);
    add(t, &stranger);
}

static void searches_filter(void **state)
{
    static const struct {
        const char *status, *metadata, *values, *ids, *expected;
    } cases[] = {
        {NULL, NULL, NULL, NULL, "b,c,d,a"},
        {"idle", NULL, NULL, NULL, "d,a"},
        {"interrupted", NULL, NULL, NULL, ""},
        {NULL, "{\"user\":{\"id\":7}}", NULL, NULL, "a"},
        {NULL, "{\"tags\":[2]}", NULL, NULL, "a"},
        {NULL, "{\"tags\":[]}", NULL, NULL, "a"},
        {NULL, NULL, "{}", NULL, "a"},
        {NULL, NULL, "{\"messages\":[{\"content\":\"hi\"}]}", NULL, "a"},
        {NULL, NULL, "{\"messages\":[{\"content\":\"h\"}]}", NULL, ""},
        {NULL, NULL, NULL, "[\"c\",\"a\",\"stranger\",\"temporary\",\"nobody\"]", "c,a"},
        {NULL, NULL, NULL, "[]", ""},
        {"error", NULL, NULL, "[\"c\",\"a\"]", "c"},
    };
    struct table *t = *state;

    add_four(t);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct thread_filter filter = everything();

        filter.status = str_of(cases[i].status);
        filter.metadata = str_of(cases[i].metadata);
        filter.values = str_of(cases[i].values);
        filter.ids = str_of(cases[i].ids);
        ASSERT_STR(search(t, &filter), cases[i].expected);
    }
}

static void searches_find_what_is_admitted(void **state)
{
    static const char *const cases[][2] = {
        {NULL, "b,c,d,a"},
        {"[]", ""},
        {"[{}]", "b,c,d,a"},
        {"[{\"user\":{\"id\":7}}]", "a"},
        {"[{\"tags\":[2]},{\"user\":{\"id\":\"7\"}}]", "d,a"},
        {"[{\"tags\":[2],\"user\":{\"id\":\"7\"}}]", ""},
    };
    struct table *t = *state;

    add_four(t);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct thread_filter filter = everything();

        filter.admitted = str_of(cases[i][0]);
        ASSERT_STR(search(t, &filter), cases[i][1]);
    }
}

static void searches_sort_and_page(void **state)
{
    static const struct {
        const char *sort_by, *descending, *ascending;
    } orders[] = {
        {NULL, "b,c,d,a", "a,d,c,b"},
        {"updated_at", "b,c,d,a", "a,d,c,b"},
        {"created_at", "a,b,c,d", "d,c,b,a"},
        {"thread_id", "d,c,b,a", "a,b,c,d"},
        {"status", "d,a,c,b", "b,c,a,d"},
        /* What has no state yet comes last going down and first going up, on both databases. */
        {"state_updated_at", "a,c,d,b", "b,d,c,a"},
    };
    struct table *t = *state;
    struct thread_filter filter;

    add_four(t);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        filter = everything();
        filter.sort_by = str_of(orders[i].sort_by);
        ASSERT_STR(search(t, &filter), orders[i].descending);
        filter.ascending = true;
        ASSERT_STR(search(t, &filter), orders[i].ascending);
    }
    filter = everything();
    filter.limit = 3;
    filter.offset = 1;
    ASSERT_STR(search(t, &filter), "c,d,a");
    filter.offset = 4;
    ASSERT_STR(search(t, &filter), "");
}

static size_t expired(struct table *t, struct thread **found)
{
    size_t count = 99;

    assert_int_equal(thread_list_expired(t->tx, 10, &t->arena, found, &count), OK);
    return count;
}

static void a_life_begins_anew_with_each_change(void **state)
{
    struct table *t = *state;
    struct thread thread = thread_of("a"), *found;

    add(t, &thread); /* lives for ever */
    thread = thread_of("b");
    thread.ttl_us = 50;
    thread.ttl_strategy = THREAD_KEEP_LATEST;
    add(t, &thread);
    assert_int_equal(get(t, "b").expires_us, 150);
    t->tx->now_us = 149;
    assert_int_equal(expired(t, &found), 0);
    t->tx->now_us = 150;
    assert_int_equal(expired(t, &found), 1);
    ASSERT_STR(found[0].thread_id, "b");
    ASSERT_STR(found[0].ttl_strategy, "keep_latest");
    thread.updated_us = 160;
    assert_int_equal(thread_update(t->tx, &thread), OK);
    assert_int_equal(get(t, "b").expires_us, 210);
    t->tx->now_us = 200;
    assert_int_equal(thread_update_head(t->tx, &thread), OK);
    assert_int_equal(get(t, "b").expires_us, 250);
    t->tx->now_us = 250;
    assert_int_equal(expired(t, &found), 1);
    assert_int_equal(thread_expire(t->tx, &found[0]), OK);
    assert_int_equal(expired(t, &found), 0);
    assert_int_equal(get(t, "b").ttl_us, 50); /* the next change counts again */
    thread.ttl_us = 0;
    assert_int_equal(thread_update(t->tx, &thread), OK);
    assert_int_equal(get(t, "b").expires_us, 0);
}

static void a_thread_with_a_live_run_does_not_expire(void **state)
{
    struct table *t = *state;
    struct thread thread = thread_of("a"), *found;
    struct run run = {.tenant = TENANT,
                      .run_id = STR("r"),
                      .thread_id = STR("a"),
                      .assistant_id = STR("s"),
                      .graph_id = STR("g"),
                      .metadata = STR("{}"),
                      .kwargs = STR("{}"),
                      .multitask_strategy = STR("enqueue")};

    thread.ttl_us = 1;
    thread.ttl_strategy = THREAD_DELETE;
    add(t, &thread);
    assert_int_equal(run_insert(t->tx, &run), OK);
    t->tx->now_us = 1000;
    assert_int_equal(expired(t, &found), 0);
    run.status = RUN_SUCCESS;
    run.ended_us = 900;
    assert_int_equal(run_end(t->tx, &run), OK);
    assert_int_equal(expired(t, &found), 1);
}

static void what_a_thread_takes_is_measured(void **state)
{
    struct table *t = *state;
    struct thread thread = thread_of("a");
    struct thread_storage storage;
    const struct checkpoint checkpoint = {.tenant = TENANT,
                                          .thread_id = STR("a"),
                                          .ns = STR(""),
                                          .checkpoint_id = STR("1"),
                                          .serde = STR("s"),
                                          .body = STR("12345"),
                                          .metadata = STR("{}")};

    assert_int_equal(thread_measure(t->tx, TENANT, STR("a"), &storage), ERR_NOT_FOUND);
    thread.metadata = STR("{\"n\":\"\xc3\xa4\"}"); /* bytes, not characters */
    add(t, &thread);
    assert_int_equal(checkpoint_put(t->tx, &checkpoint), OK);
    assert_int_equal(thread_measure(t->tx, TENANT, STR("a"), &storage), OK);
    assert_int_equal(storage.thread, 10 + 2 + 2);
    assert_int_equal(storage.checkpoints, 7);
    assert_int_equal(storage.writes + storage.runs + storage.events, 0);
}

static const struct CMUnitTest tests[] = {
    TEST("what is added is found as it was, by its tenant", what_is_added_is_found_as_it_was),
    TEST("an update leaves the head alone, and a head the rest",
         an_update_leaves_the_head_and_a_head_the_rest),
    TEST("deleting takes runs, events, checkpoints and writes along",
         deleting_takes_everything_along),
    TEST("a temporary thread leaves its run for late joins",
         a_temporary_thread_leaves_its_run_for_late_joins),
    TEST("searches filter by status, metadata, values and ids", searches_filter),
    TEST("searches find what one of several filters admits", searches_find_what_is_admitted),
    TEST("searches sort and page", searches_sort_and_page),
    TEST("a life begins anew with each change (issue 4)", a_life_begins_anew_with_each_change),
    TEST("a thread with a live run does not expire", a_thread_with_a_live_run_does_not_expire),
    TEST("what a thread takes is measured", what_a_thread_takes_is_measured),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
