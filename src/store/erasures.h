/* erasures.h -- the table erasures: what is to be gone for good, and how far that is.
 *
 *   deleting ──▶ wiping ──▶ closing ──▶ done
 *
 *   deleting   rows go, in pieces; what is under way is called off, or waited for. Of an object or
 * a thread, one stage after the other: the log of deliveries, traces, requests to inspectors, kept
 * answers wiping     SQLite: pages that became free are filled with zeroes closing    SQLite: the
 * log beside the file is emptied
 *
 * PostgreSQL keeps dead rows until its own vacuum, and its log in archives: there `done` says that
 * no query finds them any more. Blobs whose rows went are removed by blob_upkeep. An erasure is a
 * row, so a restart goes on where it stood; its subject is forgotten when it is done. */
#ifndef STORE_ERASURES_H
#define STORE_ERASURES_H

#include "store/store.h"

#define ERASURES_LIST_MAX 1000
#define ERASURE_SUBJECT_BYTES_MAX 1024

enum erasure_scope {
    ERASURE_OBJECT,       /* what tells of one run, alert, rule …; not itself */
    ERASURE_THREAD,       /* the same of a thread, in bodies too; who asks has removed it */
    ERASURE_ORDERING_KEY, /* of the log of deliveries: what has this ordering key */
    ERASURE_WORKSPACE,    /* everything of a tenant, and its row */
    ERASURE_SCOPE_COUNT
};

enum erasure_state {
    ERASURE_DELETING,
    ERASURE_WIPING,
    ERASURE_CLOSING,
    ERASURE_DONE,
    ERASURE_STATE_COUNT
};

struct str erasure_scope_name(enum erasure_scope scope);
struct str erasure_state_name(enum erasure_state state);

struct erasure_row {
    struct str tenant;
    struct str erasure_id;
    enum erasure_scope scope;
    enum erasure_state state;
    struct str subject; /* STR_NONE: of a workspace, or done */
    int64_t stage;
    int64_t cursor_id;            /* of the stage: what has been looked at */
    int64_t rows;                 /* deleted so far */
    int64_t created_us, ended_us; /* ended 0: not done */
};

/* Of tenant, erasure_id, scope and subject; fills in the rest. */
enum err erasure_add(struct tx *tx, struct erasure_row *erasure) MUST_USE;
/* tenant STR_NONE: of any. ERR_NOT_FOUND. */
enum err erasure_get(struct tx *tx, struct str tenant, struct str erasure_id, struct arena *arena,
                     struct erasure_row *erasure) MUST_USE;
/* The newest first. */
enum err erasure_list(struct tx *tx, struct str tenant, int64_t limit, struct arena *arena,
                      struct erasure_row **found, size_t *count) MUST_USE;

/* Is there one that is not done? */
enum err erasure_is_open(struct tx *tx, bool *is_open) MUST_USE;
/* One piece of the oldest, in the apply of a STORE_BULK work; *more: there is another right away.
 */
enum err erasure_step(struct tx *tx, bool *more) MUST_USE;

#endif
