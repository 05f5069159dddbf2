/* What is due where, and what else is to be done: asked on a reader. */
#include "store/outbox_claim.h"
#include "store/outbox_marks.h"
#include "store/outbox_queue.h"

struct str outbox_lane_origin(struct str lane)
{
    return str_first(lane, str_find_char(lane, ' '));
}

/* A walk over the distinct lanes of a partial index, one seek each, and the first place of each. */
#define SURVEY(column)                                                                             \
    "WITH RECURSIVE l(lane) AS (SELECT MIN(lane) FROM endpoints WHERE " column " IS NOT NULL"      \
    " AND lane > $1 UNION ALL SELECT (SELECT MIN(e.lane) FROM endpoints e WHERE e." column         \
    " IS NOT NULL AND e.lane > l.lane) FROM l WHERE l.lane IS NOT NULL)"                           \
    " SELECT l.lane, (SELECT MIN(e." column ") FROM endpoints e WHERE e." column                   \
    " IS NOT NULL AND e.lane = l.lane) FROM l WHERE l.lane IS NOT NULL LIMIT CAST($2 AS BIGINT)"

static const struct db_statement survey_line[OUTBOX_LINES] = {
    [OUTBOX_FRESH] = {"endpoints_survey_fresh", SURVEY("fresh_us"), NULL},
    [OUTBOX_RETRY] = {"endpoints_survey_retry", SURVEY("retry_us"), NULL},
    [OUTBOX_REPLAY] = {"endpoints_survey_replay", SURVEY("replay_us"), NULL},
};
#define FIRST_EXPIRY "SELECT MIN(expires_us) FROM deliveries WHERE " MARK_EXPIRING("")
#define FIRST_EXPIRY_POSTGRES                                                                      \
    "SELECT MIN(open_expires_us) FROM deliveries WHERE " MARK_EXPIRING_POSTGRES("")
#define CHORES(expiry, yes, no)                                                                    \
    "SELECT (SELECT MIN(until_us) FROM delivery_sending),"                                         \
    " (" expiry "), " yes "EXISTS (SELECT 1 FROM endpoints WHERE moving IS NOT NULL)" no ", " yes  \
    "EXISTS (SELECT 1 FROM replays WHERE state = 'running')" no
static const struct db_statement select_chores = {
    "outbox_chores", CHORES(FIRST_EXPIRY, "", ""),
    CHORES(FIRST_EXPIRY_POSTGRES, "CASE WHEN ", " THEN 1 ELSE 0 END")};

enum err outbox_survey(struct tx *tx, struct outbox_survey *survey, struct arena *arena)
{
    struct outbox_lane *list = ARENA_ARRAY(arena, struct outbox_lane, survey->limit + 1);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(tx->db, &survey_line[survey->line],
                            DB_ARGS(db_text(survey->after), db_int((int64_t)survey->limit)), &rows);

    if (err)
        return err;
    while (n < survey->limit && db_next(&rows)) {
        list[n].lane = db_get_keep(&rows, 0, arena);
        list[n++].next_us = db_get_int(&rows, 1);
    }
    survey->found = list;
    survey->count = n;
    return db_rows_end(&rows);
}

enum err outbox_chores(struct tx *tx, struct outbox_chores *chores)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &select_chores, DB_NO_ARGS, &rows);

    if (err)
        return err;
    chores->lease_until_us = db_get_int(&rows, 0);
    chores->expires_us = db_get_int(&rows, 1);
    chores->is_moving = db_get_int(&rows, 2) != 0;
    chores->has_replays = db_get_int(&rows, 3) != 0;
    return db_rows_end(&rows);
}
