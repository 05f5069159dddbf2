/* The table endpoints. */
#include "store/endpoints.h"

#include "base/uuid.h"
#include "format/url.h"

#define ORIGIN_BYTES_MAX 512

#define COLUMNS                                                                                    \
    "tenant, endpoint_id, kind, url, origin, name, policy, rate_limit, rate_burst, "               \
    "in_flight_max, ordering, expires_after_s, state, state_reason, state_since_us, "              \
    "next_sequence, failing_since_us, failures, rest_until_us, created_us, updated_us"
#define TURN " RETURNING endpoint_id, origin, state, ordering, next_sequence - 1"

/* Its id is made of its URL, so that the primary key finds it. */
static const struct uuid endpoint_name_space = {.bytes = {0x8e, 0x1c, 0x5b, 0x40, 0x2f, 0x6d, 0x4a,
                                                          0x37, 0x9b, 0x10, 0x7d, 0xc2, 0x53, 0xe8,
                                                          0x04, 0xa6}};

static const struct db_statement select_one = {
    "endpoints_get", "SELECT " COLUMNS " FROM endpoints WHERE tenant = $1 AND endpoint_id = $2",
    NULL};
static const struct db_statement turn_or_insert = {
    "endpoints_turn_or_insert",
    "INSERT INTO endpoints (tenant, endpoint_id, kind, url, origin, state, created_us, updated_us,"
    " next_sequence) VALUES ($1, $2, $3, $4, $5, 'active', $6, $6, 2)"
    " ON CONFLICT (tenant, endpoint_id) DO UPDATE SET next_sequence = endpoints.next_sequence + "
    "1" TURN,
    NULL};
static const struct db_statement turn = {"endpoints_turn",
                                         "UPDATE endpoints SET next_sequence = next_sequence + 1"
                                         " WHERE tenant = $1 AND endpoint_id = $2" TURN,
                                         NULL};

/* ---- states ---- */

static const char *const state_names[ENDPOINT_STATE_COUNT] = {"active", "paused", "disabled"};

struct str endpoint_state_name(enum endpoint_state state)
{
    REQUIRE(state < ENDPOINT_STATE_COUNT);
    return str_of(state_names[state]);
}

enum err endpoint_state_parse(struct str name, enum endpoint_state *state)
{
    for (int i = 0; i < ENDPOINT_STATE_COUNT; i++) {
        if (!str_eq(name, str_of(state_names[i])))
            continue;
        *state = (enum endpoint_state)i;
        return OK;
    }
    return ERR_INVALID;
}

/* ---- reading ---- */

static enum err row_read(const struct db_rows *rows, struct arena *arena, struct endpoint_row *row)
{
    *row = (struct endpoint_row){
        .tenant = db_get_keep(rows, 0, arena),
        .endpoint_id = db_get_keep(rows, 1, arena),
        .kind = db_get_keep(rows, 2, arena),
        .url = db_get_keep(rows, 3, arena),
        .origin = db_get_keep(rows, 4, arena),
        .name = db_get_keep(rows, 5, arena),
        .policy = db_get_keep(rows, 6, arena),
        .rate_limit = db_get_double(rows, 7),
        .rate_burst = db_get_int(rows, 8),
        .in_flight_max = db_get_int(rows, 9),
        .is_fifo = str_eq(db_get_str(rows, 10), STR("fifo")),
        .expires_after_s = db_get_int(rows, 11),
        .state_reason = db_get_keep(rows, 13, arena),
        .state_since_us = db_get_int(rows, 14),
        .next_sequence = db_get_int(rows, 15),
        .failing_since_us = db_get_int(rows, 16),
        .failures = db_get_int(rows, 17),
        .rest_until_us = db_get_int(rows, 18),
        .created_us = db_get_int(rows, 19),
        .updated_us = db_get_int(rows, 20),
    };
    return endpoint_state_parse(db_get_str(rows, 12), &row->state);
}

/* The first error counts; the rows are ended in any case. */
static enum err end_rows(struct db_rows *rows, enum err err)
{
    enum err ended = db_rows_end(rows);

    return err ? err : ended;
}

enum err endpoint_get(struct tx *tx, struct str tenant, struct str endpoint_id, struct arena *arena,
                      struct endpoint_row *endpoint)
{
    struct db_rows rows = {0};
    struct endpoint_row row = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(endpoint_id)), &rows);

    if (err)
        return err;
    err = end_rows(&rows, row_read(&rows, arena, &row));
    if (!err)
        *endpoint = row;
    return err;
}

/* ---- for the outbox ---- */

static struct str origin_of(struct arena *arena, struct str url_text)
{
    struct str origin = OUTBOX_ORIGIN_NONE;
    const char *why = NULL;
    struct url url = {0};
    struct buf text;

    if (url_parse(arena, url_text, &url, &why))
        return origin;
    if (url.is_relative)
        return OUTBOX_ORIGIN_SELF;
    buf_init(&text, ORIGIN_BYTES_MAX);
    url_write_origin(&text, &url);
    if (!text.failed)
        origin = arena_str(arena, buf_str(&text));
    buf_release(&text);
    return origin;
}

static struct str id_of(struct arena *arena, struct str tenant, struct str kind, struct str url)
{
    struct str parts[] = {tenant, STR("\n"), kind, STR("\n"), url};
    struct uuid id = uuid_v5(endpoint_name_space, arena_concat(arena, parts, ARRAY_LEN(parts)));
    struct uuid_text text;

    return arena_str(arena, uuid_write(id, &text));
}

static enum err turn_read(struct tx *tx, struct db_rows *rows, struct endpoint_turn *found)
{
    struct endpoint_turn row = {
        .endpoint_id = db_get_keep(rows, 0, tx->arena),
        .origin = db_get_keep(rows, 1, tx->arena),
        .is_fifo = str_eq(db_get_str(rows, 3), STR("fifo")),
        .sequence = db_get_int(rows, 4),
    };
    enum err err = end_rows(rows, endpoint_state_parse(db_get_str(rows, 2), &row.state));

    if (!err)
        *found = row;
    return err;
}

enum err endpoint_take_turn(struct tx *tx, struct str tenant, struct str kind, struct str url,
                            struct endpoint_turn *found)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &turn_or_insert,
        DB_ARGS(db_text(tenant), db_text(id_of(tx->arena, tenant, kind, url)), db_text(kind),
                db_text(url), db_text(origin_of(tx->arena, url)), db_int(tx->now_us)),
        &rows);

    return err ? err : turn_read(tx, &rows, found);
}

enum err endpoint_take_turn_of(struct tx *tx, struct str tenant, struct str endpoint_id,
                               struct endpoint_turn *found)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &turn, DB_ARGS(db_text(tenant), db_text(endpoint_id)), &rows);

    return err ? err : turn_read(tx, &rows, found);
}
