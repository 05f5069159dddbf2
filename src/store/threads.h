/* threads.h -- the table threads.
 *
 * A thread is a conversation's state: its head (values, interrupts, the rendered ThreadState) is
 * what the last run or update left; the history is in checkpoints. Strings of a struct thread from
 * a query live in the arena given; those of one that goes in are borrowed. */
#ifndef STORE_THREADS_H
#define STORE_THREADS_H

#include "store/store.h"

#define THREAD_IDLE STR("idle")
#define THREAD_BUSY STR("busy")
#define THREAD_INTERRUPTED STR("interrupted")
#define THREAD_ERROR STR("error")

struct thread {
    struct str tenant;
    struct str thread_id;
    struct str status;
    struct str metadata;    /* JSON object */
    struct str config;      /* JSON object */
    struct str graph_id;    /* STR_NONE: no run yet */
    struct str head_values; /* JSON; STR_NONE: null */
    struct str interrupts;  /* JSON object */
    struct str error;       /* JSON; STR_NONE: none */
    struct str head_state;  /* rendered ThreadState; STR_NONE: ask the worker */
    bool temporary;         /* of a stateless run: deleted with its end */
    int64_t created_us, updated_us, state_updated_us;
    /* How long it lives without a change; 0: for ever. What happens then: delete, keep_latest. */
    int64_t ttl_us;
    struct str ttl_strategy;
    int64_t expires_us; /* the last change and ttl_us; 0: never, or done already */
};

#define THREAD_DELETE STR("delete")
#define THREAD_KEEP_LATEST STR("keep_latest")

enum err thread_get(struct tx *tx, struct str tenant, struct str thread_id, struct arena *arena,
                    struct thread *thread) MUST_USE;
enum err thread_get_metadata(struct tx *tx, struct str tenant, struct str thread_id,
                             struct arena *arena, struct str *metadata) MUST_USE;
/* As thread_get, and keeps the row from changing until the commit (PostgreSQL: FOR UPDATE). Whoever
 * changes runs of a thread takes this first: locks are taken in one order, thread before run. */
enum err thread_get_for_update(struct tx *tx, struct str tenant, struct str thread_id,
                               struct arena *arena, struct thread *thread) MUST_USE;
enum err thread_insert(struct tx *tx, const struct thread *thread) MUST_USE; /* ERR_CONFLICT */
/* status, metadata, config, graph_id, error, ttl and updated_us of the struct; not the head. Its
 * life begins anew. */
enum err thread_update(struct tx *tx, const struct thread *thread) MUST_USE;
/* head_values, interrupts, head_state, and both times := now. Its life begins anew. */
enum err thread_update_head(struct tx *tx, const struct thread *thread) MUST_USE;
/* Its life is over, and nothing of it is left to do: until it changes again. */
enum err thread_expire(struct tx *tx, const struct thread *thread) MUST_USE;
/* With its runs, events, checkpoints, writes and crons. ERR_NOT_FOUND. */
enum err thread_delete(struct tx *tx, struct str tenant, struct str thread_id) MUST_USE;
/* With its checkpoints and writes; its runs stay until retention, so that a late join finds a
 * result. */
enum err thread_delete_temporary(struct tx *tx, struct str tenant, struct str thread_id) MUST_USE;

/* Whose life is over and on which nothing runs, of all tenants; at most `limit`. Only tenant,
 * thread_id and ttl_strategy are set. */
enum err thread_list_expired(struct tx *tx, int64_t limit, struct arena *arena,
                             struct thread **found, size_t *count) MUST_USE;

/* Bytes in the store. */
struct thread_storage {
    int64_t thread, checkpoints, writes, runs, events;
};
enum err thread_measure(struct tx *tx, struct str tenant, struct str thread_id,
                        struct thread_storage *storage) MUST_USE; /* ERR_NOT_FOUND */

struct thread_filter {
    struct str tenant;
    struct str status;   /* STR_NONE: any */
    struct str metadata; /* contained JSON object; STR_NONE: any */
    struct str values;   /* contained JSON object; STR_NONE: any */
    struct str ids;      /* JSON array of ids; STR_NONE: any */
    struct str admitted; /* JSON array: metadata contain one of its objects; STR_NONE: any */
    struct str sort_by;  /* updated_at (default), created_at, thread_id, status, state_updated_at */
    bool ascending;
    int64_t limit, offset;
};

struct thread_list {
    struct thread *list;
    size_t count;
};

enum err thread_search(struct tx *tx, const struct thread_filter *filter, struct arena *arena,
                       struct thread **found, size_t *count) MUST_USE;
enum err thread_count(struct tx *tx, const struct thread_filter *filter, int64_t *count) MUST_USE;
/* Both, with one look at what leads the search: the page, and how many there are in all. */
enum err thread_page(struct tx *tx, const struct thread_filter *filter, struct arena *arena,
                     struct thread_list *list, int64_t *total) MUST_USE;

#endif
