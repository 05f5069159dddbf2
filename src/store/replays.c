/* The table replays. */
#include "store/replays.h"

#include "base/json.h"
#include "store/replays_priv.h"

#define FILTER_BYTES_MAX (32 * KIB)
#define COLUMNS                                                                                    \
    "tenant, replay_id, state, filter, url, rate, expected, is_exact, last_id, cursor_id,"         \
    " matched, queued, skipped, failed, next_us, created_us, updated_us, ended_us"

static const struct db_statement count_open = {
    "replays_count_open",
    "SELECT COUNT(*), (SELECT MAX(delivery_id) FROM deliveries WHERE tenant = $1) FROM replays"
    " WHERE tenant = $1 AND ended_us IS NULL",
    NULL};
static const struct db_statement insert_one = {
    "replays_insert",
    "INSERT INTO replays (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0, 0,"
    " $10, $10, $10, NULL)",
    NULL};
static const struct db_statement select_one = {
    "replays_get", "SELECT " COLUMNS " FROM replays WHERE tenant = $1 AND replay_id = $2", NULL};
#define LOCK "SELECT " COLUMNS " FROM replays WHERE tenant = $1 AND replay_id = $2"
static const struct db_statement lock_one = {"replays_lock", LOCK, LOCK " FOR UPDATE"};
static const struct db_statement select_list = {
    "replays_list",
    "SELECT " COLUMNS " FROM replays WHERE tenant = $1 AND created_us < $2"
    " ORDER BY created_us DESC, replay_id LIMIT CAST($3 AS BIGINT)",
    NULL};
static const struct db_statement set_state = {
    "replays_set_state",
    "UPDATE replays SET state = $3, updated_us = $4, next_us = $4,"
    " ended_us = CASE WHEN $3 = 'cancelled' THEN $4 END"
    " WHERE tenant = $1 AND replay_id = $2 AND ended_us IS NULL",
    NULL};
static const struct db_statement next_due = {
    "replays_next_due", "SELECT MIN(next_us) FROM replays WHERE state = 'running'", NULL};
static const struct db_statement select_due = {
    "replays_due",
    "SELECT " COLUMNS " FROM replays WHERE state = 'running' AND next_us <= $1"
    " ORDER BY next_us LIMIT 1",
    NULL};
static const struct db_statement move = {
    "replays_move",
    "UPDATE replays SET state = $4, cursor_id = $5, matched = matched + $6, queued = queued + $7,"
    " skipped = skipped + $8, failed = failed + $9, next_us = $10, updated_us = $11,"
    " ended_us = $12 WHERE tenant = $1 AND replay_id = $2 AND cursor_id = $3"
    " AND state = 'running'",
    NULL};
#define OUTCOME(column, state)                                                                     \
    "(SELECT COUNT(*) FROM (SELECT 1 AS one FROM deliveries WHERE tenant = $1 AND replay_id = $2"  \
    " AND " column " = '" state "' LIMIT CAST($3 AS BIGINT)) x)"
#define OUTCOMES(column)                                                                           \
    "SELECT " OUTCOME(column, "due") " + " OUTCOME(column, "held") ", " OUTCOME(                   \
        column, "done") ", " OUTCOME(column, "dead")
static const struct db_statement select_outcomes = {"replays_outcomes", OUTCOMES("state"),
                                                    OUTCOMES("replay_state")};

static const char *const state_names[REPLAY_STATE_COUNT] = {"running", "paused", "done",
                                                            "cancelled"};

struct str replay_state_name(enum replay_state state)
{
    REQUIRE(state < REPLAY_STATE_COUNT);
    return str_of(state_names[state]);
}

enum err replay_state_parse(struct str name, enum replay_state *state)
{
    for (int i = 0; i < REPLAY_STATE_COUNT; i++) {
        if (!str_eq(name, str_of(state_names[i])))
            continue;
        *state = (enum replay_state)i;
        return OK;
    }
    return ERR_INVALID;
}

/* ---- the filter, as JSON ---- */

struct filter_text {
    const char *key;
    struct str *value;
};

#define FILTER_TEXTS 10

static void filter_texts(struct delivery_filter *f, struct filter_text *texts)
{
    const struct filter_text all[FILTER_TEXTS] = {
        {"object_id", &f->object_id},
        {"endpoint_id", &f->endpoint_id},
        {"webhook_id", &f->webhook_id},
        {"kind", &f->kind},
        {"not_kind", &f->not_kind},
        {"state", &f->state},
        {"replay_id", &f->replay_id},
        {"result", &f->result},
        {"url", &f->url},
        {"text", &f->text},
    };

    memcpy(texts, all, sizeof(all));
}

struct filter_number {
    const char *key;
    int64_t *value;
};

#define FILTER_NUMBERS 4

static void filter_numbers(struct delivery_filter *f, struct filter_number *numbers)
{
    const struct filter_number all[FILTER_NUMBERS] = {{"status_min", &f->status_min},
                                                      {"status_max", &f->status_max},
                                                      {"since_us", &f->since_us},
                                                      {"until_us", &f->until_us}};

    memcpy(numbers, all, sizeof(all));
}

static struct str filter_write(struct arena *arena, struct delivery_filter filter)
{
    struct filter_number numbers[FILTER_NUMBERS];
    struct filter_text texts[FILTER_TEXTS];
    struct json_writer w;
    struct str text;
    struct buf out;

    filter_texts(&filter, texts);
    filter_numbers(&filter, numbers);
    buf_init(&out, FILTER_BYTES_MAX);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    for (size_t i = 0; i < FILTER_TEXTS; i++)
        if (!str_is_none(*texts[i].value))
            json_put_str(&w, texts[i].key, *texts[i].value);
    for (size_t i = 0; i < FILTER_NUMBERS; i++)
        if (*numbers[i].value)
            json_put_i64(&w, numbers[i].key, *numbers[i].value);
    json_end_object(&w);
    REQUIRE(!out.failed); /* each text was checked against a limit */
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static enum err filter_read(struct arena *arena, struct str text, struct delivery_filter *filter)
{
    struct filter_number numbers[FILTER_NUMBERS];
    struct filter_text texts[FILTER_TEXTS];
    const struct json *root = NULL;
    enum err err = json_parse(arena, text, &root, NULL);

    if (err)
        return ERR_IO;
    filter_texts(filter, texts);
    filter_numbers(filter, numbers);
    for (size_t i = 0; i < FILTER_TEXTS; i++)
        *texts[i].value = json_string(json_get(root, texts[i].key));
    for (size_t i = 0; i < FILTER_NUMBERS; i++)
        *numbers[i].value = json_i64(json_get(root, numbers[i].key), 0);
    return OK;
}

/* ---- rows ---- */

static enum err row_read(const struct db_rows *rows, struct arena *arena, struct replay_row *row)
{
    enum err err;

    *row = (struct replay_row){
        .tenant = db_get_keep(rows, 0, arena),
        .replay_id = db_get_keep(rows, 1, arena),
        .url = db_get_keep(rows, 4, arena),
        .per_s = db_get_double(rows, 5),
        .expected = db_get_int(rows, 6),
        .is_exact = db_get_int(rows, 7) != 0,
        .last_id = db_get_int(rows, 8),
        .cursor_id = db_get_int(rows, 9),
        .matched = db_get_int(rows, 10),
        .queued = db_get_int(rows, 11),
        .skipped = db_get_int(rows, 12),
        .failed = db_get_int(rows, 13),
        .next_us = db_get_int(rows, 14),
        .created_us = db_get_int(rows, 15),
        .updated_us = db_get_int(rows, 16),
        .ended_us = db_get_int(rows, 17),
    };
    err = replay_state_parse(db_get_str(rows, 2), &row->state);
    if (!err)
        err = filter_read(arena, db_get_keep(rows, 3, arena), &row->filter);
    row->filter.tenant = row->tenant;
    return err;
}

static enum err query_one(struct tx *tx, const struct db_statement *statement,
                          const struct db_value *args, size_t count, struct arena *arena,
                          struct replay_row *row)
{
    struct db_rows rows = {0};
    enum err ended, err = db_query_one(tx->db, statement, args, count, &rows);

    if (err)
        return err;
    err = row_read(&rows, arena, row);
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

enum err replay_add(struct tx *tx, struct replay_row *r)
{
    struct db_rows rows = {0};
    int64_t open;
    enum err err = db_query_one(tx->db, &count_open, DB_ARGS(db_text(r->tenant)), &rows);

    REQUIRE(tx->is_write);
    REQUIRE(r->per_s >= REPLAY_PER_S_MIN && r->per_s <= REPLAY_PER_S_MAX);
    if (err)
        return err;
    open = db_get_int(&rows, 0);
    r->last_id = db_get_int(&rows, 1);
    err = db_rows_end(&rows);
    if (err)
        return err;
    if (open >= REPLAYS_OPEN_MAX)
        return ERR_LIMIT;
    r->state = REPLAY_RUNNING;
    r->cursor_id = r->matched = r->queued = r->skipped = r->failed = r->ended_us = 0;
    r->next_us = r->created_us = r->updated_us = tx->now_us;
    err = db_run(
        tx->db, &insert_one,
        DB_ARGS(db_text(r->tenant), db_text(r->replay_id), db_text(replay_state_name(r->state)),
                db_text(filter_write(tx->arena, r->filter)), db_text(r->url), db_double(r->per_s),
                db_int(r->expected), db_int(r->is_exact), db_int(r->last_id), db_int(tx->now_us)),
        NULL);
    if (!err)
        tx_notify(tx, TOPIC_REPLAY, r->replay_id);
    return err;
}

enum err replay_get(struct tx *tx, struct str tenant, struct str replay_id, struct arena *arena,
                    struct replay_row *replay)
{
    const struct db_value args[] = {db_text(tenant), db_text(replay_id)};

    return query_one(tx, &select_one, args, ARRAY_LEN(args), arena, replay);
}

enum err replay_list(struct tx *tx, struct str tenant, int64_t before_us, int64_t limit,
                     struct arena *arena, struct replay_list *list)
{
    struct db_rows rows = {0};
    enum err ended, err;

    REQUIRE(limit >= 1 && limit <= REPLAYS_LIST_MAX);
    *list = (struct replay_list){.found = ARENA_ARRAY(arena, struct replay_row, (size_t)limit)};
    err = db_query(tx->db, &select_list, DB_ARGS(db_text(tenant), db_int(before_us), db_int(limit)),
                   &rows);
    if (err)
        return err;
    while (!err && list->count < (size_t)limit && db_next(&rows))
        err = row_read(&rows, arena, &list->found[list->count++]);
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

enum err replay_set_state(struct tx *tx, struct str tenant, struct str replay_id,
                          enum replay_state state)
{
    struct replay_row row;
    int64_t changed = 0;
    enum err err;

    REQUIRE(tx->is_write && state != REPLAY_DONE);
    err = db_run(tx->db, &set_state,
                 DB_ARGS(db_text(tenant), db_text(replay_id), db_text(replay_state_name(state)),
                         db_int(tx->now_us)),
                 &changed);
    if (!err && changed)
        tx_notify(tx, TOPIC_REPLAY, replay_id);
    if (err || changed)
        return err;
    err = replay_get(tx, tenant, replay_id, tx->arena, &row);
    return err ? err : ERR_CONFLICT;
}

enum err replay_outcomes(struct tx *tx, struct str tenant, struct str replay_id,
                         struct replay_outcomes *outcomes)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &select_outcomes,
        DB_ARGS(db_text(tenant), db_text(replay_id), db_int(REPLAY_OUTCOMES_MAX + 1)), &rows);

    if (err)
        return err;
    *outcomes = (struct replay_outcomes){.waiting = db_get_int(&rows, 0),
                                         .done = db_get_int(&rows, 1),
                                         .dead = db_get_int(&rows, 2)};
    if (outcomes->waiting > REPLAY_OUTCOMES_MAX)
        outcomes->waiting = REPLAY_OUTCOMES_MAX + 1;
    return db_rows_end(&rows);
}

enum err replay_next_due(struct tx *tx, int64_t *next_us)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &next_due, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *next_us = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err replay_find_due(struct tx *tx, struct arena *arena, struct replay_row *replay)
{
    const struct db_value args[] = {db_int(tx->now_us)};

    return query_one(tx, &select_due, args, ARRAY_LEN(args), arena, replay);
}

enum err replay_lock(struct tx *tx, struct str tenant, struct str replay_id,
                     struct replay_row *replay)
{
    const struct db_value args[] = {db_text(tenant), db_text(replay_id)};

    return query_one(tx, &lock_one, args, ARRAY_LEN(args), tx->arena, replay);
}

enum err replay_move(struct tx *tx, const struct replay_row *was, const struct replay_row *now)
{
    int64_t changed = 0;
    enum err err;

    REQUIRE(tx->is_write);
    err = db_run(tx->db, &move,
                 DB_ARGS(db_text(was->tenant), db_text(was->replay_id), db_int(was->cursor_id),
                         db_text(replay_state_name(now->state)), db_int(now->cursor_id),
                         db_int(now->matched - was->matched), db_int(now->queued - was->queued),
                         db_int(now->skipped - was->skipped), db_int(now->failed - was->failed),
                         db_int(now->next_us), db_int(tx->now_us), db_int_or_null(now->ended_us)),
                 &changed);
    return !err && changed == 0 ? ERR_CONFLICT : err;
}
