/* replays.h -- the table replays: jobs that send once more all deliveries that a filter finds.
 *
 *   running ◀──▶ paused          by hand
 *      │            │
 *      ├────────────┴──▶ cancelled
 *      └──▶ done                 nothing is left to be looked at
 *
 * A job walks from the oldest match to the newest that was there when it was made. It goes piece by
 * piece: replay_find (on a reader) looks for the next matches behind the cursor, replay_take (on
 * the writer) makes the new deliveries and moves the cursor in one transaction, unless the job has
 * moved or stopped since. So a crash, a second node or a lost answer repeats nothing, and no
 * webhook-id is sent twice by one job.
 *
 * A new delivery has the class `replay`: its own line, behind what happens now, with the whole
 * policy of its endpoint. What is passed over: what has not ended; samples of test sends; a
 * webhook-id that this job has sent already; and, unless it goes to another URL, one of which a
 * later delivery to the same endpoint is under way or has arrived. */
#ifndef STORE_REPLAYS_H
#define STORE_REPLAYS_H

#include "store/outbox_query.h"

#define REPLAYS_LIST_MAX 1000
#define REPLAYS_OPEN_MAX 20 /* running or paused, of a tenant */
#define REPLAY_PER_S_MIN 0.01
#define REPLAY_PER_S_MAX 10000.0
#define REPLAY_PER_S_DEFAULT 200.0
#define REPLAY_ELSEWHERE_PER_S_MAX 5.0 /* to another URL, for a key of one workspace */
#define REPLAY_PIECE_MAX 100
#define REPLAY_OUTCOMES_MAX 100000

enum replay_state {
    REPLAY_RUNNING,
    REPLAY_PAUSED,
    REPLAY_DONE,
    REPLAY_CANCELLED,
    REPLAY_STATE_COUNT
};

struct str replay_state_name(enum replay_state state);
enum err replay_state_parse(struct str name, enum replay_state *state) MUST_USE;

struct replay_row {
    struct str tenant;
    struct str replay_id;
    enum replay_state state;
    struct delivery_filter filter; /* without pages; its state is "dead", "done" or STR_NONE */
    struct str url;                /* where to instead; STR_NONE: where they went. Has passed the
                                      URL checks; whoever shows it masks it */
    double per_s;                  /* so many new deliveries a second */
    int64_t expected;              /* what a count found when it was made … */
    bool is_exact;                 /* … to its end */
    int64_t last_id, cursor_id;    /* of deliveries: it looks at (cursor_id, last_id] */
    int64_t matched, queued, skipped, failed; /* queued, skipped and failed make up matched */
    int64_t next_us;                          /* of the next piece */
    int64_t created_us, updated_us, ended_us; /* ended 0: running or paused */
};

/* Fills in its place, its times and, empty-handed, its counters; nudges TOPIC_REPLAY. ERR_LIMIT:
 * the tenant has REPLAYS_OPEN_MAX already. */
enum err replay_add(struct tx *tx, struct replay_row *replay) MUST_USE;
enum err replay_get(struct tx *tx, struct str tenant, struct str replay_id, struct arena *arena,
                    struct replay_row *replay) MUST_USE;

struct replay_list {
    struct replay_row *found; /* in the arena; newest first */
    size_t count;
};
enum err replay_list(struct tx *tx, struct str tenant, int64_t before_us, int64_t limit,
                     struct arena *arena, struct replay_list *list) MUST_USE;

/* By hand: to running, paused or cancelled. ERR_NOT_FOUND; ERR_CONFLICT: it has ended. */
enum err replay_set_state(struct tx *tx, struct str tenant, struct str replay_id,
                          enum replay_state state) MUST_USE;

/* What became of the new deliveries, each number at most REPLAY_OUTCOMES_MAX + 1, which says
 * "more". */
struct replay_outcomes {
    int64_t waiting; /* due, being sent or held */
    int64_t done, dead;
};
enum err replay_outcomes(struct tx *tx, struct str tenant, struct str replay_id,
                         struct replay_outcomes *outcomes) MUST_USE;

/* ---- working them off ---- */

/* When the next piece of any job is due; 0: none is running. */
enum err replay_next_due(struct tx *tx, int64_t *next_us) MUST_USE;

struct replay_item {
    int64_t delivery_id;
    struct str webhook_id, endpoint_id;
    bool is_sample;
};

struct replay_piece {
    struct replay_row replay;
    struct replay_item items[REPLAY_PIECE_MAX];
    size_t count;
    int64_t cursor_id; /* where the job stands after it */
    bool is_last;
};

/* The piece that is due; its strings are in the arena. ERR_NOT_FOUND: there is none. */
enum err replay_find(struct tx *tx, struct arena *arena, struct replay_piece *piece) MUST_USE;
/* Nothing, if the job is no longer as it was found. */
enum err replay_take(struct tx *tx, const struct replay_piece *piece) MUST_USE;

#endif
