/* hub_store_test.c -- what the hub finds in the store and leaves there: runs that ended while
 * nobody looked, stored events of resumable runs, readers that lag behind the memory. */
#include "agent/hub_rig.h"

static const struct run_reader_config from_start = {.start = READER_ALL};

static void open_pulling(struct hearer *h, struct hub_rig *rig, const char *run_id,
                         struct run_reader_config how)
{
    h->pulls = true;
    hearer_open(h, rig, 0, run_id, how);
}

static void close_one(struct hub_rig *rig, struct hearer *h)
{
    hearer_close(h);
    (void)hearer_has_batch(h, rig);
    hearer_release(h);
}

static void expect_heard(struct hub_rig *rig, const char *run_id, struct run_reader_config how,
                         const char *names)
{
    struct hearer h = {0};

    open_pulling(&h, rig, run_id, how);
    hearer_wait_end(&h);
    assert_int_equal(h.err, OK);
    ASSERT_STR(buf_str(&h.names), names);
    ASSERT_STR(buf_str(&h.end), "success {\"end\":1}");
    close_one(rig, &h);
}

/* ---- the store blocked, to have time ---- */

static struct {
    struct job jobs[2]; /* as many as there are readers */
    sem_t gate, entered;
    int count;
} blocked;

static void block(struct hub_rig *rig, int count,
                  void (*submit)(struct store *store, struct store_work *work))
{
    sem_init(&blocked.gate, 0, 0);
    sem_init(&blocked.entered, 0, 0);
    for (int i = 0; i < count; i++) {
        job_init(&blocked.jobs[i], job_nothing, STR("hold"));
        blocked.jobs[i].holds = &blocked.gate;
        blocked.jobs[i].entered = &blocked.entered;
        submit(rig->fixture.store, &blocked.jobs[i].work);
        sem_wait(&blocked.entered);
        blocked.count++;
    }
}

static void unblock(void)
{
    for (int i = 0; i < blocked.count; i++)
        sem_post(&blocked.gate);
    for (; blocked.count > 0; blocked.count--)
        assert_int_equal(job_wait(&blocked.jobs[blocked.count - 1]), OK);
}

/* Also after a case that failed while it was blocked. */
static int teardown(void **state)
{
    unblock();
    return hub_rig_teardown(state);
}

/* ---- runs that ended elsewhere ---- */

static void a_run_that_has_ended_gives_its_result(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);

    hub_rig_insert(rig, &run);
    hub_rig_end_row(rig, &run);
    expect_heard(rig, "run", from_start, "");
    expect_heard(rig, "run", (struct run_reader_config){.only_end = true}, "");
}

static void a_run_that_ends_elsewhere_is_noticed(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);
    struct hearer h = {0};

    hub_rig_insert(rig, &run);
    open_pulling(&h, rig, "run", from_start);
    assert_false(hearer_has_batch(&h, rig));
    hub_rig_end_row(rig, &run);
    hearer_wait_end(&h);
    ASSERT_STR(buf_str(&h.end), "success {\"end\":1}");
    close_one(rig, &h);
}

static void a_resumable_run_that_has_ended_gives_its_events(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", true);

    hub_rig_insert(rig, &run);
    hub_rig_insert_events(rig, &run, 4);
    hub_rig_end_row(rig, &run);
    expect_heard(rig, "run", (struct run_reader_config){.start = READER_LIVE}, "");
    expect_heard(rig, "run", from_start, "values@0 values@1 values@2 values@3 ");
    expect_heard(rig, "run", (struct run_reader_config){.start = READER_AFTER, .after_id = 1},
                 "values@2 values@3 ");
    expect_heard(rig, "run", (struct run_reader_config){.start = READER_AFTER, .after_id = 9}, "");
    expect_heard(rig, "run", (struct run_reader_config){.start = READER_LIVE}, "");
}

static void however_many_events_there_are(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", true);
    struct hearer h = {0};

    hub_rig_insert(rig, &run);
    hub_rig_insert_events(rig, &run, 12345);
    hub_rig_end_row(rig, &run);
    open_pulling(&h, rig, "run", from_start);
    hearer_wait_end(&h);
    assert_int_equal(h.count, 12345);
    assert_int_equal(h.last_id, 12344);
    assert_true(h.in_order);
    close_one(rig, &h);
}

/* ---- storing ---- */

static void a_resumable_runs_events_survive(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", true);

    hub_rig_insert(rig, &run);
    hub_rig_begin(rig, &run, 1, 0);
    hub_rig_events(rig, &run, 700);
    hub_rig_end(rig, &run);
    hub_rig_wait_stored(rig, &run, 701);
    hub_rig_end_row(rig, &run);
    hub_rig_restart(rig);
    expect_heard(rig, "run", (struct run_reader_config){.start = READER_AFTER, .after_id = 698},
                 "values@699 values@700 ");
}

static void other_runs_events_are_not_stored(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);

    hub_rig_insert(rig, &run);
    hub_rig_begin(rig, &run, 1, 0);
    hub_rig_events(rig, &run, 5);
    hub_rig_end(rig, &run);
    hub_rig_end_row(rig, &run);
    hub_rig_restart(rig);
    expect_heard(rig, "run", from_start, "");
}

/* While the store is looked into for a reader, events wait; then they are written. */
static void an_event_is_stored_whatever_else_is_under_way(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", true);
    struct hearer h = {0};

    hub_rig_insert(rig, &run);
    block(rig, 2, store_read);
    open_pulling(&h, rig, "run", from_start); /* its lookup stands in the queue */
    hub_rig_begin(rig, &run, 1, 0);
    hub_rig_events(rig, &run, 1);
    unblock();
    hub_rig_wait_stored(rig, &run, 2);
    close_one(rig, &h);
}

/* ---- readers behind the memory ---- */

static void expect_all_twenty(struct hub_rig *rig, struct hearer *h)
{
    hearer_wait_end(h);
    assert_int_equal(h->count, 21);
    assert_int_equal(h->last_id, 20);
    assert_true(h->in_order);
    close_one(rig, h);
}

static void twenty_large_events(struct hub_rig *rig, struct run *run)
{
    for (int i = 0; i < 20; i++)
        hub_rig_event(rig, run, MIB);
}

static void who_lags_behind_the_memory_reads_the_store(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", true);
    struct hearer h = {0};

    hub_rig_insert(rig, &run);
    hub_rig_begin(rig, &run, 1, 0);
    hearer_open(&h, rig, 0, "run", from_start);
    hearer_wait_batch(&h);
    twenty_large_events(rig, &run);
    hub_rig_wait_stored(rig, &run, 21);
    hub_rig_event(rig, &run, 8); /* now the memory lets go of what is stored */
    hub_rig_wait_stored(rig, &run, 22);
    hub_rig_end(rig, &run);
    h.pulls = true;
    hearer_more(&h);
    hearer_wait_end(&h);
    assert_int_equal(h.count, 22);
    assert_true(h.in_order);
    close_one(rig, &h);
}

/* The channel was made by the reader, before it was known that the run is resumable. */
static void nothing_is_forgotten_before_it_is_stored(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", true);
    struct hearer h = {0};

    hub_rig_insert(rig, &run);
    hearer_open(&h, rig, 0, "run", from_start);
    (void)hearer_has_batch(&h, rig);
    block(rig, 1, store_write);
    hub_rig_begin(rig, &run, 1, 0);
    hearer_wait_batch(&h);
    twenty_large_events(rig, &run);
    hub_rig_end(rig, &run);
    h.pulls = true;
    hearer_more(&h);
    expect_all_twenty(rig, &h);
    unblock();
}

static void after_a_restart_an_earlier_attempts_events_come_first(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", true);
    struct hearer h[2] = {{0}};

    hub_rig_insert(rig, &run);
    hub_rig_begin(rig, &run, 1, 0);
    hub_rig_events(rig, &run, 2);
    hub_rig_wait_stored(rig, &run, 3);
    hub_rig_restart(rig);
    open_pulling(&h[0], rig, "run",
                 (struct run_reader_config){.start = READER_AFTER, .after_id = 0});
    (void)hearer_has_batch(&h[0], rig);
    hub_rig_begin(rig, &run, 2, 1000000);
    open_pulling(&h[1], rig, "run", from_start);
    hub_rig_events(rig, &run, 1);
    hub_rig_end(rig, &run);
    hearer_wait_end(&h[0]);
    hearer_wait_end(&h[1]);
    ASSERT_STR(buf_str(&h[0].names), "values@1 values@2 metadata@1000000 values@1000001 ");
    ASSERT_STR(buf_str(&h[1].names),
               "metadata@0 values@1 values@2 metadata@1000000 values@1000001 ");
    close_one(rig, &h[0]);
    close_one(rig, &h[1]);
}

/* Closed while its events are being read: they arrive at nobody. */
static void who_closes_while_the_store_is_read_is_forgotten(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", true);
    struct hearer h = {0};

    hub_rig_insert(rig, &run);
    hub_rig_begin(rig, &run, 1, 0);
    hearer_open(&h, rig, 0, "run", from_start);
    hearer_wait_batch(&h);
    twenty_large_events(rig, &run);
    hub_rig_wait_stored(rig, &run, 21);
    hub_rig_event(rig, &run, 8);
    block(rig, 2, store_read);
    hearer_more(&h);
    hearer_close(&h);
    unblock();
    hub_rig_wait_stored(rig, &run, 22);
    assert_false(hearer_has_batch(&h, rig));
    hearer_release(&h);
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), hub_rig_setup, teardown, NULL                                      \
    }

static const struct CMUnitTest tests[] = {
    CASE("a run that has ended gives its result", a_run_that_has_ended_gives_its_result),
    CASE("a run that ends elsewhere is noticed", a_run_that_ends_elsewhere_is_noticed),
    CASE("a resumable run that has ended gives its events",
         a_resumable_run_that_has_ended_gives_its_events),
    CASE("however many events there are", however_many_events_there_are),
    CASE("a resumable run's events survive a restart", a_resumable_runs_events_survive),
    CASE("other runs' events are not stored", other_runs_events_are_not_stored),
    CASE("an event is stored whatever else is under way",
         an_event_is_stored_whatever_else_is_under_way),
    CASE("who lags behind the memory reads the store", who_lags_behind_the_memory_reads_the_store),
    CASE("nothing is forgotten before it is stored", nothing_is_forgotten_before_it_is_stored),
    CASE("after a restart an earlier attempt's events come first",
         after_a_restart_an_earlier_attempts_events_come_first),
    CASE("who closes while the store is read is forgotten",
         who_closes_while_the_store_is_read_is_forgotten),
};

int main(void)
{
    return RUN_TESTS(tests);
}
