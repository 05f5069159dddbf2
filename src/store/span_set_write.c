/* span_set_write.c -- the marked rows of a set go to the store, in pieces. */
#include "store/span_set.h"
#include "store/uuid_column.h"

#define ROWS_AT_ONCE 64

/* What most changes change comes first, so that an update can do without the rest, and the database
 * without looking at the indexes that it stands in. */
#define TAIL_ARGS 24
#define ROW_ARGS 35
#define SET_TAIL                                                                                   \
    "UPDATE spans SET name = $2, run_type = $3, status = $4, end_us = $5, first_token_us = $6,"    \
    " tags = $7, example_id = $8, error_preview = $9, prompt_tokens = $10,"                        \
    " completion_tokens = $11, total_tokens = $12, prompt_cost = $13, completion_cost = $14,"      \
    " total_cost = $15, usage = $16, posted = $17, patched = $18, change_seq = $19,"               \
    " received_us = $20, modified_us = $21,"                                                       \
    " ended_seq = COALESCE(ended_seq, CAST($22 AS BIGINT)), mark_low = $23, mark_high = $24"
static const struct db_statement update_tail = {"span_set_tail", SET_TAIL " WHERE span_no = $1",
                                                NULL};
static const struct db_statement update_row = {
    "span_set_update",
    SET_TAIL ", tenant = $25, span_id = $26, trace_id = $27, parent_id = $28, project_no = $29,"
             " dotted_order = $30, depth = $31, is_root = $32, start_us = $33, thread_id = $34,"
             " alias_id = $35 WHERE span_no = $1",
    NULL};
static const struct db_statement insert_row = {
    "span_set_insert",
    "INSERT INTO spans (span_no, name, run_type, status, end_us, first_token_us, tags, example_id,"
    " error_preview, prompt_tokens, completion_tokens, total_tokens, prompt_cost, completion_cost,"
    " total_cost, usage, posted, patched, change_seq, received_us, modified_us, ended_seq,"
    " mark_low, mark_high, tenant, span_id, trace_id, parent_id, project_no, dotted_order, depth,"
    " is_root, start_us, thread_id, alias_id)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
    " $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35)",
    NULL};

static struct db_value cost_value(const struct span_row *s, int64_t cost)
{
    return s->has_cost ? db_int(cost) : db_null();
}

/* The first `count` of the row's. */
static void put_args(const struct span_set_entry *entry, struct db_value *args, size_t count)
{
    const struct span_row *s = &entry->row;
    const struct db_value all[ROW_ARGS] = {
        db_int(s->span_no),
        db_text(s->name.data ? s->name : STR("")),
        db_int(s->type),
        db_int(s->status),
        db_int_or_null(s->end_us),
        db_int_or_null(s->first_token_us),
        db_text(s->tags),
        db_uuid_or_null(&s->example_id, s->has_example),
        db_text(s->error_preview),
        db_int(s->prompt_tokens),
        db_int(s->completion_tokens),
        db_int(s->total_tokens),
        cost_value(s, s->prompt_cost),
        cost_value(s, s->completion_cost),
        cost_value(s, s->total_cost),
        db_text(s->usage),
        db_int(s->posted),
        db_int(s->patched),
        db_int(s->change_seq),
        db_int(s->received_us),
        db_int(s->modified_us),
        db_int_or_null(entry->ended_seq),
        db_int((int64_t)s->marks.low),
        db_int((int64_t)s->marks.high),
        db_text(s->tenant),
        db_uuid(&s->span_id),
        db_uuid(&s->trace_id),
        db_uuid_or_null(&s->parent_id, s->has_parent),
        db_int(s->project_no),
        db_text(s->dotted_order),
        db_int(s->depth),
        db_int(s->is_root),
        db_int(s->start_us),
        db_text(s->thread_id),
        db_uuid_or_null(&s->alias_id, s->has_alias),
    };

    memcpy(args, all, count * sizeof(*args));
}

/* All that is marked so, in pieces. */
static enum err write_marked(struct span_set *set, enum span_set_write write,
                             const struct db_statement *statement, size_t arg_count)
{
    size_t most = set->marked_count < ROWS_AT_ONCE ? set->marked_count : ROWS_AT_ONCE;
    struct db_value *args = ARENA_ARRAY(set->tx->arena, struct db_value, most * arg_count);
    size_t count = 0;
    enum err err = OK;

    for (struct span_set_entry *entry = set->marked; !err && entry; entry = entry->next_marked) {
        if (entry->write == write)
            put_args(entry, args + count++ * arg_count, arg_count);
        if (count == most || (count > 0 && !entry->next_marked)) {
            err = db_run_many(set->tx->db, statement, args, arg_count, count);
            count = 0;
        }
    }
    return err;
}

enum err span_set_write_marked(struct span_set *set)
{
    enum err err = write_marked(set, SPAN_SET_INSERT, &insert_row, ROW_ARGS);

    if (!err)
        err = write_marked(set, SPAN_SET_ROW, &update_row, ROW_ARGS);
    return err ? err : write_marked(set, SPAN_SET_TAIL, &update_tail, TAIL_ARGS);
}
