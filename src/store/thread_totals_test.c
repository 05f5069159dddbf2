/* thread_totals_test.c -- the total of a workspace is what counting its threads would say, whatever
 * happens to the works that change it. */
#include "base/rng.h"
#include "store/fresh_rig.h"
#include "store/store_fixture.h"
#include "store/thread_totals.h"
#include "store/threads.h"
#include "store/truncate.h"

#define ROUNDS 400
#define AT_ONCE 40

static const struct db_statement count_real = {
    "test_count_threads", "SELECT COUNT(*) FROM threads WHERE tenant = $1 AND temporary = 0", NULL};

/* One change of threads; it may fail after it. */
struct change {
    struct store_work work;
    struct str tenant;
    char thread_id[16];
    bool temporary, deletes, empties;
    enum err returns;
    enum err err;
    sem_t *done;
};

static enum err change_apply(struct tx *tx, struct store_work *work)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    const struct thread thread = {.tenant = change->tenant,
                                  .thread_id = str_of(change->thread_id),
                                  .status = THREAD_IDLE,
                                  .metadata = STR("{}"),
                                  .config = STR("{}"),
                                  .interrupts = STR("{}"),
                                  .temporary = change->temporary,
                                  .created_us = 1,
                                  .updated_us = 1};
    enum err err;

    if (change->empties)
        err = store_truncate(tx, change->tenant, &(struct truncate){.threads = true});
    else if (change->deletes)
        err = thread_delete(tx, change->tenant, thread.thread_id);
    else
        err = thread_insert(tx, &thread);
    return err ? err : change->returns;
}

static void change_done(struct store_work *work, enum err err)
{
    struct change *change = CONTAINER_OF(work, struct change, work);

    change->err = err;
    sem_post(change->done);
}

struct totals {
    struct store_work work;
    struct str tenant;
    int64_t kept, real;
    sem_t done;
};

static enum err totals_apply(struct tx *tx, struct store_work *work)
{
    struct totals *totals = CONTAINER_OF(work, struct totals, work);
    struct db_rows rows = {0};
    enum err err = thread_total_read(tx, totals->tenant, &totals->kept);

    if (!err)
        err = db_query_one(tx->db, &count_real, DB_ARGS(db_text(totals->tenant)), &rows);
    if (err)
        return err;
    totals->real = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

static void totals_done(struct store_work *work, enum err err)
{
    assert_int_equal(err, OK);
    sem_post(&CONTAINER_OF(work, struct totals, work)->done);
}

static int64_t total_checked(struct fixture *fixture, const char *tenant)
{
    struct totals totals = {.work = {.apply = totals_apply, .done = totals_done},
                            .tenant = str_of(tenant)};

    sem_init(&totals.done, 0, 0);
    store_read(fixture->store, &totals.work);
    while (sem_wait(&totals.done))
        continue;
    sem_destroy(&totals.done);
    assert_int_equal(totals.kept, totals.real);
    return totals.kept;
}

static void random_change(struct rng *rng, size_t number, struct change *change)
{
    *change = (struct change){.work = {.apply = change_apply, .done = change_done},
                              .tenant = rng_below(rng, 2) ? STR("a") : STR("b"),
                              .temporary = rng_below(rng, 5) == 0,
                              .deletes = rng_below(rng, 3) == 0,
                              .empties = number % 173 == 172,
                              .returns = rng_below(rng, 10) == 0 ? ERR_DENIED : OK};
    /* What fails with a conflict in the database fails alone. */
    snprintf(change->thread_id, sizeof(change->thread_id), "t%zu",
             change->deletes ? rng_below(rng, number + 1) : number);
}

static void totals_are_what_counting_says(void **state)
{
    static struct change changes[AT_ONCE];
    struct fixture fixture = {0};
    struct rng rng;
    sem_t done;

    (void)state;
    rng_seed(&rng, 3);
    sem_init(&done, 0, 0);
    assert_int_equal(fixture_open(&fixture, fresh_postgres_url()), 0);
    for (size_t number = 0; number < ROUNDS; number += AT_ONCE) {
        for (size_t i = 0; i < AT_ONCE; i++) {
            random_change(&rng, number + i, &changes[i]);
            changes[i].done = &done;
            store_write(fixture.store, &changes[i].work);
        }
        for (size_t i = 0; i < AT_ONCE; i++)
            while (sem_wait(&done))
                continue;
        total_checked(&fixture, "a");
        total_checked(&fixture, "b");
    }
    fixture_reopen(&fixture);
    assert_true(total_checked(&fixture, "a") > 0);
    fixture_close(&fixture);
    sem_destroy(&done);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("a workspace's total is what counting its threads says",
             totals_are_what_counting_says),
    };

    return fresh_run_tests(tests, ARRAY_LEN(tests), NULL, NULL);
}
