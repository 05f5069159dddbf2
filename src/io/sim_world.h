/* sim_world.h -- the whole outside as turns of one thread, decided by a seed.
 *
 * Time jumps from event to event. Every message, every packet, every turn of an actor is an event
 * with a random small delay, so each seed is one schedule and the same seed is always the same
 * schedule. Faults are drawn from the same generator at the rates of sim_faults.
 *
 * A crash throws away every loop, actor and socket of the "machine" and keeps the simulated disk,
 * less what was not synced. The caller's structs of the dead machine it either abandons (what the
 * simulator knew of them stays reachable, so leak checkers keep quiet; memory grows with each
 * crash), or takes down with its ordinary code before sim_free: every call on a dead loop, stream,
 * timer, actor or file is allowed and does nothing, and none calls back. */
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
    double lookup_fails;    /* per name: no answer, no such name, or its server is broken */
    double half_open;       /* per connection at a crash: the peer hears nothing of it */
    double disk_error;      /* per disk call: EIO */
    double fsync_error;     /* per sync */
    double clock_jump;      /* per second of simulated time: wall clock ± up to an hour */
};

struct sim *sim_new(uint64_t seed,
                    const struct sim_faults *faults); /* faults are copied; NULL: none */
/* From now on: to start the weather late, or to calm it before the final account. NULL: none. */
void sim_set_faults(struct sim *sim, const struct sim_faults *faults);
void sim_free(struct sim *sim);
struct world *sim_world(struct sim *sim);
/* For loops, actors and listening sockets that survive crashes; it has no disk. */
struct world *sim_outside_world(struct sim *sim);
struct rng *sim_rng(struct sim *sim);
int64_t sim_now_us(const struct sim *sim); /* since the simulation's start */

/* Runs events until `until_us`, or until nothing is left, or until sim_break; returns the number
 * run. */
size_t sim_run(struct sim *sim, int64_t until_us);
/* From inside an event: sim_run returns after it. */
void sim_break(struct sim *sim);
/* Calls back at a simulated time; survives sim_crash if `outside`. */
void sim_at(struct sim *sim, int64_t at_us, bool outside, void (*run)(void *context),
            void *context);

/* The machine loses power: all loops, actors, timers, messages, connections and children of it are
 * dropped without a callback; peers outside see resets (or nothing: half_open); unsynced disk
 * contents are kept, dropped or torn by the seed. After that build the server anew on the same
 * world. kill_only keeps all written disk contents (a killed process, not a power cut). Best called
 * between events of the machine; from inside one, its code runs on to the end of that event without
 * effect on disk and network. */
void sim_crash(struct sim *sim, bool kill_only);
/* The power fails at the nth call from now that changes the disk (n ≥ 1; 0: never): that call and
 * all later ones fail, no packet leaves, sim_run returns and runs nothing before sim_crash. */
void sim_power_fails_after(struct sim *sim, size_t disk_calls);
bool sim_power_is_off(const struct sim *sim);

/* Hosts outside the machine: a listening peer, its own streams, DNS names. They survive crashes. */
struct loop *sim_outside_loop(struct sim *sim);
void sim_dns_set(struct sim *sim, struct str host, const struct address *addresses, size_t count);
/* From now on who connects to `from` reaches `to`, and is told so by stream_peer: a kernel with
 * rules of its own. One at a time. */
void sim_redirect(struct sim *sim, const struct address *from, const struct address *to);
/* What loop_spawn starts: gets argv and the child's end of the channel (a stream on the outside
 * loop). */
void sim_set_spawner(struct sim *sim,
                     void (*on_spawn)(void *context, const char *const *argv,
                                      struct stream *channel),
                     void *context);
/* What a child does, named by its end of the channel: a line of output; its end (so does closing
 * the channel: with 0). After sim_child_exit, or when the child is killed, the channel sees a reset
 * and is still to be closed. */
void sim_child_print(struct stream *channel, struct str line);
void sim_child_exit(struct stream *channel, int code);
/* False from the moment of its end, which its script may hear of later. */
bool sim_child_is_alive(const struct stream *channel);

/* Every event so far, in one number: equal seeds give equal numbers. */
uint64_t sim_trace_hash(const struct sim *sim);
/* Turns on printing of every event: for replaying a seed. */
void sim_set_trace(struct sim *sim, bool on);

#endif
