/* outbox_due.c -- what an endpoint has due, with bodies: the rows of a claim. */
#include "store/outbox_body.h"
#include "store/outbox_claim_priv.h"

/* Bodies up to this size come with their row; larger ones are fetched once it is sure that they are
 * taken. */
#define SMALL_BODY "16384"

#define DUE_COLUMNS                                                                                \
    "SELECT d.delivery_id, d.attempts, d.created_us, d.webhook_id, d.object_id, b.delivery_id, "   \
    "d.policy, b.content_type, LENGTH(b.bytes),"                                                   \
    " CASE WHEN LENGTH(b.bytes) <= " SMALL_BODY " THEN b.bytes END, d.sequence, d.class,"          \
    " d.ordering_key, d.expires_us, q.at_us, d.kind, d.traceparent FROM "
#define DUE_JOIN " JOIN deliveries d ON d.delivery_id = q.delivery_id" BODY_JOIN
#define DUE_WHERE(line) " WHERE q.line = " line " AND q.endpoint_no = $1"
#define DUE_ORDER " ORDER BY q.at_us, q.delivery_id"
#define DUE_LIMIT " LIMIT CAST($2 AS BIGINT)"
/* PostgreSQL's planner may take all that waits for a few rows, and join it with its bodies before
 * it sorts: so there the first ones are chosen before. And it may take the limit for more than
 * waits, and sort that: so it does not see the limit (SELECT), and goes along the index. */
#define DUE_LIMIT_UNSEEN " LIMIT (SELECT CAST($2 AS BIGINT))"
#define DUE_STATEMENT(name, line)                                                                  \
    {                                                                                              \
        name, DUE_COLUMNS "delivery_queue q" DUE_JOIN DUE_WHERE(line) DUE_ORDER DUE_LIMIT,         \
            DUE_COLUMNS "(SELECT q.delivery_id, q.at_us FROM delivery_queue q" DUE_WHERE(line)     \
                DUE_ORDER DUE_LIMIT_UNSEEN " FOR UPDATE) q" DUE_JOIN DUE_ORDER                     \
    }

static const struct db_statement select_due[OUTBOX_LINES] = {
    [OUTBOX_FRESH] = DUE_STATEMENT("deliveries_claim_fresh", "0"),
    [OUTBOX_RETRY] = DUE_STATEMENT("deliveries_claim_retry", "1"),
    [OUTBOX_REPLAY] = DUE_STATEMENT("deliveries_claim_replay", "2"),
};
static const struct db_statement select_next = {
    "delivery_queue_next",
    "SELECT at_us FROM delivery_queue WHERE line = $1 AND endpoint_no = $2"
    " AND (at_us, delivery_id) > ($3, $4) ORDER BY at_us, delivery_id LIMIT 1",
    NULL};
static const struct db_statement select_body = {
    "bodies_get", "SELECT bytes FROM bodies WHERE delivery_id = $1", NULL};

/* Where what this row of the list says lives. */
static struct arena *row_arena(const struct claiming *c, size_t index)
{
    return c->claim->row_arenas ? &c->claim->row_arenas[index] : c->arena;
}

static enum err row_read(const struct db_rows *rows, const struct waiting *e, struct arena *arena,
                         struct outbox_claimed *row)
{
    *row = (struct outbox_claimed){
        .delivery_id = db_get_int(rows, 0),
        .attempts = db_get_int(rows, 1) + 1,
        .created_us = db_get_int(rows, 2),
        .webhook_id = db_get_keep(rows, 3, arena),
        .object_id = db_get_keep(rows, 4, arena),
        .body_no = db_get_int(rows, 5),
        .policy = db_get_keep(rows, 6, arena),
        .content_type = db_get_keep(rows, 7, arena),
        .body = db_get_keep(rows, 9, arena),
        .sequence = db_get_int(rows, 10),
        .ordering_key = db_get_keep(rows, 12, arena),
        .expires_us = db_get_int(rows, 13),
        .due_us = db_get_int(rows, 14),
        .is_limited = e->in_flight_max > 0,
        .is_unwell = e->is_unwell,
        .secrets_version = e->secrets_version,
        .tenant = arena_str(arena, e->tenant),
        .endpoint_id = arena_str(arena, e->endpoint_id),
        .endpoint_no = e->endpoint_no,
        .kind = db_get_keep(rows, 15, arena),
        .traceparent = db_get_keep(rows, 16, arena),
        .is_elsewhere = str_eq(e->kind, OUTBOX_KIND_RESEND),
        .url = arena_str(arena, e->url),
    };
    /* A test is tried once, whatever its endpoint is told: somebody waits for what comes of it. */
    if (!str_is_none(e->policy) && !str_starts(row->object_id, OUTBOX_TEST_PREFIX))
        row->policy = arena_str(arena, e->policy);
    return delivery_class_parse(db_get_str(rows, 11), &row->class);
}

/* *left_us: when the first of its line behind the last of the list is due; 0: there is none. */
static enum err find_left(struct claiming *c, const struct waiting *e, enum outbox_line line,
                          int64_t *left_us)
{
    const struct outbox_claimed *last = &c->list[c->count - 1];
    struct db_rows rows = {0};
    enum err err = db_query_one(c->tx->db, &select_next,
                                DB_ARGS(db_int((int64_t)line), db_int(e->endpoint_no),
                                        db_int(last->due_us), db_int(last->delivery_id)),
                                &rows);

    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    *left_us = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

/* When the first of those left is due comes with the others in PostgreSQL; in SQLite a row with its
 * body costs more than a question. */
enum err due_take(struct claiming *c, const struct waiting *e, enum outbox_line line,
                  unsigned limit, int64_t *left_us)
{
    bool asks = db_dialect(c->tx->db) == DB_SQLITE;
    struct db_rows rows = {0};
    size_t taken = 0;
    enum err err, ended;

    *left_us = 0;
    err = db_query(c->tx->db, &select_due[line],
                   DB_ARGS(db_int(e->endpoint_no), db_int(asks ? limit : limit + 1)), &rows);
    if (err)
        return err;
    while (!err && *left_us == 0 && db_next(&rows)) {
        size_t bytes = (size_t)db_get_int(&rows, 8);
        int64_t next_us = db_get_int(&rows, 14);

        c->is_full = c->is_full || (c->count > 0 && c->bytes + bytes > c->claim->bytes_max);
        if (taken == limit || next_us > c->tx->now_us || c->is_full) {
            *left_us = next_us;
            break;
        }
        if (c->claim->row_arenas)
            arena_reset(row_arena(c, c->count));
        err = row_read(&rows, e, row_arena(c, c->count), &c->list[c->count]);
        c->count++;
        c->bytes += bytes;
        taken++;
    }
    ended = db_rows_end(&rows);
    err = err ? err : ended;
    return err || !asks || taken < limit ? err : find_left(c, e, line, left_us);
}

enum err due_load_bodies(struct claiming *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct outbox_claimed *row = &c->list[i];
        struct db_rows rows = {0};
        enum err err;

        if (!str_is_none(row->body))
            continue;
        err = db_query_one(c->tx->db, &select_body, DB_ARGS(db_int(row->body_no)), &rows);
        if (err)
            return err;
        row->body = db_get_keep(&rows, 0, row_arena(c, i));
        err = db_rows_end(&rows);
        if (err)
            return err;
    }
    return OK;
}
