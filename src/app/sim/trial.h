/* trial.h -- one seed: its world, its chances, and what was found wrong.
 *
 * A trial runs in a process of its own (simulate.c), so that nothing of an earlier one can reach it
 * and what dead machines leave behind is gone with it. Everything that chooses draws from the seed:
 * the world from the simulator, the players from `rng`, the program's secrets and the order of its
 * maps from there too. The same seed is the same run in every process, up to its last byte; the
 * hash of its trace proves it. */
#ifndef APP_SIM_TRIAL_H
#define APP_SIM_TRIAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"
#include "io/sim_world.h"

#define TRIAL_VFS "sim" /* SQLite's name for the simulated disk */

struct trial {
    uint64_t seed;
    struct sim *sim;
    struct rng rng;         /* of the players */
    struct rng secrets;     /* of the program: crypto/random.h */
    struct arena arena;     /* what the players remember; until the end */
    struct buf complaints;  /* a line each */
    size_t complaint_count; /* also of those that had no room */
    bool is_traced;
};

/* The process has one trial at a time. */
void trial_begin(struct trial *trial, uint64_t seed, bool is_traced);
void trial_end(struct trial *trial);

/* Something that must not happen. */
void trial_complain(struct trial *trial, const char *format, ...) PRINTF_LIKE(2, 3);
/* A line of the trace, for who reads it. */
void trial_note(struct trial *trial, const char *format, ...) PRINTF_LIKE(2, 3);

/* True once in `n`. */
bool trial_once_in(struct trial *trial, uint64_t n);

#endif
