/* machine.h -- the host with the server on it: booted, stopped, killed, cut off from power, booted
 * again from what its disk kept. */
#ifndef APP_SIM_MACHINE_H
#define APP_SIM_MACHINE_H

#include "app/config.h"
#include "app/server.h"
#include "app/sim/trial.h"

struct machine {
    struct trial *trial;
    struct config config;
    struct server *server; /* NULL: off */
    struct loop *main;
    bool is_listening;
    bool has_failed; /* it could not start, or its store was lost: it has to be ended */
    bool has_stopped;
};

/* With the defaults of a simulated server; the scenario may change the config before the boot. */
void machine_init(struct machine *machine, struct trial *trial);
void machine_boot(struct machine *machine);
/* Lives until then, or until it fails, its power does, or a player breaks the sim. */
void machine_live(struct machine *machine, int64_t until_us);
/* `is_kill`: the process is killed; else the power is cut. */
void machine_crash(struct machine *machine, bool is_kill);
/* An orderly stop; one that does not come to its end is a complaint. */
void machine_stop(struct machine *machine);
/* In one of these ways, by the trial's dice. */
void machine_end_somehow(struct machine *machine);

#endif
