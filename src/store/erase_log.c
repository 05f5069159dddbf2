/* erase_log.c -- deliveries of a subject, with their attempts and bodies: a walk over the log. */
#include "store/erasures_priv.h"
#include "store/log_size.h"
#include "store/outbox_query.h"

#define WALK_ROWS 1000
#define PIECE_ROWS 100

static const struct db_statement walk = {
    "erase_walk",
    "SELECT delivery_id, object_id, ordering_key, body_id, state FROM deliveries"
    " WHERE tenant = $1 AND delivery_id > $2 ORDER BY delivery_id LIMIT CAST($3 AS BIGINT)",
    NULL};
static const struct db_statement open_ones = {
    "erase_open_ones",
    "SELECT object_id, ordering_key FROM deliveries WHERE tenant = $1 AND ended_us IS NULL", NULL};

struct found {
    int64_t delivery_id;
    struct str body_id;
    enum delivery_state state;
};

static bool is_of(const struct erasure_row *erasure, struct str object_id, struct str ordering_key)
{
    switch (erasure->scope) {
    case ERASURE_OBJECT:
        return str_eq(object_id, erasure->subject);
    case ERASURE_ORDERING_KEY:
        return !str_is_none(ordering_key) && str_eq(ordering_key, erasure->subject);
    case ERASURE_WORKSPACE:
    case ERASURE_SCOPE_COUNT:
        break;
    }
    return true;
}

/* Up to PIECE_ROWS matches; *cursor_id: where it came to; *walked 0: the end of the log. */
static enum err find(struct erasing *e, struct found *list, size_t *count, size_t *walked)
{
    struct db_rows rows = {0};
    enum err err = db_query(
        e->tx->db, &walk,
        DB_ARGS(db_text(e->erasure->tenant), db_int(e->erasure->cursor_id), db_int(WALK_ROWS)),
        &rows);
    enum err ended;

    if (err)
        return err;
    *count = *walked = 0;
    while (!err && *count < PIECE_ROWS && db_next(&rows)) {
        e->erasure->cursor_id = db_get_int(&rows, 0);
        (*walked)++;
        if (!is_of(e->erasure, db_get_str(&rows, 1), db_get_str(&rows, 2)))
            continue;
        list[*count].delivery_id = db_get_int(&rows, 0);
        list[*count].body_id = db_get_keep(&rows, 3, e->tx->arena);
        err = delivery_state_parse(db_get_str(&rows, 4), &list[(*count)++].state);
    }
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

/* What is being sent is only called off: it goes when that attempt has ended. */
static enum err erase_one(struct erasing *e, const struct found *found)
{
    const struct log_entry entry = {e->erasure->tenant, found->delivery_id, found->body_id};
    enum err err = OK;

    if (found->state != DELIVERY_DONE && found->state != DELIVERY_DEAD)
        err = outbox_cancel(e->tx, e->erasure->tenant, found->delivery_id);
    if (err || found->state == DELIVERY_SENDING)
        return err == ERR_CONFLICT ? OK : err;
    return log_delete_delivery(e->tx, LOG_ERASED, &entry, &e->erasure->rows);
}

/* At the end of the log: does something of it still live? Then the walk begins anew, later. */
static enum err look_back(struct erasing *e)
{
    struct db_rows rows = {0};
    bool is_left = false;
    enum err err = db_query(e->tx->db, &open_ones, DB_ARGS(db_text(e->erasure->tenant)), &rows);

    if (err)
        return err;
    while (!is_left && db_next(&rows))
        is_left = is_of(e->erasure, db_get_str(&rows, 0), db_get_str(&rows, 1));
    e->is_waiting = is_left;
    e->is_over = !is_left;
    e->erasure->cursor_id = 0;
    return db_rows_end(&rows);
}

enum err erase_log(struct erasing *e)
{
    struct found *list = ARENA_ARRAY(e->tx->arena, struct found, PIECE_ROWS);
    size_t count = 0, walked = 0;
    enum err err = find(e, list, &count, &walked);

    for (size_t i = 0; !err && i < count; i++)
        err = erase_one(e, &list[i]);
    return err || walked ? err : look_back(e);
}
