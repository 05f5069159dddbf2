/* office.c -- a store and the delivery engine on it. */
#include "app/sim/office.h"

#define STOP_US_MAX (120 * US_PER_SECOND)
#define SURVEY_MS (120 * MS_PER_SECOND) /* rarely: days pass before the last retry */

static void on_fatal(void *context, const char *why)
{
    struct office *office = context;

    trial_note(office->trial, "the store is lost: %s", why);
    office->has_failed = true;
    sim_break(office->trial->sim);
}

void office_init(struct office *office, struct trial *trial)
{
    *office = (struct office){.trial = trial, .egress.dev = true};
}

void office_boot(struct office *office)
{
    struct world *world = sim_world(office->trial->sim);
    const struct store_config store = {
        .world = world,
        .data_dir = "data",
        .sqlite_vfs = TRIAL_VFS,
        .reader_count = 1,
        .on_fatal = on_fatal,
        .context = office,
    };
    const char *why = "";
    enum err err;

    trial_note(office->trial, "the office opens");
    office->has_failed = office->has_stopped = false;
    office->store = NULL;
    office->delivery = NULL;
    office->main = world_loop_new(world, "main");
    loop_start(office->main);
    err = store_open(&store, &office->store, &why);
    if (!err)
        err = delivery_start(
            &(struct delivery_config){
                .world = world,
                .store = office->store,
                .egress = &office->egress,
                .webhooks = &office->webhooks,
                .node = STR("node"),
                .self_url = STR_NONE,
                .user_agent = STR_NONE,
                .rules.rest_after = OFFICE_REST_AFTER,
                .tuning.survey_ms = SURVEY_MS,
            },
            &office->delivery, &why);
    if (err)
        on_fatal(office, why);
}

/* ---- the end ---- */

static void on_stopped(void *context)
{
    struct office *office = context;

    office->has_stopped = true;
    sim_break(office->trial->sim);
}

/* False: it died on the way. */
static bool stop(struct office *office)
{
    struct sim *sim = office->trial->sim;
    int64_t until_us = sim_now_us(sim) + STOP_US_MAX;

    trial_note(office->trial, "the office closes");
    delivery_stop(office->delivery, on_stopped, office);
    while (!office->has_stopped && !office->has_failed && !sim_power_is_off(sim) &&
           sim_now_us(sim) < until_us)
        sim_run(sim, until_us);
    if (!office->has_stopped) {
        if (!office->has_failed && !sim_power_is_off(sim))
            trial_complain(office->trial, "an orderly stop did not come to its end");
        return false;
    }
    store_close(office->store);
    if (sim_power_is_off(sim))
        return false;
    delivery_free(office->delivery);
    loop_free(office->main);
    return true;
}

void office_end(struct office *office)
{
    struct trial *trial = office->trial;
    bool is_dark = sim_power_is_off(trial->sim);
    bool is_kill = !is_dark && trial_once_in(trial, 3);

    if (office->has_failed || is_dark || !trial_once_in(trial, 5) || !stop(office)) {
        trial_note(trial, is_kill ? "the process is killed" : "the power is cut");
        sim_crash(trial->sim, is_kill && !sim_power_is_off(trial->sim));
    }
    office->store = NULL;
}

/* ---- works ---- */

struct errand {
    struct store_work work;
    enum err (*apply)(struct tx *tx, void *context);
    void (*on_done)(void *context, enum err err);
    void *context;
};

static enum err errand_apply(struct tx *tx, struct store_work *work)
{
    struct errand *errand = CONTAINER_OF(work, struct errand, work);

    return errand->apply(tx, errand->context);
}

static void errand_done(struct store_work *work, enum err err)
{
    struct errand *errand = CONTAINER_OF(work, struct errand, work);

    if (errand->on_done)
        errand->on_done(errand->context, err);
}

void office_do(struct office *office, bool is_write,
               enum err (*apply)(struct tx *tx, void *context),
               void (*on_done)(void *context, enum err err), void *context)
{
    struct errand *errand = ARENA_NEW(&office->trial->arena, struct errand);

    if (!office->store || office->has_failed)
        return;
    errand->work.apply = errand_apply;
    errand->work.done = errand_done;
    errand->work.reply_to = office->main;
    errand->apply = apply;
    errand->on_done = on_done;
    errand->context = context;
    if (is_write)
        store_write(office->store, &errand->work);
    else
        store_read(office->store, &errand->work);
}
