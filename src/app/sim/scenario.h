/* scenario.h -- what a trial plays. A scenario sets up its players on the trial's world, lets them
 * live, heals the world, waits until nothing is left to do, and complains of what is wrong then. */
#ifndef APP_SIM_SCENARIO_H
#define APP_SIM_SCENARIO_H

#include "app/sim/trial.h"

struct scenario {
    const char *name;
    void (*play)(struct trial *trial);
};

/* The whole server: clients, agents, workers, receivers, power cuts (server_play.c). */
extern const struct scenario scenario_server;
/* Its first seconds, with the power cut (or only the process killed) at the nth call of the disk
 * that changes something: seed n. Kills cannot see what was not synced; cuts do. */
extern const struct scenario scenario_cuts, scenario_kills;
/* The delivery engine on its store alone: light enough for a hundred thousand (engine_play.c). */
extern const struct scenario scenario_engine;

#endif
