/* Makes the runs of crons that are due, and plans their next firings. */
#include "agent/cron_fire.h"

#include "agent/cron_plan.h"
#include "agent/run_create.h"
#include "auth/limits.h"
#include "base/uuid.h"
#include "store/assistants.h"
#include "store/workspaces.h"

static struct str new_id(struct tx *tx, struct arena *arena)
{
    struct uuid_text text;

    return arena_str(arena, uuid_write(uuid_v7(tx->rng, tx->now_us), &text));
}

/* No key makes the runs of crons: what the workspace may counts. */
static enum err workspace_pays(struct tx *tx, struct str tenant, struct arena *arena,
                               struct usage_payers *payers)
{
    struct usage_payer *payer = ARENA_NEW(arena, struct usage_payer);
    struct workspace workspace;
    struct limits limits;
    struct str why;
    enum err err = workspace_get(tx, tenant, arena, &workspace);

    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    if (limits_parse(arena, workspace.limits, &limits, &why))
        return OK;
    *payer = (struct usage_payer){
        .id = arena_printf(arena, "w:%.*s", STR_ARG(tenant)),
        .tenant = tenant,
        .runs_per_day = limit_of(&limits, LIMIT_RUNS_PER_DAY),
        .runs_live = limit_of(&limits, LIMIT_RUNS_LIVE),
        .workspace = tenant,
        .threads = limit_of(&limits, LIMIT_THREADS),
        .storage_bytes = limit_of(&limits, LIMIT_STORAGE_BYTES),
    };
    *payers = (struct usage_payers){payer, 1};
    return OK;
}

static enum err run_make(struct tx *tx, const struct agent_config *config,
                         const struct cron_row *cron, struct arena *arena,
                         struct request_error *error)
{
    struct run_request request;
    struct run_new new_run = {
        .tenant = cron->tenant,
        .thread_id = cron->thread_id,
        .run_id = new_id(tx, arena),
        .fresh_thread_id = new_id(tx, arena),
        .headers = STR("{}"),
        .user = cron->auth_user,
        .request = &request,
    };
    struct run run;
    enum err err = cron_plan_request(arena, cron, &request, error);

    if (!err)
        err = workspace_pays(tx, cron->tenant, arena, &new_run.payers);
    return err ? err : run_create(tx, config, &new_run, arena, &run, error);
}

/* What the cron itself is to blame for: the others go on. */
static bool is_its_own(enum err err, const struct request_error *error)
{
    return error->text[0] && (err == ERR_NOT_FOUND || err == ERR_CONFLICT || err == ERR_INVALID);
}

static void report(struct cron_firings *firings, struct arena *arena, const struct cron_row *cron,
                   const char *what, const struct request_error *error)
{
    firings->reports[firings->report_count++] = (struct cron_report){
        .cron_id = cron->cron_id, .text = arena_printf(arena, "%s: %s", what, error->text)};
}

static enum err is_paused(struct tx *tx, const struct cron_row *cron, struct arena *arena,
                          bool *paused)
{
    struct assistant assistant;
    enum err err = assistant_get(tx, cron->tenant, cron->assistant_id, arena, &assistant);

    *paused = !err && assistant_is_paused(&assistant, arena);
    return err == ERR_NOT_FOUND ? OK : err; /* the run's making says so */
}

static enum err fire_one(struct tx *tx, const struct agent_config *config, struct cron_row *cron,
                         struct arena *arena, struct cron_firings *firings)
{
    struct request_error error = {.text = ""};
    int64_t was_next_us = cron->next_us;
    bool is_missed = config->crons_skip_missed && tx->now_us - was_next_us > CRON_LATE_US;
    bool paused = false;
    enum err err = is_missed ? OK : is_paused(tx, cron, arena, &paused);

    if (!err && !is_missed && !paused)
        err = run_make(tx, config, cron, arena, &error);
    if (error.retry_after_s || (err == ERR_CONFLICT && is_its_own(err, &error))) {
        report(firings, arena, cron, "left out", &error);
    } else if (is_its_own(err, &error)) {
        report(firings, arena, cron, "disabled", &error);
        cron->enabled = false;
    } else if (err) {
        return err;
    }
    if (cron_plan_next(cron, tx->now_us, &error)) {
        report(firings, arena, cron, "disabled", &error);
        cron->enabled = false;
        cron->next_us = 0;
    }
    return crons_move(tx, cron, was_next_us);
}

enum err cron_fire(struct tx *tx, const struct agent_config *config, int64_t limit,
                   struct arena *arena, struct cron_firings *firings)
{
    struct cron_rows due;
    enum err err = crons_list_due(tx, limit, arena, &due);

    *firings = (struct cron_firings){.looked_at = due.count, .now_us = tx->now_us};
    firings->reports = ARENA_ARRAY(arena, struct cron_report, 2 * due.count + 1);
    for (size_t i = 0; !err && i < due.count; i++)
        err = fire_one(tx, config, &due.list[i], arena, firings);
    return err ? err : crons_next_due(tx, &firings->next_us);
}
