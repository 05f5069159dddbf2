/* The search of the log: a walk over one index, newest first, piece by piece. */
#include "base/buf.h"
#include "store/outbox_query_priv.h"

#define PIECE 2000
#define PIECE_TEXT "2000"
/* Ids of several nodes come from blocks, so that they are a little out of the order of time. */
#define ID_SLACK 5000
#define PATTERN_BYTES_MAX (16 * KIB)

/* ---- the walks ---- */

/* What one index is good for. The condition must name the key ($4), or ask that there is none. */
#define BOUND(condition)                                                                           \
    "SELECT MIN(x.delivery_id), COUNT(*) FROM (SELECT d.delivery_id FROM deliveries d"             \
    " WHERE d.tenant = $1 AND d.delivery_id < $2 AND d.delivery_id >= $3 AND " condition           \
    " ORDER BY d.delivery_id DESC LIMIT " PIECE_TEXT ") x"
#define ROWS(condition)                                                                            \
    OUTBOX_ROW_COLUMNS                                                                             \
    " AND d.delivery_id < $2 AND d.delivery_id >= $3 AND " condition                               \
    " AND (CAST($5 AS TEXT) IS NULL OR d.object_id = $5)"                                          \
    " AND (CAST($6 AS TEXT) IS NULL OR d.endpoint_id = $6)"                                        \
    " AND (CAST($7 AS TEXT) IS NULL OR d.webhook_id = $7)"                                         \
    " AND (CAST($8 AS TEXT) IS NULL OR d.kind = $8)"                                               \
    " AND (CAST($9 AS TEXT) IS NULL OR d.state = $9)"                                              \
    " AND (CAST($10 AS TEXT) IS NULL OR d.last_result = $10)"                                      \
    " AND (CAST($11 AS BIGINT) = 0 OR (d.last_status >= $11 AND d.last_status <= $12))"            \
    " AND (CAST($13 AS TEXT) IS NULL OR LOWER(e.url) LIKE $13 ESCAPE '\\')"                        \
    " AND (CAST($14 AS TEXT) IS NULL OR LOWER(d.state_reason) LIKE $14 ESCAPE '\\'"                \
    " OR EXISTS (SELECT 1 FROM attempts a WHERE a.tenant = d.tenant"                               \
    " AND a.delivery_id = d.delivery_id AND LOWER(a.detail) LIKE $14 ESCAPE '\\'))"                \
    " AND d.created_us >= $15 AND d.created_us < $16"                                              \
    " ORDER BY d.delivery_id DESC LIMIT CAST($17 AS BIGINT)"
#define WALK(name, condition)                                                                      \
    {                                                                                              \
        {"deliveries_bound" name, BOUND(condition), NULL},                                         \
        {                                                                                          \
            "deliveries_rows" name, ROWS(condition), NULL                                          \
        }                                                                                          \
    }
#define NO_KEY " AND CAST($4 AS TEXT) IS NULL"

struct walk {
    struct db_statement bound, rows;
};

enum walk_kind {
    WALK_OBJECT,
    WALK_WEBHOOK,
    WALK_FAILURE,
    WALK_ENDPOINT,
    WALK_DEAD,
    WALK_HELD,
    WALK_OPEN,
    WALK_ALL
};

static const struct walk walks[] = {
    [WALK_OBJECT] = WALK("_of_object", "d.object_id = $4"),
    [WALK_WEBHOOK] = WALK("_of_webhook", "d.webhook_id = $4"),
    [WALK_FAILURE] = WALK("_of_result", "d.last_result = $4 AND d.last_result <> 'delivered'"),
    [WALK_ENDPOINT] = WALK("_of_endpoint", "d.endpoint_id = $4"),
    [WALK_DEAD] = WALK("_dead", "d.state = 'dead'" NO_KEY),
    [WALK_HELD] = WALK("_held", "d.state = 'held'" NO_KEY),
    [WALK_OPEN] = WALK("_open", "d.ended_us IS NULL" NO_KEY),
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
    if (str_eq(filter->state, STR("due")) || str_eq(filter->state, STR("sending")))
        return &walks[WALK_OPEN];
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

struct search {
    struct tx *tx;
    const struct delivery_filter *filter;
    struct arena *arena;
    struct delivery_page *page;
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
    s->lowest = 0;
    if (filter->since_us) {
        err = delivery_id_at(s->tx, filter->tenant, filter->since_us, &id);
        if (!err)
            s->lowest = id > ID_SLACK ? id - ID_SLACK : 0;
    }
    if (!err && filter->until_us) {
        err = delivery_id_at(s->tx, filter->tenant, filter->until_us, &id);
        if (!err && id + ID_SLACK < s->before)
            s->before = id + ID_SLACK;
    }
    return err;
}

/* Where the next piece of the walk ends, this id included; *is_last: nothing is behind it. */
static enum err piece_find(struct search *s, int64_t *bottom, bool *is_last)
{
    struct db_rows rows = {0};
    int64_t count;
    enum err err = db_query_one(
        s->tx->db, &s->walk->bound,
        DB_ARGS(db_text(s->filter->tenant), db_int(s->before), db_int(s->lowest), db_text(s->key)),
        &rows);

    if (err)
        return err;
    *bottom = db_get_int(&rows, 0);
    count = db_get_int(&rows, 1);
    *is_last = count < PIECE;
    s->scanned += count;
    return db_rows_end(&rows);
}

static enum err piece_read(struct search *s, int64_t bottom)
{
    const struct delivery_filter *f = s->filter;
    struct delivery_page *page = s->page;
    struct db_rows rows = {0};
    enum err err = db_query(
        s->tx->db, &s->walk->rows,
        DB_ARGS(db_text(f->tenant), db_int(s->before), db_int(bottom), db_text(s->key),
                db_text(f->object_id), db_text(f->endpoint_id), db_text(f->webhook_id),
                db_text(f->kind), db_text(f->state), db_text(f->result), db_int(f->status_min),
                db_int(f->status_max), db_text(s->url_pattern), db_text(s->text_pattern),
                db_int(f->since_us), db_int(f->until_us ? f->until_us : INT64_MAX),
                db_int(f->limit - (int64_t)page->count)),
        &rows);

    if (err)
        return err;
    while (!err && page->count < (size_t)f->limit && db_next(&rows))
        err = outbox_row_read(&rows, s->arena, &page->found[page->count++]);
    return outbox_rows_end(&rows, err);
}

static enum err search_run(struct search *s)
{
    struct delivery_page *page = s->page;
    bool is_last = false;

    while (!is_last) {
        int64_t bottom = 0;
        enum err err = piece_find(s, &bottom, &is_last);

        if (!err && bottom > 0)
            err = piece_read(s, bottom);
        if (err)
            return err;
        if (page->count == (size_t)s->filter->limit) {
            page->next_before = page->found[page->count - 1].delivery_id;
            return OK;
        }
        s->before = bottom;
        if (!is_last && s->scanned >= OUTBOX_SCAN_MAX) {
            page->next_before = bottom;
            return OK;
        }
    }
    return OK;
}

enum err delivery_search(struct tx *tx, const struct delivery_filter *filter, struct arena *arena,
                         struct delivery_page *page)
{
    struct search s = {.tx = tx, .filter = filter, .arena = arena, .page = page};
    enum err err;

    REQUIRE(filter->limit >= 1 && filter->limit <= OUTBOX_LIST_MAX);
    *page = (struct delivery_page){
        .found = ARENA_ARRAY(arena, struct delivery_row, (size_t)filter->limit)};
    s.walk = walk_choose(filter, &s.key);
    s.url_pattern = outbox_pattern(tx->arena, filter->url);
    s.text_pattern = outbox_pattern(tx->arena, filter->text);
    err = range_find(&s);
    return err ? err : search_run(&s);
}
