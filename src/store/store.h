/* store.h -- the one way into the database: work, applied in groups, answered after the commit.
 *
 * A unit of work is a struct store_work inside a larger struct. store_write queues it for the
 * writer, which takes all that waits (at most 256, in order of class, then of arrival), applies
 * each in a savepoint of one transaction, commits once, and only then sends answers and nudges. An
 * idle writer commits at once. store_read runs it on a reader, in a snapshot of what is committed.
 *
 * `apply` is straight-line code: it may block on the database, has no effect but through the tx,
 * and may be run again (after a serialisation failure), so it must not consume its input. An error
 * it returns undoes its own savepoint only. A failed commit or fsync is fatal: nothing is answered
 * any more and on_fatal ends the process; recovery is the ordinary start.
 *
 * A database error inside apply cannot be ignored: the rest of the work is refused and its
 * savepoint rolled back (db.h). ERR_AGAIN from the database repeats the whole group, at last each
 * work alone, and is answered only when that did not help. A full disk is answered with ERR_AGAIN
 * at once: nothing of the group is there, and later there may be room.
 *
 * A lower class never starves: of a full group each class that waits gets a few places.
 *
 * Nudges are hints: tx_notify in apply, delivered to the subscribers after the commit, on their
 * loop. They may be lost or repeated; whoever gets one asks the store what to do. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "db/db.h"
#include "io/loop.h"

struct store;
struct store_work;

/* Replies before outcomes before events before retention. */
enum store_class { STORE_REPLY, STORE_OUTCOME, STORE_EVENT, STORE_BULK, STORE_CLASS_COUNT };

enum topic {
    TOPIC_RUN_PENDING,  /* key: thread id. A run may be ready to start */
    TOPIC_RUN_CANCEL,   /* key: run id. Somebody asked a running run to end */
    TOPIC_RUN_DONE,     /* key: run id */
    TOPIC_DELIVERY_DUE, /* key: lane (origin and tenant). A delivery may be ready to send */
    TOPIC_DELIVERY_LOG, /* no key. Deliveries were made or have changed (delivery_feed.h) */
    TOPIC_CRON,         /* key: cron id. When the next one fires may have changed */
    TOPIC_KEYS,         /* key: key id. The set of API keys has changed */
    TOPIC_INSPECTED,    /* key: inspector id. A request came */
    TOPIC_ALERTS,       /* no key. Alerts were made or changed */
    TOPIC_RULES,        /* no key. Look at the rules now */
    TOPIC_REPLAY,       /* key: replay id. A replay was made, or runs again */
    TOPIC_RUN_WATCH,  /* key: agent/hub_follow.c. Another node's clients wait for a run's events */
    TOPIC_RUN_EVENTS, /* key: run id. Such events were stored */
    TOPIC_INTENT,     /* key: intent id. A webhook was taken out of a request to the upstream */
    TOPIC_HOLDINGS,   /* key: tenant. What it holds is to be measured (quota.h) */
    TOPIC_COUNT
};

#define TX_NOTES_MAX 512 /* per group; beyond that a topic is nudged without a key */

struct tx_note {
    enum topic topic;
    struct str key;
    uint32_t hash;
};

struct sequences;
struct keyring;
struct tx_tally;

struct tx {
    struct db *db;
    struct arena *arena; /* reset after each unit of work's answer has been sent; see `done` */
    int64_t now_us;      /* one instant for the whole group; with PostgreSQL its clock's */
    struct rng *rng;
    struct tx_note *notes; /* TX_NOTES_MAX and one more of each topic; NULL: they are dropped */
    size_t note_count;
    struct tx_tally *tallies; /* store_metrics.h; NULL: they are dropped */
    size_t tally_count;
    struct thread_growth *thread_growth; /* thread_totals.h */
    int64_t log_bytes;           /* by how much the group has made the log larger: log_size.h */
    struct sequences *sequences; /* sequence.h; NULL: no blocks, each value from the table */
    struct keyring *keyring;     /* seals and opens secrets; NULL: none can be touched */
    bool is_write;
};

/* Only in a write. The key is copied; the same note twice in a group is one; a work that fails
 * takes its notes along. STR_NONE: look everywhere. */
void tx_notify(struct tx *tx, enum topic topic, struct str key);

struct store_work {
    struct message message; /* the store's while queued */
    /* On the writer's or a reader's thread. What `done` is to have it puts into memory of its own.
     */
    enum err (*apply)(struct tx *tx, struct store_work *work);
    /* After the commit, on reply_to's thread (NULL: on ours, must be short). The work belongs to
     * the caller again. */
    void (*done)(struct store_work *work, enum err err);
    struct loop *reply_to;
    enum store_class class;  /* of writes */
    struct store_work *with; /* NULL, or one that is to come right behind it, in the same commit */
    enum err result;         /* the store's */
    int64_t queued_us;       /* the store's */
    struct store_work *next;
};

struct store_config {
    struct world *world;
    const char *data_dir;     /* SQLite file, lock, backups */
    const char *postgres_url; /* NULL: SQLite in data_dir */
    const char *sqlite_vfs;   /* NULL: the system's */
    unsigned reader_count;    /* ≥ 1 */
    struct keyring *keyring;  /* crypto/keyring.h; borrowed; NULL: secrets cannot be touched */
    /* The store cannot go on (failed fsync, lost disk). Called once on the writer's thread. */
    void (*on_fatal)(void *context, const char *why);
    void *context;
};

/* Opens, locks the data folder (SQLite), checks the schema version, migrates, starts writer and
 * readers. On an error *why says what to do, in words for people ("the store was made by a newer
 * runbell (schema 7, this one knows 5)"); it lives in static memory. */
enum err store_open(const struct store_config *config, struct store **store,
                    const char **why) MUST_USE;
/* Finishes what is queued, then closes. No work may be submitted any more. */
void store_close(struct store *store);

/* Any thread. */
void store_write(struct store *store, struct store_work *work);
void store_read(struct store *store, struct store_work *work);

/* Before any work is submitted, or on the loop's thread. `key` is borrowed; STR_NONE means
 * "something, look everywhere". */
void store_subscribe(struct store *store, enum topic topic, struct loop *loop,
                     void (*on_nudge)(void *context, struct str key), void *context);

/* A copy of SQLite while the server runs, to one file; blocks the caller, not the writer.
 * PostgreSQL: ERR_INVALID with words that name pg_dump. */
enum err store_backup(struct store *store, const char *path, const char **why) MUST_USE;
enum err store_ping(struct tx *tx) MUST_USE; /* does the database answer? */
/* The time by which all nodes on this store go: what tx->now_us is in transactions. Any thread. */
int64_t store_now_us(struct store *store);
/* Now and then, from any thread: a jump of the clock is noticed even when nobody writes (clock.h).
 */
void store_tick(struct store *store);
/* Has a write found no room on the disk in the last seconds? (A smaller one may have found some
 * since.) Any thread. */
bool store_is_full(const struct store *store);
/* May other nodes work on it too? */
bool store_is_shared(const struct store *store);

struct store_stats {
    uint64_t groups, works, queue_length;
};
struct store_stats store_stats(struct store *store);

#endif
