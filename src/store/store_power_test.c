/* store_power_test.c -- power cuts at random disk calls, several lives per seed, and a ledger of
 * what was acknowledged.
 *
 * A work inserts two rows. Whatever happens: both or none; both if it was answered with OK; none if
 * it was answered with its own error. Real threads and files; only the power is simulated
 * (db/power_vfs.h). */
#include <unistd.h>

#include "base/log.h"
#include "db/power_vfs.h"
#include "store/store_fixture.h"
#include "store/store_priv.h"

#define SEEDS_UNIT 200 /* RUNBELL_TEST_SEEDS asks for others */
#define MUTANT_SEEDS 20
#define LIVES 3
#define WORKS_PER_LIFE 40
#define WORKS (LIVES * WORKS_PER_LIFE)

struct pair {
    struct job job;
    int number;
    size_t body_bytes;
    bool fails; /* with its own error, after its first row */
    bool is_submitted, is_over;
};

struct trial {
    struct fixture fixture;
    struct power *power;
    struct rng rng;
    bool unsafe; /* the mutant: commits that are not synced */
    struct pair pairs[WORKS];
    int next;
    int64_t rows[WORKS]; /* as found after the last cut */
    int lost, halves, acknowledged, cuts;
};

static struct trial trial;

static const struct db_statement insert = {
    "power_insert",
    "INSERT INTO idempotency (tenant, idempotency_key, request_hash, status, headers, body,"
    " created_us) VALUES ($1, $2, '', 200, '', $3, $4)",
    NULL};
static const struct db_statement list = {
    "power_list", "SELECT idempotency_key, COUNT(*) FROM idempotency GROUP BY idempotency_key",
    NULL};
static const struct db_statement integrity = {"power_integrity", "PRAGMA integrity_check(1)", NULL};

static enum err apply_pair(struct tx *tx, struct store_work *work)
{
    static const char bytes[60000];
    struct pair *pair = CONTAINER_OF(work, struct pair, job.work);
    struct str id = arena_printf(tx->arena, "%d", pair->number);
    struct db_value blob = db_blob(str_range(bytes, pair->body_bytes));
    enum err err = db_run(tx->db, &insert,
                          DB_ARGS(db_text(STR("a")), db_text(id), blob, db_int(tx->now_us)), NULL);

    if (!err && pair->fails)
        return ERR_DENIED;
    if (err)
        return err;
    return db_run(tx->db, &insert,
                  DB_ARGS(db_text(STR("b")), db_text(id), blob, db_int(tx->now_us)), NULL);
}

/* Small ones mostly; now and then one that fills many pages, so that checkpoints come too. */
static size_t draw_size(void)
{
    return (size_t)rng_below(&trial.rng, rng_below(&trial.rng, 3) ? 500 : 60000);
}

static struct pair *submit(void)
{
    struct pair *pair = &trial.pairs[trial.next];

    *pair = (struct pair){.number = trial.next,
                          .body_bytes = draw_size(),
                          .fails = rng_below(&trial.rng, 5) == 0,
                          .is_submitted = true};
    trial.next++;
    job_init(&pair->job, apply_pair, STR("x"));
    pair->job.work.class = (enum store_class)rng_below(&trial.rng, STORE_CLASS_COUNT);
    store_write(trial.fixture.store, &pair->job.work);
    return pair;
}

/* False when the store is dead. */
static bool wait_for(struct pair *pair)
{
    while (!pair->is_over) {
        if (sem_trywait(&pair->job.is_done) == 0)
            pair->is_over = true;
        else if (atomic_load(&trial.fixture.deaths))
            return false;
        else
            usleep(20);
    }
    return true;
}

static void work_through(void)
{
    int last = trial.next + WORKS_PER_LIFE;
    bool is_alive = true;

    while (trial.next < last && is_alive) {
        uint64_t burst = rng_below(&trial.rng, 3) ? 0 : rng_below(&trial.rng, 20);
        struct pair *pair = submit();

        while (burst-- && trial.next < last)
            pair = submit();
        is_alive = wait_for(pair);
    }
    /* Also those whose answer came just before the end. */
    for (int i = last - WORKS_PER_LIFE; i < trial.next; i++)
        (void)wait_for(&trial.pairs[i]);
    trial.next = last;
}

static void read_rows(struct db *db)
{
    struct db_rows rows = {0};

    memset(trial.rows, 0, sizeof(trial.rows));
    assert_int_equal(db_query(db, &list, DB_NO_ARGS, &rows), OK);
    while (db_next(&rows)) {
        int64_t number = 0;

        assert_int_equal(str_to_i64(db_get_str(&rows, 0), &number), OK);
        assert_true(number >= 0 && number < WORKS);
        trial.rows[number] = db_get_int(&rows, 1);
    }
    assert_int_equal(db_rows_end(&rows), OK);
}

static bool is_sound(struct db *db)
{
    struct db_rows rows = {0};
    bool sound;

    if (db_query_one(db, &integrity, DB_NO_ARGS, &rows))
        return false;
    sound = str_eq(db_get_str(&rows, 0), STR("ok"));
    return !db_rows_end(&rows) && sound;
}

static void audit(void)
{
    struct db *db = trial.fixture.store->writer_db;

    if (!is_sound(db)) {
        trial.lost++;
        return;
    }
    read_rows(db);
    for (int i = 0; i < trial.next; i++) {
        const struct pair *pair = &trial.pairs[i];
        enum err err = pair->job.err;

        if (!pair->is_submitted)
            continue;
        trial.halves += trial.rows[i] == 1 || (pair->is_over && err && trial.rows[i]);
        trial.lost += pair->is_over && !err && trial.rows[i] != 2;
    }
}

/* At a random disk call, or where the works end. */
static void live(void)
{
    power_cut_after(trial.power, 1 + (int64_t)rng_below(&trial.rng, 400));
    if (trial.unsafe)
        assert_int_equal(db_script(trial.fixture.store->writer_db, "PRAGMA synchronous = OFF"), OK);
    work_through();
    power_cut(trial.power);
    trial.cuts++;
    fixture_stop(&trial.fixture);
    power_restore(trial.power);
    fixture_reopen(&trial.fixture);
    audit();
}

static void run_trial(uint64_t seed, bool unsafe)
{
    memset(&trial, 0, sizeof(trial));
    trial.unsafe = unsafe;
    rng_seed(&trial.rng, seed);
    trial.power = power_new("power", seed);
    fixture_open_on(&trial.fixture, "power");
    for (int i = 0; i < LIVES && !trial.lost; i++)
        live();
    for (int i = 0; i < trial.next; i++)
        trial.acknowledged += trial.pairs[i].is_over && !trial.pairs[i].job.err;
    fixture_close(&trial.fixture);
    power_free(trial.power);
}

static void acknowledged_work_survives(void **state)
{
    const char *wanted = getenv("RUNBELL_TEST_SEEDS");
    int64_t seeds = SEEDS_UNIT;
    int acknowledged = 0, cuts = 0;

    (void)state;
    if (wanted)
        assert_int_equal(str_to_i64(str_of(wanted), &seeds), OK);
    for (uint64_t seed = 1; seed <= (uint64_t)seeds; seed++) {
        run_trial(seed, false);
        if (trial.lost || trial.halves)
            print_error("seed %llu: %d lost, %d half\n", (unsigned long long)seed, trial.lost,
                        trial.halves);
        assert_int_equal(trial.lost, 0);
        assert_int_equal(trial.halves, 0);
        acknowledged += trial.acknowledged;
        cuts += trial.cuts;
    }
    print_message("%d power cuts, %d works acknowledged, none lost\n", cuts, acknowledged);
    assert_true(acknowledged > seeds * 10);
}

static void an_unsafe_store_is_caught(void **state)
{
    int caught = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= MUTANT_SEEDS; seed++) {
        run_trial(seed, true);
        caught += trial.lost > 0;
    }
    print_message("without syncs %d of %d seeds lost acknowledged works\n", caught, MUTANT_SEEDS);
    assert_true(caught > MUTANT_SEEDS / 2);
}

static const struct CMUnitTest tests[] = {
    TEST("what was acknowledged survives every power cut, and works are whole",
         acknowledged_work_survives),
    TEST("a store that does not sync its commits is caught", an_unsafe_store_is_caught),
};

int main(void)
{
    /* Every cut is a page of errors. */
    log_set_level((enum log_level)(LOG_ERROR + 1));
    return RUN_TESTS(tests);
}
