/* The search of the log: a walk over one index, newest or oldest first, piece by piece. */
#include "base/buf.h"
#include "store/outbox_marks.h"
#include "store/outbox_query_priv.h"

#define PIECE 2000
#define PIECE_TEXT "2000"
/* Ids of several nodes come from blocks, so that they are a little out of the order of time. */
#define ID_SLACK 5000
#define PATTERN_BYTES_MAX (16 * KIB)

/* ---- the walks ---- */

/* What one index is good for. The condition must name the key ($4), or ask that there is none. */
#define PIECE_OF(extreme, condition, order)                                                        \
    "SELECT " extreme "(x.delivery_id), COUNT(*) FROM (SELECT d.delivery_id FROM deliveries d"     \
    " WHERE d.tenant = $1 AND d.delivery_id < $2 AND d.delivery_id >= $3 AND " condition           \
    " ORDER BY d.delivery_id " order " LIMIT " PIECE_TEXT ") x"
#define FITS(condition)                                                                            \
    " AND d.delivery_id < $2 AND d.delivery_id >= $3 AND " condition                               \
    " AND (CAST($5 AS TEXT) IS NULL OR d.object_id = $5)"                                          \
    " AND (CAST($6 AS TEXT) IS NULL OR d.endpoint_id = $6)"                                        \
    " AND (CAST($7 AS TEXT) IS NULL OR d.webhook_id = $7)"                                         \
    " AND (CAST($8 AS TEXT) IS NULL OR d.kind = $8)"                                               \
    " AND (CAST($9 AS TEXT) IS NULL OR " SENDING_STATE " = $9)"                                    \
    " AND (CAST($10 AS TEXT) IS NULL OR d.last_result = $10)"                                      \
    " AND (CAST($11 AS BIGINT) = 0 OR (d.last_status >= $11 AND d.last_status <= $12))"            \
    " AND (CAST($13 AS TEXT) IS NULL OR LOWER(e.url) LIKE $13 ESCAPE '\\')"                        \
    " AND (CAST($14 AS TEXT) IS NULL OR LOWER(" SENDING_REASON ") LIKE $14 ESCAPE '\\'"            \
    " OR EXISTS (SELECT 1 FROM attempts a WHERE a.tenant = d.tenant"                               \
    " AND a.delivery_id = d.delivery_id AND LOWER(a.detail) LIKE $14 ESCAPE '\\'))"                \
    " AND d.created_us >= $15 AND d.created_us < $16"                                              \
    " AND (CAST($17 AS TEXT) IS NULL OR d.replay_id = $17)"                                        \
    " AND (CAST($18 AS TEXT) IS NULL OR d.kind <> $18)"
#define ROWS(condition, order)                                                                     \
    OUTBOX_ROW_COLUMNS FITS(condition) " ORDER BY d.delivery_id " order " LIMIT CAST($19 AS "      \
                                       "BIGINT)"
#define COUNT(condition)                                                                           \
    "SELECT COUNT(*) FROM deliveries d" SENDING_JOIN " JOIN endpoints e ON e.tenant = d.tenant"    \
    " AND e.endpoint_id = d.endpoint_id WHERE d.tenant = $1" FITS(condition)
#define WALK(name, condition) WALK_BY(name, condition, condition)
#define WALK_BY(name, sqlite, postgres)                                                            \
    {                                                                                              \
        {[NEWEST_FIRST] = {"deliveries_bound" name, PIECE_OF("MIN", sqlite, "DESC"),               \
                           PIECE_OF("MIN", postgres, "DESC")},                                     \
         [OLDEST_FIRST] = {"deliveries_bound_up" name, PIECE_OF("MAX", sqlite, "ASC"),             \
                           PIECE_OF("MAX", postgres, "ASC")}},                                     \
            {[NEWEST_FIRST] = {"deliveries_rows" name, ROWS(sqlite, "DESC"),                       \
                               ROWS(postgres, "DESC")},                                            \
             [OLDEST_FIRST] = {"deliveries_rows_up" name, ROWS(sqlite, "ASC"),                     \
                               ROWS(postgres, "ASC")}},                                            \
        {                                                                                          \
            "deliveries_count" name, COUNT(sqlite), COUNT(postgres)                                \
        }                                                                                          \
    }
/* Of those that have not ended: what is held is asked for by itself. */
#define STANDS_IN(table)                                                                           \
    "EXISTS (SELECT 1 FROM " table " o WHERE o.delivery_id = d.delivery_id"                        \
    " AND o.delivery_id < $2 AND o.delivery_id >= $3)" NO_KEY
#define NO_KEY " AND CAST($4 AS TEXT) IS NULL"

enum walk_order { NEWEST_FIRST, OLDEST_FIRST, WALK_ORDERS };

struct walk {
    struct db_statement bound[WALK_ORDERS], rows[WALK_ORDERS], count;
};

enum walk_kind {
    WALK_OBJECT,
    WALK_WEBHOOK,
    WALK_REPLAY,
    WALK_FAILURE,
    WALK_ENDPOINT,
    WALK_DEAD,
    WALK_HELD,
    WALK_DUE,
    WALK_SENDING,
    WALK_ALL
};

static const struct walk walks[] = {
    [WALK_OBJECT] = WALK("_of_object", "d.object_id = $4"),
    [WALK_WEBHOOK] = WALK("_of_webhook", "d.webhook_id = $4"),
    [WALK_REPLAY] = WALK("_of_replay", "d.replay_id = $4"),
    [WALK_FAILURE] = WALK_BY("_of_result", "d.last_result = $4 AND d.last_result <> 'delivered'",
                             "d.failure = $4"),
    [WALK_ENDPOINT] = WALK("_of_endpoint", "d.endpoint_id = $4"),
    [WALK_DEAD] = WALK_BY("_dead", MARK_DEAD("d.") NO_KEY, MARK_DEAD_POSTGRES("d.") NO_KEY),
    [WALK_HELD] = WALK_BY("_held", MARK_HELD("d.") NO_KEY, MARK_HELD_POSTGRES("d.") NO_KEY),
    [WALK_DUE] = WALK_BY("_due", "d.ended_us IS NULL" NO_KEY, STANDS_IN("delivery_queue")),
    [WALK_SENDING] =
        WALK_BY("_sending", "d.ended_us IS NULL" NO_KEY, STANDS_IN("delivery_sending")),
    [WALK_ALL] = WALK("_all", "CAST($4 AS TEXT) IS NULL"),
};

/* The most selective first. */
static const struct walk *walk_choose(const struct delivery_filter *filter, struct str *key)
{
    if (!str_is_none(filter->object_id)) {
        *key = filter->object_id;
        return &walks[WALK_OBJECT];
    }
    if (!str_is_none(filter->webhook_id)) {
        *key = filter->webhook_id;
        return &walks[WALK_WEBHOOK];
    }
    if (!str_is_none(filter->replay_id)) {
        *key = filter->replay_id;
        return &walks[WALK_REPLAY];
    }
    if (!str_is_none(filter->result) && !str_eq(filter->result, STR("delivered"))) {
        *key = filter->result;
        return &walks[WALK_FAILURE];
    }
    if (!str_is_none(filter->endpoint_id)) {
        *key = filter->endpoint_id;
        return &walks[WALK_ENDPOINT];
    }
    *key = STR_NONE;
    if (str_eq(filter->state, STR("dead")))
        return &walks[WALK_DEAD];
    if (str_eq(filter->state, STR("held")))
        return &walks[WALK_HELD];
    if (str_eq(filter->state, STR("due")))
        return &walks[WALK_DUE];
    if (str_eq(filter->state, STR("sending")))
        return &walks[WALK_SENDING];
    return &walks[WALK_ALL];
}

/* ---- from times to ids ---- */

static const struct db_statement id_last = {
    "deliveries_id_last", "SELECT MAX(delivery_id) FROM deliveries WHERE tenant = $1", NULL};
static const struct db_statement id_from = {
    "deliveries_id_from",
    "SELECT delivery_id, created_us FROM deliveries WHERE tenant = $1 AND delivery_id >= $2"
    " ORDER BY delivery_id LIMIT 1",
    NULL};

/* Ids rise with time, so that halving finds the place without an index of its own. */
enum err delivery_id_at(struct tx *tx, struct str tenant, int64_t created_us, int64_t *delivery_id)
{
    struct db_rows rows = {0};
    int64_t low = 1, high;
    enum err err = db_query_one(tx->db, &id_last, DB_ARGS(db_text(tenant)), &rows);

    if (err)
        return err;
    high = db_get_int(&rows, 0) + 1;
    err = db_rows_end(&rows);
    *delivery_id = high;
    while (!err && low < high) {
        int64_t middle = low + (high - low) / 2, id, at_us;

        err = db_query_one(tx->db, &id_from, DB_ARGS(db_text(tenant), db_int(middle)), &rows);
        if (err)
            break;
        id = db_get_int(&rows, 0);
        at_us = db_get_int(&rows, 1);
        err = db_rows_end(&rows);
        if (at_us >= created_us)
            high = middle;
        else
            low = id + 1;
        *delivery_id = high;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

/* ---- the search ---- */

#define FIT_ARGS 18

struct search {
    struct tx *tx;
    const struct delivery_filter *filter;
    enum walk_order order;
    const struct walk *walk;
    struct str key;
    struct str url_pattern, text_pattern;
    int64_t before, lowest; /* ids still to be looked at: [lowest, before) */
    int64_t scanned;
};

struct str outbox_pattern(struct arena *arena, struct str part)
{
    struct str pattern;
    struct buf out;

    if (str_is_none(part))
        return STR_NONE;
    buf_init(&out, PATTERN_BYTES_MAX);
    buf_add_char(&out, '%');
    for (size_t i = 0; i < part.len && i < PATTERN_BYTES_MAX / 4; i++) {
        char c = part.data[i];

        if (c == '%' || c == '_' || c == '\\')
            buf_add_char(&out, '\\');
        buf_add_char(&out, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    buf_add_char(&out, '%');
    pattern = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return pattern;
}

static enum err range_find(struct search *s)
{
    const struct delivery_filter *filter = s->filter;
    int64_t id;
    enum err err = OK;

    s->before = filter->before_id > 0 ? filter->before_id : INT64_MAX;
    s->lowest = filter->after_id + 1;
    if (filter->since_us) {
        err = delivery_id_at(s->tx, filter->tenant, filter->since_us, &id);
        if (!err && id - ID_SLACK > s->lowest)
            s->lowest = id - ID_SLACK;
    }
    if (!err && filter->until_us) {
        err = delivery_id_at(s->tx, filter->tenant, filter->until_us, &id);
        if (!err && id < INT64_MAX - ID_SLACK && id + ID_SLACK < s->before)
            s->before = id + ID_SLACK;
    }
    return err;
}

static enum err search_begin(struct search *s, struct tx *tx, const struct delivery_filter *filter)
{
    *s = (struct search){.tx = tx,
                         .filter = filter,
                         .order = filter->is_oldest_first ? OLDEST_FIRST : NEWEST_FIRST,
                         .url_pattern = outbox_pattern(tx->arena, filter->url),
                         .text_pattern = outbox_pattern(tx->arena, filter->text)};
    s->walk = walk_choose(filter, &s->key);
    return range_find(s);
}

/* The ids [low, high) of a piece. */
struct piece {
    int64_t low, high;
    bool is_last; /* nothing is behind it */
};

/* The next one of the walk, which moves on behind it. */
static enum err piece_take(struct search *s, struct piece *piece)
{
    struct db_rows rows = {0};
    int64_t count, end;
    enum err err = db_query_one(
        s->tx->db, &s->walk->bound[s->order],
        DB_ARGS(db_text(s->filter->tenant), db_int(s->before), db_int(s->lowest), db_text(s->key)),
        &rows);

    if (err)
        return err;
    end = db_get_int(&rows, 0);
    count = db_get_int(&rows, 1);
    s->scanned += count;
    *piece = (struct piece){s->lowest, s->before, count < PIECE};
    if (count == 0)
        piece->low = piece->high;
    else if (s->order == NEWEST_FIRST)
        s->before = piece->low = end;
    else
        s->lowest = piece->high = end + 1;
    return db_rows_end(&rows);
}

static void fit_args(const struct search *s, const struct piece *piece, struct db_value *args)
{
    const struct delivery_filter *f = s->filter;
    const struct db_value values[FIT_ARGS] = {
        db_text(f->tenant),      db_int(piece->high),
        db_int(piece->low),      db_text(s->key),
        db_text(f->object_id),   db_text(f->endpoint_id),
        db_text(f->webhook_id),  db_text(f->kind),
        db_text(f->state),       db_text(f->result),
        db_int(f->status_min),   db_int(f->status_max),
        db_text(s->url_pattern), db_text(s->text_pattern),
        db_int(f->since_us),     db_int(f->until_us ? f->until_us : INT64_MAX),
        db_text(f->replay_id),   db_text(f->not_kind),
    };

    memcpy(args, values, sizeof(values));
}

static enum err piece_read(struct search *s, const struct piece *piece, struct arena *arena,
                           struct delivery_page *page)
{
    size_t limit = (size_t)s->filter->limit;
    struct db_value args[FIT_ARGS + 1];
    struct db_rows rows = {0};
    enum err err;

    fit_args(s, piece, args);
    args[FIT_ARGS] = db_int((int64_t)(limit - page->count));
    err = db_query(s->tx->db, &s->walk->rows[s->order], args, ARRAY_LEN(args), &rows);
    if (err)
        return err;
    while (!err && page->count < limit && db_next(&rows))
        err = outbox_row_read(&rows, arena, &page->found[page->count++]);
    return outbox_rows_end(&rows, err);
}

static enum err search_run(struct search *s, struct arena *arena, struct delivery_page *page)
{
    struct piece piece = {0};

    while (!piece.is_last) {
        enum err err = piece_take(s, &piece);

        if (!err && piece.low < piece.high)
            err = piece_read(s, &piece, arena, page);
        if (err)
            return err;
        if (page->count == (size_t)s->filter->limit) {
            page->next = page->found[page->count - 1].delivery_id;
            return OK;
        }
        if (!piece.is_last && s->scanned >= OUTBOX_SCAN_MAX) {
            page->next = s->order == NEWEST_FIRST ? s->before : s->lowest - 1;
            return OK;
        }
    }
    return OK;
}

enum err delivery_search(struct tx *tx, const struct delivery_filter *filter, struct arena *arena,
                         struct delivery_page *page)
{
    struct search s;
    enum err err = search_begin(&s, tx, filter);

    REQUIRE(filter->limit >= 1 && filter->limit <= OUTBOX_LIST_MAX);
    *page = (struct delivery_page){
        .found = ARENA_ARRAY(arena, struct delivery_row, (size_t)filter->limit)};
    return err ? err : search_run(&s, arena, page);
}

static enum err piece_count(struct search *s, const struct piece *piece, int64_t *matched)
{
    struct db_value args[FIT_ARGS];
    struct db_rows rows = {0};
    enum err err;

    fit_args(s, piece, args);
    err = db_query_one(s->tx->db, &s->walk->count, args, ARRAY_LEN(args), &rows);
    if (err)
        return err;
    *matched += db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err delivery_count(struct tx *tx, const struct delivery_filter *filter,
                        struct delivery_counted *counted)
{
    struct piece piece = {0};
    struct search s;
    enum err err = search_begin(&s, tx, filter);

    *counted = (struct delivery_counted){0};
    while (!err && !piece.is_last) {
        err = piece_take(&s, &piece);
        if (!err && piece.low < piece.high)
            err = piece_count(&s, &piece, &counted->matched);
        if (!err && !piece.is_last && s.scanned >= OUTBOX_SCAN_MAX) {
            counted->next = s.order == NEWEST_FIRST ? s.before : s.lowest - 1;
            return OK;
        }
    }
    return err;
}
