/* pace.c -- what the engine's endpoints are told: order, rate, pauses. */
#include "app/sim/pace.h"

#include "store/endpoints.h"

#define SET_UP_US_MAX (60 * US_PER_SECOND)
#define TENANT STR("default")

struct pace_errand {
    struct pace *pace;
    struct pace_endpoint *endpoint;
};

void pace_init(struct pace *pace, struct trial *trial, struct office *office,
               struct letters *letters)
{
    *pace = (struct pace){.trial = trial, .office = office, .letters = letters};
}

/* ---- the first life ---- */

static enum err endpoints_add(struct tx *tx, void *context)
{
    struct pace *pace = context;
    struct arena *arena = &pace->trial->arena;
    enum err err = OK;

    pace->wall_us = tx->now_us - sim_now_us(pace->trial->sim);
    for (size_t i = 0; !err && i < pace->endpoint_count; i++) {
        struct endpoint_row row = {
            .tenant = TENANT,
            .kind = STR("run"),
            .url = letters_url(arena, i),
            .is_fifo = pace->endpoints[i].is_fifo,
            .rate_limit = pace->endpoints[i].rate,
            .rate_burst = pace->endpoints[i].burst,
        };

        err = endpoint_add(tx, &row);
        pace->endpoints[i].endpoint_id = arena_str(arena, row.endpoint_id);
    }
    return err;
}

static void on_added(void *context, enum err err)
{
    struct pace *pace = context;

    pace->is_set_up = !err;
    sim_break(pace->trial->sim);
}

void pace_set_up(struct pace *pace, size_t endpoint_count)
{
    struct trial *trial = pace->trial;

    pace->endpoint_count = endpoint_count;
    for (size_t i = 0; i < endpoint_count; i++) {
        struct pace_endpoint *endpoint = &pace->endpoints[i];

        endpoint->is_fifo = trial_once_in(trial, 2);
        if (trial_once_in(trial, 2)) {
            endpoint->rate = 0.02 + 2 * rng_unit(&trial->rng);
            endpoint->burst = 1 + (int64_t)rng_below(&trial->rng, 3);
        }
    }
    office_boot(pace->office);
    office_do(pace->office, true, endpoints_add, on_added, pace);
    sim_run(trial->sim, sim_now_us(trial->sim) + SET_UP_US_MAX);
    office_end(pace->office);
    if (!pace->is_set_up)
        trial_complain(trial, "calm weather, and no endpoint can be made");
}

/* ---- pauses ---- */

static enum err endpoint_pause(struct tx *tx, void *context)
{
    const struct pace_errand *errand = context;

    return endpoint_set_state(tx, TENANT, errand->endpoint->endpoint_id, ENDPOINT_PAUSED,
                              STR("for a while"));
}

static enum err endpoint_go_on(struct tx *tx, void *context)
{
    const struct pace_errand *errand = context;

    return endpoint_set_state(tx, TENANT, errand->endpoint->endpoint_id, ENDPOINT_ACTIVE, STR_NONE);
}

static void on_paused(void *context, enum err err)
{
    const struct pace_errand *errand = context;

    if (!err)
        errand->endpoint->paused_us = sim_now_us(errand->pace->trial->sim);
}

static void on_going(void *context, enum err err)
{
    struct pace_errand *errand = context;

    if (!err)
        errand->pace->pauses_left--;
}

static void pause_ask(void *context)
{
    struct pace_errand *errand = context;

    if (errand->pace->is_ending)
        return;
    errand->endpoint->is_pause_asked = true;
    office_do(errand->pace->office, true, endpoint_pause, on_paused, errand);
}

static void resume_ask(void *context)
{
    struct pace_errand *errand = context;

    errand->endpoint->resumed_us = sim_now_us(errand->pace->trial->sim);
    office_do(errand->pace->office, true, endpoint_go_on, on_going, errand);
}

static void ask_at(struct pace *pace, struct pace_endpoint *endpoint, int64_t within_us,
                   void (*run)(void *context))
{
    struct trial *trial = pace->trial;
    struct pace_errand *errand = ARENA_NEW(&trial->arena, struct pace_errand);

    *errand = (struct pace_errand){pace, endpoint};
    sim_at(trial->sim,
           sim_now_us(trial->sim) + (int64_t)rng_below(&trial->rng, (uint64_t)within_us), true, run,
           errand);
}

void pace_pause(struct pace *pace, int64_t within_us)
{
    for (size_t i = 0; i < pace->endpoint_count; i++)
        if (trial_once_in(pace->trial, 3))
            ask_at(pace, &pace->endpoints[i], within_us, pause_ask);
}

/* One that was asked for before a crash may have come about, whatever was heard of it. */
void pace_resume(struct pace *pace, int64_t later_us)
{
    pace->is_ending = true;
    for (size_t i = 0; i < pace->endpoint_count; i++)
        if (pace->endpoints[i].is_pause_asked) {
            pace->pauses_left++;
            ask_at(pace, &pace->endpoints[i], later_us, resume_ask);
        }
}
