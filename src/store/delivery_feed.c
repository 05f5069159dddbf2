/* The feed of changes: written with each change, read by position. */
#include "store/delivery_feed.h"

#include "base/json.h"
#include "store/outbox_query_priv.h"
#include "store/sequence.h"

#define ROW_BYTES_MAX (64 * KIB)
#define FOUND_MAX (FEED_READ_MAX + FEED_ROW_MAX)

/* changes: [[delivery_id, attempt_id, "state"], …] */
static const struct db_statement feed_insert = {
    "feed_insert",
    "INSERT INTO delivery_feed (position, count, changes, at_us) VALUES ($1, $2, $3, $4)", NULL};
static const struct db_statement feed_last = {"feed_last",
                                              "SELECT MAX(position) FROM delivery_feed", NULL};
static const struct db_statement feed_bound = {
    "feed_bound",
    "SELECT position, count FROM delivery_feed WHERE position > $1 ORDER BY position LIMIT $2",
    NULL};
#define CHANGES(position, state, attempt_id, delivery_id, unfolded)                                \
    "SELECT * FROM (SELECT " position " AS at, f.at_us, " state " AS state, " attempt_id           \
    ", d.delivery_id FROM delivery_feed f " unfolded                                               \
    " JOIN deliveries d ON d.delivery_id = " delivery_id                                           \
    " JOIN endpoints e ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id"                   \
    " WHERE f.position > $1 AND f.position <= $2 AND d.tenant = $3"                                \
    " AND (CAST($4 AS TEXT) IS NULL OR d.object_id = $4)"                                          \
    " AND (CAST($5 AS TEXT) IS NULL OR d.endpoint_id = $5)"                                        \
    " AND (CAST($6 AS TEXT) IS NULL OR d.webhook_id = $6)"                                         \
    " AND (CAST($7 AS TEXT) IS NULL OR d.kind = $7)"                                               \
    " AND (CAST($10 AS TEXT) IS NULL OR d.replay_id = $10)"                                        \
    " AND (CAST($11 AS TEXT) IS NULL OR d.kind <> $11)"                                            \
    " AND (CAST($9 AS TEXT) IS NULL OR LOWER(e.url) LIKE $9 ESCAPE '\\')) x"                       \
    " WHERE x.at > $1 AND (CAST($8 AS TEXT) IS NULL OR x.state = $8) ORDER BY x.at"
static const struct db_statement feed_select = {
    "feed_select",
    CHANGES("f.position - f.count + 1 + c.key", "json_extract(c.value, '$[2]')",
            "json_extract(c.value, '$[1]')", "json_extract(c.value, '$[0]')",
            "CROSS JOIN json_each(f.changes) c"),
    CHANGES("f.position - f.count + c.n", "c.value->>2", "CAST(c.value->>1 AS BIGINT)",
            "CAST(c.value->>0 AS BIGINT)",
            "CROSS JOIN LATERAL json_array_elements(CAST(f.changes AS JSON))"
            " WITH ORDINALITY AS c(value, n)")};
static const struct db_statement feed_delete = {
    "feed_delete",
    "DELETE FROM delivery_feed WHERE position IN (SELECT position FROM delivery_feed"
    " WHERE at_us < $1 OR position < $2 ORDER BY position LIMIT CAST($3 AS BIGINT))",
    NULL};

static struct str changes_write(struct arena *arena, const struct delivery_change *changes,
                                size_t count)
{
    struct json_writer w;
    struct buf out;
    struct str text;

    buf_init(&out, ROW_BYTES_MAX);
    json_writer_init(&w, &out);
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++) {
        json_begin_array(&w);
        json_i64_out(&w, changes[i].delivery_id);
        json_i64_out(&w, changes[i].attempt_id);
        json_str_out(&w, delivery_state_name(changes[i].state));
        json_end_array(&w);
    }
    json_end_array(&w);
    REQUIRE(!out.failed);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

enum err delivery_feed_add(struct tx *tx, const struct delivery_change *changes, size_t count)
{
    int64_t first = 0;
    enum err err;

    if (count == 0)
        return OK;
    err = sequence_next_serial(tx, STR("delivery_feed"), (int64_t)count, &first);
    for (size_t done = 0; !err && done < count;) {
        size_t part = count - done < FEED_ROW_MAX ? count - done : FEED_ROW_MAX;
        struct str text = changes_write(tx->arena, &changes[done], part);

        done += part;
        err = db_run(tx->db, &feed_insert,
                     DB_ARGS(db_int(first + (int64_t)done - 1), db_int((int64_t)part),
                             db_text(text), db_int(tx->now_us)),
                     NULL);
    }
    if (!err)
        tx_notify(tx, TOPIC_DELIVERY_LOG, STR_NONE);
    return err;
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

/* The position of the row that completes the next FEED_READ_MAX changes; ERR_NOT_FOUND: there are
 * none. */
static enum err bound_find(struct tx *tx, int64_t after, int64_t *last, bool *more)
{
    struct db_rows rows = {0};
    enum err err =
        db_query(tx->db, &feed_bound, DB_ARGS(db_int(after), db_int(FEED_READ_MAX)), &rows);
    int64_t count = 0;

    if (err)
        return err;
    while (count < FEED_READ_MAX && db_next(&rows)) {
        *last = db_get_int(&rows, 0);
        count += db_get_int(&rows, 1);
    }
    *more = count >= FEED_READ_MAX;
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
                         db_text(f->state), db_text(outbox_pattern(tx->arena, f->url)),
                         db_text(f->replay_id), db_text(f->not_kind)),
                 &rows);

    if (err)
        return err;
    for (*count = 0; !err && *count < FOUND_MAX && db_next(&rows); ++*count) {
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
    struct change *changes = ARENA_ARRAY(tx->arena, struct change, FOUND_MAX);
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
