/* blob.h -- large bodies, apart from the database, by key: put, got and removed in pieces.
 *
 * A key is 32 hex digits, made by whoever puts; what is put under it never changes. A blob is there
 * as a whole or not at all: it has its name when its bytes are durable.
 *
 * Everything is called, and calls back, on the loop given; the work is done elsewhere. Several
 * forms stand behind one table: a folder (folder.h), an S3-compatible service (s3.h). */
#ifndef BLOB_BLOB_H
#define BLOB_BLOB_H

#include <stdatomic.h>

#include "base/buf.h"
#include "io/loop.h"

#define BLOB_KEY_BYTES 32
#define BLOB_PIECE_BYTES (256 * KIB)                   /* at most in one on_piece */
#define BLOB_REMOVE_MAX 1000                           /* keys in one removal */
#define BLOB_UPLOAD_MS (INT64_C(3600) * MS_PER_SECOND) /* no put takes longer from its end on */

struct blob_key {
    char text[BLOB_KEY_BYTES + 1];
};
/* A new one. Borrows *key. */
struct str blob_key_make(struct rng *rng, struct blob_key *key);

struct blob_store;
struct blob_put;
struct blob_get;

/* ---- in ---- */

struct blob_put_events {
    /* Bytes have gone: blob_put_pending is less. May be NULL. */
    void (*on_room)(void *context);
    /* Once, after blob_put_end; the put is gone. OK: the blob is durable. ERR_AGAIN: no room. */
    void (*on_done)(void *context, enum err err);
    void *context;
};

struct blob_put *blob_put_new(struct blob_store *store, struct loop *loop, struct str key,
                              const struct blob_put_events *events);
void blob_put_add(struct blob_put *put, struct str bytes); /* copied */
/* Bytes that were added and have not left memory: whoever adds waits when they are many. */
size_t blob_put_pending(const struct blob_put *put);
void blob_put_end(struct blob_put *put);
/* Instead of blob_put_end: nothing is told any more, and nothing stays. */
void blob_put_cancel(struct blob_put *put);

/* ---- out ---- */

struct blob_get_events {
    /* After each blob_get_next, once. Empty: the end. ERR_NOT_FOUND: there is no such blob. The
     * bytes are borrowed until it returns. */
    void (*on_piece)(void *context, enum err err, struct str bytes);
    void *context;
};

struct blob_get *blob_get_new(struct blob_store *store, struct loop *loop, struct str key,
                              const struct blob_get_events *events);
void blob_get_next(struct blob_get *get); /* not before the last one was answered */
void blob_get_free(struct blob_get *get); /* also in the middle: nothing is told any more */

/* ---- away ---- */

/* Also what a put that was not ended has left. `gone[i]`: nothing is there under keys[i] now;
 * borrowed until on_done returns. The keys are copied. */
void blob_remove(struct blob_store *store, struct loop *loop, const struct str *keys, size_t count,
                 void (*on_done)(void *context, const bool *gone), void *context);

/* ---- links ---- */

/* Any thread: appends the address of a blob, which opens it as `mime_type` without a key for
 * as long as is configured. False, and nothing is appended: this form has none, and whoever wants
 * one makes it himself. */
bool blob_link(const struct blob_store *store, struct str key, struct str mime_type, int64_t now_us,
               struct buf *out);

/* Has the last put found no room? Any thread. NULL: no. */
bool blob_store_is_full(struct blob_store *store);

/* What is under way is finished and told to its loops; whatever is begun or ended afterwards (to
 * give it up) is done at once, by the caller. NULL is fine; so below. */
void blob_store_stop(struct blob_store *store);
void blob_store_free(struct blob_store *store);

/* ---- for the forms: each struct below stands first in theirs ---- */

struct blob_ops {
    struct blob_put *(*put_new)(struct blob_store *, struct loop *, struct str key,
                                const struct blob_put_events *);
    void (*put_add)(struct blob_put *, struct str bytes);
    size_t (*put_pending)(const struct blob_put *);
    void (*put_end)(struct blob_put *);
    void (*put_cancel)(struct blob_put *);
    struct blob_get *(*get_new)(struct blob_store *, struct loop *, struct str key,
                                const struct blob_get_events *);
    void (*get_next)(struct blob_get *);
    void (*get_free)(struct blob_get *);
    void (*remove)(struct blob_store *, struct loop *, const struct str *keys, size_t count,
                   void (*on_done)(void *context, const bool *gone), void *context);
    bool (*link)(const struct blob_store *, struct str key, struct str mime_type, int64_t now_us,
                 struct buf *out); /* NULL: there are none */
    void (*stop)(struct blob_store *);
    void (*free)(struct blob_store *);
};

struct blob_store {
    const struct blob_ops *ops;
    atomic_bool is_full; /* the last put found no room */
};
struct blob_put {
    const struct blob_ops *ops;
};
struct blob_get {
    const struct blob_ops *ops;
};

#endif
