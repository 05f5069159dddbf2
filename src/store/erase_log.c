/* erase_log.c -- deliveries of a subject, with their attempts and bodies: a walk over the log. */
#include "store/erasures_priv.h"
#include "store/log_size.h"
#include "store/outbox_body.h"
#include "store/outbox_marks.h"
#include "store/outbox_query.h"
#include "store/outbox_queue.h"

#define WALK_ROWS 1000
#define WALK_BODIES 100 /* where bodies are looked into */
#define PIECE_ROWS 100

/* Does the body have these bytes in it? Of a run's webhook it names the thread. */
#define HAS(needle)                                                                                \
    "CASE WHEN " needle " IS NULL THEN 0 WHEN INSTR(b.bytes, " needle ") > 0 THEN 1 ELSE 0 END"
#define HAS_POSTGRES(needle)                                                                       \
    "CASE WHEN CAST(" needle " AS BYTEA) IS NULL THEN 0"                                           \
    " WHEN POSITION(CAST(" needle " AS BYTEA) IN b.bytes) > 0 THEN 1 ELSE 0 END"
#define WALK(has)                                                                                  \
    "SELECT d.delivery_id, d.object_id, d.ordering_key, " BODY_NO ", " SENDING_STATE ", " has      \
    " FROM deliveries d" SENDING_JOIN " LEFT" BODY_JOIN                                            \
    " WHERE d.tenant = $1 AND d.delivery_id > $2 ORDER BY d.delivery_id LIMIT CAST($3 AS BIGINT)"
static const struct db_statement walk = {"erase_walk", WALK(HAS("$4")), WALK(HAS_POSTGRES("$4"))};
#define OPEN_ONES(has, condition)                                                                  \
    "SELECT d.object_id, d.ordering_key, " has " FROM deliveries d LEFT" BODY_JOIN                 \
    " WHERE d.tenant = $1 AND " condition
#define IS_QUEUED                                                                                  \
    "(d.delivery_id IN (SELECT delivery_id FROM delivery_queue)"                                   \
    " OR d.delivery_id IN (SELECT delivery_id FROM delivery_sending))"
static const struct db_statement open_ones = {
    "erase_open_ones", OPEN_ONES(HAS("$2"), "d.ended_us IS NULL"),
    OPEN_ONES(HAS_POSTGRES("$2"), IS_QUEUED) " UNION ALL " OPEN_ONES(HAS_POSTGRES("$2"),
                                                                     MARK_HELD_POSTGRES("d."))};

struct found {
    int64_t delivery_id;
    int64_t body_no;
    enum delivery_state state;
};

/* What bodies are looked through for; NULL: nothing. */
static struct db_value needle(const struct erasure_row *erasure)
{
    return erasure->scope == ERASURE_THREAD ? db_blob(erasure->subject) : db_null();
}

static bool is_of(const struct erasure_row *erasure, struct str object_id, struct str ordering_key,
                  bool is_named)
{
    switch (erasure->scope) {
    case ERASURE_THREAD:
        if (is_named || str_eq(object_id, erasure->subject))
            return true;
        return !str_is_none(ordering_key) && str_eq(ordering_key, erasure->subject);
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
    enum err err =
        db_query(e->tx->db, &walk,
                 DB_ARGS(db_text(e->erasure->tenant), db_int(e->erasure->cursor_id),
                         db_int(e->erasure->scope == ERASURE_THREAD ? WALK_BODIES : WALK_ROWS),
                         needle(e->erasure)),
                 &rows);
    enum err ended;

    if (err)
        return err;
    *count = *walked = 0;
    while (!err && *count < PIECE_ROWS && db_next(&rows)) {
        e->erasure->cursor_id = db_get_int(&rows, 0);
        (*walked)++;
        if (!is_of(e->erasure, db_get_str(&rows, 1), db_get_str(&rows, 2), db_get_int(&rows, 5)))
            continue;
        list[*count].delivery_id = db_get_int(&rows, 0);
        list[*count].body_no = db_get_int(&rows, 3);
        err = delivery_state_parse(db_get_str(&rows, 4), &list[(*count)++].state);
    }
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

/* What is being sent is only called off: it goes when that attempt has ended. */
static enum err erase_one(struct erasing *e, const struct found *found)
{
    const struct log_entry entry = {e->erasure->tenant, found->delivery_id, found->body_no};
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
    enum err err = db_query(e->tx->db, &open_ones,
                            DB_ARGS(db_text(e->erasure->tenant), needle(e->erasure)), &rows);

    if (err)
        return err;
    while (!is_left && db_next(&rows))
        is_left =
            is_of(e->erasure, db_get_str(&rows, 0), db_get_str(&rows, 1), db_get_int(&rows, 2));
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
