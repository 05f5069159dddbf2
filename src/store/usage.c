/* The table usage. */
#include "store/usage.h"

#define DAY_US (INT64_C(86400) * US_PER_SECOND)

/* Touched, so that it is locked to the end of the transaction. */
static const struct db_statement touch = {
    "usage_touch",
    "INSERT INTO usage (payer, day, runs) VALUES ($1, $2, 0) ON CONFLICT (payer, day)"
    " DO UPDATE SET runs = usage.runs RETURNING runs",
    NULL};
static const struct db_statement count_one = {
    "usage_count", "UPDATE usage SET runs = runs + 1 WHERE payer = $1 AND day = $2", NULL};
static const struct db_statement day_get = {
    "usage_get", "SELECT runs FROM usage WHERE payer = $1 AND day = $2", NULL};
static const struct db_statement live_of_payer = {
    "usage_live",
    "SELECT COUNT(*) FROM (SELECT 1 FROM runs WHERE payer = $1"
    " AND status IN ('pending', 'running') LIMIT CAST($2 AS BIGINT)) AS live",
    NULL};
static const struct db_statement live_of_tenant = {
    "usage_live_of_tenant",
    "SELECT COUNT(*) FROM (SELECT 1 FROM runs WHERE tenant = $1"
    " AND status IN ('pending', 'running') LIMIT CAST($2 AS BIGINT)) AS live",
    NULL};
static const struct db_statement note = {
    "usage_note", "UPDATE runs SET payer = $3 WHERE tenant = $1 AND run_id = $2", NULL};
static const struct db_statement forget = {
    "usage_forget",
    "DELETE FROM usage WHERE (payer, day) IN"
    " (SELECT payer, day FROM usage WHERE day < $1 ORDER BY day LIMIT CAST($2 AS BIGINT))",
    NULL};

static int64_t day_of(const struct tx *tx)
{
    return tx->now_us / DAY_US;
}

static enum err count_with(struct tx *tx, const struct db_statement *statement, struct str of,
                           int64_t number, int64_t *count)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement, DB_ARGS(db_text(of), db_int(number)), &rows);

    if (err)
        return err;
    *count = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

/* Not counted further than `max`. */
static enum err count_live(struct tx *tx, const struct usage_payer *payer, int64_t max,
                           int64_t *live)
{
    if (str_is_none(payer->tenant))
        return count_with(tx, &live_of_payer, payer->id, max, live);
    return count_with(tx, &live_of_tenant, payer->tenant, max, live);
}

static enum err refuse(struct usage_refusal *refusal, const char *limit, int64_t max,
                       int64_t retry_after_s)
{
    refusal->limit = limit;
    refusal->max = max;
    refusal->retry_after_s = retry_after_s;
    return ERR_LIMIT;
}

static enum err admit_one(struct tx *tx, const struct usage_payer *payer,
                          struct usage_refusal *refusal)
{
    int64_t today = 0, live = 0;
    enum err err = count_with(tx, &touch, payer->id, day_of(tx), &today);

    refusal->is_workspace = !str_is_none(payer->tenant);
    if (err)
        return err;
    if (payer->runs_per_day > 0 && today >= payer->runs_per_day)
        return refuse(refusal, "runs_per_day", payer->runs_per_day,
                      (DAY_US - tx->now_us % DAY_US) / US_PER_SECOND + 1);
    if (payer->runs_live == 0)
        return OK;
    err = count_live(tx, payer, payer->runs_live, &live);
    if (err || live < payer->runs_live)
        return err;
    return refuse(refusal, "runs_live", payer->runs_live, 1);
}

void usage_refusal_text(const struct usage_refusal *refusal, char *text, size_t text_bytes)
{
    static const struct {
        const char *limit, *what, *mend;
    } words[] = {
        {"runs_live", "runs at the same time", "wait until one has ended"},
        {"runs_per_day", "runs a day", "the day ends at midnight UTC"},
        {"threads", "threads", "delete some, or give them a time to live"},
        {"storage_bytes", "bytes of threads and items",
         "delete some; what is left is measured anew within a minute"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i].limit, refusal->limit) == 0)
            snprintf(text, text_bytes, "%s has its limit of %lld %s (%s); %s",
                     refusal->is_workspace ? "this workspace" : "the caller",
                     (long long)refusal->max, words[i].what, refusal->limit, words[i].mend);
}

enum err usage_lock(struct tx *tx, struct str workspace)
{
    struct str payer = arena_printf(tx->arena, "t:%.*s", STR_ARG(workspace));
    int64_t ignored;

    return count_with(tx, &touch, payer, day_of(tx), &ignored);
}

static bool has_limit(const struct usage_payer *payer)
{
    return payer->runs_per_day > 0 || payer->runs_live > 0;
}

enum err usage_admit_run(struct tx *tx, const struct usage_payers *payers,
                         struct usage_refusal *refusal)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < payers->count; i++)
        if (has_limit(&payers->list[i]))
            err = admit_one(tx, &payers->list[i], refusal);
    return err;
}

enum err usage_count_run(struct tx *tx, const struct usage_payers *payers, struct str tenant,
                         struct str run_id)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < payers->count; i++) {
        const struct usage_payer *payer = &payers->list[i];

        if (has_limit(payer))
            err = db_run(tx->db, &count_one, DB_ARGS(db_text(payer->id), db_int(day_of(tx))), NULL);
        if (!err && payer->runs_live > 0 && str_is_none(payer->tenant))
            err = db_run(tx->db, &note,
                         DB_ARGS(db_text(tenant), db_text(run_id), db_text(payer->id)), NULL);
    }
    return err;
}

#define LIVE_COUNT_MAX 100000

enum err usage_get(struct tx *tx, const struct usage_payer *payer, struct usage_now *now)
{
    enum err err = count_with(tx, &day_get, payer->id, day_of(tx), &now->runs_today);

    if (err == ERR_NOT_FOUND) {
        now->runs_today = 0;
        err = OK;
    }
    return err ? err : count_live(tx, payer, LIVE_COUNT_MAX, &now->runs_live);
}

enum err usage_forget(struct tx *tx, int64_t limit, int64_t *gone)
{
    return db_run(tx->db, &forget, DB_ARGS(db_int(day_of(tx) - USAGE_DAYS_KEPT), db_int(limit)),
                  gone);
}
