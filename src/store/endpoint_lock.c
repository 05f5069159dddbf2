/* Trying the secrets, and the two moves that follow from that. */
#include "store/endpoint_lock.h"

#define LOCKED "SELECT tenant, endpoint_id FROM endpoints WHERE state = 'secret_unreadable'"

static const struct db_statement select_locked = {
    "endpoints_locked",
    LOCKED " AND (tenant, endpoint_id) > ($1, $2) ORDER BY tenant, endpoint_id"
           " LIMIT CAST($3 AS BIGINT)",
    NULL};
static const struct db_statement select_one = {
    "endpoints_locked_one", LOCKED " AND tenant = $1 AND endpoint_id = $2", NULL};

/* *why: STR_NONE if they can be opened. */
static enum err try_secrets(struct tx *tx, const struct secret_owner *owner, struct str *why)
{
    struct secrets opened = {0};
    enum err err;

    *why = STR_NONE;
    err = secrets_open(tx, owner, tx->arena, &opened, why);
    secrets_wipe(&opened);
    return err == ERR_DENIED ? OK : err;
}

static enum err set_active(struct tx *tx, const struct secret_owner *owner)
{
    return endpoint_set_state(tx, owner->tenant, owner->endpoint_id, ENDPOINT_ACTIVE, STR_NONE);
}

enum err endpoint_lock(struct tx *tx, const struct secret_owner *owner)
{
    struct endpoint_row endpoint;
    struct str why = STR_NONE;
    enum err err = endpoint_get(tx, owner->tenant, owner->endpoint_id, tx->arena, &endpoint);

    if (err || endpoint.state != ENDPOINT_ACTIVE)
        return err == ERR_NOT_FOUND ? OK : err;
    err = try_secrets(tx, owner, &why);
    if (err || str_is_none(why))
        return err;
    return endpoint_set_state(tx, owner->tenant, owner->endpoint_id, ENDPOINT_UNREADABLE, why);
}

enum err endpoint_unlock_one(struct tx *tx, const struct secret_owner *owner)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &select_one, DB_ARGS(db_text(owner->tenant), db_text(owner->endpoint_id)), &rows);

    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    err = db_rows_end(&rows);
    return err ? err : set_active(tx, owner);
}

static enum err locked_read(struct tx *tx, const struct secret_owner *after, size_t limit,
                            struct secret_owner *list, size_t *count)
{
    struct str tenant = str_is_none(after->tenant) ? STR("") : after->tenant;
    struct str id = str_is_none(after->tenant) ? STR("") : after->endpoint_id;
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(tx->db, &select_locked,
                            DB_ARGS(db_text(tenant), db_text(id), db_int((int64_t)limit)), &rows);

    if (err)
        return err;
    for (; n < limit && db_next(&rows); n++)
        list[n] = (struct secret_owner){db_get_keep(&rows, 0, tx->arena),
                                        db_get_keep(&rows, 1, tx->arena)};
    *count = n;
    return db_rows_end(&rows);
}

enum err endpoint_unlock(struct tx *tx, struct endpoint_unlock *unlock, size_t limit,
                         struct arena *arena)
{
    struct secret_owner *list = ARENA_ARRAY(tx->arena, struct secret_owner, limit);
    size_t count = 0;
    enum err err = locked_read(tx, &unlock->after, limit, list, &count);

    REQUIRE(tx->is_write && limit > 0);
    unlock->unlocked = 0;
    for (size_t i = 0; !err && i < count; i++) {
        struct str why = STR_NONE;

        err = try_secrets(tx, &list[i], &why);
        if (err || !str_is_none(why))
            continue;
        err = set_active(tx, &list[i]);
        unlock->unlocked++;
    }
    unlock->more = !err && count == limit;
    if (count)
        unlock->after = (struct secret_owner){arena_str(arena, list[count - 1].tenant),
                                              arena_str(arena, list[count - 1].endpoint_id)};
    return err;
}
