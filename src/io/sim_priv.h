/* sim_priv.h -- what the files of the simulator share.
 *
 * Every object belongs to a loop, and every loop either to the machine or to the outside. A crash
 * marks the machine's loops and what lives on them dead: they stay in memory until sim_free, get no
 * events, and every call on them does nothing. All memory of the simulator hangs on one list
 * (sim_alloc), so sim_free leaves nothing behind. */
#ifndef IO_SIM_PRIV_H
#define IO_SIM_PRIV_H

#include "base/buf.h"
#include "base/list.h"
#include "io/disk.h"
#include "io/io_priv.h"
#include "io/mailbox_priv.h"
#include "io/sim_world.h"
#include "io/stream.h"

struct sim_disk;
struct sim_loop;

/* Stands in the object it is about. Zero-initialise, then sim_event_init once. */
struct sim_event {
    int64_t at_us;
    uint64_t tie; /* random: the order of events of one instant */
    uint64_t number;
    size_t heap_index;     /* 1-based; 0 = not in the queue */
    struct list waiting;   /* in loop->waiting while the loop does not run */
    struct sim_loop *loop; /* where it runs; NULL: nowhere in particular */
    bool outside;          /* for loop == NULL: survives a crash */
    uint64_t id;           /* of the object, for the trace */
    const char *what;
    void (*run)(struct sim_event *event);
};

struct sim_world {
    struct world base;
    struct sim *sim;
    bool outside;
};

struct sim {
    struct rng rng;
    struct sim_faults faults;
    struct sim_world machine, outside;
    struct sim_loop *outside_loop;
    int64_t now_us;
    int64_t wall_jump_us;
    struct sim_event **heap;
    size_t heap_count, heap_cap;
    uint64_t event_number, object_id;
    uint64_t trace_hash;
    bool trace_on;
    bool break_asked;
    bool dark;             /* the power is off: nothing of the machine has effects */
    bool crashed_in_event; /* by an event of the machine itself, which is still on the stack */
    bool in_machine_event;
    bool ending;         /* sim_free: crash what is outside too */
    struct list blocks;  /* sim_alloc */
    struct list loops;   /* sim_loop.in_sim */
    struct list streams; /* sim_stream.in_sim */
    struct list actors;  /* sim_actor.in_sim */
    struct list sockets; /* sim_listen_socket.in_sim */
    struct list names;   /* sim_name.in_sim */
    struct list ats;     /* sim_at.in_sim */
    struct sim_disk *disk;
    uint16_t next_port;
    struct address redirect_from, redirect_to; /* sim_redirect */
    void (*on_spawn)(void *context, const char *const *argv, struct stream *channel);
    void *spawn_context;
};

struct sim_loop {
    struct loop base;
    struct sim *sim;
    struct list in_sim;
    bool outside, dead, started, stop_asked;
    struct sim_event messages; /* the mailbox is to be emptied */
    struct sim_event alarm;    /* the first timer is due */
    struct mailbox mailbox;
    struct list waiting; /* events that came while it did not run */
    struct list streams, listeners, connectings, queries, processes;
};

/* ---- sim.c: memory, events, chance ---- */

static inline bool sim_spares(const struct sim *sim, bool outside)
{
    return outside && !sim->ending;
}

void *sim_alloc(struct sim *sim, size_t bytes); /* zeroed */
void sim_release(void *memory);
/* Keeps what the dead pointed at reachable for leak checkers. */
void sim_bury(const void *pointer);

void sim_event_init(struct sim_event *event, struct sim_loop *loop, const char *what, uint64_t id,
                    void (*run)(struct sim_event *event));
/* (Re)queues it; nothing for a dead loop. */
void sim_event_put(struct sim *sim, struct sim_event *event, int64_t delay_us);
void sim_event_remove(struct sim *sim, struct sim_event *event);
bool sim_event_is_queued(const struct sim_event *event);
bool sim_step(struct sim *sim, int64_t until_us);
void sim_trace(struct sim *sim, const char *what, uint64_t id, struct str bytes);

bool sim_chance(struct sim *sim, double probability);
/* About `typical_us`, sometimes ten times as long, if short rarely a hundred times. */
int64_t sim_delay_us(struct sim *sim, int64_t typical_us);
int64_t sim_between(struct sim *sim, int64_t low, int64_t high);
/* A fault's pause: seconds. */
int64_t sim_stall_us(struct sim *sim);

/* ---- sim_loop.c ---- */

int64_t sim_wall_us(const struct sim *sim);
struct loop *sim_loop_new(struct world *world, const char *name);
void sim_loop_kill(struct sim_loop *loop);    /* by a crash */
void sim_loop_discard(struct sim_loop *loop); /* by sim_free */

static inline struct sim_loop *sim_loop_of(struct loop *loop)
{
    return CONTAINER_OF(loop, struct sim_loop, base);
}

/* ---- sim_actor.c ---- */

struct actor *sim_actor_new(struct world *world, const struct actor_config *config);
void sim_actor_post(struct actor *actor, struct message *message);
void sim_actor_stop(struct actor *actor);
void sim_actors_kill(struct sim *sim);

/* ---- sim_disk.c ---- */

struct sim_disk *sim_disk_new(struct sim *sim);
void sim_disk_free(struct sim_disk *disk);
struct disk *sim_disk_table(struct sim_disk *disk);
void sim_disk_crash(struct sim_disk *disk, bool kill_only);

#endif
