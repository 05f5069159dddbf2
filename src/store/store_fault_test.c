/* store_fault_test.c -- each disk call fails in turn, once or from then on: whatever was answered
 * with OK is there afterwards, what was answered with another word is not, and after a failed sync
 * nobody is answered. */
#include <unistd.h>

#include "db/cut_vfs.h"
#include "store/store_fixture.h"

#define WORKS 40
#define ALONE 4 /* of them, those that are written one after the other */

struct faults {
    struct fixture fixture;
    atomic_bool armed;
    atomic_int calls_left; /* the one that brings it to 0 fails */
    atomic_int failed;     /* calls that have failed */
    bool for_ever;
    bool only_syncs;
};

static struct faults faults;
static struct job jobs[WORKS];
static char names[WORKS][8];
/* 40 of them make the log long enough for a checkpoint, which syncs too. */
static char big[150000];

/* Reads fail too. */
static bool allows(void *context, const struct cut_event *event)
{
    struct faults *f = context;

    if (!atomic_load(&f->armed) || (f->only_syncs && event->call != CUT_SYNC))
        return true;
    if (atomic_load(&f->failed) && f->for_ever)
        return false;
    if (atomic_fetch_sub(&f->calls_left, 1) != 1)
        return true;
    atomic_fetch_add(&f->failed, 1);
    return false;
}

static bool is_over(const struct job *job)
{
    int value = 0;

    sem_getvalue((sem_t *)(uintptr_t)&job->is_done, &value);
    return value > 0;
}

/* Until it is answered, or the store is dead. */
static void wait_for(struct job *job)
{
    while (!is_over(job) && !atomic_load(&faults.fixture.deaths))
        usleep(100);
}

static void submit(int i)
{
    snprintf(names[i], sizeof(names[i]), "f%d", i);
    job_init(&jobs[i], job_insert, str_of(names[i]));
    if (faults.only_syncs)
        jobs[i].body = str_range(big, sizeof(big));
    jobs[i].returns = i % 7 == 6 ? ERR_DENIED : OK;
    jobs[i].work.class = (enum store_class)(i % STORE_CLASS_COUNT);
    store_write(faults.fixture.store, &jobs[i].work);
}

/* Some alone, the others in groups; then one more, which is answered after all that follows a
 * commit, or never. */
static void work_through(struct job *last)
{
    bool is_dead;

    for (int i = 0; i < WORKS; i++) {
        submit(i);
        if (i < ALONE || i % 6 == 0)
            wait_for(&jobs[i]);
    }
    for (int i = 0; i < WORKS; i++)
        wait_for(&jobs[i]);
    is_dead = atomic_load(&faults.fixture.deaths) > 0;
    job_init(last, job_nothing, STR("last"));
    store_write(faults.fixture.store, &last->work);
    wait_for(last);
    if (is_dead) {
        fixture_stop(&faults.fixture);
        assert_false(is_over(last));
    }
}

/* On a healthy disk, as after a restart. */
static void check(void)
{
    for (int i = 0; i < WORKS; i++) {
        int64_t found = fixture_count(&faults.fixture, str_of(names[i]));

        if (!is_over(&jobs[i]))
            continue;
        assert_int_equal(found, jobs[i].err == OK);
        assert_int_equal(job_wait(&jobs[i]), jobs[i].err);
    }
}

/* False when the work needed fewer calls. */
static bool attempt(int fails_at)
{
    static struct job last;
    struct fixture *fixture = &faults.fixture;
    bool has_failed;

    fixture_open_on(fixture, "cut");
    atomic_store(&faults.failed, 0);
    atomic_store(&faults.calls_left, fails_at);
    atomic_store(&faults.armed, true);
    work_through(&last);
    has_failed = atomic_load(&faults.failed) > 0;
    if (faults.only_syncs && has_failed)
        assert_int_equal(fixture->deaths, 1);
    assert_true(fixture->deaths <= 1);
    fixture_stop(fixture);
    atomic_store(&faults.armed, false);
    fixture_reopen(fixture);
    check();
    fixture_close(fixture);
    return has_failed;
}

static int attempt_all(void)
{
    int fails_at = 1;

    while (attempt(fails_at))
        fails_at++;
    print_message("%d disk calls, each failed once\n", fails_at - 1);
    return fails_at;
}

static void one_call_fails(void **state)
{
    (void)state;
    assert_true(attempt_all() > 20);
}

static void all_calls_fail_from_one_on(void **state)
{
    (void)state;
    faults.for_ever = true;
    assert_true(attempt_all() > 20);
    faults.for_ever = false;
}

static void a_failed_sync_ends_all(void **state)
{
    (void)state;
    faults.only_syncs = true;
    assert_true(attempt_all() > ALONE + 2);
    faults.only_syncs = false;
}

static const struct CMUnitTest tests[] = {
    TEST("one failing disk call, whichever: no answer without durability", one_call_fails),
    TEST("a disk that fails from one call on: no answer without durability",
         all_calls_fail_from_one_on),
    TEST("a failed sync is fatal, and nothing is answered any more", a_failed_sync_ends_all),
};

int main(void)
{
    struct cut_vfs *vfs = cut_vfs_add("cut", NULL, allows, &faults);
    int failed = RUN_TESTS(tests);

    cut_vfs_remove(vfs);
    return failed;
}
