/* machine.c -- the host with the server on it. */
#include "app/sim/machine.h"

#include "io/loop.h"

#define STOP_US_MAX (300 * US_PER_SECOND)

static void on_listening(void *context, const struct address *bound UNUSED)
{
    struct machine *machine = context;

    machine->is_listening = true;
}

static void on_failed(void *context, const char *why)
{
    struct machine *machine = context;

    trial_note(machine->trial, "the server fails: %s", why);
    machine->has_failed = true;
    sim_break(machine->trial->sim);
}

static void on_stopped(void *context)
{
    struct machine *machine = context;

    machine->has_stopped = true;
    sim_break(machine->trial->sim);
}

void machine_init(struct machine *machine, struct trial *trial)
{
    *machine = (struct machine){.trial = trial};
    config_init(&machine->config);
    machine->config.is_simulated = true;
    machine->config.sqlite_vfs = TRIAL_VFS;
    machine->config.egress.dev = true;
    machine->config.data_dir = "data";
}

void machine_boot(struct machine *machine)
{
    const struct server_setup setup = {
        .world = sim_world(machine->trial->sim),
        .loop = world_loop_new(sim_world(machine->trial->sim), "main"),
        .config = &machine->config,
        .events = {on_listening, on_failed, on_failed, on_stopped},
        .context = machine,
    };
    const char *why = "";

    trial_note(machine->trial, "the machine boots");
    machine->is_listening = machine->has_failed = machine->has_stopped = false;
    machine->main = setup.loop;
    if (server_start(&setup, &machine->server, &why))
        on_failed(machine, why);
    loop_start(machine->main);
}

void machine_live(struct machine *machine, int64_t until_us)
{
    if (!machine->has_failed)
        sim_run(machine->trial->sim, until_us);
}

void machine_crash(struct machine *machine, bool is_kill)
{
    trial_note(machine->trial, is_kill ? "the process is killed" : "the power is cut");
    sim_crash(machine->trial->sim, is_kill);
    machine->server = NULL; /* what it was stays in memory, dead */
}

void machine_stop(struct machine *machine)
{
    struct sim *sim = machine->trial->sim;

    trial_note(machine->trial, "the server is stopped");
    server_stop(machine->server);
    if (!machine->has_stopped)
        sim_run(sim, sim_now_us(sim) + STOP_US_MAX);
    if (!machine->has_stopped || sim_power_is_off(sim)) {
        if (!machine->has_failed && !sim_power_is_off(sim))
            trial_complain(machine->trial, "an orderly stop did not come to its end");
        machine_crash(machine, true);
        return;
    }
    server_free(machine->server);
    loop_free(machine->main);
    machine->server = NULL;
}

void machine_end_somehow(struct machine *machine)
{
    struct trial *trial = machine->trial;

    if (!machine->has_failed && !sim_power_is_off(trial->sim) && trial_once_in(trial, 5))
        machine_stop(machine);
    else
        machine_crash(machine, !sim_power_is_off(trial->sim) && trial_once_in(trial, 3));
}
