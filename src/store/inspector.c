/* The tables inspectors and inspector_requests. */
#include "store/inspector.h"

#include "store/log_size.h"

#define COLUMNS                                                                                    \
    "tenant, inspector_id, slug, name, answer, received, answered, created_us, updated_us, "       \
    "used_us"
#define LIST_MAX 1000

static const struct db_statement count_all = {
    "inspectors_count", "SELECT COUNT(*) FROM inspectors WHERE tenant = $1", NULL};
static const struct db_statement insert_one = {"inspectors_insert",
                                               "INSERT INTO inspectors (" COLUMNS
                                               ") VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $6, $6)"
                                               " ON CONFLICT (slug) DO NOTHING",
                                               NULL};
static const struct db_statement select_one = {
    "inspectors_get",
    "SELECT " COLUMNS " FROM inspectors WHERE tenant = $1 AND (inspector_id = $2 OR slug = $2)",
    NULL};
static const struct db_statement select_slug = {
    "inspectors_find", "SELECT " COLUMNS " FROM inspectors WHERE slug = $1", NULL};
static const struct db_statement select_all = {"inspectors_list",
                                               "SELECT " COLUMNS
                                               " FROM inspectors WHERE tenant = $1"
                                               " ORDER BY created_us DESC, inspector_id LIMIT 1000",
                                               NULL};
static const struct db_statement update_one = {
    "inspectors_update",
    "UPDATE inspectors SET name = $3, answer = $4, answered = 0, updated_us = $5"
    " WHERE tenant = $1 AND inspector_id = $2",
    NULL};
static const struct db_statement delete_one = {
    "inspectors_delete", "DELETE FROM inspectors WHERE tenant = $1 AND inspector_id = $2", NULL};
static const struct db_statement count_one = {
    "inspectors_receive",
    "UPDATE inspectors SET received = received + 1, answered = answered + 1, used_us = $2"
    " WHERE slug = $1 RETURNING " COLUMNS,
    NULL};

static const struct db_statement request_insert = {
    "inspector_requests_insert",
    "INSERT INTO inspector_requests (tenant, inspector_id, request_id, received_us, status,"
    " body_bytes, head, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    NULL};
static const struct db_statement request_sizes = {
    "inspector_requests_sizes",
    "SELECT request_id, body_bytes + LENGTH(head) FROM inspector_requests"
    " WHERE tenant = $1 AND inspector_id = $2 ORDER BY request_id DESC LIMIT CAST($3 AS BIGINT)",
    NULL};
#define TRIM                                                                                       \
    "DELETE FROM inspector_requests WHERE tenant = $1 AND inspector_id = $2 AND request_id <= $3"  \
    " RETURNING "
static const struct db_statement request_trim = {
    "inspector_requests_trim", TRIM LOG_BYTES_INSPECTED, TRIM LOG_BYTES_INSPECTED_POSTGRES};
static const struct db_statement request_get = {
    "inspector_requests_get",
    "SELECT request_id, received_us, status, body_bytes, head, body FROM inspector_requests"
    " WHERE tenant = $1 AND inspector_id = $2 AND request_id = $3",
    NULL};
static const struct db_statement request_older = {
    "inspector_requests_older",
    "SELECT request_id, received_us, status, body_bytes, head FROM inspector_requests"
    " WHERE tenant = $1 AND inspector_id = $2 AND (CAST($3 AS BIGINT) = 0 OR request_id < $3)"
    " ORDER BY request_id DESC LIMIT CAST($4 AS BIGINT)",
    NULL};
static const struct db_statement request_newer = {
    "inspector_requests_newer",
    "SELECT request_id, received_us, status, body_bytes, head FROM inspector_requests"
    " WHERE tenant = $1 AND inspector_id = $2 AND request_id > $3"
    " ORDER BY request_id LIMIT CAST($4 AS BIGINT)",
    NULL};

/* ---- inspectors ---- */

static struct inspector read_row(const struct db_rows *rows, struct arena *arena)
{
    return (struct inspector){
        .tenant = db_get_keep(rows, 0, arena),
        .inspector_id = db_get_keep(rows, 1, arena),
        .slug = db_get_keep(rows, 2, arena),
        .name = db_get_keep(rows, 3, arena),
        .answer = db_get_keep(rows, 4, arena),
        .received = db_get_int(rows, 5),
        .answered = db_get_int(rows, 6),
        .created_us = db_get_int(rows, 7),
        .updated_us = db_get_int(rows, 8),
        .used_us = db_get_int(rows, 9),
    };
}

static enum err get_with(struct tx *tx, const struct db_statement *statement,
                         const struct db_value *args, size_t arg_count, struct arena *arena,
                         struct inspector *inspector)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement, args, arg_count, &rows);

    if (err)
        return err;
    *inspector = read_row(&rows, arena);
    return db_rows_end(&rows);
}

enum err inspector_insert(struct tx *tx, const struct inspector *inspector,
                          const struct inspector_limits *limits)
{
    struct db_rows rows = {0};
    int64_t changed = 0, count;
    enum err err = db_query_one(tx->db, &count_all, DB_ARGS(db_text(inspector->tenant)), &rows);

    if (err)
        return err;
    count = db_get_int(&rows, 0);
    if ((err = db_rows_end(&rows)))
        return err;
    if (count >= limits->inspectors_max)
        return ERR_LIMIT;
    err = db_run(tx->db, &insert_one,
                 DB_ARGS(db_text(inspector->tenant), db_text(inspector->inspector_id),
                         db_text(inspector->slug), db_text(inspector->name),
                         db_text(inspector->answer), db_int(tx->now_us)),
                 &changed);
    return err ? err : changed ? OK : ERR_CONFLICT;
}

enum err inspector_get(struct tx *tx, struct str tenant, struct str which, struct arena *arena,
                       struct inspector *inspector)
{
    return get_with(tx, &select_one, DB_ARGS(db_text(tenant), db_text(which)), arena, inspector);
}

enum err inspector_find(struct tx *tx, struct str slug, struct arena *arena,
                        struct inspector *inspector)
{
    return get_with(tx, &select_slug, DB_ARGS(db_text(slug)), arena, inspector);
}

enum err inspector_list(struct tx *tx, struct str tenant, struct arena *arena,
                        struct inspectors *found)
{
    struct inspector *list = ARENA_ARRAY(arena, struct inspector, LIST_MAX);
    struct db_rows rows = {0};
    size_t count = 0;
    enum err err = db_query(tx->db, &select_all, DB_ARGS(db_text(tenant)), &rows);

    if (err)
        return err;
    while (count < LIST_MAX && db_next(&rows))
        list[count++] = read_row(&rows, arena);
    *found = (struct inspectors){list, count};
    return db_rows_end(&rows);
}

enum err inspector_update(struct tx *tx, const struct inspector *inspector)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &update_one,
               DB_ARGS(db_text(inspector->tenant), db_text(inspector->inspector_id),
                       db_text(inspector->name), db_text(inspector->answer), db_int(tx->now_us)),
               &changed);

    return err ? err : changed ? OK : ERR_NOT_FOUND;
}

enum err inspector_delete(struct tx *tx, struct str tenant, struct str inspector_id)
{
    int64_t changed = 0;
    enum err err = inspected_clear(tx, tenant, inspector_id);

    if (!err)
        err =
            db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(inspector_id)), &changed);
    return err ? err : changed ? OK : ERR_NOT_FOUND;
}

/* ---- requests ---- */

enum err inspector_count(struct tx *tx, struct str slug, struct arena *arena,
                         struct inspector *inspector)
{
    return get_with(tx, &count_one, DB_ARGS(db_text(slug), db_int(tx->now_us)), arena, inspector);
}

/* The newest request that must go; 0: none. */
static enum err find_cut(struct tx *tx, const struct inspector *inspector,
                         const struct inspector_limits *limits, int64_t *cut)
{
    struct db_rows rows = {0};
    int64_t count = 0, bytes = 0;
    enum err err = db_query(tx->db, &request_sizes,
                            DB_ARGS(db_text(inspector->tenant), db_text(inspector->inspector_id),
                                    db_int(limits->requests_max + 1)),
                            &rows);

    *cut = 0;
    if (err)
        return err;
    while (!*cut && db_next(&rows)) {
        bytes += db_get_int(&rows, 1);
        /* The newest one stays, however large. */
        if (++count > limits->requests_max || (bytes > limits->bytes_max && count > 1))
            *cut = db_get_int(&rows, 0);
    }
    return db_rows_end(&rows);
}

/* The requests up to this one. */
static enum err trim(struct tx *tx, struct str tenant, struct str inspector_id, int64_t request_id)
{
    int64_t gone = 0;

    return log_delete(tx, &(struct log_delete){LOG_INSPECTED, LOG_TRIMMED, &request_trim},
                      DB_ARGS(db_text(tenant), db_text(inspector_id), db_int(request_id)), &gone);
}

enum err inspector_keep(struct tx *tx, const struct inspector *inspector,
                        const struct inspected *request, const struct inspector_limits *limits)
{
    const struct db_value row[] = {
        db_text(inspector->tenant),  db_text(inspector->inspector_id),
        db_int(inspector->received), db_int(request->received_us),
        db_int(request->status),     db_int((int64_t)request->body.len),
        db_text(request->head),      db_blob(str_is_none(request->body) ? STR("") : request->body),
    };
    int64_t cut;
    enum err err = db_run(tx->db, &request_insert, row, ARRAY_LEN(row), NULL);

    log_grow(tx, LOG_INSPECTED, 1, (int64_t)(request->head.len + request->body.len));
    if (err || (err = find_cut(tx, inspector, limits, &cut)) || !cut)
        return err;
    return trim(tx, inspector->tenant, inspector->inspector_id, cut);
}

static struct inspected read_request(const struct db_rows *rows, struct arena *arena)
{
    return (struct inspected){
        .request_id = db_get_int(rows, 0),
        .received_us = db_get_int(rows, 1),
        .status = db_get_int(rows, 2),
        .body_bytes = db_get_int(rows, 3),
        .head = db_get_keep(rows, 4, arena),
    };
}

enum err inspected_find(struct tx *tx, const struct inspected_filter *filter, struct arena *arena,
                        struct inspected_list *found)
{
    size_t most = (size_t)filter->limit, count = 0;
    struct inspected *list = ARENA_ARRAY(arena, struct inspected, most);
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, filter->is_forward ? &request_newer : &request_older,
                            DB_ARGS(db_text(filter->tenant), db_text(filter->inspector_id),
                                    db_int(filter->position), db_int(filter->limit)),
                            &rows);

    if (err)
        return err;
    while (count < most && db_next(&rows))
        list[count++] = read_request(&rows, arena);
    *found = (struct inspected_list){list, count};
    return db_rows_end(&rows);
}

enum err inspected_get(struct tx *tx, const struct inspector *inspector, int64_t request_id,
                       struct arena *arena, struct inspected *request)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &request_get,
        DB_ARGS(db_text(inspector->tenant), db_text(inspector->inspector_id), db_int(request_id)),
        &rows);

    if (err)
        return err;
    *request = read_request(&rows, arena);
    request->body = db_get_keep(&rows, 5, arena);
    return db_rows_end(&rows);
}

enum err inspected_clear(struct tx *tx, struct str tenant, struct str inspector_id)
{
    return trim(tx, tenant, inspector_id, INT64_MAX);
}
