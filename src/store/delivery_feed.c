/* The feed of changes: written with each change, read by position. */
#include "store/delivery_feed.h"

#include "store/outbox_query_priv.h"
#include "store/sequence.h"

#define READ_MAX_TEXT "500"
static_assert(FEED_READ_MAX == 500, "the texts below say it too");

/* The state comes from the row: a change that was too late to be made is told as what is. */
static const struct db_statement feed_insert = {
    "feed_insert",
    "INSERT INTO delivery_feed (position, delivery_id, attempt_id, state, at_us)"
    " SELECT CAST($1 AS BIGINT), delivery_id, CAST($3 AS BIGINT), state, CAST($4 AS BIGINT)"
    " FROM deliveries WHERE delivery_id = $2",
    NULL};
static const struct db_statement feed_last = {"feed_last",
                                              "SELECT MAX(position) FROM delivery_feed", NULL};
static const struct db_statement feed_bound = {
    "feed_bound",
    "SELECT MAX(x.position), COUNT(*) FROM (SELECT position FROM delivery_feed"
    " WHERE position > $1 ORDER BY position LIMIT " READ_MAX_TEXT ") x",
    NULL};
static const struct db_statement feed_select = {
    "feed_select",
    "SELECT f.position, f.at_us, f.state, f.attempt_id, f.delivery_id FROM delivery_feed f"
    " JOIN deliveries d ON d.delivery_id = f.delivery_id"
    " JOIN endpoints e ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id"
    " WHERE f.position > $1 AND f.position <= $2 AND d.tenant = $3"
    " AND (CAST($4 AS TEXT) IS NULL OR d.object_id = $4)"
    " AND (CAST($5 AS TEXT) IS NULL OR d.endpoint_id = $5)"
    " AND (CAST($6 AS TEXT) IS NULL OR d.webhook_id = $6)"
    " AND (CAST($7 AS TEXT) IS NULL OR d.kind = $7)"
    " AND (CAST($8 AS TEXT) IS NULL OR f.state = $8)"
    " AND (CAST($9 AS TEXT) IS NULL OR LOWER(e.url) LIKE $9 ESCAPE '\\')"
    " ORDER BY f.position",
    NULL};
static const struct db_statement feed_delete = {
    "feed_delete",
    "DELETE FROM delivery_feed WHERE position IN (SELECT position FROM delivery_feed"
    " WHERE at_us < $1 OR position < $2 ORDER BY position LIMIT CAST($3 AS BIGINT))",
    NULL};

enum err delivery_feed_add(struct tx *tx, const struct delivery_change *changes, size_t count)
{
    struct db_value *args;
    int64_t position = 0;
    enum err err;

    if (count == 0)
        return OK;
    err = sequence_next_serial(tx, STR("delivery_feed"), (int64_t)count, &position);
    if (err)
        return err;
    args = ARENA_ARRAY(tx->arena, struct db_value, count * 4);
    for (size_t i = 0; i < count; i++) {
        args[i * 4] = db_int(position + (int64_t)i);
        args[i * 4 + 1] = db_int(changes[i].delivery_id);
        args[i * 4 + 2] = db_int_or_null(changes[i].attempt_id);
        args[i * 4 + 3] = db_int(tx->now_us);
    }
    tx_notify(tx, TOPIC_DELIVERY_LOG, STR_NONE);
    return db_run_many(tx->db, &feed_insert, args, 4, count);
}

enum err delivery_feed_last(struct tx *tx, int64_t *position)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &feed_last, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *position = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

/* ---- reading ---- */

struct change {
    int64_t position, at_us, attempt_id, delivery_id;
    enum delivery_state state;
};

/* The last position of the next FEED_READ_MAX; ERR_NOT_FOUND: there are none. */
static enum err bound_find(struct tx *tx, int64_t after, int64_t *last, bool *more)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &feed_bound, DB_ARGS(db_int(after)), &rows);
    int64_t count;

    if (err)
        return err;
    count = db_get_int(&rows, 1);
    if (count > 0)
        *last = db_get_int(&rows, 0);
    *more = count == FEED_READ_MAX;
    err = db_rows_end(&rows);
    return !err && count == 0 ? ERR_NOT_FOUND : err;
}

static enum err changes_find(struct tx *tx, const struct delivery_filter *f, int64_t after,
                             int64_t last, struct change *found, size_t *count)
{
    struct db_rows rows = {0};
    enum err err =
        db_query(tx->db, &feed_select,
                 DB_ARGS(db_int(after), db_int(last), db_text(f->tenant), db_text(f->object_id),
                         db_text(f->endpoint_id), db_text(f->webhook_id), db_text(f->kind),
                         db_text(f->state), db_text(outbox_pattern(tx->arena, f->url))),
                 &rows);

    if (err)
        return err;
    for (*count = 0; !err && *count < FEED_READ_MAX && db_next(&rows); ++*count) {
        struct change *change = &found[*count];

        *change = (struct change){.position = db_get_int(&rows, 0),
                                  .at_us = db_get_int(&rows, 1),
                                  .attempt_id = db_get_int(&rows, 3),
                                  .delivery_id = db_get_int(&rows, 4)};
        err = delivery_state_parse(db_get_str(&rows, 2), &change->state);
    }
    return outbox_rows_end(&rows, err);
}

static bool status_fits(const struct delivery_filter *filter, const struct feed_row *row)
{
    if (!str_is_none(filter->result) &&
        (!row->has_attempt || !str_eq(row->attempt.result, filter->result)))
        return false;
    return filter->status_min == 0 ||
           (row->has_attempt && row->attempt.status >= filter->status_min &&
            row->attempt.status <= filter->status_max);
}

static enum err row_fill(struct tx *tx, const struct change *change, struct str tenant,
                         struct arena *arena, struct feed_row *row)
{
    enum err err;

    *row = (struct feed_row){
        .position = change->position, .at_us = change->at_us, .state = change->state};
    err = delivery_get(tx, tenant, change->delivery_id, arena, &row->delivery);
    if (err || !change->attempt_id)
        return err;
    err = attempt_get(tx, change->attempt_id, arena, &row->attempt);
    row->has_attempt = !err;
    return err == ERR_NOT_FOUND ? OK : err; /* attempts may be kept shorter than the feed */
}

enum err delivery_feed_read(struct tx *tx, const struct delivery_filter *filter,
                            struct arena *arena, struct feed_page *page)
{
    struct change *changes = ARENA_ARRAY(tx->arena, struct change, FEED_READ_MAX);
    size_t changed = 0, n = 0;
    int64_t last = page->position;
    enum err err = bound_find(tx, page->position, &last, &page->more);

    if (!err)
        err = changes_find(tx, filter, page->position, last, changes, &changed);
    if (err && err != ERR_NOT_FOUND)
        return err;
    page->found = ARENA_ARRAY(arena, struct feed_row, changed + 1);
    for (size_t i = 0; i < changed; i++) {
        err = row_fill(tx, &changes[i], filter->tenant, arena, &page->found[n]);
        if (err && err != ERR_NOT_FOUND)
            return err;
        n += !err && status_fits(filter, &page->found[n]);
    }
    page->position = last;
    page->count = n;
    return OK;
}

enum err delivery_feed_trim(struct tx *tx, int64_t limit, int64_t *deleted)
{
    int64_t last = 0;
    enum err err = delivery_feed_last(tx, &last);

    if (err)
        return err;
    return db_run(
        tx->db, &feed_delete,
        DB_ARGS(db_int(tx->now_us - FEED_AGE_US), db_int(last - FEED_ROWS_MAX), db_int(limit)),
        deleted);
}
