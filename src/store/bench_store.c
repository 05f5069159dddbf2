/* bench_store.c -- acknowledged inserts per second, from 1, 16 and 256 submitters that each wait
 * for their answer before the next insert. The group size follows from how many wait.
 *
 *   bench_store FOLDER [POSTGRES_URL]      the folder must not hold a store yet; PostgreSQL's
 * database is added to */
#include "base/mem.h"
#include "io/real_world.h"
#include "store/store.h"

#define SECONDS_EACH 3
#define SUBMITTERS_MAX 256
#define BODY_BYTES 200

struct bench;

struct submitter {
    struct store_work work;
    struct bench *bench;
    unsigned number;
};

struct bench {
    struct world *world;
    struct store *store;
    struct loop *loop;
    struct timer timer;
    struct submitter submitters[SUBMITTERS_MAX];
    unsigned running;
    int64_t started_us, elapsed_us;
    uint64_t inserts;
    bool stopping;
};

static const struct db_statement insert = {
    "bench_insert",
    "INSERT INTO idempotency (tenant, idempotency_key, request_hash, status, headers, body,"
    " created_us) VALUES ('bench', $1, '', 200, '', $2, $3)",
    NULL};

static enum err apply(struct tx *tx, struct store_work *work)
{
    static const char body[BODY_BYTES] = {'{'};
    struct submitter *submitter = CONTAINER_OF(work, struct submitter, work);
    struct str id =
        arena_printf(tx->arena, "%016llx-%u-%lld", (unsigned long long)rng_next(tx->rng),
                     submitter->number, (long long)tx->now_us);

    return db_run(tx->db, &insert,
                  DB_ARGS(db_text(id), db_blob(str_range(body, sizeof(body))), db_int(tx->now_us)),
                  NULL);
}

static void on_done(struct store_work *work, enum err err)
{
    struct bench *bench = CONTAINER_OF(work, struct submitter, work)->bench;

    REQUIRE(!err);
    bench->inserts++;
    if (!bench->stopping) {
        store_write(bench->store, work);
        return;
    }
    if (--bench->running == 0) {
        bench->elapsed_us = loop_mono_us(bench->loop) - bench->started_us;
        loop_stop(bench->loop);
    }
}

static void on_time(struct timer *timer)
{
    CONTAINER_OF(timer, struct bench, timer)->stopping = true;
}

static void on_fatal(void *context, const char *why)
{
    (void)context;
    fprintf(stderr, "bench_store: %s\n", why);
    exit(1);
}

static void run(struct bench *bench, unsigned submitters)
{
    struct store_stats before = store_stats(bench->store), after;

    bench->loop = world_loop_new(bench->world, "bench");
    bench->running = submitters;
    bench->inserts = 0;
    bench->stopping = false;
    bench->started_us = loop_mono_us(bench->loop);
    timer_init(&bench->timer, bench->loop, on_time);
    timer_start(&bench->timer, SECONDS_EACH * MS_PER_SECOND);
    for (unsigned i = 0; i < submitters; i++) {
        bench->submitters[i] =
            (struct submitter){.work = {.apply = apply, .done = on_done, .reply_to = bench->loop},
                               .bench = bench,
                               .number = i};
        store_write(bench->store, &bench->submitters[i].work);
    }
    loop_run(bench->loop);
    loop_free(bench->loop);
    after = store_stats(bench->store);
    printf("%4u submitters: %8.0f inserts/s, %6.1f per group, %7.0f us per group, max commit %lld "
           "us\n",
           submitters, (double)bench->inserts * 1e6 / (double)bench->elapsed_us,
           (double)(after.works - before.works) / (double)(after.groups - before.groups),
           (double)bench->elapsed_us / (double)(after.groups - before.groups),
           (long long)after.commit_us_max);
}

static void run_all(struct world *world, const char *folder, const char *url)
{
    static const unsigned sizes[] = {1, 16, 256};
    struct store_config config = {.world = world,
                                  .data_dir = folder,
                                  .postgres_url = url,
                                  .reader_count = 1,
                                  .on_fatal = on_fatal};
    struct bench *bench = MEM_NEW(struct bench);
    const char *why = "";

    bench->world = world;
    if (store_open(&config, &bench->store, &why)) {
        fprintf(stderr, "bench_store: %s\n", why);
        exit(1);
    }
    printf("%s\n", url ? "PostgreSQL" : "SQLite");
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        run(bench, sizes[i]);
    store_close(bench->store);
    mem_free(bench);
}

int main(int argc, char **argv)
{
    struct world *world;

    if (argc < 2) {
        fprintf(stderr, "usage: bench_store FOLDER [POSTGRES_URL]\n");
        return 2;
    }
    world = real_world_new();
    run_all(world, argv[1], NULL);
    if (argc > 2)
        run_all(world, argv[1], argv[2]);
    real_world_free(world);
    return 0;
}
