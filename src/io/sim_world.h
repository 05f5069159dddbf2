/* sim_world.h -- the whole outside as turns of one thread, decided by a seed.
 *
 * Time jumps from event to event. Every message, every packet, every turn of an actor is an event with a
 * random small delay, so each seed is one schedule and the same seed is always the same schedule.
 * Faults are drawn from the same generator at the rates of sim_faults. A crash throws away every
 * loop, actor and socket of the "machine" (the caller abandons its structs: they live in memory the
 * caller gives up) and keeps the simulated disk, less what was not synced. */
#ifndef IO_SIM_WORLD_H
#define IO_SIM_WORLD_H

#include "io/address.h"
#include "io/world.h"

struct stream;
struct sim;

struct sim_faults {
    double connect_refused; /* probability per connection attempt */
    double reset;           /* per packet */
    double stall;           /* per packet: a pause of seconds */
    double short_write;     /* per packet: the peer sees it in pieces */
    double disk_error;      /* per disk call: EIO */
    double fsync_error;     /* per sync */
    double clock_jump;      /* per second of simulated time: wall clock ± up to an hour */
};

struct sim *sim_new(uint64_t seed, const struct sim_faults *faults); /* faults are copied; NULL: none */
void sim_free(struct sim *sim);
struct world *sim_world(struct sim *sim);
struct rng *sim_rng(struct sim *sim);
int64_t sim_now_us(const struct sim *sim); /* since the simulation's start */

/* Runs events until `until_us`, or until nothing is left, or until sim_break; returns the number run. */
size_t sim_run(struct sim *sim, int64_t until_us);
/* From inside an event: sim_run returns after it. */
void sim_break(struct sim *sim);
/* Calls back at a simulated time; survives sim_crash if `outside`. */
void sim_at(struct sim *sim, int64_t at_us, bool outside, void (*run)(void *context), void *context);

/* The machine loses power: all loops, actors, timers, messages, connections and children of it are dropped
 * without a callback; peers outside see resets; unsynced disk contents are kept, dropped or torn by the
 * seed. After that build the server anew on the same world. kill_only keeps all written disk contents
 * (a killed process, not a power cut). */
void sim_crash(struct sim *sim, bool kill_only);

/* Hosts outside the machine: a listening peer, its own streams, DNS names. They survive crashes. */
struct loop *sim_outside_loop(struct sim *sim);
void sim_dns_set(struct sim *sim, struct str host, const struct address *addresses, size_t count);
/* What loop_spawn starts: gets argv and the child's end of the channel (a stream on the outside loop). */
void sim_set_spawner(struct sim *sim,
                     void (*on_spawn)(void *context, const char *const *argv, struct stream *channel),
                     void *context);
/* Turns on printing of every event: for replaying a seed. */
void sim_set_trace(struct sim *sim, bool on);

#endif
