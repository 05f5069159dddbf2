/* crons.h -- the table crons: runs that are made again and again.
 *
 * `payload` is the body of "create a run" that each firing replays. next_us is when it fires next;
 * 0 (disabled, past its end): never. A firing and the move of next_us are one transaction, and
 * crons_move says whether it was still the one that was read: so each firing happens once, on
 * whichever node. Strings of a struct cron_row from a query live in the arena given; those of one
 * that goes in are borrowed. */
#ifndef STORE_CRONS_H
#define STORE_CRONS_H

#include "store/store.h"

struct cron_row {
    struct str tenant;
    struct str cron_id;
    struct str assistant_id;
    struct str thread_id; /* STR_NONE: a new thread for each firing */
    struct str schedule;
    struct str timezone; /* STR_NONE: UTC */
    int64_t end_us;      /* no firing after it; 0: none */
    bool keep;           /* on_run_completed: keep */
    bool enabled;
    struct str payload; /* JSON objects */
    struct str metadata;
    struct str user_id;   /* STR_NONE */
    struct str auth_user; /* JSON: whom the auth handlers named at its making; STR_NONE: nobody */
    int64_t created_us, updated_us;
    int64_t next_us;
};

struct cron_rows {
    struct cron_row *list; /* in the arena given */
    size_t count;
};

enum err crons_get(struct tx *tx, struct str tenant, struct str cron_id, struct arena *arena,
                   struct cron_row *cron) MUST_USE;
enum err crons_insert(struct tx *tx, const struct cron_row *cron) MUST_USE;
/* All but tenant, ids of cron and thread, user and created_us. ERR_NOT_FOUND. */
enum err crons_update(struct tx *tx, const struct cron_row *cron) MUST_USE;
enum err crons_delete(struct tx *tx, struct str tenant, struct str cron_id) MUST_USE;
/* All of an assistant. */
enum err crons_delete_of(struct tx *tx, struct str tenant, struct str assistant_id) MUST_USE;

struct cron_filter {
    struct str tenant;
    struct str assistant_id; /* STR_NONE: any; so below */
    struct str thread_id;
    struct str metadata; /* JSON object that must be contained */
    struct str admitted; /* JSON array: metadata contain one of its objects */
    int enabled;         /* 0, 1; -1: any */
    struct str sort_by;  /* created_at (default), updated_at, next_run_date, end_time, cron_id,
                            assistant_id, thread_id */
    bool ascending;
    int64_t limit, offset;
};

enum err crons_search(struct tx *tx, const struct cron_filter *filter, struct arena *arena,
                      struct cron_rows *found) MUST_USE;
enum err crons_count(struct tx *tx, const struct cron_filter *filter, int64_t *count) MUST_USE;

/* Those whose time has come, the longest due first, each claimed by this transaction. */
enum err crons_list_due(struct tx *tx, int64_t limit, struct arena *arena,
                        struct cron_rows *found) MUST_USE;
/* Sets enabled and next_us of a cron that was found due. ERR_CONFLICT: it has changed since. */
enum err crons_move(struct tx *tx, const struct cron_row *cron, int64_t was_next_us) MUST_USE;
/* When the next one fires; 0: none. */
enum err crons_next_due(struct tx *tx, int64_t *next_us) MUST_USE;

#endif
