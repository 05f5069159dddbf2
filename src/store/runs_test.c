/* runs_test.c -- the queue: who is next, who is lost, and that only the present attempt counts; on
 * both databases. */
#include "store/run_events.h"
#include "store/sequence.h"
#include "store/table_rig.h"

static const struct run_claim claim_all = {
    .node = {"node", 4}, .lease_us = 1000, .graph_ids = {"[\"g\",\"h\"]", 9}, .limit = 100};

static struct run run_of(const char *id, const char *thread_id)
{
    return (struct run){.tenant = TENANT,
                        .run_id = str_of(id),
                        .thread_id = str_of(thread_id),
                        .assistant_id = STR("x"),
                        .graph_id = STR("g"),
                        .metadata = STR("{}"),
                        .kwargs = STR("{\"input\": 1.50}"),
                        .multitask_strategy = STR("enqueue"),
                        .created_us = 100,
                        .due_us = 100};
}

static void add(struct table *t, struct run *run)
{
    assert_int_equal(run_insert(t->tx, run), OK);
}

static void add_run(struct table *t, const char *id, const char *thread_id)
{
    struct run run = run_of(id, thread_id);

    add(t, &run);
}

static struct run get(struct table *t, const char *id)
{
    struct run run = {0};

    assert_int_equal(run_get(t->tx, TENANT, STR_NONE, str_of(id), &t->arena, &run), OK);
    return run;
}

static struct str ids_of(struct table *t, const struct runs *runs)
{
    struct str ids = STR("");

    for (size_t i = 0; i < runs->count; i++)
        table_join(t, &ids, runs->list[i].run_id);
    return ids;
}

static struct str claim(struct table *t, const struct run_claim *what)
{
    struct runs runs;

    assert_int_equal(run_claim(t->tx, what, &t->arena, &runs), OK);
    return ids_of(t, &runs);
}

/* Ends the run in its present attempt. */
static enum err end(struct table *t, const char *id, struct str status)
{
    struct run run = get(t, id);

    run.status = status;
    run.ended_us = t->tx->now_us;
    return run_end(t->tx, &run);
}

/* ---- rows ---- */

static void what_is_added_is_found_as_it_was(void **state)
{
    struct table *t = *state;
    struct run in = run_of("a", "t1"), out;

    assert_int_equal(run_get(t->tx, TENANT, STR_NONE, STR("a"), &t->arena, &out), ERR_NOT_FOUND);
    in.webhook = STR("https://x/");
    in.temporary = true;
    in.resumable = true;
    add(t, &in);
    out = get(t, "a");
    ASSERT_STR(out.status, "pending");
    ASSERT_STR(out.kwargs, "{\"input\": 1.50}");
    ASSERT_STR(out.webhook, "https://x/");
    ASSERT_STR(out.cancel_action, NULL);
    ASSERT_STR(out.error, NULL);
    ASSERT_STR(out.result, NULL);
    assert_true(out.temporary && out.resumable);
    assert_int_equal(out.position, in.position);
    assert_int_equal(out.attempt, 0);
    assert_int_equal(out.started_us, 0);
    assert_int_equal(out.ended_us, 0);
    assert_int_equal(run_get(t->tx, TENANT, STR("t1"), STR("a"), &t->arena, &out), OK);
    assert_int_equal(run_get(t->tx, TENANT, STR("t2"), STR("a"), &t->arena, &out), ERR_NOT_FOUND);
    assert_int_equal(run_get(t->tx, STR("other"), STR_NONE, STR("a"), &t->arena, &out),
                     ERR_NOT_FOUND);
    table_try(t);
    assert_int_equal(run_insert(t->tx, &in), ERR_CONFLICT);
    table_undo(t);
}

static struct str list(struct table *t, const char *status, int64_t limit, int64_t offset)
{
    struct run_filter filter = {.tenant = TENANT,
                                .thread_id = STR("t1"),
                                .status = str_of(status),
                                .limit = limit,
                                .offset = offset};
    struct runs runs;

    assert_int_equal(run_list(t->tx, &filter, &t->arena, &runs), OK);
    return ids_of(t, &runs);
}

static void a_threads_runs_are_listed_newest_first(void **state)
{
    struct table *t = *state;
    struct runs runs;
    int64_t count = -1;

    add_run(t, "a", "t1");
    add_run(t, "b", "t1");
    add_run(t, "c", "t1");
    add_run(t, "x", "t2");
    assert_int_equal(end(t, "b", RUN_SUCCESS), OK);
    ASSERT_STR(list(t, NULL, 10, 0), "c,b,a");
    ASSERT_STR(list(t, NULL, 2, 1), "b,a");
    ASSERT_STR(list(t, "pending", 10, 0), "c,a");
    ASSERT_STR(list(t, "error", 10, 0), "");
    assert_int_equal(run_list_live(t->tx, TENANT, STR("t1"), 10, &t->arena, &runs), OK);
    ASSERT_STR(ids_of(t, &runs), "a,c"); /* oldest first */
    assert_int_equal(run_list_live(t->tx, TENANT, STR("t1"), 1, &t->arena, &runs), OK);
    ASSERT_STR(ids_of(t, &runs), "a");
    assert_int_equal(run_count_live(t->tx, TENANT, STR("t1"), &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(run_count_live(t->tx, STR("other"), STR("t1"), &count), OK);
    assert_int_equal(count, 0);
}

static struct str by_status(struct table *t, const char *status)
{
    struct runs runs;

    const struct run_filter filter = {.tenant = TENANT, .status = str_of(status), .limit = 10};

    assert_int_equal(run_list_by_status(t->tx, &filter, &t->arena, &runs), OK);
    return ids_of(t, &runs);
}

static void live_runs_are_listed_until_their_cancel_is_asked_for(void **state)
{
    struct table *t = *state;
    struct run run;

    add_run(t, "a", "t1");
    add_run(t, "b", "t2");
    add_run(t, "c", "t3");
    ASSERT_STR(claim(t, &(struct run_claim){STR("node"), 1, STR("[\"g\"]"), 1}), "a");
    assert_int_equal(end(t, "c", RUN_SUCCESS), OK);
    ASSERT_STR(by_status(t, "all"), "a,b");
    ASSERT_STR(by_status(t, "pending"), "b");
    ASSERT_STR(by_status(t, "running"), "a");
    run = get(t, "a");
    assert_int_equal(run_set_cancel(t->tx, &run, STR("interrupt")), OK);
    ASSERT_STR(get(t, "a").cancel_action, "interrupt");
    ASSERT_STR(by_status(t, "all"), "b");
    run = get(t, "c");
    assert_int_equal(run_set_cancel(t->tx, &run, STR("interrupt")), OK); /* has ended */
    ASSERT_STR(get(t, "c").cancel_action, NULL);
}

/* ---- claims ---- */

static void a_thread_runs_one_at_a_time_oldest_first(void **state)
{
    struct table *t = *state;

    add_run(t, "a1", "a");
    add_run(t, "b1", "b");
    add_run(t, "a2", "a");
    add_run(t, "a3", "a");
    ASSERT_STR(claim(t, &claim_all), "a1,b1");
    ASSERT_STR(claim(t, &claim_all), "");
    assert_int_equal(end(t, "a1", RUN_ERROR), OK);
    ASSERT_STR(claim(t, &claim_all), "a2");
    assert_int_equal(end(t, "b1", RUN_SUCCESS), OK);
    ASSERT_STR(claim(t, &claim_all), "");
    assert_int_equal(end(t, "a3", RUN_INTERRUPTED), OK); /* cancelled while it waited */
    assert_int_equal(end(t, "a2", RUN_SUCCESS), OK);
    ASSERT_STR(claim(t, &claim_all), "");
}

/* Two nodes on one PostgreSQL reserve positions in blocks of their own. */
static void a_threads_order_is_that_of_its_inserts(void **state)
{
    static const struct db_statement older_block = {
        "test_older_block", "UPDATE sequences SET next_value = 1 WHERE name = 'run_position'",
        NULL};
    struct table *t = *state;
    struct run first = run_of("first", "a"), second = run_of("second", "a");
    int64_t ignored;

    assert_int_equal(sequence_next(t->tx, STR("run_position"), 1000, &ignored), OK);
    add(t, &first);
    assert_int_equal(db_run(t->tx->db, &older_block, DB_NO_ARGS, NULL), OK);
    add(t, &second);
    assert_true(second.position > first.position);
    assert_int_equal(get(t, "second").position, second.position);
    ASSERT_STR(claim(t, &claim_all), "first");
    ASSERT_STR(list(t, NULL, 10, 0), "");
}

static void a_claim_keeps_to_its_graphs_and_its_limit(void **state)
{
    struct table *t = *state;
    struct run_claim what = claim_all;
    struct run other = run_of("o", "t0");

    other.graph_id = STR("other");
    add(t, &other);
    add_run(t, "a", "t1");
    add_run(t, "b", "t2");
    add_run(t, "c", "t3");
    what.limit = 2;
    ASSERT_STR(claim(t, &what), "a,b");
    what.graph_ids = STR("[]");
    ASSERT_STR(claim(t, &what), "");
    what.graph_ids = STR("[\"other\"]");
    ASSERT_STR(claim(t, &what), "o");
}

static void what_is_not_due_waits_and_lets_others_pass(void **state)
{
    struct table *t = *state;
    struct run late = run_of("late", "a"), early = run_of("early", "b");
    int64_t now = t->tx->now_us, due_us = -1;

    assert_int_equal(run_next_due(t->tx, &due_us), OK);
    assert_int_equal(due_us, 0);
    late.due_us = now + 50;
    early.due_us = now - 7;
    add(t, &late);
    add_run(t, "next", "a");
    add(t, &early);
    ASSERT_STR(claim(t, &claim_all), "next,early"); /* in the order in which they fell due */
    assert_int_equal(run_next_due(t->tx, &due_us), OK);
    assert_int_equal(due_us, now + 50);
    t->tx->now_us = now + 50;
    ASSERT_STR(claim(t, &claim_all), ""); /* its thread is busy */
    assert_int_equal(end(t, "next", RUN_SUCCESS), OK);
    t->tx->now_us = now - 1000; /* the clock goes back: what was due once stays due */
    add_run(t, "later", "a");
    ASSERT_STR(claim(t, &claim_all), "late");
}

/* What is overdue but held up by another run does not hide when the next one falls due. */
static void the_next_due_is_still_to_come(void **state)
{
    struct table *t = *state;
    struct run soon = run_of("soon", "b"), later = run_of("later", "c");
    int64_t due_us = -1;

    add_run(t, "a1", "a");
    ASSERT_STR(claim(t, &claim_all), "a1");
    add_run(t, "a2", "a");
    assert_int_equal(run_next_due(t->tx, &due_us), OK);
    assert_int_equal(due_us, 0);
    later.due_us = t->tx->now_us + 9;
    soon.due_us = t->tx->now_us + 5;
    add(t, &later);
    add(t, &soon);
    assert_int_equal(run_next_due(t->tx, &due_us), OK);
    assert_int_equal(due_us, soon.due_us);
}

static void each_attempt_has_its_own_block_of_events(void **state)
{
    struct table *t = *state;
    int64_t now = t->tx->now_us;
    struct runs runs;
    struct run run;

    add_run(t, "a", "t1");
    assert_int_equal(run_claim(t->tx, &claim_all, &t->arena, &runs), OK);
    assert_int_equal(runs.list[0].attempt, 1);
    assert_int_equal(runs.list[0].events_reserved, 0);
    ASSERT_STR(runs.list[0].status, "running");
    assert_int_equal(runs.list[0].started_us, now);
    run = get(t, "a");
    ASSERT_STR(run.status, "running");
    assert_int_equal(run.attempt, 1);
    assert_int_equal(run_release(t->tx, &run), OK);
    ASSERT_STR(get(t, "a").status, "pending");
    t->tx->now_us = now + 10;
    assert_int_equal(run_claim(t->tx, &claim_all, &t->arena, &runs), OK);
    assert_int_equal(runs.list[0].attempt, 2);
    assert_int_equal(runs.list[0].events_reserved, RUN_EVENTS_BLOCK);
    run = get(t, "a");
    assert_int_equal(run.started_us, now); /* when it first started */
    assert_int_equal(run.updated_us, now + 10);
    assert_int_equal(run.events_reserved, 2 * RUN_EVENTS_BLOCK);
    assert_int_equal(run_set_deadline(t->tx, &run, 123), OK);
    assert_int_equal(get(t, "a").deadline_us, 123);
}

/* An executor that was shut down in order has cost no attempt; its events' ids are spent all the
 * same. */
static void an_orderly_release_spends_no_attempt(void **state)
{
    struct table *t = *state;
    struct runs runs;
    struct run run;

    add_run(t, "a", "t1");
    ASSERT_STR(claim(t, &claim_all), "a");
    run = get(t, "a");
    assert_int_equal(run_release_unspent(t->tx, &run), OK);
    assert_int_equal(run_release_unspent(t->tx, &run), ERR_CONFLICT);
    ASSERT_STR(get(t, "a").status, "pending");
    assert_int_equal(get(t, "a").attempt, 0);
    assert_int_equal(run_claim(t->tx, &claim_all, &t->arena, &runs), OK);
    assert_int_equal(runs.list[0].attempt, 1);
    assert_int_equal(runs.list[0].events_reserved, RUN_EVENTS_BLOCK);
}

static void only_the_present_attempt_ends_or_releases(void **state)
{
    struct table *t = *state;
    struct run run;

    add_run(t, "a", "t1");
    run = get(t, "a");
    assert_int_equal(run_release(t->tx, &run), ERR_CONFLICT); /* is not running */
    ASSERT_STR(claim(t, &claim_all), "a");
    run.status = RUN_SUCCESS;
    assert_int_equal(run_end(t->tx, &run), ERR_CONFLICT); /* of attempt 0 */
    assert_int_equal(run_release(t->tx, &run), ERR_CONFLICT);
    run.attempt = 1;
    run.ended_us = 777;
    run.error = STR("{\"error\":\"E\"}");
    run.result = STR("{\"r\":1}");
    assert_int_equal(run_end(t->tx, &run), OK);
    assert_int_equal(run_end(t->tx, &run), ERR_CONFLICT);
    assert_int_equal(run_release(t->tx, &run), ERR_CONFLICT);
    run = get(t, "a");
    ASSERT_STR(run.status, "success");
    ASSERT_STR(run.error, "{\"error\":\"E\"}");
    ASSERT_STR(run.result, "{\"r\":1}");
    assert_int_equal(run.ended_us, 777);
    ASSERT_STR(run.stopped, NULL);
    assert_int_equal(run_stop_put(t->tx, &run, STR("{\"t\":[1]}")), OK);
    run = get(t, "a");
    ASSERT_STR(run.stopped, "{\"t\":[1]}");
}

/* ---- leases ---- */

static struct str lost(struct table *t, const char *node)
{
    struct runs runs;

    assert_int_equal(run_list_lost(t->tx, str_of(node), 10, &t->arena, &runs), OK);
    return ids_of(t, &runs);
}

static void a_run_is_lost_when_its_lease_is_over(void **state)
{
    struct table *t = *state;
    struct run_claim elsewhere = claim_all;
    int64_t now = t->tx->now_us;

    elsewhere.node = STR("elsewhere");
    elsewhere.limit = 1;
    add_run(t, "a", "t1");
    add_run(t, "b", "t2");
    ASSERT_STR(claim(t, &elsewhere), "a");
    ASSERT_STR(claim(t, &claim_all), "b");
    ASSERT_STR(lost(t, NULL), "");
    ASSERT_STR(lost(t, "node"), "b"); /* at its start: whatever it left running */
    ASSERT_STR(lost(t, "elsewhere"), "a");
    t->tx->now_us = now + 1000;
    ASSERT_STR(lost(t, NULL), "");
    t->tx->now_us = now + 1001;
    ASSERT_STR(lost(t, NULL), "a,b");
    assert_int_equal(run_extend_leases(t->tx, STR("node"), now + 5000), OK);
    ASSERT_STR(lost(t, NULL), "a");
    assert_int_equal(end(t, "a", RUN_SUCCESS), OK);
    ASSERT_STR(lost(t, NULL), "");
    ASSERT_STR(lost(t, "elsewhere"), "");
}

static void cancelled_runs_of_a_node_are_listed(void **state)
{
    struct table *t = *state;
    struct runs runs;
    struct run run;

    add_run(t, "a", "t1");
    add_run(t, "b", "t2");
    ASSERT_STR(claim(t, &claim_all), "a,b");
    run = get(t, "b");
    assert_int_equal(run_set_cancel(t->tx, &run, STR("rollback")), OK);
    assert_int_equal(run_list_cancelled(t->tx, STR("node"), 10, &t->arena, &runs), OK);
    ASSERT_STR(ids_of(t, &runs), "b");
    assert_int_equal(run_list_cancelled(t->tx, STR("elsewhere"), 10, &t->arena, &runs), OK);
    assert_int_equal(runs.count, 0);
}

/* ---- events ---- */

static size_t events_of(struct table *t, const char *id, int64_t after, int64_t *first)
{
    struct run run = {.tenant = TENANT, .run_id = str_of(id)};
    struct run_event_rows rows;

    assert_int_equal(run_events_list(t->tx, &run, after, &t->arena, &rows), OK);
    *first = rows.count ? rows.list[0].event_id : -1;
    for (size_t i = 1; i < rows.count; i++)
        assert_true(rows.list[i].event_id > rows.list[i - 1].event_id);
    return rows.count;
}

static void events_are_read_in_order_and_in_pieces(void **state)
{
    struct table *t = *state;
    size_t count = RUN_EVENTS_READ_MAX + 5;
    struct run_event_row *rows = ARENA_ARRAY(&t->arena, struct run_event_row, count);
    int64_t first;

    for (size_t i = 0; i < count; i++) /* backwards: the table sorts */
        rows[i] = (struct run_event_row){(int64_t)(count - 1 - i), STR("values"), STR("{}")};
    assert_int_equal(run_events_insert(t->tx, TENANT, STR("a"), rows, count), OK);
    assert_int_equal(run_events_insert(t->tx, TENANT, STR("b"), rows, 1), OK);
    assert_int_equal(events_of(t, "a", -1, &first), RUN_EVENTS_READ_MAX);
    assert_int_equal(first, 0);
    assert_int_equal(events_of(t, "a", RUN_EVENTS_READ_MAX - 1, &first), 5);
    assert_int_equal(first, RUN_EVENTS_READ_MAX);
    assert_int_equal(events_of(t, "a", (int64_t)count - 1, &first), 0);
    assert_int_equal(events_of(t, "b", -1, &first), 1);
}

static void an_event_is_stored_once(void **state)
{
    struct table *t = *state;
    struct run_event_row first = {3, STR("values"), STR("1")}, again = {3, STR("other"), STR("2")};
    struct run run = {.tenant = TENANT, .run_id = STR("a")};
    struct run_event_rows rows;

    assert_int_equal(run_events_insert(t->tx, TENANT, STR("a"), &first, 1), OK);
    assert_int_equal(run_events_insert(t->tx, TENANT, STR("a"), &again, 1), OK);
    assert_int_equal(run_events_list(t->tx, &run, -1, &t->arena, &rows), OK);
    assert_int_equal(rows.count, 1);
    ASSERT_STR(rows.list[0].event, "values");
    ASSERT_STR(rows.list[0].data, "1");
}

static void deleting_takes_the_events_along(void **state)
{
    struct table *t = *state;
    struct run_event_row event = {0, STR("values"), STR("1")};
    int64_t first;

    add_run(t, "a", "t1");
    assert_int_equal(run_events_insert(t->tx, TENANT, STR("a"), &event, 1), OK);
    assert_int_equal(run_delete(t->tx, STR("other"), STR("a")), ERR_NOT_FOUND);
    assert_int_equal(run_delete(t->tx, TENANT, STR("a")), OK);
    assert_int_equal(run_delete(t->tx, TENANT, STR("a")), ERR_NOT_FOUND);
    assert_int_equal(events_of(t, "a", -1, &first), 0);
}

static const struct CMUnitTest tests[] = {
    TEST("what is added is found as it was, by tenant, thread and id",
         what_is_added_is_found_as_it_was),
    TEST("a thread's runs are listed newest first", a_threads_runs_are_listed_newest_first),
    TEST("live runs are listed until their cancel is asked for",
         live_runs_are_listed_until_their_cancel_is_asked_for),
    TEST("a thread runs one at a time, oldest first", a_thread_runs_one_at_a_time_oldest_first),
    TEST("a thread's order is that of its inserts, on whichever node",
         a_threads_order_is_that_of_its_inserts),
    TEST("a claim keeps to its graphs and its limit", a_claim_keeps_to_its_graphs_and_its_limit),
    TEST("what is not due waits, and lets others pass", what_is_not_due_waits_and_lets_others_pass),
    TEST("the next due is still to come", the_next_due_is_still_to_come),
    TEST("each attempt has a block of events of its own", each_attempt_has_its_own_block_of_events),
    TEST("an orderly release spends no attempt", an_orderly_release_spends_no_attempt),
    TEST("only the present attempt ends or releases", only_the_present_attempt_ends_or_releases),
    TEST("a run is lost when its lease is over", a_run_is_lost_when_its_lease_is_over),
    TEST("the cancelled runs of a node are listed", cancelled_runs_of_a_node_are_listed),
    TEST("events are read in order and in pieces", events_are_read_in_order_and_in_pieces),
    TEST("an event is stored once", an_event_is_stored_once),
    TEST("deleting takes the events along", deleting_takes_the_events_along),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
