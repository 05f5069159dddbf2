/* sim.c -- the simulator's clock, queue of events, memory, and its crash. */
#include <stdio.h>

#include "base/mem.h"
#include "io/sim_net_priv.h"

/* ---- memory ---- */

struct sim_block {
    struct list in_sim;
    max_align_t data[];
};

void *sim_alloc(struct sim *sim, size_t bytes)
{
    struct sim_block *block = mem_alloc_zero(sizeof(*block) + bytes);

    list_push(&sim->blocks, &block->in_sim);
    return block->data;
}

void sim_release(void *memory)
{
    struct sim_block *block = CONTAINER_OF(memory, struct sim_block, data);

    list_remove(&block->in_sim);
    mem_free(block);
}

/* Never freed: a leak checker finds here what crashed machines left. */
static struct {
    const void **pointers;
    size_t count, cap;
} graveyard;

void sim_bury(const void *pointer)
{
    if (!pointer)
        return;
    if (graveyard.count == graveyard.cap) {
        graveyard.cap = graveyard.cap ? graveyard.cap * 2 : 64;
        graveyard.pointers =
            mem_realloc(graveyard.pointers, graveyard.cap * sizeof(*graveyard.pointers));
    }
    graveyard.pointers[graveyard.count++] = pointer;
}

/* ---- chance ---- */

bool sim_chance(struct sim *sim, double probability)
{
    return probability > 0 && rng_unit(&sim->rng) < probability;
}

int64_t sim_between(struct sim *sim, int64_t low, int64_t high)
{
    return low + (int64_t)rng_below(&sim->rng, (uint64_t)(high - low) + 1);
}

int64_t sim_delay_us(struct sim *sim, int64_t typical_us)
{
    uint64_t mood = rng_below(&sim->rng, 100);
    int64_t scale = mood == 0 && typical_us <= US_PER_MS ? 100 : mood < 6 ? 10 : 1;

    return 1 + sim_between(sim, typical_us / 2, typical_us + typical_us / 2) * scale;
}

int64_t sim_stall_us(struct sim *sim)
{
    return sim_between(sim, US_PER_SECOND, 60 * US_PER_SECOND);
}

/* ---- the queue ---- */

static bool event_before(const struct sim_event *a, const struct sim_event *b)
{
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us;
    if (a->tie != b->tie)
        return a->tie < b->tie;
    return a->number < b->number;
}

static void queue_set(struct sim *sim, size_t index, struct sim_event *event)
{
    sim->heap[index] = event;
    event->heap_index = index + 1;
}

static void queue_up(struct sim *sim, size_t index, struct sim_event *event)
{
    while (index > 0 && event_before(event, sim->heap[(index - 1) / 2])) {
        queue_set(sim, index, sim->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    queue_set(sim, index, event);
}

static void queue_down(struct sim *sim, size_t index, struct sim_event *event)
{
    for (size_t child; (child = 2 * index + 1) < sim->heap_count; index = child) {
        if (child + 1 < sim->heap_count && event_before(sim->heap[child + 1], sim->heap[child]))
            child++;
        if (!event_before(sim->heap[child], event))
            break;
        queue_set(sim, index, sim->heap[child]);
    }
    queue_set(sim, index, event);
}

void sim_event_init(struct sim_event *event, struct sim_loop *loop, const char *what, uint64_t id,
                    void (*run)(struct sim_event *event))
{
    event->loop = loop;
    event->what = what;
    event->id = id;
    event->run = run;
    list_init(&event->waiting);
}

bool sim_event_is_queued(const struct sim_event *event)
{
    return event->heap_index != 0 || !list_is_empty(&event->waiting);
}

void sim_event_remove(struct sim *sim, struct sim_event *event)
{
    size_t index = event->heap_index - 1;
    struct sim_event *last;

    list_remove(&event->waiting);
    if (event->heap_index == 0)
        return;
    event->heap_index = 0;
    last = sim->heap[--sim->heap_count];
    if (last == event)
        return;
    if (index > 0 && event_before(last, sim->heap[(index - 1) / 2]))
        queue_up(sim, index, last);
    else
        queue_down(sim, index, last);
}

void sim_event_put(struct sim *sim, struct sim_event *event, int64_t delay_us)
{
    sim_event_remove(sim, event);
    if (event->loop && event->loop->dead)
        return;
    event->at_us = sim->now_us + delay_us;
    event->tie = rng_next(&sim->rng);
    event->number = sim->event_number++;
    if (sim->heap_count == sim->heap_cap) {
        sim->heap_cap = sim->heap_cap ? sim->heap_cap * 2 : 64;
        sim->heap = mem_realloc(sim->heap, sim->heap_cap * sizeof(struct sim_event *));
    }
    queue_up(sim, sim->heap_count++, event);
}

/* ---- running ---- */

static uint64_t hash_add(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

/* What a person can read of a packet: the start of its first line. */
static struct str first_line(struct str bytes)
{
    size_t len = 0;

    while (len < bytes.len && len < 100 && bytes.data[len] >= ' ' && bytes.data[len] < 0x7f)
        len++;
    return str_first(bytes, len);
}

void sim_trace(struct sim *sim, const char *what, uint64_t id, struct str bytes)
{
    uint64_t hash = hash_add(sim->trace_hash, &sim->now_us, sizeof(sim->now_us));

    hash = hash_add(hash, what, strlen(what));
    hash = hash_add(hash, &id, sizeof(id));
    sim->trace_hash = hash_add(hash, bytes.data, bytes.len);
    if (sim->trace_on)
        fprintf(stderr, "%12.6f %s %llu %.*s\n", (double)sim->now_us / 1e6, what,
                (unsigned long long)id, STR_ARG(first_line(bytes)));
}

static void clock_advance(struct sim *sim, int64_t to_us)
{
    int64_t seconds = to_us / US_PER_SECOND - sim->now_us / US_PER_SECOND;

    sim->now_us = to_us;
    if (seconds > 0 && sim_chance(sim, sim->faults.clock_jump * (double)seconds))
        sim->wall_jump_us = sim_between(sim, -3600 * US_PER_SECOND, 3600 * US_PER_SECOND);
}

static bool event_is_outside(const struct sim_event *event)
{
    return event->loop ? event->loop->outside : event->outside;
}

/* Runs the next event if it is due by until_us. */
bool sim_step(struct sim *sim, int64_t until_us)
{
    struct sim_event *event = sim->heap_count ? sim->heap[0] : NULL;

    if (sim->dark || !event || event->at_us > until_us)
        return false;
    sim_event_remove(sim, event);
    if (event->at_us > sim->now_us)
        clock_advance(sim, event->at_us);
    if (event->loop && (!event->loop->started || event->loop->stop_asked)) {
        list_push(&event->loop->waiting, &event->waiting);
        return true;
    }
    sim_trace(sim, event->what, event->id, STR(""));
    sim->in_machine_event = !event_is_outside(event);
    event->run(event);
    sim->in_machine_event = false;
    if (sim->crashed_in_event)
        sim->dark = false;
    sim->crashed_in_event = false;
    return true;
}

size_t sim_run(struct sim *sim, int64_t until_us)
{
    size_t count = 0;

    REQUIRE(!sim->in_machine_event);
    sim->break_asked = false;
    while (!sim->break_asked && sim_step(sim, until_us))
        count++;
    if (!sim->break_asked && !sim->dark && until_us != INT64_MAX && until_us > sim->now_us)
        clock_advance(sim, until_us);
    return count;
}

void sim_break(struct sim *sim)
{
    sim->break_asked = true;
}

struct sim_at {
    struct sim_event event;
    struct list in_sim;
    struct sim *sim;
    void (*run)(void *context);
    void *context;
};

static void at_run(struct sim_event *event)
{
    struct sim_at *at = CONTAINER_OF(event, struct sim_at, event);
    void (*run)(void *context) = at->run;
    void *context = at->context;

    list_remove(&at->in_sim);
    sim_release(at);
    run(context);
}

void sim_at(struct sim *sim, int64_t at_us, bool outside, void (*run)(void *context), void *context)
{
    struct sim_at *at = sim_alloc(sim, sizeof(*at));

    at->run = run;
    at->context = context;
    at->sim = sim;
    sim_event_init(&at->event, NULL, "at", 0, at_run);
    at->event.outside = outside;
    list_push(&sim->ats, &at->in_sim);
    sim_event_put(sim, &at->event, at_us > sim->now_us ? at_us - sim->now_us : 0);
}

/* ---- the crash ---- */

static void ats_kill(struct sim *sim)
{
    for (struct list *node = sim->ats.next, *next; node != &sim->ats; node = next) {
        struct sim_at *at = LIST_ITEM(node, struct sim_at, in_sim);

        next = node->next;
        if (sim_spares(sim, at->event.outside))
            continue;
        sim_bury(at->context);
        list_remove(&at->in_sim);
        sim_event_remove(sim, &at->event);
        sim_release(at);
    }
}

void sim_crash(struct sim *sim, bool kill_only)
{
    sim_trace(sim, kill_only ? "kill" : "crash", 0, STR(""));
    sim_streams_kill(sim);
    for (struct list *node = sim->loops.next; node != &sim->loops; node = node->next) {
        struct sim_loop *loop = LIST_ITEM(node, struct sim_loop, in_sim);

        if (!sim_spares(sim, loop->outside) && !loop->dead)
            sim_loop_kill(loop);
    }
    sim_sockets_kill(sim);
    sim_actors_kill(sim);
    ats_kill(sim);
    sim_disk_crash(sim->disk, kill_only);
    sim->crashed_in_event = sim->in_machine_event;
    sim->dark = sim->in_machine_event; /* its code still runs, and must not reach the new disk */
}

/* ---- making ---- */

static const struct world_ops sim_world_ops = {
    .loop_new = sim_loop_new,
    .actor_new = sim_actor_new,
    .actor_post = sim_actor_post,
    .actor_stop = sim_actor_stop,
    .listen_open = sim_listen_open,
    .listen_close = sim_listen_close,
    .has_address = sim_has_address,
};

struct sim *sim_new(uint64_t seed, const struct sim_faults *faults)
{
    struct sim *sim = MEM_NEW(struct sim);

    rng_seed(&sim->rng, seed);
    sim_set_faults(sim, faults);
    sim->trace_hash = UINT64_C(14695981039346656037);
    sim->next_port = 32768;
    list_init(&sim->blocks);
    list_init(&sim->loops);
    list_init(&sim->streams);
    list_init(&sim->actors);
    list_init(&sim->sockets);
    list_init(&sim->names);
    list_init(&sim->ats);
    sim->disk = sim_disk_new(sim);
    sim->machine = (struct sim_world){{&sim_world_ops, sim_disk_table(sim->disk)}, sim, false};
    sim->outside = (struct sim_world){{&sim_world_ops, NULL}, sim, true};
    sim->outside_loop = sim_loop_of(sim_loop_new(&sim->outside.base, "outside"));
    loop_start(&sim->outside_loop->base);
    return sim;
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults)
{
    sim->faults = faults ? *faults : (struct sim_faults){0};
}

void sim_free(struct sim *sim)
{
    struct list *node;

    sim->ending = true;
    sim_crash(sim, true); /* what is still there is as dead as after a crash */
    while ((node = list_pop(&sim->loops)))
        sim_loop_discard(LIST_ITEM(node, struct sim_loop, in_sim));
    sim_sockets_free(sim);
    sim_streams_discard(sim);
    sim_disk_free(sim->disk);
    while ((node = list_pop(&sim->blocks)))
        mem_free(LIST_ITEM(node, struct sim_block, in_sim));
    mem_free(sim->heap);
    mem_free(sim);
}

struct world *sim_world(struct sim *sim)
{
    return &sim->machine.base;
}

struct world *sim_outside_world(struct sim *sim)
{
    return &sim->outside.base;
}

struct loop *sim_outside_loop(struct sim *sim)
{
    return &sim->outside_loop->base;
}

struct rng *sim_rng(struct sim *sim)
{
    return &sim->rng;
}

int64_t sim_now_us(const struct sim *sim)
{
    return sim->now_us;
}

uint64_t sim_trace_hash(const struct sim *sim)
{
    return sim->trace_hash;
}

bool sim_power_is_off(const struct sim *sim)
{
    return sim->dark;
}

void sim_set_trace(struct sim *sim, bool on)
{
    sim->trace_on = on;
}
