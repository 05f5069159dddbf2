/* server_play.c -- the whole server: clients that order runs, a receiver in all moods, the weather
 * of network, disk and clock, and a machine that is killed, stopped and cut off from power.
 *
 * In the end the weather calms, the receiver is healed, and the accounts are compared: every run
 * that was acknowledged has ended and has exactly one event, which came; copies of it have one
 * webhook-id and one body; a key made one run; no event id was used for two events; the server says
 * of every run what its webhook said; nothing is left to be sent. */
#include "app/sim/ask.h"
#include "app/sim/audit.h"
#include "app/sim/customer.h"
#include "app/sim/image.h"
#include "app/sim/machine.h"
#include "app/sim/puppet.h"
#include "app/sim/scenario.h"
#include "io/loop.h"

#define CUSTOMERS 3
#define ORDERS_UNTIL_US (20 * US_PER_SECOND)
#define LIVES_MAX 7
#define STORY_ORDERS_UNTIL_US (8 * US_PER_SECOND)
#define STORY_US (5 * US_PER_SECOND)
#define DISK_CALLS_MAX 150 /* until the power fails */
#define SLICE_US (60 * US_PER_SECOND)
#define SLICES_MAX (24 * 60) /* a day: longer than any retry that can be due */

struct play {
    struct trial *trial;
    struct machine machine;
    struct ledger ledger;
    struct receiver receiver;
    struct customer customers[CUSTOMERS];
    struct audit audit;
    struct puppets puppets;
    bool has_workers;
};

/* ---- the weather ---- */

static double strength(struct trial *trial, double most)
{
    return trial_once_in(trial, 2) ? 0 : most * rng_unit(&trial->rng);
}

static void weather_set(struct trial *trial)
{
    const struct sim_faults faults = {
        .connect_refused = strength(trial, 0.2),
        .reset = strength(trial, 0.03),
        .stall = strength(trial, 0.01),
        .short_write = strength(trial, 0.5),
        .lookup_fails = strength(trial, 0.3),
        .half_open = strength(trial, 1),
        .disk_error = strength(trial, 0.0005),
        .fsync_error = strength(trial, 0.003),
        .clock_jump = strength(trial, 0.2),
    };

    if (trial_once_in(trial, 4))
        sim_set_faults(trial->sim, NULL);
    else
        sim_set_faults(trial->sim, &faults);
}

/* ---- the players ---- */

static void receiver_set(struct play *play)
{
    static const struct address here = {ADDRESS_IPV4, {10, 0, 0, 9}, 80};

    play->receiver = (struct receiver){
        .trial = play->trial,
        .moods = trial_once_in(play->trial, 4) ? 0 : MOODS_PASSING,
        .good_of = (unsigned)rng_below(&play->trial->rng, 9),
        .on_copy = ledger_on_copy,
        .context = &play->ledger,
    };
    receiver_open(&play->receiver, here);
    sim_dns_set(play->trial->sim, STR("receiver.test"), &here, 1);
}

static void customers_set(struct play *play, int64_t orders_until_us)
{
    for (size_t i = 0; i < CUSTOMERS; i++) {
        struct customer *customer = &play->customers[i];

        *customer = (struct customer){
            .trial = play->trial,
            .ledger = &play->ledger,
            .server = play->machine.config.listen,
            .graphs = {STR("agent"), STR("script"), PUPPET_GRAPH, PUPPET_GRAPH},
            .graph_count = play->has_workers ? 4 : 2,
            .until_us = orders_until_us,
        };
        customer_start(customer);
    }
}

/* Half of the trials have a graph in a worker beside the built-in ones. */
static void workers_set(struct play *play)
{
    struct trial *trial = play->trial;
    struct config *config = &play->machine.config;
    struct graph *list = ARENA_ARRAY(&trial->arena, struct graph, config->graphs.count + 1);

    play->has_workers = trial_once_in(trial, 2);
    if (!play->has_workers)
        return;
    memcpy(list, config->graphs.list, config->graphs.count * sizeof(*list));
    list[config->graphs.count] =
        (struct graph){.id = PUPPET_GRAPH, .path = STR("./graph.py:graph"), .kind = GRAPH_PYTHON};
    config->graphs = (struct graphs){list, config->graphs.count + 1};
    config->python_workers = 1 + (unsigned)rng_below(&trial->rng, 2);
    config->runs_per_worker = 1 + (unsigned)rng_below(&trial->rng, 4);
    config->dev = true; /* a worker that dies while it loads does not end the server */
    puppets_init(&play->puppets, trial, &play->ledger);
    play->puppets.unruly = trial_once_in(trial, 4) ? 0 : 4 + rng_below(&trial->rng, 20);
}

/* ---- the acts ---- */

/* One life of the machine, and its end: at some moment, or inside a call of its disk. */
static void live_once(struct play *play)
{
    struct trial *trial = play->trial;
    int64_t until_us = sim_now_us(trial->sim) + (int64_t)rng_below(&trial->rng, 6 * US_PER_SECOND);

    weather_set(trial);
    if (trial_once_in(trial, 3))
        sim_power_fails_after(trial->sim, 1 + (size_t)rng_below(&trial->rng, DISK_CALLS_MAX));
    machine_boot(&play->machine);
    machine_live(&play->machine, until_us);
    machine_end_somehow(&play->machine);
    sim_power_fails_after(trial->sim, 0);
}

static bool is_settled(struct play *play)
{
    for (size_t i = 0; i < CUSTOMERS; i++)
        if (!play->customers[i].is_idle)
            return false;
    return ledger_missing(&play->ledger) == 0 && audit_is_quiet(&play->audit);
}

static void heal(struct play *play)
{
    struct sim *sim = play->trial->sim;

    trial_note(play->trial, "the weather calms");
    sim_set_faults(sim, NULL);
    play->receiver.is_healed = true;
    play->puppets.unruly = 0;
    machine_boot(&play->machine);
    for (int i = 0; i < SLICES_MAX && !play->machine.has_failed && !is_settled(play); i++)
        machine_live(&play->machine, sim_now_us(sim) + SLICE_US);
    if (play->machine.has_failed)
        trial_complain(play->trial, "the server failed in calm weather");
}

static struct play *play_new(struct trial *trial)
{
    struct play *play = ARENA_NEW(&trial->arena, struct play);

    play->trial = trial;
    ledger_init(&play->ledger, trial);
    machine_init(&play->machine, trial);
    audit_init(&play->audit, &play->machine, &play->ledger);
    receiver_set(play);
    workers_set(play);
    return play;
}

static void play_end(struct play *play)
{
    heal(play);
    ledger_judge(&play->ledger);
    audit_run(&play->audit);
}

static void play_server(struct trial *trial)
{
    struct play *play;
    uint64_t lives;

    image_put(trial);
    play = play_new(trial);
    lives = 1 + rng_below(&trial->rng, LIVES_MAX);

    customers_set(play, ORDERS_UNTIL_US);
    for (uint64_t i = 0; i < lives; i++)
        live_once(play);
    play_end(play);
}

/* A short story in calm weather that ends at the nth call of the disk, n being the seed. */
static void story_cut(struct trial *trial, bool is_kill)
{
    struct play *play = play_new(trial);

    customers_set(play, STORY_ORDERS_UNTIL_US);
    sim_power_fails_after(trial->sim, (size_t)trial->seed);
    machine_boot(&play->machine);
    machine_live(&play->machine, STORY_US);
    sim_power_fails_after(trial->sim, 0);
    machine_crash(&play->machine, is_kill);
    play_end(play);
}

static void play_cuts(struct trial *trial)
{
    story_cut(trial, false);
}

static void play_kills(struct trial *trial)
{
    story_cut(trial, true);
}

const struct scenario scenario_server = {"server", play_server};
const struct scenario scenario_cuts = {"cuts", play_cuts};
const struct scenario scenario_kills = {"kills", play_kills};
