/* The table items. */
#include "store/items_priv.h"

#include "store/item_match.h"

#define SCAN_PAGE 500 /* items looked at together for a filter with operators */
#define COLUMNS "namespace, item_key, value, created_us, updated_us, ttl_us"
/* The namespaces that start with a prefix are one range: from the prefix to the prefix with its end
 * raised. */
#define BELOW " FROM items WHERE tenant = $1 AND namespace >= $3 AND namespace < $4" ITEMS_ALIVE

static const struct db_statement get_one = {
    "items_get",
    "SELECT " COLUMNS
    " FROM items WHERE tenant = $1 AND namespace = $3 AND item_key = $4" ITEMS_ALIVE,
    NULL};
/* One that has expired and is still there is a new one. */
static const struct db_statement put_one = {
    "items_put",
    "INSERT INTO items (tenant, namespace, item_key, value, created_us, updated_us, ttl_us, "
    "expires_us, vectors)"
    " VALUES ($1, $2, $3, $4, $5, $5, $6, CAST($5 AS BIGINT) + CAST($6 AS BIGINT), $7)"
    " ON CONFLICT (tenant, namespace, item_key) DO UPDATE SET"
    " value = excluded.value, ttl_us = excluded.ttl_us, expires_us = excluded.expires_us,"
    " vectors = excluded.vectors,"
    " created_us = CASE WHEN items.expires_us <= excluded.created_us THEN excluded.created_us"
    " ELSE items.created_us END,"
    " updated_us = CASE WHEN excluded.updated_us < items.updated_us + 1000 THEN items.updated_us + "
    "1000"
    " ELSE excluded.updated_us END",
    NULL};
static const struct db_statement refresh_one = {
    "items_refresh",
    "UPDATE items SET expires_us = CAST($2 AS BIGINT) + ttl_us"
    " WHERE tenant = $1 AND namespace = $3 AND item_key = $4 AND ttl_us IS NOT NULL" ITEMS_ALIVE,
    NULL};
static const struct db_statement delete_one = {
    "items_delete", "DELETE FROM items WHERE tenant = $1 AND namespace = $2 AND item_key = $3",
    NULL};
#define SEARCH_END                                                                                 \
    " ORDER BY updated_us DESC, namespace, item_key LIMIT CAST($6 AS BIGINT) OFFSET CAST($7 AS "   \
    "BIGINT)"
static const struct db_statement search_some = {
    "items_search",
    "SELECT " COLUMNS BELOW
    " AND (CAST($5 AS TEXT) IS NULL OR json_contains(value, $5))" SEARCH_END,
    "SELECT " COLUMNS BELOW
    " AND (CAST($5 AS TEXT) IS NULL OR value::jsonb @> CAST($5 AS jsonb))" SEARCH_END};
static const struct db_statement namespaces = {
    "items_namespaces",
    "SELECT DISTINCT namespace" BELOW " ORDER BY namespace LIMIT CAST($5 AS BIGINT)", NULL};

static void row_read(const struct db_rows *rows, struct arena *arena, struct item *item)
{
    *item = (struct item){
        .namespace_text = db_get_keep(rows, 0, arena),
        .key = db_get_keep(rows, 1, arena),
        .value = db_get_keep(rows, 2, arena),
        .created_us = db_get_int(rows, 3),
        .updated_us = db_get_int(rows, 4),
        .ttl_us = db_get_int(rows, 5),
    };
}

struct str items_prefix_end(struct arena *arena, struct str prefix)
{
    if (str_is_empty(prefix))
        return STR("\xf4\x8f\xbf\xbf"); /* U+10FFFF: behind every text of characters */
    return arena_printf(arena, "%.*s%c", (int)(prefix.len - 1), prefix.data, ITEM_LABEL_END + 1);
}

enum err item_get(struct tx *tx, struct str tenant, struct str namespace_text, struct str key,
                  struct arena *arena, struct item *item)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &get_one,
        DB_ARGS(db_text(tenant), db_int(tx->now_us), db_text(namespace_text), db_text(key)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, item);
    return db_rows_end(&rows);
}

enum err item_put(struct tx *tx, struct str tenant, const struct item *item)
{
    return db_run(tx->db, &put_one,
                  DB_ARGS(db_text(tenant), db_text(item->namespace_text), db_text(item->key),
                          db_text(item->value), db_int(tx->now_us), db_int_or_null(item->ttl_us),
                          db_blob(item->vectors)),
                  NULL);
}

enum err item_refresh(struct tx *tx, struct str tenant, const struct item *item)
{
    return db_run(tx->db, &refresh_one,
                  DB_ARGS(db_text(tenant), db_int(tx->now_us), db_text(item->namespace_text),
                          db_text(item->key)),
                  NULL);
}

enum err item_delete(struct tx *tx, struct str tenant, struct str namespace_text, struct str key)
{
    return db_run(tx->db, &delete_one,
                  DB_ARGS(db_text(tenant), db_text(namespace_text), db_text(key)), NULL);
}

static enum err search_page(struct tx *tx, const struct item_filter *filter, struct arena *arena,
                            struct items *found)
{
    struct item *list = ARENA_ARRAY(arena, struct item, (size_t)filter->limit + 1);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err =
        db_query(tx->db, &search_some,
                 DB_ARGS(db_text(filter->tenant), db_int(tx->now_us), db_text(filter->prefix),
                         db_text(items_prefix_end(tx->arena, filter->prefix)),
                         db_text(filter->value), db_int(filter->limit), db_int(filter->offset)),
                 &rows);

    if (err)
        return err;
    while (db_next(&rows))
        row_read(&rows, arena, &list[n++]);
    *found = (struct items){list, n};
    return db_rows_end(&rows);
}

/* What fits of one page, behind the `skip` first ones. */
static enum err page_take(const struct items *page, const struct json *wanted, int64_t *skip,
                          int64_t limit, struct items *found)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < page->count && (int64_t)found->count < limit; i++) {
        const struct json *value;
        struct arena arena;

        arena_init(&arena);
        err = json_parse(&arena, page->list[i].value, &value, NULL);
        if (!err && item_matches(value, wanted) && (*skip)-- <= 0)
            found->list[found->count++] = page->list[i];
        arena_release(&arena);
    }
    return err;
}

/* The database does not know the operators: page after page is read and tried. */
static enum err search_by_operators(struct tx *tx, const struct item_filter *filter,
                                    const struct json *wanted, struct arena *arena,
                                    struct items *found)
{
    struct item_filter scan = {
        .tenant = filter->tenant, .prefix = filter->prefix, .limit = SCAN_PAGE};
    int64_t skip = filter->offset;
    struct items page;
    enum err err;

    *found = (struct items){ARENA_ARRAY(arena, struct item, (size_t)filter->limit + 1), 0};
    do {
        err = search_page(tx, &scan, arena, &page);
        if (!err)
            err = page_take(&page, wanted, &skip, filter->limit, found);
        scan.offset += SCAN_PAGE;
    } while (!err && page.count == SCAN_PAGE && (int64_t)found->count < filter->limit);
    return err;
}

enum err item_search(struct tx *tx, const struct item_filter *filter, struct arena *arena,
                     struct items *found)
{
    const struct json *wanted = NULL;
    struct str unknown;
    enum err err;

    if (!str_is_none(filter->value)) {
        if ((err = json_parse(tx->arena, filter->value, &wanted, NULL)) ||
            (err = item_filter_check(wanted, &unknown)))
            return err;
        if (!item_filter_has_operators(wanted))
            wanted = NULL;
    }
    if (!str_is_none(filter->vector))
        return items_search_alike(tx, filter, wanted, arena, found);
    if (wanted)
        return search_by_operators(tx, filter, wanted, arena, found);
    return search_page(tx, filter, arena, found);
}

enum err item_namespaces(struct tx *tx, const struct item_filter *filter, struct arena *arena,
                         struct items *found)
{
    struct item *list = ARENA_ARRAY(arena, struct item, (size_t)filter->limit + 1);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(
        tx->db, &namespaces,
        DB_ARGS(db_text(filter->tenant), db_int(tx->now_us), db_text(filter->prefix),
                db_text(items_prefix_end(tx->arena, filter->prefix)), db_int(filter->limit)),
        &rows);

    if (err)
        return err;
    while (db_next(&rows))
        list[n++].namespace_text = db_get_keep(&rows, 0, arena);
    *found = (struct items){list, n};
    return db_rows_end(&rows);
}
