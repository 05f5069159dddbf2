/* The questions people ask of the outbox. */
#include "store/outbox_query.h"

#define COLUMNS                                                                                    \
    "SELECT d.delivery_id, d.tenant, d.endpoint_id, e.url, d.origin, d.webhook_id, d.kind, "       \
    "d.object_id,"                                                                                 \
    " d.policy, d.state, d.state_reason, d.attempts, d.next_us, d.created_us, d.updated_us, "      \
    "d.ended_us,"                                                                                  \
    " d.resend_of, b.content_type, LENGTH(b.bytes)"                                                \
    " FROM deliveries d"                                                                           \
    " JOIN endpoints e ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id"                   \
    " JOIN bodies b ON b.tenant = d.tenant AND b.body_id = d.body_id"                              \
    " WHERE d.tenant = $1"
#define LIST(condition)                                                                            \
    COLUMNS condition " AND d.delivery_id < $2 AND (CAST($3 AS TEXT) IS NULL OR d.state = $3)"     \
                      " ORDER BY d.delivery_id DESC LIMIT CAST($4 AS BIGINT)"

static const struct db_statement select_one = {"deliveries_get", COLUMNS " AND d.delivery_id = $2",
                                               NULL};
/* Each has an index of its own, so each is a statement of its own. An object has few deliveries, so
 * `both` goes by it: the `|| ''` keeps the planner from the endpoint's index. */
static const struct db_statement list_all = {"deliveries_list", LIST(""), NULL};
static const struct db_statement list_of_object = {"deliveries_list_of_object",
                                                   LIST(" AND d.object_id = $5"), NULL};
static const struct db_statement list_of_endpoint = {"deliveries_list_of_endpoint",
                                                     LIST(" AND d.endpoint_id = $5"), NULL};
static const struct db_statement list_of_both = {
    "deliveries_list_of_both", LIST(" AND d.object_id = $5 AND d.endpoint_id || '' = $6"), NULL};
static const struct db_statement select_body = {"deliveries_get_body",
                                                "SELECT b.bytes FROM deliveries d JOIN bodies b ON "
                                                "b.tenant = d.tenant AND b.body_id = d.body_id"
                                                " WHERE d.tenant = $1 AND d.delivery_id = $2",
                                                NULL};
static const struct db_statement select_attempts = {
    "attempts_list",
    "SELECT attempt_id, number, started_us, ended_us, result, status, detail, address, dns_us, "
    "connect_us,"
    " tls_us, first_byte_us, total_us, response_excerpt FROM attempts"
    " WHERE tenant = $1 AND delivery_id = $2 ORDER BY number, attempt_id LIMIT CAST($3 AS BIGINT)",
    NULL};

static enum err row_read(const struct db_rows *rows, struct arena *arena, struct delivery_row *row)
{
    *row = (struct delivery_row){
        .delivery_id = db_get_int(rows, 0),
        .tenant = db_get_keep(rows, 1, arena),
        .endpoint_id = db_get_keep(rows, 2, arena),
        .url = db_get_keep(rows, 3, arena),
        .origin = db_get_keep(rows, 4, arena),
        .webhook_id = db_get_keep(rows, 5, arena),
        .kind = db_get_keep(rows, 6, arena),
        .object_id = db_get_keep(rows, 7, arena),
        .policy = db_get_keep(rows, 8, arena),
        .state_reason = db_get_keep(rows, 10, arena),
        .attempts = db_get_int(rows, 11),
        .next_us = db_get_int(rows, 12),
        .created_us = db_get_int(rows, 13),
        .updated_us = db_get_int(rows, 14),
        .ended_us = db_get_int(rows, 15),
        .resend_of = db_get_int(rows, 16),
        .content_type = db_get_keep(rows, 17, arena),
        .body_bytes = db_get_int(rows, 18),
    };
    return delivery_state_parse(db_get_str(rows, 9), &row->state);
}

/* The first error counts; the rows are ended in any case. */
static enum err end_rows(struct db_rows *rows, enum err err)
{
    enum err ended = db_rows_end(rows);

    return err ? err : ended;
}

enum err delivery_get(struct tx *tx, struct str tenant, int64_t delivery_id, struct arena *arena,
                      struct delivery_row *delivery)
{
    struct db_rows rows = {0};
    struct delivery_row row = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_int(delivery_id)), &rows);

    if (err)
        return err;
    err = end_rows(&rows, row_read(&rows, arena, &row));
    if (!err)
        *delivery = row;
    return err;
}

static enum err list_query(struct tx *tx, const struct delivery_filter *filter,
                           struct db_rows *rows)
{
    const struct db_statement *statement = &list_all;
    size_t arg_count = 4;
    struct db_value args[6] = {
        db_text(filter->tenant),
        db_int(filter->before_id > 0 ? filter->before_id : INT64_MAX),
        db_text(filter->state),
        db_int(filter->limit),
    };

    if (!str_is_none(filter->object_id)) {
        args[arg_count++] = db_text(filter->object_id);
        statement = &list_of_object;
    }
    if (!str_is_none(filter->endpoint_id)) {
        args[arg_count++] = db_text(filter->endpoint_id);
        statement = statement == &list_of_object ? &list_of_both : &list_of_endpoint;
    }
    return db_query(tx->db, statement, args, arg_count, rows);
}

enum err delivery_list(struct tx *tx, const struct delivery_filter *filter, struct arena *arena,
                       struct delivery_row **found, size_t *count)
{
    struct db_rows rows = {0};
    struct delivery_row *list;
    size_t n = 0;
    enum err err;

    REQUIRE(filter->limit >= 1 && filter->limit <= OUTBOX_LIST_MAX);
    list = ARENA_ARRAY(arena, struct delivery_row, (size_t)filter->limit);
    err = list_query(tx, filter, &rows);
    if (err)
        return err;
    while (!err && n < (size_t)filter->limit && db_next(&rows))
        err = row_read(&rows, arena, &list[n++]);
    err = end_rows(&rows, err);
    if (err)
        return err;
    *found = list;
    *count = n;
    return OK;
}

enum err delivery_get_body(struct tx *tx, struct str tenant, int64_t delivery_id,
                           struct arena *arena, struct str *body)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_body, DB_ARGS(db_text(tenant), db_int(delivery_id)), &rows);

    if (err)
        return err;
    *body = db_get_keep(&rows, 0, arena);
    return db_rows_end(&rows);
}

static int64_t phase(const struct db_rows *rows, int column)
{
    return db_is_null(rows, column) ? -1 : db_get_int(rows, column);
}

static struct attempt_row attempt_read(const struct db_rows *rows, struct arena *arena)
{
    return (struct attempt_row){
        .attempt_id = db_get_int(rows, 0),
        .number = db_get_int(rows, 1),
        .started_us = db_get_int(rows, 2),
        .ended_us = db_get_int(rows, 3),
        .result = db_get_keep(rows, 4, arena),
        .status = db_get_int(rows, 5),
        .detail = db_get_keep(rows, 6, arena),
        .address = db_get_keep(rows, 7, arena),
        .dns_us = phase(rows, 8),
        .connect_us = phase(rows, 9),
        .tls_us = phase(rows, 10),
        .first_byte_us = phase(rows, 11),
        .total_us = phase(rows, 12),
        .excerpt = db_get_keep(rows, 13, arena),
    };
}

enum err attempt_list(struct tx *tx, struct str tenant, int64_t delivery_id, struct arena *arena,
                      struct attempt_row **found, size_t *count)
{
    struct attempt_row *list = ARENA_ARRAY(arena, struct attempt_row, OUTBOX_ATTEMPTS_MAX);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err =
        db_query(tx->db, &select_attempts,
                 DB_ARGS(db_text(tenant), db_int(delivery_id), db_int(OUTBOX_ATTEMPTS_MAX)), &rows);

    if (err)
        return err;
    while (n < OUTBOX_ATTEMPTS_MAX && db_next(&rows))
        list[n++] = attempt_read(&rows, arena);
    err = db_rows_end(&rows);
    if (err)
        return err;
    *found = list;
    *count = n;
    return OK;
}
