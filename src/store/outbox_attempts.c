/* The rows of attempts. While one is under way it is what its delivery's row in delivery_sending
 * says; its own row is written once, with its end. */
#include "store/id_list.h"
#include "store/log_size.h"
#include "store/outbox_priv.h"

#define END_ARGS 17

#define COLUMNS                                                                                    \
    "(attempt_id, delivery_id, number, started_us, ended_us, result, status, detail, address,"     \
    " dns_us, connect_us, tls_us, first_byte_us, total_us, response_excerpt, response_type,"       \
    " tenant)"
#define ROWS                                                                                       \
    "UNNEST(CAST($1 AS BIGINT[]), CAST($2 AS BIGINT[]), CAST($3 AS BIGINT[]),"                     \
    " CAST($4 AS BIGINT[]), CAST($5 AS BIGINT[]), CAST($6 AS TEXT[]), CAST($7 AS BIGINT[]),"       \
    " CAST($8 AS TEXT[]), CAST($9 AS TEXT[]), CAST($10 AS BIGINT[]), CAST($11 AS BIGINT[]),"       \
    " CAST($12 AS BIGINT[]), CAST($13 AS BIGINT[]), CAST($14 AS BIGINT[]),"                        \
    " CAST($15 AS BYTEA[]), CAST($16 AS TEXT[]), CAST($17 AS TEXT[])) u" COLUMNS
/* Of attempts that are still under way: they have no rows yet. */
static const struct db_statement end = {
    "attempts_end",
    "INSERT INTO attempts " COLUMNS " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
    " $13, $14, $15, $16, $17)",
    "INSERT INTO attempts " COLUMNS " SELECT * FROM " ROWS};
/* A late outcome may find that somebody else has written that nobody knows how it ended: then it
 * tells better; or that its delivery has been erased: then there is nothing to write. */
#define BETTER                                                                                     \
    " ON CONFLICT (attempt_id) DO UPDATE SET ended_us = excluded.ended_us,"                        \
    " result = excluded.result, status = excluded.status, detail = excluded.detail,"               \
    " address = excluded.address, dns_us = excluded.dns_us, connect_us = excluded.connect_us,"     \
    " tls_us = excluded.tls_us, first_byte_us = excluded.first_byte_us,"                           \
    " total_us = excluded.total_us, response_excerpt = excluded.response_excerpt,"                 \
    " response_type = excluded.response_type"
static const struct db_statement end_late = {
    "attempts_end_late",
    "INSERT INTO attempts " COLUMNS " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
    " $13, $14, $15, $16, $17 FROM deliveries d WHERE d.delivery_id = $2" BETTER,
    "INSERT INTO attempts " COLUMNS " SELECT u.* FROM " ROWS
    " JOIN deliveries d ON d.delivery_id = u.delivery_id" BETTER};
#define LOSE                                                                                       \
    "INSERT INTO attempts (attempt_id, tenant, delivery_id, number, started_us, ended_us, result," \
    " detail) SELECT s.attempt_id, d.tenant, d.delivery_id, d.attempts + 1, s.taken_us,"           \
    " CAST($2 AS BIGINT), 'unknown', 'the server stopped before the outcome was known'"            \
    " FROM delivery_sending s JOIN deliveries d ON d.delivery_id = s.delivery_id"                  \
    " WHERE s.delivery_id "
static const struct db_statement lose = {"attempts_lose", LOSE ID_IN("$1"),
                                         LOSE ID_IN_POSTGRES("$1")};
#define MEASURE                                                                                    \
    "SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(response_excerpt)), 0) AS BIGINT) FROM attempts"    \
    " WHERE attempt_id "
static const struct db_statement measure = {"attempts_measure", MEASURE ID_IN("$1"),
                                            MEASURE ID_IN_POSTGRES("$1")};

static struct db_value phase(int64_t duration_us)
{
    return duration_us < 0 ? db_null() : db_int(duration_us);
}

static void end_args(const struct outbox_outcome *outcome, struct db_value *args)
{
    args[0] = db_int(outcome->row->attempt_id);
    args[1] = db_int(outcome->row->delivery_id);
    args[2] = db_int(outcome->row->attempts);
    args[3] = db_int(outcome->row->claimed_us);
    args[4] = db_int(outcome->ended_us);
    args[5] = db_text(outcome->result);
    args[6] = db_int_or_null(outcome->status);
    args[7] = db_text(outcome->detail);
    args[8] = db_text(outcome->address);
    args[9] = phase(outcome->dns_us);
    args[10] = phase(outcome->connect_us);
    args[11] = phase(outcome->tls_us);
    args[12] = phase(outcome->first_byte_us);
    args[13] = phase(outcome->total_us);
    args[14] = db_blob(outcome->excerpt);
    args[15] = db_text(outcome->response_type);
    args[16] = db_text(outcome->row->tenant);
}

/* Adds `sign` times what the log has of these attempts. */
static enum err grow_by(struct tx *tx, struct db_value ids, int sign)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &measure, &ids, 1, &rows);

    if (err)
        return err;
    log_grow(tx, LOG_ATTEMPT, sign * db_get_int(&rows, 0), sign * db_get_int(&rows, 1));
    return db_rows_end(&rows);
}

static struct db_value ids_of(const struct outbox_outcome *outcomes, size_t count,
                              struct arena *arena)
{
    struct buf list;

    id_list_begin(&list);
    for (size_t i = 0; i < count; i++)
        if (!outcomes[i].is_untried)
            id_list_add(&list, outcomes[i].row->attempt_id);
    return id_list_end(&list, arena);
}

enum err attempts_end(struct tx *tx, const struct outbox_outcome *outcomes, size_t count,
                      bool all_held)
{
    struct db_value *args = ARENA_ARRAY(tx->arena, struct db_value, count * END_ARGS + 1);
    struct db_value ids = db_null();
    int64_t answer_bytes = 0;
    size_t ended = 0;
    enum err err = OK;

    for (size_t i = 0; i < count; i++) {
        if (outcomes[i].is_untried)
            continue;
        end_args(&outcomes[i], &args[END_ARGS * ended++]);
        answer_bytes += (int64_t)outcomes[i].excerpt.len;
    }
    if (ended && !all_held) {
        ids = ids_of(outcomes, count, tx->arena);
        err = grow_by(tx, ids, -1);
    }
    if (!err && ended)
        err = db_run_rows(tx->db, all_held ? &end : &end_late, args, END_ARGS, ended, NULL);
    if (!err && ended && !all_held)
        return grow_by(tx, ids, 1);
    log_grow(tx, LOG_ATTEMPT, (int64_t)ended, answer_bytes);
    return err;
}

enum err attempts_lose(struct tx *tx, const struct delivery_move *moves, size_t count)
{
    struct buf list;
    int64_t lost = 0;
    enum err err;

    if (count == 0)
        return OK;
    id_list_begin(&list);
    for (size_t i = 0; i < count; i++)
        id_list_add(&list, moves[i].delivery_id);
    err = db_run(tx->db, &lose, DB_ARGS(id_list_end(&list, tx->arena), db_int(tx->now_us)), &lost);
    log_grow(tx, LOG_ATTEMPT, lost, 0);
    return err;
}
