/* store.c -- opening and closing, and the way of a work in and out. */
#include "store/store.h"

#include <stdarg.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/listener.h"
#include "db/state.h"
#include "io/disk.h"
#include "store/migrations.h"
#include "store/store_files.h"
#include "store/store_priv.h"

static char why_text[STORE_WHY_BYTES_MAX];

enum err store_why(const char **why, enum err err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why_text, sizeof(why_text), format, args);
    va_end(args);
    *why = why_text;
    return err;
}

static char *copy_of(const char *text)
{
    size_t bytes;
    char *copy;

    if (!text)
        return NULL;
    bytes = strlen(text) + 1;
    copy = mem_alloc(bytes);
    memcpy(copy, text, bytes);
    return copy;
}

char *store_path(const char *dir, const char *name)
{
    size_t bytes = strlen(dir) + strlen(name) + sizeof("/");
    char *path = mem_alloc(bytes);

    snprintf(path, bytes, "%s/%s", dir, name);
    return path;
}

/* ---- the way of a work ---- */

struct store_work *store_work_of(struct message *message)
{
    return CONTAINER_OF(message, struct store_work, message);
}

static void work_deliver(struct message *message)
{
    struct store_work *work = store_work_of(message);

    work->done(work, work->result);
}

void store_answer(struct store_work *work, enum err result)
{
    work->result = result;
    work->message.deliver = work_deliver;
    if (work->reply_to)
        loop_post(work->reply_to, &work->message);
    else
        work->done(work, result);
}

void store_write(struct store *store, struct store_work *work)
{
    for (struct store_work *each = work; each; each = each->with) {
        REQUIRE(each->apply && each->done);
        each->message.deliver = work_deliver;
    }
    writer_post(store->writer, work);
}

/* To the reader with the fewest waiting: a slow query holds up as little as possible. */
void store_read(struct store *store, struct store_work *work)
{
    struct reader *idlest = store->readers[0];
    unsigned fewest = reader_waiting(idlest);

    REQUIRE(work->apply && work->done);
    for (unsigned i = 1; i < store->reader_count && fewest > 0; i++) {
        unsigned waiting = reader_waiting(store->readers[i]);

        if (waiting < fewest) {
            fewest = waiting;
            idlest = store->readers[i];
        }
    }
    work->message.deliver = work_deliver;
    reader_post(idlest, work);
}

void store_die(struct store *store, const char *why)
{
    if (atomic_exchange(&store->dead, true))
        return;
    log_error("store", "cannot go on: %s", why);
    store->on_fatal(store->context, why);
}

/* A write, and a snapshot, tell how far the database's clock is ahead. */
int64_t store_clock_read(struct store *store, const struct db *db)
{
    int64_t wall_us = loop_wall_us(store->clock), theirs_us = db_clock_us(db);

    if (!theirs_us)
        return wall_us;
    atomic_store_explicit(&store->clock_ahead_us, theirs_us - wall_us, memory_order_relaxed);
    return theirs_us;
}

int64_t store_now_us(struct store *store)
{
    return loop_wall_us(store->clock) +
           atomic_load_explicit(&store->clock_ahead_us, memory_order_relaxed);
}

static enum err tick_apply(struct tx *tx UNUSED, struct store_work *work UNUSED)
{
    return OK; /* the group itself looks at the clock */
}

static void tick_done(struct store_work *work, enum err err UNUSED)
{
    struct store *store = CONTAINER_OF(work, struct store, tick);

    atomic_store(&store->is_ticking, false);
}

void store_tick(struct store *store)
{
    if (store->postgres_url || atomic_exchange(&store->is_ticking, true))
        return;
    store->tick = (struct store_work){.apply = tick_apply, .done = tick_done, .class = STORE_BULK};
    store_write(store, &store->tick);
}

bool store_is_full(const struct store *store)
{
    int64_t full_us = atomic_load_explicit(&store->full_us, memory_order_relaxed);

    return full_us && loop_mono_us(store->clock) - full_us < STORE_FULL_US;
}

bool store_is_shared(const struct store *store)
{
    return store->postgres_url != NULL;
}

struct store_stats store_stats(struct store *store)
{
    return (struct store_stats){
        .groups = atomic_load(&store->groups),
        .works = atomic_load(&store->works),
        .queue_length = atomic_load(&store->queue_length),
    };
}

/* ---- opening ---- */

enum err store_connect(struct store *store, bool read_only, struct db **db, const char **why)
{
    struct db_sqlite_options options = {
        .path = store->db_path, .vfs = store->vfs, .read_only = read_only};

    if (store->postgres_url)
        return db_postgres_open(store->postgres_url, db, why);
    return db_sqlite_open(&options, db, why);
}

enum err store_lock_dir(struct world *world, const char *dir, int *fd, const char **why)
{
    struct disk *disk = world->disk;
    char *path;
    enum err err = disk->open_dir(disk, dir);

    if (err)
        return store_why(why, err, "cannot make the data folder %s: %s", dir, err_name(err));
    path = store_path(dir, STORE_LOCK_FILE);
    err = disk->lock(disk, path, fd);
    mem_free(path);
    if (err == ERR_CONFLICT)
        return store_why(why, err,
                         "the data folder %s is in use by another runbell: stop it, or choose "
                         "another folder with --data",
                         dir);
    if (err)
        return store_why(why, err, "cannot lock the data folder %s: %s", dir, err_name(err));
    return OK;
}

static int64_t mono_us(void *loop)
{
    return loop_mono_us(loop);
}

static enum err open_database(struct store *store, const char **why)
{
    const struct migration_clock clock = {.mono_us = mono_us, .of = store->clock};
    struct disk *disk = store->world->disk;
    enum err err;

    if (!store->postgres_url) {
        err = store_lock_dir(store->world, store->data_dir, &store->lock_fd, why);
        if (err)
            return err;
    }
    err = store_connect(store, false, &store->writer_db, why);
    if (!err)
        err = migrations_apply(store->writer_db, &clock, why);
    if (!err && store->postgres_url &&
        (db_postgres_seek(store->writer_db) || db_postgres_mark_commits(store->writer_db)))
        err = store_why(why, ERR_AGAIN, "cannot use the PostgreSQL database: %s",
                        db_error(store->writer_db));
    /* The new file's name has to survive a power cut as its contents do. */
    if (!err && !store->postgres_url && disk->sync_dir(disk, store->data_dir))
        err = store_why(why, ERR_IO, "cannot sync the data folder %s", store->data_dir);
    return err;
}

static enum err start_threads(struct store *store, const char **why)
{
    struct db_listener *listener = NULL;

    store->readers = mem_alloc_zero(store->reader_count * sizeof(struct reader *));
    for (unsigned i = 0; i < store->reader_count; i++) {
        struct db *db = NULL;
        enum err err = store_connect(store, true, &db, why);

        if (err)
            return err;
        store->readers[i] = reader_new(store, db);
    }
    store->writer = writer_new(store, store->writer_db);
    if (!store->postgres_url)
        return OK;
    listener = db_listener_new(store->postgres_url, "runbell");
    store->listener = listener_thread_new(store, listener);
    return OK;
}

enum err store_open(const struct store_config *config, struct store **out, const char **why)
{
    struct store *store = MEM_NEW(struct store);
    enum err err;

    REQUIRE(config->world && config->reader_count >= 1 && config->on_fatal);
    REQUIRE(config->postgres_url || config->data_dir);
    store->world = config->world;
    store->keyring = config->keyring;
    store->data_dir = copy_of(config->data_dir);
    store->db_path = config->data_dir ? store_path(config->data_dir, STORE_DB_FILE) : NULL;
    store->postgres_url = copy_of(config->postgres_url);
    store->vfs = copy_of(config->sqlite_vfs);
    store->reader_count = config->reader_count;
    store->on_fatal = config->on_fatal;
    store->context = config->context;
    store->lock_fd = -1;
    store->clock = world_loop_new(config->world, "store-clock");
    err = open_database(store, why);
    if (!err)
        err = start_threads(store, why);
    if (err)
        store_close(store);
    else
        *out = store;
    return err;
}

/* The writer first, so that its answers are the last; its connection last, because closing it moves
 * the log into the database, which only it may do. */
void store_close(struct store *store)
{
    struct disk *disk = store->world->disk;

    if (store->listener)
        listener_thread_stop(store->listener);
    if (store->writer)
        writer_stop(store->writer);
    for (unsigned i = 0; store->readers && i < store->reader_count; i++) {
        if (store->readers[i])
            reader_stop(store->readers[i]);
    }
    db_close(store->writer_db);
    if (store->lock_fd >= 0)
        disk->close(disk, store->lock_fd);
    subscriptions_free(store);
    loop_free(store->clock);
    mem_free(store->readers);
    mem_free(store->data_dir);
    mem_free(store->db_path);
    mem_free(store->postgres_url);
    mem_free(store->vfs);
    mem_free(store);
}
