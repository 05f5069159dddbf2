/* Reading the table spans; what goes in is in span_apply.c. */
#include "store/spans.h"

#include "store/sequence.h"
#include "store/uuid_column.h"

static const struct db_statement select_one = {
    "spans_get", "SELECT " SPAN_COLUMNS " FROM spans WHERE tenant = $1 AND span_id = $2", NULL};
static const struct db_statement touch = {
    "spans_touch",
    "UPDATE spans SET change_seq = $3, modified_us = $4 WHERE tenant = $1 AND span_id = $2", NULL};

static void read_place(const struct db_rows *rows, int at, struct arena *arena,
                       struct span_row *span)
{
    span->span_no = db_get_int(rows, at);
    span->tenant = db_get_keep(rows, at + 1, arena);
    span->span_id = db_get_uuid(rows, at + 2);
    span->trace_id = db_get_uuid(rows, at + 3);
    span->parent_id = db_get_uuid(rows, at + 4);
    span->has_parent = !db_is_null(rows, at + 4);
    span->project_no = db_get_int(rows, at + 5);
    span->dotted_order = db_get_keep(rows, at + 6, arena);
    span->depth = db_get_int(rows, at + 7);
    span->is_root = db_get_int(rows, at + 8) != 0;
    span->name = db_get_keep(rows, at + 9, arena);
    span->type = (enum span_type)db_get_int(rows, at + 10);
    span->status = (enum span_status)db_get_int(rows, at + 11);
}

static void read_rest(const struct db_rows *rows, int at, struct arena *arena,
                      struct span_row *span)
{
    span->start_us = db_get_int(rows, at + 12);
    span->end_us = db_get_int(rows, at + 13);
    span->first_token_us = db_get_int(rows, at + 14);
    span->tags = db_get_keep(rows, at + 15, arena);
    span->thread_id = db_get_keep(rows, at + 16, arena);
    span->example_id = db_get_uuid(rows, at + 17);
    span->has_example = !db_is_null(rows, at + 17);
    span->error_preview = db_get_keep(rows, at + 18, arena);
    span->prompt_tokens = db_get_int(rows, at + 19);
    span->completion_tokens = db_get_int(rows, at + 20);
    span->total_tokens = db_get_int(rows, at + 21);
    span->prompt_cost = db_get_int(rows, at + 22);
    span->completion_cost = db_get_int(rows, at + 23);
    span->total_cost = db_get_int(rows, at + 24);
    span->has_cost = !db_is_null(rows, at + 24);
    span->usage = db_get_keep(rows, at + 25, arena);
    span->posted = (unsigned)db_get_int(rows, at + 26);
    span->patched = (unsigned)db_get_int(rows, at + 27);
    span->change_seq = db_get_int(rows, at + 28);
    span->received_us = db_get_int(rows, at + 29);
    span->modified_us = db_get_int(rows, at + 30);
    span->alias_id = db_get_uuid(rows, at + 31);
    span->has_alias = !db_is_null(rows, at + 31);
    span->marks =
        (struct marks){(uint64_t)db_get_int(rows, at + 32), (uint64_t)db_get_int(rows, at + 33)};
}

void span_row_read(const struct db_rows *rows, int first, struct arena *arena,
                   struct span_row *span)
{
    static_assert(SPAN_COLUMN_COUNT == 34, "the columns that are read here");

    *span = (struct span_row){0};
    read_place(rows, first, arena, span);
    read_rest(rows, first, arena, span);
}

enum err spans_get(struct tx *tx, struct str tenant, struct uuid span_id, struct arena *arena,
                   struct span_row *span)
{
    struct db_rows rows = {0};
    struct span_row found;
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_uuid(&span_id)), &rows);

    if (err)
        return err;
    span_row_read(&rows, 0, arena, &found);
    err = db_rows_end(&rows);
    if (!err && found.project_no == 0)
        return ERR_NOT_FOUND;
    if (!err)
        *span = found;
    return err;
}

enum err spans_touch(struct tx *tx, struct str tenant, struct uuid span_id)
{
    int64_t change_seq;
    enum err err = sequence_next_serial(tx, STR("span_changes"), 1, &change_seq);

    if (err)
        return err;
    return db_run(
        tx->db, &touch,
        DB_ARGS(db_text(tenant), db_uuid(&span_id), db_int(change_seq), db_int(tx->now_us)), NULL);
}
