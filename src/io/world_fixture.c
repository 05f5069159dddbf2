/* world_fixture.c -- see world_fixture.h. */
#include "io/world_fixture.h"

#include "base/mem.h"
#include "io/real_world.h"

#define GUARD_MS 20000

static void on_guard(struct timer *timer)
{
    struct fixture *fixture = CONTAINER_OF(timer, struct fixture, guard);

    fixture->guard_fired = true;
    loop_stop(fixture->loop);
}

/* SIM_SEED in the environment tries another schedule. */
static uint64_t seed(void)
{
    int64_t value = 7;

    if (getenv("SIM_SEED"))
        assert_int_equal(str_to_i64(str_of(getenv("SIM_SEED")), &value), OK);
    return (uint64_t)value;
}

static int fixture_new(void **state, bool real)
{
    struct fixture *fixture = MEM_NEW(struct fixture);

    if (real) {
        fixture->world = real_world_new();
    } else {
        fixture->sim = sim_new(seed(), NULL);
        fixture->world = sim_world(fixture->sim);
    }
    fixture->loop = world_loop_new(fixture->world, "test");
    timer_init(&fixture->guard, fixture->loop, on_guard);
    timer_start(&fixture->guard, GUARD_MS);
    *state = fixture;
    return 0;
}

int fixture_real(void **state)
{
    return fixture_new(state, true);
}

int fixture_sim(void **state)
{
    return fixture_new(state, false);
}

int fixture_free(void **state)
{
    struct fixture *fixture = *state;

    loop_free(fixture->loop);
    if (fixture->sim)
        sim_free(fixture->sim);
    else
        real_world_free(fixture->world);
    mem_free(fixture);
    return 0;
}

void fixture_run(struct fixture *fixture)
{
    loop_run(fixture->loop);
    assert_false(fixture->guard_fired);
}

void fixture_done(struct fixture *fixture)
{
    timer_stop(&fixture->guard);
    loop_stop(fixture->loop);
}
