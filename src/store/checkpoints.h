/* checkpoints.h -- the tables checkpoints and checkpoint_writes: what a graph remembers, opaque to
 * us.
 *
 * The body is the worker's serialised checkpoint; only ids, the parent and the metadata (JSON) are
 * read here. Ids rise with time as text, so the head of a (thread, ns) is the greatest. */
#ifndef STORE_CHECKPOINTS_H
#define STORE_CHECKPOINTS_H

#include "store/store.h"

struct checkpoint {
    struct str tenant;
    struct str thread_id;
    struct str ns;
    struct str checkpoint_id;
    struct str parent_id; /* STR_NONE: none */
    struct str run_id;    /* STR_NONE: made by an update */
    struct str serde;     /* the worker's type of the body */
    struct str body;
    struct str metadata; /* JSON object */
};

/* A value that a task wrote on its way to the next checkpoint. */
struct checkpoint_write {
    struct str task_id;
    struct str task_path;
    int64_t idx; /* < 0: a special channel, overwritten; else the first one stays */
    struct str channel;
    struct str serde;
    struct str body;
};

enum err checkpoint_put(struct tx *tx, const struct checkpoint *checkpoint) MUST_USE; /* replaces */
/* `key` names tenant, thread, ns and checkpoint_id (STR_NONE: the head). ERR_NOT_FOUND. */
enum err checkpoint_get(struct tx *tx, const struct checkpoint *key, struct arena *arena,
                        struct checkpoint *checkpoint) MUST_USE;

struct checkpoint_filter {
    struct str tenant;
    struct str thread_id;     /* STR_NONE: all threads */
    struct str ns;            /* STR_NONE: all */
    struct str checkpoint_id; /* STR_NONE: any */
    struct str before;        /* ids less than this; STR_NONE: any */
    struct str metadata;      /* contained JSON object; STR_NONE: any */
    int64_t limit;
};

/* Newest first. */
enum err checkpoint_list(struct tx *tx, const struct checkpoint_filter *filter, struct arena *arena,
                         struct checkpoint **found, size_t *count) MUST_USE;
/* Has this run left a checkpoint in the root namespace? */
enum err checkpoint_exists_of_run(struct tx *tx, struct str tenant, struct str thread_id,
                                  struct str run_id, bool *exists) MUST_USE;

/* The key's fields of `of` name the checkpoint. `run_position`: of the run that writes (runs.h), 0
 * without one. */
enum err checkpoint_writes_put(struct tx *tx, const struct checkpoint *of, int64_t run_position,
                               const struct checkpoint_write *writes, size_t count) MUST_USE;
enum err checkpoint_writes_list(struct tx *tx, const struct checkpoint *of, struct arena *arena,
                                struct checkpoint_write **writes, size_t *count) MUST_USE;

enum err checkpoints_delete_thread(struct tx *tx, struct str tenant, struct str thread_id) MUST_USE;
/* And its writes on checkpoints of others: what they overwrote is there again. The run's row still
 * exists. */
enum err checkpoints_delete_run(struct tx *tx, struct str tenant, struct str run_id) MUST_USE;
/* All but the head of each namespace. */
enum err checkpoints_keep_latest(struct tx *tx, struct str tenant, struct str thread_id) MUST_USE;
/* Copies checkpoints and writes of one thread to another, with the same ids. */
enum err checkpoints_copy(struct tx *tx, struct str tenant, struct str from,
                          struct str to) MUST_USE;

#endif
