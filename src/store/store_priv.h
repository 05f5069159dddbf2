/* store_priv.h -- what the core of the store shares between its files: store.c, writer.c, reader.c,
 * notify.c. */
#ifndef STORE_STORE_PRIV_H
#define STORE_STORE_PRIV_H

#include <stdatomic.h>

#include "store/store.h"

#define STORE_WHY_BYTES_MAX 512
/* After so long without a write that found no room there is some again. */
#define STORE_FULL_US (5 * US_PER_SECOND)

struct writer;
struct reader;
struct db_listener;
struct listener_thread;
struct subscription;

struct store {
    struct world *world;
    struct keyring *keyring; /* borrowed */
    struct loop *clock;      /* never runs: the wall clock and the seeds of this world */
    char *data_dir, *db_path, *postgres_url, *vfs; /* owned; NULL where they do not apply */
    int lock_fd;
    struct db *writer_db; /* opened before the threads, closed after them, by the opener */
    struct writer *writer;
    struct reader **readers;
    unsigned reader_count;
    struct listener_thread *listener; /* PostgreSQL only */
    void (*on_fatal)(void *context, const char *why);
    void *context;
    _Atomic(struct subscription *) subscriptions;
    atomic_bool dead;            /* after on_fatal: nothing is answered any more */
    atomic_int_fast64_t full_us; /* monotonic: when a write last found no room; 0: there is room */
    atomic_uint_fast64_t groups, works, queue_length;
    atomic_int_fast64_t clock_ahead_us; /* of the database before this machine's */
    struct store_work tick;             /* store_tick's */
    atomic_bool is_ticking;
};

/* ---- store.c ---- */
/* A further connection to the same database. */
enum err store_connect(struct store *store, bool read_only, struct db **db,
                       const char **why) MUST_USE;
/* The store is dead; on_fatal runs on the calling thread, once. */
void store_die(struct store *store, const char *why);
/* Sends a work back to its owner with this result. */
void store_answer(struct store_work *work, enum err result);
/* The time by which all nodes go, just after this connection has begun a transaction. */
int64_t store_clock_read(struct store *store, const struct db *db);
struct store_work *store_work_of(struct message *message);
/* Formats *why in static memory: for the opening thread only. */
enum err store_why(const char **why, enum err err, const char *format, ...) PRINTF_LIKE(3, 4);

/* ---- writer.c ---- */
struct writer *writer_new(struct store *store, struct db *db);
void writer_post(struct writer *writer, struct store_work *work);
void writer_stop(struct writer *writer); /* after what is queued; frees */
int writer_session_id(struct writer *writer);

/* ---- reader.c ---- */
struct reader *reader_new(struct store *store, struct db *db);
void reader_post(struct reader *reader, struct store_work *work);
unsigned reader_waiting(struct reader *reader);
void reader_stop(struct reader *reader);

/* ---- notify.c ---- */
const char *topic_name(enum topic topic);
/* PostgreSQL: tells the other nodes, inside the transaction. */
enum err notes_send(struct tx *tx) MUST_USE;
/* To this process's subscribers. */
void notes_deliver(struct store *store, const struct tx_note *notes, size_t count);
void subscriptions_free(struct store *store);

/* ---- notify_listen.c ---- */
struct listener_thread *listener_thread_new(struct store *store, struct db_listener *listener);
void listener_thread_stop(struct listener_thread *thread);

#endif
