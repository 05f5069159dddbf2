/* notify_test.c -- nudges: after the commit, once, not of what failed; and from another node. */
#include <unistd.h>

#include "store/fresh_rig.h"
#include "store/store_fixture.h"
#include "store/store_priv.h"

#define HEARD_MAX 2000

struct ear {
    struct fixture *fixture;
    struct loop *loop;
    sem_t heard;
    struct str keys[HEARD_MAX];
    char texts[HEARD_MAX][24];
    int64_t rows_seen[HEARD_MAX]; /* of the key's id, when the nudge came */
    atomic_int count;
    atomic_int everywhere; /* nudges without a key */
};

static struct ear ear;
static struct fixture fixtures[2];

static void on_nudge(void *context, struct str key)
{
    struct ear *e = context;
    int at = atomic_load(&e->count);

    assert_true(at < HEARD_MAX && key.len < sizeof(e->texts[0]));
    if (str_is_none(key)) {
        atomic_fetch_add(&e->everywhere, 1);
        return;
    }
    memcpy(e->texts[at], key.data, key.len);
    e->keys[at] = str_range(e->texts[at], key.len);
    e->rows_seen[at] = fixture_count(e->fixture, key);
    atomic_store(&e->count, at + 1);
    sem_post(&e->heard);
}

static void listen_to(struct fixture *fixture, enum topic topic)
{
    ear = (struct ear){.fixture = fixture};
    sem_init(&ear.heard, 0, 0);
    ear.loop = world_loop_new(fixture->world, "ear");
    store_subscribe(fixture->store, topic, ear.loop, on_nudge, &ear);
    loop_start(ear.loop);
}

static int setup(void **state)
{
    *state = &fixtures[0];
    fixture_open(&fixtures[0], fresh_postgres_url());
    listen_to(&fixtures[0], TOPIC_RUN_DONE);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    fixture_stop(fixture);
    loop_stop(ear.loop);
    loop_free(ear.loop);
    sem_destroy(&ear.heard);
    fixture_close(fixture);
    return 0;
}

static void noting(struct job *job, enum topic topic, struct str id)
{
    job_init(job, job_insert, id);
    job->notes = true;
    job->topic = topic;
}

static void wait_for(int count)
{
    while (atomic_load(&ear.count) < count)
        sem_wait(&ear.heard);
}

static void a_nudge_comes_after_the_commit(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    noting(&job, TOPIC_RUN_DONE, STR("a"));
    store_write(fixture->store, &job.work);
    assert_int_equal(job_wait(&job), OK);
    wait_for(1);
    ASSERT_STR(ear.keys[0], "a");
    assert_int_equal(ear.rows_seen[0], 1);
}

/* Where SQLite's file ends, the disk is full for it. */
static void limit_disk(struct fixture *fixture, const char *sql)
{
    assert_int_equal(db_script(fixture->store->writer_db, sql), OK);
}

/* Whoever shares the group of the work that does not fit is told the same: nothing of it is there.
 */
static void a_full_disk_answers_and_goes_on(void **state)
{
    static char big[100000];
    struct fixture *fixture = *state;
    struct job hold, small, large, after;
    sem_t gate, entered;

    if (fresh_postgres_url())
        skip();
    limit_disk(fixture, "PRAGMA max_page_count = 10");
    sem_init(&gate, 0, 0);
    sem_init(&entered, 0, 0);
    job_init(&hold, job_nothing, STR("hold"));
    hold.holds = &gate;
    hold.entered = &entered;
    store_write(fixture->store, &hold.work);
    sem_wait(&entered);
    noting(&small, TOPIC_RUN_DONE, STR("small"));
    noting(&large, TOPIC_RUN_DONE, STR("large"));
    large.body = str_range(big, sizeof(big));
    store_write(fixture->store, &small.work);
    store_write(fixture->store, &large.work);
    sem_post(&gate);
    assert_int_equal(job_wait(&hold), OK);
    assert_int_equal(job_wait(&small), ERR_AGAIN);
    assert_int_equal(job_wait(&large), ERR_AGAIN);
    assert_true(store_is_full(fixture->store));
    sem_destroy(&gate);
    sem_destroy(&entered);
    limit_disk(fixture, "PRAGMA max_page_count = 1000000");
    noting(&after, TOPIC_RUN_DONE, STR("after"));
    store_write(fixture->store, &after.work);
    assert_int_equal(job_wait(&after), OK);
    wait_for(1);
    ASSERT_STR(ear.keys[0], "after");
    assert_int_equal(fixture_count(fixture, STR("small")), 0);
    assert_int_equal(fixture->deaths, 0);
}

static void other_topics_are_not_heard(void **state)
{
    struct fixture *fixture = *state;
    struct job first, second;

    noting(&first, TOPIC_DELIVERY_DUE, STR("a"));
    noting(&second, TOPIC_RUN_DONE, STR("b"));
    store_write(fixture->store, &first.work);
    store_write(fixture->store, &second.work);
    assert_int_equal(job_wait(&first), OK);
    assert_int_equal(job_wait(&second), OK);
    wait_for(1);
    ASSERT_STR(ear.keys[0], "b");
    assert_int_equal(ear.count, 1);
}

/* Notes the same key twice and one key of its own. */
static enum err note_twice(struct tx *tx, struct store_work *work)
{
    tx_notify(tx, TOPIC_RUN_DONE, STR("same"));
    tx_notify(tx, TOPIC_RUN_DONE, STR("same"));
    return job_nothing(tx, work);
}

static enum err note_many(struct tx *tx, struct store_work *work)
{
    for (int i = 0; i < 3 * TX_NOTES_MAX; i++) {
        char name[16];
        size_t len = (size_t)snprintf(name, sizeof(name), "n%d", i);

        tx_notify(tx, TOPIC_RUN_DONE, str_range(name, len));
    }
    return job_nothing(tx, work);
}

static void failed_works_nudge_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct job hold, failing, good, alone;
    sem_t gate, entered;

    noting(&alone, TOPIC_RUN_DONE, STR("alone"));
    alone.returns = ERR_DENIED;
    store_write(fixture->store, &alone.work);
    assert_int_equal(job_wait(&alone), ERR_DENIED);
    sem_init(&gate, 0, 0);
    sem_init(&entered, 0, 0);
    job_init(&hold, note_twice, STR("hold"));
    hold.holds = &gate;
    hold.entered = &entered;
    store_write(fixture->store, &hold.work);
    sem_wait(&entered);
    noting(&failing, TOPIC_RUN_DONE, STR("bad"));
    failing.returns = ERR_DENIED;
    noting(&good, TOPIC_RUN_DONE, STR("good"));
    store_write(fixture->store, &failing.work);
    store_write(fixture->store, &good.work);
    sem_post(&gate);
    assert_int_equal(job_wait(&hold), OK);
    assert_int_equal(job_wait(&failing), ERR_DENIED);
    assert_int_equal(job_wait(&good), OK);
    wait_for(2);
    ASSERT_STR(ear.keys[0], "same");
    ASSERT_STR(ear.keys[1], "good");
    assert_int_equal(ear.count, 2);
    sem_destroy(&gate);
    sem_destroy(&entered);
}

static void too_many_become_one(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    job_init(&job, note_many, STR("x"));
    store_write(fixture->store, &job.work);
    assert_int_equal(job_wait(&job), OK);
    wait_for(TX_NOTES_MAX);
    while (atomic_load(&ear.everywhere) == 0)
        usleep(1000);
    assert_int_equal(ear.count, TX_NOTES_MAX);
}

/* A nudge may be lost while the listener connects, so the other node speaks until it is heard. */
static void other_nodes_hear_too(void **state)
{
    struct fixture *fixture = *state, *other = &fixtures[1];

    if (!fresh_postgres_url())
        skip();
    fixture_open_beside(other, fixture);
    for (int i = 0; atomic_load(&ear.count) == 0; i++) {
        char name[16];
        struct job job;

        assert_true(i < 500);
        noting(&job, TOPIC_RUN_DONE,
               str_range(name, (size_t)snprintf(name, sizeof(name), "there%d", i)));
        store_write(other->store, &job.work);
        assert_int_equal(job_wait(&job), OK);
        usleep(20000);
    }
    assert_true(str_starts(ear.keys[0], STR("there")));
    assert_int_equal(ear.rows_seen[0], 1);
    fixture_stop(other);
    fixture_close(other);
}

static void own_notes_come_once(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 100; i++) {
        char name[16];
        struct job job;

        noting(&job, TOPIC_RUN_DONE,
               str_range(name, (size_t)snprintf(name, sizeof(name), "m%d", i)));
        store_write(fixture->store, &job.work);
        assert_int_equal(job_wait(&job), OK);
    }
    wait_for(100);
    usleep(fresh_postgres_url() ? 300000 : 0);
    assert_int_equal(ear.count, 100);
}

static const struct CMUnitTest tests[] = {
    TEST("a nudge comes when its cause can be read", a_nudge_comes_after_the_commit),
    TEST("a full disk is answered, nobody is nudged, and it goes on",
         a_full_disk_answers_and_goes_on),
    TEST("only the topics asked for are heard", other_topics_are_not_heard),
    TEST("a failed work nudges nobody, and a note counts once", failed_works_nudge_nobody),
    TEST("notes beyond the limit become one without a key", too_many_become_one),
    TEST("a node does not hear its own nudge twice", own_notes_come_once),
    TEST("another node's commit nudges here", other_nodes_hear_too),
};

int main(void)
{
    return fresh_run_tests(tests, ARRAY_LEN(tests), setup, teardown);
}
