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

#endif
