/* Items by likeness: every item of the prefix that has vectors is looked at, the best are kept. */
#include "store/items_priv.h"

#include "store/item_match.h"
#include "store/item_vectors.h"

#define PAGE 200
#define ALIKE                                                                                      \
    "SELECT namespace, item_key, vectors, CASE WHEN CAST($9 AS BIGINT) = 1 THEN value END"         \
    " FROM items WHERE tenant = $1 AND namespace >= $3 AND namespace < $4" ITEMS_ALIVE             \
    " AND vectors IS NOT NULL AND (namespace, item_key) > ($6, $7)"
#define ALIKE_END " ORDER BY namespace, item_key LIMIT CAST($8 AS BIGINT)"

static const struct db_statement alike_some = {
    "items_alike", ALIKE " AND (CAST($5 AS TEXT) IS NULL OR json_contains(value, $5))" ALIKE_END,
    ALIKE " AND (CAST($5 AS TEXT) IS NULL OR value::jsonb @> CAST($5 AS jsonb))" ALIKE_END};

struct match {
    double score;
    struct str namespace_text, key;
};

struct scan {
    const struct item_filter *filter;
    const struct json *wanted; /* a filter with operators; NULL: none */
    struct arena *arena;
    struct match *best; /* the greatest score first */
    size_t count, room;
    struct str namespace_text, key; /* where the next page begins */
    int64_t seen;
};

/* What is as good as one that came before goes behind it. */
static void keep(struct scan *scan, double score, struct str namespace_text, struct str key)
{
    size_t low = 0, high = scan->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (scan->best[middle].score >= score)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == scan->room)
        return;
    if (scan->count < scan->room)
        scan->count++;
    memmove(&scan->best[low + 1], &scan->best[low],
            (scan->count - 1 - low) * sizeof(scan->best[0]));
    scan->best[low] =
        (struct match){score, arena_str(scan->arena, namespace_text), arena_str(scan->arena, key)};
}

static enum err value_fits(const struct scan *scan, struct str text, bool *fits)
{
    const struct json *value;
    struct arena arena;
    enum err err;

    *fits = true;
    if (!scan->wanted)
        return OK;
    arena_init(&arena);
    err = json_parse(&arena, text, &value, NULL);
    if (!err)
        *fits = item_matches(value, scan->wanted);
    arena_release(&arena);
    return err;
}

static enum err row_look(struct scan *scan, const struct db_rows *rows)
{
    double score;
    bool fits;
    enum err err;

    if (!item_vectors_score(db_get_str(rows, 2), scan->filter->vector, &score))
        return OK;
    err = value_fits(scan, db_get_str(rows, 3), &fits);
    if (!err && fits)
        keep(scan, score, db_get_str(rows, 0), db_get_str(rows, 1));
    return err;
}

static enum err page_look(struct tx *tx, struct scan *scan, int64_t *count)
{
    const struct item_filter *filter = scan->filter;
    struct str contained = scan->wanted ? STR_NONE : filter->value;
    struct db_rows rows = {0};
    enum err err, end;

    *count = 0;
    err = db_query(tx->db, &alike_some,
                   DB_ARGS(db_text(filter->tenant), db_int(tx->now_us), db_text(filter->prefix),
                           db_text(items_prefix_end(tx->arena, filter->prefix)), db_text(contained),
                           db_text(scan->namespace_text), db_text(scan->key), db_int(PAGE),
                           db_int(scan->wanted ? 1 : 0)),
                   &rows);
    if (err)
        return err;
    while (!err && db_next(&rows)) {
        err = row_look(scan, &rows);
        if (++*count == PAGE) {
            scan->namespace_text = db_get_keep(&rows, 0, scan->arena);
            scan->key = db_get_keep(&rows, 1, scan->arena);
        }
    }
    end = db_rows_end(&rows);
    return err ? err : end;
}

static enum err matches_get(struct tx *tx, const struct scan *scan, struct items *found)
{
    enum err err = OK;

    for (size_t i = (size_t)scan->filter->offset; !err && i < scan->count; i++) {
        const struct match *match = &scan->best[i];
        struct item *item = &found->list[found->count++];

        err = item_get(tx, scan->filter->tenant, match->namespace_text, match->key, scan->arena,
                       item);
        item->has_score = true;
        item->score = match->score;
    }
    return err;
}

enum err items_search_alike(struct tx *tx, const struct item_filter *filter,
                            const struct json *wanted, struct arena *arena, struct items *found)
{
    struct scan scan = {.filter = filter,
                        .wanted = wanted,
                        .arena = arena,
                        .namespace_text = STR(""),
                        .key = STR("")};
    int64_t count = 0;
    enum err err = OK;

    if (filter->offset > ITEM_ALIKE_OFFSET_MAX)
        return ERR_LIMIT;
    scan.room = (size_t)(filter->offset + filter->limit);
    scan.best = ARENA_ARRAY(arena, struct match, scan.room + 1);
    do {
        err = page_look(tx, &scan, &count);
        scan.seen += count;
        if (!err && scan.seen > ITEM_ALIKE_SCAN_MAX)
            err = ERR_LIMIT;
    } while (!err && count == PAGE);
    *found = (struct items){ARENA_ARRAY(arena, struct item, (size_t)filter->limit + 1), 0};
    return err ? err : matches_get(tx, &scan, found);
}
