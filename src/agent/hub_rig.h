/* hub_rig.h -- for tests of the hub: a store, the hub on a loop of its own thread, and readers on
 * two more loops that write down what they hear. */
#ifndef AGENT_HUB_RIG_H
#define AGENT_HUB_RIG_H

#include <semaphore.h>
#include <stdatomic.h>

#include "agent/hub.h"
#include "base/buf.h"
#include "store/store_fixture.h"

#define HUB_TENANT STR("t")
#define HUB_LOOPS 2

struct hub_rig {
    struct fixture fixture; /* world and store */
    struct loop *loop;      /* the hub's */
    struct hub *hub;
    struct loop *loops[HUB_LOOPS]; /* the readers' */
};

int hub_rig_setup(void **state);
int hub_rig_teardown(void **state);
/* As after a restart of the process: the hub has forgotten everything. */
void hub_rig_restart(struct hub_rig *rig);

/* ---- the dispatcher's side, on the hub's loop; each returns when it is done ---- */
struct run hub_rig_run(const char *run_id, bool resumable);
void hub_rig_begin(struct hub_rig *rig, const struct run *run, int64_t attempt, int64_t first_id);
/* One event "values" whose data is this many bytes long, at least two. */
void hub_rig_event(struct hub_rig *rig, const struct run *run, size_t bytes);
void hub_rig_events(struct hub_rig *rig, const struct run *run, int count);
void hub_rig_end(struct hub_rig *rig, struct run *run);
void hub_rig_pause(struct hub_rig *rig, const struct run *run);

/* ---- the store ---- */
void hub_rig_insert(struct hub_rig *rig, struct run *run);
/* Ends its row as success with this result, and nudges. */
void hub_rig_end_row(struct hub_rig *rig, const struct run *run);
void hub_rig_insert_events(struct hub_rig *rig, const struct run *run, int64_t count);
/* How many events of the run are stored; waits until there are at least `wanted`. */
void hub_rig_wait_stored(struct hub_rig *rig, const struct run *run, int64_t wanted);

/* ---- readers ---- */
struct hearer {
    struct run_reader *reader;
    struct loop *loop;
    bool pulls;  /* asks for more by itself */
    bool closes; /* closes itself within the first batch */
    /* Written on its loop; read them behind a wait. */
    struct buf names; /* "metadata@0 values@1 " */
    size_t count, largest_batch;
    int64_t last_id;
    bool in_order;
    enum err err;
    struct buf end; /* "success {\"a\":1}" */
    sem_t batches, ended;
};

/* `how`: start, after_id, only_end and, if it is another one, the tenant. */
void hearer_open(struct hearer *hearer, struct hub_rig *rig, int loop, const char *run_id,
                 struct run_reader_config how);
void hearer_more(struct hearer *hearer);
void hearer_wait_batch(struct hearer *hearer);
void hearer_wait_end(struct hearer *hearer);
/* Lets everything that is on its way arrive; then: has a batch come that nobody waited for? */
bool hearer_has_batch(struct hearer *hearer, struct hub_rig *rig);
void hearer_close(struct hearer *hearer);
/* Closes it while an event of the run, or its end, is on its way to it: it has asked for more. */
void hearer_close_late(struct hearer *hearer, struct hub_rig *rig, struct run *run, bool at_end);
void hearer_release(struct hearer *hearer); /* after its close */

#endif
