/* outbox_fixture.h -- for tests of the outbox: one connection to a database of its own with a clock
 * that the test turns, and short words for what is asked of it. */
#ifndef STORE_OUTBOX_FIXTURE_H
#define STORE_OUTBOX_FIXTURE_H

#include "base/test.h"
#include "store/outbox_claim.h"
#include "store/outbox_query.h"

struct outbox_rig {
    struct db *db;
    struct arena arena; /* of results */
    struct tx tx;
    struct arena tx_arena;
    struct tx_note notes[TX_NOTES_MAX + TOPIC_COUNT];
    struct rng rng;
    int64_t now_us;
    struct outbox_rules rules;
    const char *postgres_url;
    char folder[TEST_FOLDER_BYTES];
};

/* postgres_url NULL: SQLite. */
void outbox_rig_open(struct outbox_rig *rig, const char *postgres_url);
void outbox_rig_close(struct outbox_rig *rig);

/* Runs the tests on both stores, each with a fresh struct outbox_rig as its state. */
int outbox_rig_run_tests(const struct CMUnitTest *tests, size_t count);
#define OUTBOX_RUN_TESTS(tests) outbox_rig_run_tests((tests), ARRAY_LEN(tests))

/* The transaction of one call; ends with a commit, or a rollback if err. */
struct tx *outbox_rig_begin(struct outbox_rig *rig);
enum err outbox_rig_end(struct outbox_rig *rig, enum err err);

/* Adds a delivery of `body` for `object_id`; returns its webhook id (in rig->arena). */
struct str outbox_rig_add(struct outbox_rig *rig, const char *url, const char *object_id,
                          struct str body);
/* Claims for one origin, of tenant "t". */
struct outbox_claimed *outbox_rig_claim(struct outbox_rig *rig, const char *origin, unsigned room,
                                        unsigned retry_share, size_t *count);
/* A share of the places for each line; rows in rig->arena. */
struct outbox_claimed *outbox_rig_claim_lane(struct outbox_rig *rig, struct outbox_claim_lane *lane,
                                             size_t *count);
void outbox_rig_settle(struct outbox_rig *rig, const struct outbox_claimed *row,
                       enum delivery_state to, int64_t next_us);
size_t outbox_rig_recover(struct outbox_rig *rig, const char *node);
struct delivery_row outbox_rig_get(struct outbox_rig *rig, int64_t delivery_id);
size_t outbox_rig_list(struct outbox_rig *rig, const char *object_id, const char *state,
                       struct delivery_row **found);

#endif
