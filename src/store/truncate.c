/* Empties tables of one tenant. */
#include "store/truncate.h"

#include "store/thread_totals.h"

#define OF_TENANT " WHERE tenant = $1"
#define NOT_SYSTEM                                                                                 \
    " AND assistant_id IN (SELECT assistant_id FROM assistants WHERE tenant = $1 AND metadata NOT" \
    " LIKE '%\"created_by\":\"system\"%')"

static const struct db_statement runs[] = {
    {"truncate_events", "DELETE FROM run_events" OF_TENANT, NULL},
    {"truncate_runs", "DELETE FROM runs" OF_TENANT, NULL},
};
static const struct db_statement checkpoints[] = {
    {"truncate_writes", "DELETE FROM checkpoint_writes" OF_TENANT, NULL},
    {"truncate_checkpoints", "DELETE FROM checkpoints" OF_TENANT, NULL},
};
static const struct db_statement temporary_threads[] = {
    {"truncate_temporary_threads", "DELETE FROM threads" OF_TENANT " AND temporary <> 0", NULL},
};
static const struct db_statement threads = {
    "truncate_threads", "DELETE FROM threads" OF_TENANT " AND temporary = 0", NULL};
static const struct db_statement assistants[] = {
    {"truncate_versions", "DELETE FROM assistant_versions" OF_TENANT NOT_SYSTEM, NULL},
    {"truncate_assistants", "DELETE FROM assistants" OF_TENANT NOT_SYSTEM, NULL},
};
static const struct db_statement items[] = {
    {"truncate_items", "DELETE FROM items" OF_TENANT, NULL},
};

static enum err run_all(struct tx *tx, struct str tenant, const struct db_statement *statements,
                        size_t count)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < count; i++)
        err = db_run(tx->db, &statements[i], DB_ARGS(db_text(tenant)), NULL);
    return err;
}

static enum err all_threads(struct tx *tx, struct str tenant)
{
    int64_t gone = 0;
    enum err err = run_all(tx, tenant, temporary_threads, ARRAY_LEN(temporary_threads));

    if (!err)
        err = db_run(tx->db, &threads, DB_ARGS(db_text(tenant)), &gone);
    if (gone > 0)
        thread_total_grow(tx, tenant, -gone);
    return err;
}

enum err store_truncate(struct tx *tx, struct str tenant, const struct truncate *what)
{
    enum err err = OK;

    if (what->threads)
        err = all_threads(tx, tenant);
    if (!err && what->checkpoints)
        err = run_all(tx, tenant, checkpoints, ARRAY_LEN(checkpoints));
    if (!err && what->runs)
        err = run_all(tx, tenant, runs, ARRAY_LEN(runs));
    if (!err && what->assistants)
        err = run_all(tx, tenant, assistants, ARRAY_LEN(assistants));
    if (!err && what->items)
        err = run_all(tx, tenant, items, ARRAY_LEN(items));
    return err;
}
