/* clock.c -- what waits, when the machine's clock is set. */
#include "store/clock.h"

#include "base/log.h"

/* So old may the mark be that the next start finds: what a jump at a stop may add to a wait. */
#define MARK_EVERY_US (30 * US_PER_SECOND)

static const struct db_statement mark_get = {
    "clock_mark_get", "SELECT COALESCE(MAX(seen_us), 0) FROM clock_marks", NULL};
static const struct db_statement mark_clear = {"clock_mark_clear", "DELETE FROM clock_marks", NULL};
static const struct db_statement mark_set = {"clock_mark_set",
                                             "INSERT INTO clock_marks (seen_us) VALUES ($1)", NULL};

/* $1: by how much; $2: now. What was due before the clock went back stays in its order. */
static const struct db_statement back[] = {
    {"clock_back_deliveries",
     "UPDATE deliveries SET next_us = next_us + CAST($1 AS BIGINT)"
     " WHERE delivery_id IN (SELECT delivery_id FROM delivery_queue WHERE at_us > $2)",
     NULL},
    {"clock_back_queue",
     "UPDATE delivery_queue SET at_us = at_us + CAST($1 AS BIGINT) WHERE at_us > $2", NULL},
    {"clock_back_leases",
     "UPDATE delivery_sending SET until_us = until_us + CAST($1 AS BIGINT) WHERE until_us > $2",
     NULL},
    {"clock_back_places",
     "UPDATE endpoints SET"
     " fresh_us = CASE WHEN fresh_us > $2 THEN fresh_us + CAST($1 AS BIGINT) ELSE fresh_us END,"
     " retry_us = CASE WHEN retry_us > $2 THEN retry_us + CAST($1 AS BIGINT) ELSE retry_us END,"
     " replay_us = CASE WHEN replay_us > $2 THEN replay_us + CAST($1 AS BIGINT) ELSE replay_us "
     "END,"
     " rest_until_us = CASE WHEN rest_until_us > $2 THEN rest_until_us + CAST($1 AS BIGINT) ELSE "
     "rest_until_us END,"
     " rate_next_us = CASE WHEN rate_next_us > $2 THEN rate_next_us + CAST($1 AS BIGINT) ELSE "
     "rate_next_us END"
     " WHERE fresh_us > $2 OR retry_us > $2 OR replay_us > $2 OR rest_until_us > $2"
     " OR rate_next_us > $2",
     NULL},
    {"clock_back_replays",
     "UPDATE replays SET next_us = next_us + CAST($1 AS BIGINT)"
     " WHERE state = 'running' AND next_us > $2",
     NULL},
    {"clock_back_runs",
     "UPDATE runs SET due_us = due_us + CAST($1 AS BIGINT)"
     " WHERE status = 'pending' AND due_us > $2",
     NULL},
    {"clock_back_running",
     "UPDATE runs SET lease_until_us = lease_until_us + CAST($1 AS BIGINT)"
     " WHERE status = 'running' AND lease_until_us > $2",
     NULL},
};

/* What would be too old, or would have failed for too long, all at once; and the other way. */
static const struct db_statement both[] = {
    {"clock_expiry",
     "UPDATE deliveries SET expires_us = expires_us + CAST($1 AS BIGINT)"
     " WHERE expires_us IS NOT NULL AND ended_us IS NULL",
     NULL},
    {"clock_failing",
     "UPDATE endpoints SET failing_since_us = failing_since_us + CAST($1 AS BIGINT)"
     " WHERE failing_since_us IS NOT NULL",
     NULL},
};

static enum err move_along(struct tx *tx, int64_t by_us)
{
    enum err err = OK;

    log_warn("store", "the machine's clock has jumped by %lld s: what waits is moved along",
             (long long)(by_us / US_PER_SECOND));
    for (size_t i = 0; !err && by_us < 0 && i < ARRAY_LEN(back); i++)
        err = db_run(tx->db, &back[i], DB_ARGS(db_int(by_us), db_int(tx->now_us)), NULL);
    for (size_t i = 0; !err && i < ARRAY_LEN(both); i++)
        err = db_run(tx->db, &both[i], DB_ARGS(db_int(by_us)), NULL);
    return err;
}

/* At a start: the clock has gone back if the last process saw a later one. That it has gone on
 * cannot be told from a long pause. */
static enum err first_look(struct tx *tx, int64_t *by_us)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &mark_get, DB_NO_ARGS, &rows);
    int64_t seen_us;

    if (err)
        return err;
    seen_us = db_get_int(&rows, 0);
    *by_us = seen_us > tx->now_us ? tx->now_us - seen_us : 0;
    return db_rows_end(&rows);
}

static enum err mark(struct tx *tx)
{
    enum err err = db_run(tx->db, &mark_clear, DB_NO_ARGS, NULL);

    return err ? err : db_run(tx->db, &mark_set, DB_ARGS(db_int(tx->now_us)), NULL);
}

static bool is_jump(int64_t by_us)
{
    return by_us <= -CLOCK_JUMP_US || by_us >= CLOCK_JUMP_US;
}

enum err clock_follow(struct tx *tx, struct clock_watch *watch, int64_t mono_us)
{
    int64_t ahead_us = tx->now_us - mono_us, by_us = ahead_us - watch->ahead_us;
    enum err err = OK;

    watch->next.ahead_us = ahead_us;
    watch->next.marked_us = watch->marked_us;
    if (!watch->is_known)
        err = first_look(tx, &by_us);
    if (!err && is_jump(by_us))
        err = move_along(tx, by_us);
    if (err ||
        (watch->is_known && !is_jump(by_us) && tx->now_us - watch->marked_us < MARK_EVERY_US))
        return err;
    watch->next.marked_us = tx->now_us;
    return mark(tx);
}

void clock_committed(struct clock_watch *watch)
{
    watch->ahead_us = watch->next.ahead_us;
    watch->marked_us = watch->next.marked_us;
    watch->is_known = true;
}
