/* What the sender asks of the outbox: what is due where, and take it.
 *
 * A claim walks along the line of a lane: the endpoints that have waited longest first, each gets
 * its share of the places, as far as its rest, its rate and its places allow, and goes to where it
 * belongs next (outbox_priv.h). Its row is locked meanwhile, so all this holds on several nodes.
 * Places that somebody did not want are given to the others in further rounds. */
#include "store/outbox_claim.h"

#include "store/outbox_claim_priv.h"
#include "store/outbox_priv.h"
#include "store/sequence.h"

/* Of a line, at once. */
#define LINE_MAX 64
/* Who has taken a place before the endpoint had a limit does not know that somebody waits for its
 * end: so it is looked for, this often. A claim may have held the endpoint's row when the change
 * began, and be younger by as long as a lock is waited for. */
#define UNTOLD_LOOK_US US_PER_SECOND
#define UNTOLD_US (10 * US_PER_SECOND)

/* ---- claim: the line ---- */

#define LINE(column)                                                                               \
    "SELECT tenant, endpoint_id, kind, url, state, policy, rate_limit, rate_burst, in_flight_max," \
    " rest_until_us, rate_next_us, failures, told_us, secrets_version, fresh_us, since_retry,"     \
    " since_replay, endpoint_no, updated_us FROM endpoints"                                        \
    " WHERE lane = $1"                                                                             \
    " AND " column " IS NOT NULL AND " column " <= $2 ORDER BY " column                            \
    ", endpoint_no LIMIT CAST($3 AS BIGINT)"
#define LINE_STATEMENT(name, column)                                                               \
    {                                                                                              \
        name, LINE(column), LINE(column) " FOR UPDATE SKIP LOCKED"                                 \
    }
#define PLACE(column)                                                                              \
    "UPDATE endpoints SET " column " = $3, rate_next_us = $4, since_retry = $5, since_replay = $6" \
    " WHERE tenant = $1 AND endpoint_id = $2"
#define PLACE_ARGS 6
static const struct db_statement select_line[OUTBOX_LINES] = {
    [OUTBOX_FRESH] = LINE_STATEMENT("endpoints_claim_fresh", "fresh_us"),
    [OUTBOX_RETRY] = LINE_STATEMENT("endpoints_claim_retry", "retry_us"),
    [OUTBOX_REPLAY] = LINE_STATEMENT("endpoints_claim_replay", "replay_us"),
};
static const struct db_statement place[OUTBOX_LINES] = {
    [OUTBOX_FRESH] = {"endpoints_place_fresh", PLACE("fresh_us"), NULL},
    [OUTBOX_RETRY] = {"endpoints_place_retry", PLACE("retry_us"), NULL},
    [OUTBOX_REPLAY] = {"endpoints_place_replay", PLACE("replay_us"), NULL},
};
static const struct db_statement count_sending = {
    "deliveries_count_sending",
    "SELECT COUNT(*), MIN(taken_us) FROM delivery_sending"
    " WHERE endpoint_no = $1 AND is_limited = 1",
    NULL};
#define FIRST_OF(column)                                                                           \
    "(SELECT MIN(" column ") FROM endpoints WHERE lane = $1 AND " column " IS NOT NULL)"
static const struct db_statement next_of_lane = {
    "endpoints_next_of_lane",
    "SELECT " FIRST_OF("fresh_us") ", " FIRST_OF("retry_us") ", " FIRST_OF("replay_us"), NULL};

static struct waiting waiting_read(const struct db_rows *rows, struct arena *arena)
{
    return (struct waiting){
        .tenant = db_get_keep(rows, 0, arena),
        .endpoint_id = db_get_keep(rows, 1, arena),
        .kind = db_get_keep(rows, 2, arena),
        .url = db_get_keep(rows, 3, arena),
        .is_active = str_eq(db_get_str(rows, 4), endpoint_state_name(ENDPOINT_ACTIVE)),
        .policy = db_get_keep(rows, 5, arena),
        .bucket = {.per_s = db_get_double(rows, 6), .burst = db_get_int(rows, 7)},
        .in_flight_max = db_get_int(rows, 8),
        .rest_until_us = db_get_int(rows, 9),
        .full_us = db_get_int(rows, 10),
        .is_unwell = db_get_int(rows, 11) > 0 || !db_is_null(rows, 12),
        .secrets_version = db_get_int(rows, 13),
        .fresh_us = db_get_int(rows, 14),
        .since_retry = db_get_int(rows, 15),
        .since_replay = db_get_int(rows, 16),
        .endpoint_no = db_get_int(rows, 17),
        .updated_us = db_get_int(rows, 18),
        /* It has rested because it failed: one goes ahead. */
        .is_probing = db_get_int(rows, 11) > 0 && db_get_int(rows, 9) > 0,
    };
}

static enum err line_read(struct claiming *c, struct str lane, enum outbox_line line,
                          unsigned limit, struct waiting **list, size_t *count)
{
    struct waiting *found = ARENA_ARRAY(c->tx->arena, struct waiting, limit);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(c->tx->db, &select_line[line],
                            DB_ARGS(db_text(lane), db_int(c->tx->now_us), db_int(limit)), &rows);

    if (err)
        return err;
    while (n < limit && db_next(&rows))
        found[n++] = waiting_read(&rows, c->arena);
    *list = found;
    *count = n;
    return db_rows_end(&rows);
}

/* ---- claim: one endpoint ---- */

/* How many of it stand in the list from `first` on. */
static int64_t taken_of(const struct claiming *c, const struct waiting *e, size_t first)
{
    int64_t taken = 0;

    for (size_t i = first; i < c->count; i++)
        taken +=
            str_eq(c->list[i].endpoint_id, e->endpoint_id) && str_eq(c->list[i].tenant, e->tenant);
    return taken;
}

/* How many places it has left; those of this round are not yet sending. *again_us: when to look
 * again if that is none. Whoever frees a place lines it up, and at the latest the end of all leases
 * does. */
static enum err places_left(struct claiming *c, const struct waiting *e, unsigned *limit,
                            int64_t *again_us)
{
    struct db_rows rows = {0};
    int64_t used;
    bool is_untold;
    enum err err = db_query_one(c->tx->db, &count_sending, DB_ARGS(db_int(e->endpoint_no)), &rows);

    if (err)
        return err;
    used = db_get_int(&rows, 0) + taken_of(c, e, c->sending);
    is_untold = !db_is_null(&rows, 1) && db_get_int(&rows, 1) < e->updated_us + UNTOLD_US;
    *again_us = c->tx->now_us + (is_untold ? UNTOLD_LOOK_US : c->claim->lease_us);
    if (used + (int64_t)*limit > e->in_flight_max)
        *limit = used < e->in_flight_max ? (unsigned)(e->in_flight_max - used) : 0;
    return db_rows_end(&rows);
}

/* Lowers *limit to what its rest, its rate and its places allow. *again_us: when to look again if
 * that is nothing; 0: it is not to stand in line at all. */
static enum err allowance(struct claiming *c, const struct waiting *e, unsigned *limit,
                          int64_t *again_us)
{
    int64_t now_us = c->tx->now_us;
    enum err err = OK;

    *again_us = 0;
    if (!e->is_active || e->rest_until_us > now_us) {
        *limit = 0;
        *again_us = e->is_active ? e->rest_until_us : 0;
        return OK;
    }
    if (e->is_probing) {
        *again_us = now_us;
        *limit = taken_of(c, e, 0) ? 0 : 1;
    }
    if (e->bucket.per_s > 0) {
        *limit = bucket_room(&e->bucket, e->full_us, now_us, *limit);
        *again_us = bucket_ready_us(&e->bucket, e->full_us);
    }
    if (*limit && e->in_flight_max)
        err = places_left(c, e, limit, again_us);
    return err;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Where an endpoint has few places or a rate, each of them is wanted by all its lines: while first
 * tries wait, at most every second goes to a retry, every eighth to what is sent once more. */
static unsigned part_of(const struct waiting *e, enum outbox_line line, unsigned limit,
                        int64_t now_us)
{
    bool is_limited = e->bucket.per_s > 0 || e->in_flight_max > 0;
    unsigned parts = line == OUTBOX_REPLAY ? 8 : 2;
    int64_t since = line == OUTBOX_REPLAY ? e->since_replay : e->since_retry;

    if (!is_limited || line == OUTBOX_FRESH || e->fresh_us == 0 || e->fresh_us > now_us)
        return limit;
    if (since < parts - 1)
        return 0;
    return limit > parts ? limit / parts : limit > 0;
}

static void count_turns(struct waiting *e, enum outbox_line line, size_t taken)
{
    if (taken == 0)
        return;
    if (line == OUTBOX_FRESH) {
        e->since_retry += (int64_t)taken;
        e->since_replay += (int64_t)taken;
    } else if (line == OUTBOX_RETRY) {
        e->since_retry = 0;
    } else {
        e->since_replay = 0;
    }
}

/* What it may have of this line, and where it stands then: `args` of the statement `place`. */
static enum err take_turn(struct claiming *c, struct waiting *e, enum outbox_line line,
                          unsigned limit, struct db_value *args)
{
    int64_t now_us = c->tx->now_us, again_us = 0, left_us = 0;
    size_t before = c->count;
    enum err err = allowance(c, e, &limit, &again_us);

    if (limit) {
        limit = part_of(e, line, limit, now_us);
        again_us = now_us;
    }
    if (!err && limit)
        err = due_take(c, e, line, limit, &left_us);
    if (e->bucket.per_s > 0)
        e->full_us = bucket_take(&e->bucket, e->full_us, now_us, (unsigned)(c->count - before));
    count_turns(e, line, c->count - before);
    /* Behind all that wait already. */
    if (limit)
        again_us = left_us ? later(left_us, now_us) : 0;
    args[0] = db_text(e->tenant);
    args[1] = db_text(e->endpoint_id);
    args[2] = db_int_or_null(again_us);
    args[3] = db_int_or_null(e->full_us);
    args[4] = db_int(e->since_retry);
    args[5] = db_int(e->since_replay);
    return err;
}

/* ---- claim: one lane ---- */

/* Up to `limit` of one line; its endpoints share the places. */
static enum err take_line(struct claiming *c, size_t lane_index, enum outbox_line line,
                          unsigned limit)
{
    struct outbox_claim_lane *lane = &c->claim->lanes[lane_index];
    unsigned endpoints_max = limit < LINE_MAX ? limit : LINE_MAX;
    size_t count = 0, first = c->count, done = 0;
    struct waiting *list = NULL;
    struct db_value *args;
    enum err err;

    if (limit == 0 || c->is_full)
        return OK;
    err = line_read(c, lane->lane, line, endpoints_max, &list, &count);
    if (err || count == 0)
        return err;
    args = ARENA_ARRAY(c->tx->arena, struct db_value, count * PLACE_ARGS);
    while (!err && done < count && !c->is_full) {
        unsigned room = limit - (unsigned)(c->count - first);
        unsigned sharing = (unsigned)(count - done);

        err = take_turn(c, &list[done], line, (room + sharing - 1) / sharing,
                        &args[done * PLACE_ARGS]);
        done++;
    }
    for (size_t i = first; i < c->count; i++)
        c->list[i].lane_index = lane_index;
    lane->taken += (unsigned)(c->count - first);
    return err ? err : db_run_many(c->tx->db, &place[line], args, PLACE_ARGS, done);
}

/* The shares of retries and replays are theirs if they want them; the rest is for first tries. */
static enum err take_lane(struct claiming *c, size_t index)
{
    struct outbox_claim_lane *lane = &c->claim->lanes[index];
    unsigned retries = lane->shares[OUTBOX_RETRY], replays = lane->shares[OUTBOX_REPLAY];
    enum err err;

    REQUIRE(retries + replays <= lane->room);
    lane->taken = 0;
    err = take_line(c, index, OUTBOX_RETRY, retries);
    if (!err)
        err = take_line(c, index, OUTBOX_REPLAY, replays);
    return err ? err : take_line(c, index, OUTBOX_FRESH, lane->room - lane->taken);
}

/* The attempts' ids and numbers are committed with the move, before the first byte. */
static enum err begin_attempts(struct claiming *c)
{
    struct tx *tx = c->tx;
    size_t count = c->count - c->sending;
    struct delivery_take take = {.rows = &c->list[c->sending],
                                 .count = count,
                                 .node = c->claim->node,
                                 .lease_until_us = tx->now_us + c->claim->lease_us};
    int64_t first_id;
    enum err err;

    if (count == 0)
        return OK;
    err = sequence_next(tx, STR("attempt"), (int64_t)count, &first_id);
    if (err)
        return err;
    for (size_t i = 0; i < count; i++) {
        struct outbox_claimed *row = &c->list[c->sending + i];

        row->attempt_id = first_id + (int64_t)i;
        row->claimed_us = tx->now_us;
    }
    c->sending = c->count;
    return delivery_take(tx, &take);
}

static enum err find_next(struct tx *tx, struct outbox_claim_lane *lane)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &next_of_lane, DB_ARGS(db_text(lane->lane)), &rows);

    if (err)
        return err;
    for (int line = 0; line < OUTBOX_LINES; line++)
        lane->next_us[line] = db_get_int(&rows, line);
    return db_rows_end(&rows);
}

/* ---- what is left of the places ---- */

static bool has_more(const struct claiming *c, const struct outbox_claim_lane *lane)
{
    if (c->is_full || lane->taken >= lane->room)
        return false;
    for (int line = 0; line < OUTBOX_LINES; line++)
        if (lane->next_us[line] && lane->next_us[line] <= c->tx->now_us)
            return true;
    return false;
}

/* What a line or an endpoint left of its share is for whoever has more, first tries first; as long
 * as somebody takes it. */
static enum err fill_lane(struct claiming *c, size_t index)
{
    struct outbox_claim_lane *lane = &c->claim->lanes[index];
    unsigned before = lane->room;
    enum err err = find_next(c->tx, lane);

    while (!err && lane->taken != before && has_more(c, lane)) {
        before = lane->taken;
        for (int line = 0; !err && line < OUTBOX_LINES; line++)
            if (lane->next_us[line])
                err = take_line(c, index, (enum outbox_line)line, lane->room - lane->taken);
        if (!err)
            err = begin_attempts(c);
        if (!err)
            err = find_next(c->tx, lane);
    }
    return err;
}

enum err outbox_claim(struct tx *tx, struct outbox_claim *claim, struct arena *arena,
                      struct outbox_claimed **claimed, size_t *count)
{
    struct claiming c = {.tx = tx, .claim = claim, .arena = arena};
    size_t room = 0;
    enum err err = OK;

    REQUIRE(tx->is_write && claim->node.len > 0 && claim->lease_us > 0);
    for (size_t i = 0; i < claim->lane_count; i++)
        room += claim->lanes[i].room;
    c.list = ARENA_ARRAY(arena, struct outbox_claimed, room + 1);
    for (size_t i = 0; !err && i < claim->lane_count; i++)
        err = take_lane(&c, i);
    if (!err)
        err = begin_attempts(&c);
    for (size_t i = 0; !err && i < claim->lane_count; i++)
        err = fill_lane(&c, i);
    if (!err)
        err = due_load_bodies(&c);
    if (!err)
        err = claimed_open_secrets(tx, arena, c.list, c.count);
    *claimed = c.list;
    *count = c.count;
    return err;
}
