/* puppet.h -- scripted workers: what the server starts as children, playing the other end of
 * docs/worker-protocol.md on the outside loop.
 *
 * A puppet runs its runs in steps, each with an event and a checkpoint, and ends them in every way;
 * until it is healed it also dies, hangs (no answer to a ping), sends garbage, tells of other
 * attempts, and is deaf to cancels. It watches the server: at most three attempts of a run, each
 * later than the last; never two runs of a thread at once; a checkpoint that was acknowledged is
 * where the next attempt begins. */
#ifndef APP_SIM_PUPPET_H
#define APP_SIM_PUPPET_H

#include "app/sim/ledger.h"
#include "base/list.h"

#define PUPPET_GRAPH STR("graph")
#define PUPPET_ATTEMPTS_MAX 3

struct puppets {
    struct trial *trial;
    struct ledger *ledger;
    struct list all;    /* puppet.in_all */
    struct map past;    /* run id -> struct past_run */
    uint64_t unruly;    /* misbehaves once in so many steps; 0: never */
    size_t checkpoints; /* made so far; names them in order */
};

/* Becomes the trial's spawner; the struct must live as long as the trial. */
void puppets_init(struct puppets *puppets, struct trial *trial, struct ledger *ledger);

#endif
