/* store_fixture.c -- a store to test, in a folder of its own, and works to give it. */
#include "store/store_fixture.h"

#include <stdatomic.h>
#include <unistd.h>

#include "io/real_world.h"
#include "store/fresh_rig.h"

static atomic_int applies;

static const struct db_statement insert = {
    "test_insert",
    "INSERT INTO idempotency (tenant, idempotency_key, request_hash, status, headers, body,"
    " created_us) VALUES ('t', $1, '', 200, '', $2, $3)",
    NULL};
static const struct db_statement count = {
    "test_count", "SELECT COUNT(*) FROM idempotency WHERE tenant = 't' AND idempotency_key = $1",
    NULL};

static void on_fatal(void *context, const char *why)
{
    struct fixture *fixture = context;

    (void)why;
    atomic_fetch_add(&fixture->deaths, 1);
}

struct store_config fixture_config(struct fixture *fixture)
{
    return (struct store_config){
        .world = fixture->world,
        .data_dir = fixture->folder,
        .postgres_url = fixture->postgres_url,
        .sqlite_vfs = fixture->vfs,
        .reader_count = 2,
        .on_fatal = on_fatal,
        .context = fixture,
    };
}

static void open_store(struct fixture *fixture)
{
    struct store_config config = fixture_config(fixture);
    const char *why = "";
    enum err err = store_open(&config, &fixture->store, &why);

    if (err)
        print_error("%s\n", why);
    assert_int_equal(err, OK);
}

static void prepare(struct fixture *fixture, const char *postgres_url)
{
    *fixture = (struct fixture){.postgres_url = postgres_url};
    test_folder(fixture->folder, "store");
    if (!postgres_url)
        fresh_sqlite_in(fixture->folder);
}

int fixture_open(struct fixture *fixture, const char *postgres_url)
{
    prepare(fixture, postgres_url);
    if (postgres_url)
        fresh_postgres(postgres_url);
    fixture->world = real_world_new();
    open_store(fixture);
    return 0;
}

int fixture_open_beside(struct fixture *fixture, const struct fixture *first)
{
    prepare(fixture, first->postgres_url);
    fixture->world = first->world;
    fixture->is_beside = true;
    open_store(fixture);
    return 0;
}

int fixture_open_on(struct fixture *fixture, const char *vfs)
{
    prepare(fixture, NULL);
    fixture->vfs = vfs;
    fixture->world = real_world_new();
    open_store(fixture);
    return 0;
}

void fixture_stop(struct fixture *fixture)
{
    if (fixture->store)
        store_close(fixture->store);
    fixture->store = NULL;
}

void fixture_reopen(struct fixture *fixture)
{
    fixture_stop(fixture);
    atomic_store(&fixture->deaths, 0);
    open_store(fixture);
}

static void remove_file(const struct fixture *fixture, const char *name)
{
    char path[TEST_PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
    unlink(path);
}

void fixture_close(struct fixture *fixture)
{
    fixture_stop(fixture);
    if (!fixture->is_beside)
        real_world_free(fixture->world);
    remove_file(fixture, "runbell.db");
    remove_file(fixture, "runbell.db-wal");
    remove_file(fixture, "runbell.db-shm");
    remove_file(fixture, "lock");
    remove_file(fixture, "copy.db");
    assert_int_equal(rmdir(fixture->folder), 0);
}

static struct job *job_of(struct store_work *work)
{
    return CONTAINER_OF(work, struct job, work);
}

static enum err end_apply(struct tx *tx, struct job *job)
{
    job->applied_at = atomic_fetch_add(&applies, 1);
    job->applies++;
    if (job->notes)
        tx_notify(tx, job->topic, job->id);
    if (job->entered)
        sem_post(job->entered);
    if (job->holds)
        sem_wait(job->holds);
    return job->returns;
}

enum err job_insert(struct tx *tx, struct store_work *work)
{
    struct job *job = job_of(work);
    enum err err = db_run(tx->db, &insert,
                          DB_ARGS(db_text(job->id), db_blob(job->body), db_int(tx->now_us)), NULL);

    return err ? err : end_apply(tx, job);
}

enum err job_count(struct tx *tx, struct store_work *work)
{
    struct job *job = job_of(work);
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &count, DB_ARGS(db_text(job->id)), &rows);

    if (err)
        return err;
    job->found = db_get_int(&rows, 0);
    err = db_rows_end(&rows);
    return err ? err : end_apply(tx, job);
}

enum err job_nothing(struct tx *tx, struct store_work *work)
{
    return end_apply(tx, job_of(work));
}

static void job_done(struct store_work *work, enum err err)
{
    struct job *job = job_of(work);

    job->err = err;
    sem_post(&job->is_done);
}

void job_init(struct job *job, enum err (*apply)(struct tx *, struct store_work *), struct str id)
{
    *job = (struct job){.work = {.apply = apply, .done = job_done}, .id = id, .body = STR("bytes")};
    sem_init(&job->is_done, 0, 0);
}

enum err job_wait(struct job *job)
{
    while (sem_wait(&job->is_done))
        continue;
    sem_destroy(&job->is_done);
    return job->err;
}

enum err fixture_insert(struct fixture *fixture, struct str id)
{
    struct job job;

    job_init(&job, job_insert, id);
    store_write(fixture->store, &job.work);
    return job_wait(&job);
}

int64_t fixture_count(struct fixture *fixture, struct str id)
{
    struct job job;

    job_init(&job, job_count, id);
    store_read(fixture->store, &job.work);
    assert_int_equal(job_wait(&job), OK);
    return job.found;
}
