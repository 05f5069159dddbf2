/* reader.c -- threads that read. What waits is read on one snapshot, begun after it was submitted,
 * so that whoever got the answer to a write sees that write. */
#include "base/mem.h"
#include "db/state.h"
#include "store/store_priv.h"

#define REPEATS_MAX 3

struct reader {
    struct store *store;
    struct db *db;
    struct actor *actor;
    struct arena arena;
    struct rng rng;
    bool has_snapshot;
    int64_t now_us; /* of the snapshot */
    atomic_uint waiting;
};

static enum err snapshot_begin(struct reader *reader)
{
    enum err err;

    if (reader->has_snapshot)
        return OK;
    err = db_begin_snapshot(reader->db);
    reader->has_snapshot = !err;
    if (!err)
        reader->now_us = store_clock_read(reader->store, reader->db);
    return err;
}

static void snapshot_end(struct reader *reader)
{
    if (reader->has_snapshot)
        db_rollback(reader->db);
    reader->has_snapshot = false;
}

/* *repeat: the database, not the work, says that it may succeed on a new snapshot. */
static enum err read_try(struct reader *reader, struct store_work *work, bool *repeat)
{
    struct tx tx = {.db = reader->db,
                    .arena = &reader->arena,
                    .rng = &reader->rng,
                    .keyring = reader->store->keyring,
                    .is_write = false};
    enum err err = snapshot_begin(reader);

    *repeat = err == ERR_AGAIN;
    if (err)
        return err;
    tx.now_us = reader->now_us;
    err = work->apply(&tx, work);
    arena_reset(&reader->arena);
    *repeat = db_failure(reader->db) == ERR_AGAIN;
    if (db_transaction_error(reader->db)) {
        err = err ? err : db_transaction_error(reader->db);
        snapshot_end(reader);
    }
    return err;
}

static void read_one(struct reader *reader, struct store_work *work)
{
    bool repeat = true;
    enum err err = OK;

    for (int i = 0; repeat && i < REPEATS_MAX; i++)
        err = read_try(reader, work, &repeat);
    atomic_fetch_sub(&reader->waiting, 1);
    store_answer(work, err);
}

static bool reader_step(void *context, struct message *batch)
{
    struct reader *reader = context;

    while (batch && !atomic_load(&reader->store->dead)) {
        struct store_work *work = store_work_of(batch);

        batch = batch->next;
        read_one(reader, work);
    }
    snapshot_end(reader);
    return false;
}

struct reader *reader_new(struct store *store, struct db *db)
{
    struct reader *reader = MEM_NEW(struct reader);
    struct actor_config config = {.name = "reader", .step = reader_step, .context = reader};

    reader->store = store;
    reader->db = db;
    arena_init(&reader->arena);
    rng_seed(&reader->rng, rng_next(loop_rng(store->clock)));
    reader->actor = world_actor_new(store->world, &config);
    return reader;
}

void reader_post(struct reader *reader, struct store_work *work)
{
    atomic_fetch_add(&reader->waiting, 1);
    actor_post(reader->actor, &work->message);
}

unsigned reader_waiting(struct reader *reader)
{
    return atomic_load_explicit(&reader->waiting, memory_order_relaxed);
}

void reader_stop(struct reader *reader)
{
    actor_stop(reader->actor);
    db_close(reader->db);
    arena_release(&reader->arena);
    mem_free(reader);
}

enum err store_ping(struct tx *tx)
{
    static const struct db_statement ping = {"ping", "SELECT 1", NULL};
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &ping, DB_NO_ARGS, &rows);

    return err ? err : db_rows_end(&rows);
}
