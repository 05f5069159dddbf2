/* The tables checkpoints and checkpoint_writes. */
#include "store/checkpoints.h"

#define COLUMNS "tenant, thread_id, ns, checkpoint_id, parent_id, run_id, serde, body, metadata"
#define KEY "tenant = $1 AND thread_id = $2 AND ns = $3 AND checkpoint_id = $4"

static const struct db_statement put_one = {
    "checkpoints_put",
    "INSERT INTO checkpoints (" COLUMNS
    ", created_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    " ON CONFLICT (tenant, thread_id, ns, checkpoint_id) DO UPDATE SET parent_id = "
    "excluded.parent_id,"
    " run_id = excluded.run_id, serde = excluded.serde, body = excluded.body, metadata = "
    "excluded.metadata",
    NULL};
static const struct db_statement get_one = {"checkpoints_get",
                                            "SELECT " COLUMNS " FROM checkpoints WHERE " KEY, NULL};
static const struct db_statement get_head = {
    "checkpoints_head",
    "SELECT " COLUMNS " FROM checkpoints WHERE tenant = $1 AND thread_id = $2 AND ns = $3"
    " ORDER BY checkpoint_id DESC LIMIT 1",
    NULL};

#define LIST_WHERE                                                                                 \
    "SELECT " COLUMNS " FROM checkpoints WHERE tenant = $1"                                        \
    " AND (CAST($2 AS TEXT) IS NULL OR thread_id = $2) AND (CAST($3 AS TEXT) IS NULL OR ns = $3)"  \
    " AND (CAST($4 AS TEXT) IS NULL OR checkpoint_id = $4)"                                        \
    " AND (CAST($5 AS TEXT) IS NULL OR checkpoint_id < $5)"
#define LIST_TAIL " ORDER BY checkpoint_id DESC LIMIT CAST($7 AS BIGINT)"
static const struct db_statement list_some = {
    "checkpoints_list",
    LIST_WHERE " AND (CAST($6 AS TEXT) IS NULL OR json_contains(metadata, $6))" LIST_TAIL,
    LIST_WHERE " AND (CAST($6 AS TEXT) IS NULL OR metadata::jsonb @> CAST($6 AS jsonb))" LIST_TAIL};
/* The common case of a history: one thread and namespace, by its index. */
static const struct db_statement list_thread = {
    "checkpoints_list_thread",
    "SELECT " COLUMNS " FROM checkpoints WHERE tenant = $1 AND thread_id = $2 AND ns = $3"
    " AND checkpoint_id < $4 ORDER BY checkpoint_id DESC LIMIT CAST($5 AS BIGINT)",
    NULL};
static const struct db_statement of_run = {"checkpoints_of_run",
                                           "SELECT 1 FROM checkpoints WHERE tenant = $1 AND run_id "
                                           "= $3 AND thread_id = $2 AND ns = '' LIMIT 1",
                                           NULL};

#define WRITE_COLUMNS "task_id, idx, task_path, channel, serde, body"
#define WRITE_INSERT                                                                               \
    "INSERT INTO checkpoint_writes (tenant, thread_id, ns, checkpoint_id, " WRITE_COLUMNS          \
    ", run_position) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"                        \
    " ON CONFLICT (tenant, thread_id, ns, checkpoint_id, task_id, idx, run_position)"
static const struct db_statement write_keep_first = {"checkpoint_writes_keep",
                                                     WRITE_INSERT " DO NOTHING", NULL};
static const struct db_statement write_overwrite = {
    "checkpoint_writes_overwrite",
    WRITE_INSERT " DO UPDATE SET task_path = excluded.task_path, channel = excluded.channel,"
                 " serde = excluded.serde, body = excluded.body",
    NULL};
/* Of a task's writes in one place, those of a special channel overwrite, else the first stays: also
 * from run to run. */
static const struct db_statement writes_select = {
    "checkpoint_writes_list",
    "SELECT " WRITE_COLUMNS " FROM checkpoint_writes w WHERE " KEY
    " AND NOT EXISTS (SELECT 1 FROM checkpoint_writes o WHERE o.tenant = $1 AND o.thread_id = $2"
    " AND o.ns = $3 AND o.checkpoint_id = $4 AND o.task_id = w.task_id AND o.idx = w.idx"
    " AND CASE WHEN w.idx < 0 THEN o.run_position > w.run_position"
    " ELSE o.run_position < w.run_position END)"
    " ORDER BY task_path, task_id, idx",
    NULL};

static const struct db_statement delete_thread[] = {
    {"checkpoint_writes_delete_thread",
     "DELETE FROM checkpoint_writes WHERE tenant = $1 AND thread_id = $2", NULL},
    {"checkpoints_delete_thread", "DELETE FROM checkpoints WHERE tenant = $1 AND thread_id = $2",
     NULL},
};
/* What it wrote on checkpoints of others, those on its own, and its own. */
static const struct db_statement delete_run[] = {
    {"checkpoint_writes_undo_run",
     "DELETE FROM checkpoint_writes WHERE tenant = $1 AND (thread_id, run_position) IN"
     " (SELECT thread_id, position FROM runs WHERE tenant = $1 AND run_id = $2)",
     NULL},
    {"checkpoint_writes_delete_run",
     "DELETE FROM checkpoint_writes WHERE tenant = $1 AND EXISTS (SELECT 1 FROM checkpoints c"
     " WHERE c.tenant = $1 AND c.run_id = $2 AND c.thread_id = checkpoint_writes.thread_id"
     " AND c.ns = checkpoint_writes.ns AND c.checkpoint_id = checkpoint_writes.checkpoint_id)",
     NULL},
    {"checkpoints_delete_run", "DELETE FROM checkpoints WHERE tenant = $1 AND run_id = $2", NULL},
};
/* Writes may come before their checkpoint: those of a greater id stay. */
#define NOT_HEAD(table)                                                                            \
    " WHERE tenant = $1 AND thread_id = $2 AND checkpoint_id < (SELECT MAX(c.checkpoint_id)"       \
    " FROM checkpoints c WHERE c.tenant = $1 AND c.thread_id = $2 AND c.ns = " table ".ns)"
static const struct db_statement keep_latest[] = {
    {"checkpoint_writes_keep_latest", "DELETE FROM checkpoint_writes" NOT_HEAD("checkpoint_writes"),
     NULL},
    {"checkpoints_keep_latest", "DELETE FROM checkpoints" NOT_HEAD("checkpoints"), NULL},
};
/* The metadata names the thread, if it does, by its new id. */
#define COPY(metadata)                                                                             \
    "INSERT INTO checkpoints (" COLUMNS ", created_us)"                                            \
    " SELECT tenant, $3, ns, checkpoint_id, parent_id, run_id, serde, body, " metadata             \
    ", created_us FROM checkpoints WHERE tenant = $1 AND thread_id = $2"
static const struct db_statement copy[] = {
    {"checkpoints_copy", COPY("json_replace(metadata, '$.thread_id', $3)"),
     COPY("CAST(jsonb_set(CAST(metadata AS jsonb), '{thread_id}', to_jsonb(CAST($3 AS TEXT)), "
          "false) AS TEXT)")},
    /* Older than whatever the new thread's runs write, in the order they have. */
    {"checkpoint_writes_copy",
     "INSERT INTO checkpoint_writes (tenant, thread_id, ns, checkpoint_id, " WRITE_COLUMNS
     ", run_position) SELECT tenant, $3, ns, checkpoint_id, " WRITE_COLUMNS
     ", -ROW_NUMBER() OVER (PARTITION BY ns, checkpoint_id, task_id, idx"
     " ORDER BY run_position DESC)"
     " FROM checkpoint_writes WHERE tenant = $1 AND thread_id = $2",
     NULL},
};

static void row_read(const struct db_rows *rows, struct arena *arena, struct checkpoint *checkpoint)
{
    *checkpoint = (struct checkpoint){
        .tenant = db_get_keep(rows, 0, arena),
        .thread_id = db_get_keep(rows, 1, arena),
        .ns = db_get_keep(rows, 2, arena),
        .checkpoint_id = db_get_keep(rows, 3, arena),
        .parent_id = db_get_keep(rows, 4, arena),
        .run_id = db_get_keep(rows, 5, arena),
        .serde = db_get_keep(rows, 6, arena),
        .body = db_get_keep(rows, 7, arena),
        .metadata = db_get_keep(rows, 8, arena),
    };
}

enum err checkpoint_put(struct tx *tx, const struct checkpoint *c)
{
    return db_run(tx->db, &put_one,
                  DB_ARGS(db_text(c->tenant), db_text(c->thread_id), db_text(c->ns),
                          db_text(c->checkpoint_id), db_text(c->parent_id), db_text(c->run_id),
                          db_text(c->serde), db_blob(c->body), db_text(c->metadata),
                          db_int(tx->now_us)),
                  NULL);
}

enum err checkpoint_get(struct tx *tx, const struct checkpoint *key, struct arena *arena,
                        struct checkpoint *checkpoint)
{
    const struct db_value args[] = {db_text(key->tenant), db_text(key->thread_id), db_text(key->ns),
                                    db_text(key->checkpoint_id)};
    bool head = str_is_none(key->checkpoint_id);
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, head ? &get_head : &get_one, args, head ? 3 : 4, &rows);

    if (err)
        return err;
    row_read(&rows, arena, checkpoint);
    return db_rows_end(&rows);
}

static enum err list_query(struct tx *tx, const struct checkpoint_filter *f, struct db_rows *rows)
{
    bool simple = !str_is_none(f->thread_id) && !str_is_none(f->ns) &&
                  str_is_none(f->checkpoint_id) && str_is_none(f->metadata);

    if (simple)
        return db_query(tx->db, &list_thread,
                        DB_ARGS(db_text(f->tenant), db_text(f->thread_id), db_text(f->ns),
                                db_text(str_is_none(f->before) ? STR("~") : f->before),
                                db_int(f->limit)),
                        rows);
    return db_query(tx->db, &list_some,
                    DB_ARGS(db_text(f->tenant), db_text(f->thread_id), db_text(f->ns),
                            db_text(f->checkpoint_id), db_text(f->before), db_text(f->metadata),
                            db_int(f->limit)),
                    rows);
}

enum err checkpoint_list(struct tx *tx, const struct checkpoint_filter *filter, struct arena *arena,
                         struct checkpoint **found, size_t *count)
{
    struct checkpoint *list = ARENA_ARRAY(arena, struct checkpoint, (size_t)filter->limit + 1);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = list_query(tx, filter, &rows);

    if (err)
        return err;
    while (db_next(&rows))
        row_read(&rows, arena, &list[n++]);
    *found = list;
    *count = n;
    return db_rows_end(&rows);
}

enum err checkpoint_exists_of_run(struct tx *tx, struct str tenant, struct str thread_id,
                                  struct str run_id, bool *exists)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &of_run, DB_ARGS(db_text(tenant), db_text(thread_id), db_text(run_id)), &rows);

    *exists = !err;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return db_rows_end(&rows);
}

enum err checkpoint_writes_put(struct tx *tx, const struct checkpoint *of, int64_t run_position,
                               const struct checkpoint_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct checkpoint_write *w = &writes[i];
        enum err err = db_run(tx->db, w->idx < 0 ? &write_overwrite : &write_keep_first,
                              DB_ARGS(db_text(of->tenant), db_text(of->thread_id), db_text(of->ns),
                                      db_text(of->checkpoint_id), db_text(w->task_id),
                                      db_int(w->idx), db_text(w->task_path), db_text(w->channel),
                                      db_text(w->serde), db_blob(w->body), db_int(run_position)),
                              NULL);

        if (err)
            return err;
    }
    return OK;
}

enum err checkpoint_writes_list(struct tx *tx, const struct checkpoint *of, struct arena *arena,
                                struct checkpoint_write **writes, size_t *count)
{
    struct checkpoint_write *list = NULL;
    struct db_rows rows = {0};
    size_t n = 0, cap = 0;
    enum err err = db_query(tx->db, &writes_select,
                            DB_ARGS(db_text(of->tenant), db_text(of->thread_id), db_text(of->ns),
                                    db_text(of->checkpoint_id)),
                            &rows);

    if (err)
        return err;
    while (db_next(&rows)) {
        list = arena_more(arena, list, n, &cap, sizeof(*list));
        list[n++] = (struct checkpoint_write){
            .task_id = db_get_keep(&rows, 0, arena),
            .idx = db_get_int(&rows, 1),
            .task_path = db_get_keep(&rows, 2, arena),
            .channel = db_get_keep(&rows, 3, arena),
            .serde = db_get_keep(&rows, 4, arena),
            .body = db_get_keep(&rows, 5, arena),
        };
    }
    *writes = list;
    *count = n;
    return db_rows_end(&rows);
}

static enum err run_all(struct tx *tx, const struct db_statement *statements, size_t count,
                        const struct db_value *args, size_t arg_count)
{
    for (size_t i = 0; i < count; i++) {
        enum err err = db_run(tx->db, &statements[i], args, arg_count, NULL);

        if (err)
            return err;
    }
    return OK;
}

enum err checkpoints_delete_thread(struct tx *tx, struct str tenant, struct str thread_id)
{
    return run_all(tx, delete_thread, ARRAY_LEN(delete_thread),
                   DB_ARGS(db_text(tenant), db_text(thread_id)));
}

enum err checkpoints_delete_run(struct tx *tx, struct str tenant, struct str run_id)
{
    return run_all(tx, delete_run, ARRAY_LEN(delete_run),
                   DB_ARGS(db_text(tenant), db_text(run_id)));
}

enum err checkpoints_keep_latest(struct tx *tx, struct str tenant, struct str thread_id)
{
    return run_all(tx, keep_latest, ARRAY_LEN(keep_latest),
                   DB_ARGS(db_text(tenant), db_text(thread_id)));
}

enum err checkpoints_copy(struct tx *tx, struct str tenant, struct str from, struct str to)
{
    return run_all(tx, copy, ARRAY_LEN(copy), DB_ARGS(db_text(tenant), db_text(from), db_text(to)));
}
