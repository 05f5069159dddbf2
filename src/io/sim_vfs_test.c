/* sim_vfs_test.c -- SQLite on the simulated disk: what it acknowledged survives a power cut at any
 * disk call. */
#include "base/test.h"

#include <sqlite3.h>

#include "io/disk.h"
#include "io/sim_vfs.h"
#include "io/sim_world.h"
#include "io/world.h"

#define SEEDS 240
#define CRASHES 3
#define ROWS_MAX 60

struct store {
    struct sim *sim;
    sqlite3 *db;
    const char *synchronous;
    int64_t acknowledged; /* rows 1 … this were committed */
};

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t value = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static bool is_whole(sqlite3 *db)
{
    sqlite3_stmt *statement;
    bool whole = false;

    if (sqlite3_prepare_v2(db, "pragma integrity_check", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        whole = strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    sqlite3_finalize(statement);
    return whole;
}

static int store_open(struct store *store)
{
    char pragma[64];
    int rc = sqlite3_open_v2("/data/rows.db", &store->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "sim");

    snprintf(pragma, sizeof(pragma), "pragma synchronous=%s", store->synchronous);
    if (rc == SQLITE_OK)
        rc = run(store->db, "pragma journal_mode=wal");
    if (rc == SQLITE_OK)
        rc = run(store->db, pragma);
    if (rc == SQLITE_OK)
        rc = run(store->db, "pragma wal_autocheckpoint=12");
    if (rc == SQLITE_OK)
        rc = run(store->db, "create table if not exists rows (id integer primary key, body text)");
    return rc;
}

static void store_close(struct store *store)
{
    sqlite3_close(store->db);
    store->db = NULL;
}

/* Commits rows until the power fails (true) or all are in. */
static bool store_fill(struct store *store)
{
    char sql[200];

    for (int i = 0; i < ROWS_MAX; i++) {
        snprintf(sql, sizeof(sql), "insert into rows (id, body) values (%lld, hex(zeroblob(%d)))",
                 (long long)store->acknowledged + 1, (int)rng_below(sim_rng(store->sim), 3000));
        if (run(store->db, sql) != SQLITE_OK)
            return true;
        store->acknowledged++;
    }
    return false;
}

/* What the crash lost: rows that were acknowledged, or everything at once when the file is damaged.
 */
static bool store_lost(struct store *store)
{
    int64_t count, last;
    bool lost;

    if (store_open(store) != SQLITE_OK || !is_whole(store->db)) {
        store_close(store);
        return true;
    }
    count = number(store->db, "select count(*) from rows");
    last = number(store->db, "select coalesce(max(id), 0) from rows");
    lost = last < store->acknowledged || count != last;
    /* The row whose commit was cut may be there or not. */
    lost = lost || last > store->acknowledged + 1;
    store->acknowledged = last;
    store_close(store);
    return lost;
}

static void store_crash(struct store *store, bool kill_only)
{
    size_t calls = 1 + (size_t)rng_below(sim_rng(store->sim), 150);

    sim_power_fails_after(store->sim, calls);
    if (store_open(store) == SQLITE_OK)
        store_fill(store);
    sim_crash(store->sim, kill_only);
    store_close(store);
}

/* The number of seeds in which something acknowledged was lost. */
static int campaign(const char *synchronous, bool kill_only)
{
    int losses = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct store store = {.sim = sim_new(seed, NULL), .synchronous = synchronous};
        struct disk *disk = sim_world(store.sim)->disk;
        bool lost = false;

        sim_vfs_add(store.sim, "sim");
        assert_int_equal(disk->open_dir(disk, "/data"), OK);
        for (int i = 0; i < CRASHES && !lost; i++) {
            store_crash(&store, kill_only);
            lost = store_lost(&store);
        }
        losses += lost;
        if (lost && strcmp(synchronous, "full") == 0)
            print_error("seed %llu\n", (unsigned long long)seed);
        sim_vfs_remove("sim");
        sim_free(store.sim);
    }
    return losses;
}

static void full_loses_nothing(void **state UNUSED)
{
    assert_int_equal(campaign("full", false), 0);
}

static void off_is_caught(void **state UNUSED)
{
    assert_true(campaign("off", false) > SEEDS / 10);
}

static void normal_is_caught(void **state UNUSED)
{
    assert_true(campaign("normal", false) > SEEDS / 20);
}

static void kills_lose_nothing(void **state UNUSED)
{
    assert_int_equal(campaign("off", true), 0);
}

/* Faults are answered with errors: nothing acknowledged is lost, nothing is damaged. */
static void faults_damage_nothing(void **state UNUSED)
{
    const struct sim_faults faults = {.disk_error = 0.01, .fsync_error = 0.01};
    int64_t committed = 0;

    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct store store = {.sim = sim_new(seed, NULL), .synchronous = "full"};
        struct disk *disk = sim_world(store.sim)->disk;

        sim_vfs_add(store.sim, "sim");
        assert_int_equal(disk->open_dir(disk, "/data"), OK);
        for (int i = 0; i < 5; i++) {
            sim_set_faults(store.sim, &faults);
            if (store_open(&store) == SQLITE_OK)
                (void)store_fill(&store);
            store_close(&store);
            sim_set_faults(store.sim, NULL);
            assert_false(store_lost(&store));
        }
        committed += store.acknowledged;
        sim_vfs_remove("sim");
        sim_free(store.sim);
    }
    assert_true(committed > 1000);
}

static void readers_and_a_writer_share(void **state UNUSED)
{
    struct store writer = {.sim = sim_new(1, NULL), .synchronous = "full"};
    struct store reader = writer;
    struct disk *disk = sim_world(writer.sim)->disk;

    sim_vfs_add(writer.sim, "sim");
    assert_int_equal(disk->open_dir(disk, "/data"), OK);
    assert_int_equal(store_open(&writer), SQLITE_OK);
    assert_false(store_fill(&writer));
    assert_int_equal(store_open(&reader), SQLITE_OK);
    assert_int_equal(run(reader.db, "begin"), SQLITE_OK);
    assert_int_equal(number(reader.db, "select count(*) from rows"), ROWS_MAX);
    assert_int_equal(run(writer.db, "begin immediate"), SQLITE_OK);
    assert_int_equal(run(reader.db, "insert into rows values (1000, '')"), SQLITE_BUSY);
    assert_int_equal(run(writer.db, "delete from rows"), SQLITE_OK);
    assert_int_equal(run(writer.db, "commit"), SQLITE_OK);
    assert_int_equal(number(writer.db, "pragma wal_checkpoint(truncate)"), 1); /* busy */
    assert_int_equal(number(reader.db, "select count(*) from rows"), ROWS_MAX);
    assert_int_equal(run(reader.db, "commit"), SQLITE_OK);
    assert_int_equal(number(reader.db, "select count(*) from rows"), 0);
    assert_int_equal(number(writer.db, "pragma wal_checkpoint(truncate)"), 0);
    assert_int_equal(
        number(reader.db,
               "select strftime('%Y', 'now') = '2026' and datetime('now') < '2026-01-02'"),
        1);
    store_close(&reader);
    store_close(&writer);
    sim_vfs_remove("sim");
    sim_free(writer.sim);
}

static const struct CMUnitTest tests[] = {
    TEST("with synchronous=full nothing acknowledged is lost by a power cut", full_loses_nothing),
    TEST("with synchronous=normal the same test catches losses", normal_is_caught),
    TEST("with synchronous=off the same test catches losses", off_is_caught),
    TEST("a killed process loses nothing, whatever was synced", kills_lose_nothing),
    TEST("disk errors never damage the file", faults_damage_nothing),
    TEST("a reader keeps its snapshot while a writer commits, and cannot write",
         readers_and_a_writer_share),
};

int main(void)
{
    return RUN_TESTS(tests);
}
