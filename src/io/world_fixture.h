/* world_fixture.h -- for tests of what holds in both worlds: each case runs once against the real
 * world and once against the simulated one.
 *
 * A case has one loop, on which both ends of every connection live, and runs it until it calls
 * fixture_done. */
#ifndef IO_WORLD_FIXTURE_H
#define IO_WORLD_FIXTURE_H

#include "base/test.h"

#include "io/loop.h"
#include "io/sim_world.h"

struct fixture {
    struct world *world;
    struct sim *sim; /* NULL in the real world */
    struct loop *loop;
    struct timer guard;
    bool guard_fired;
};

/* cmocka's set-up and tear-down; *state is a struct fixture. */
int fixture_real(void **state);
int fixture_sim(void **state);
int fixture_free(void **state);

/* Until fixture_done; fails the test after 20 s. */
void fixture_run(struct fixture *fixture);
void fixture_done(struct fixture *fixture);

#define BOTH(sentence, function)                                                                   \
    {"real: " sentence, function, fixture_real, fixture_free, NULL},                               \
    {                                                                                              \
        "sim: " sentence, function, fixture_sim, fixture_free, NULL                                \
    }

#endif
