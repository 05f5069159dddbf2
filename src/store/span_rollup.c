/* Sums of usage on their way up. */
#include "store/span_rollup.h"

#include "format/dotted_order.h"
#include "store/uuid_column.h"

struct rollup_entry {
    struct uuid span_id;
    struct span_totals totals;
    struct rollup_entry *next;
};

/* The condition is that of the index spans_with_usage. */
static const struct db_statement list_children = {
    "spans_children_usage",
    "SELECT prompt_tokens, completion_tokens, total_tokens, prompt_cost, completion_cost,"
    " total_cost FROM spans WHERE tenant = $1 AND parent_id = $2"
    " AND total_tokens + COALESCE(total_cost, 0) > 0",
    NULL};

#define MAX "4000000000000000000"
static_assert(SPAN_TOTAL_MAX == INT64_C(4000000000000000000), "as the statement says");
#define PLUS(value, more)                                                                          \
    "CASE WHEN " value " + CAST(" more " AS BIGINT) > " MAX " THEN " MAX " ELSE " value            \
    " + CAST(" more " AS BIGINT) END"
#define COST(column, more)                                                                         \
    column " = CASE WHEN CAST($9 AS BIGINT) = 1 OR " column                                        \
           " IS NOT NULL THEN " PLUS("COALESCE(" column ", 0)", more) " END"

static const struct db_statement add_up = {
    "spans_add_up",
    "UPDATE spans SET prompt_tokens = " PLUS("prompt_tokens", "$3") ", completion_tokens = " PLUS(
        "completion_tokens",
        "$4") ", total_tokens = " PLUS("total_tokens",
                                       "$5") ", " COST("prompt_cost",
                                                       "$6") ", " COST("completion_cost",
                                                                       "$7") ", " COST("total_cost",
                                                                                       "$8") ", "
                                                                                             "chang"
                                                                                             "e_"
                                                                                             "seq "
                                                                                             "= "
                                                                                             "$10, "
                                                                                             "modif"
                                                                                             "ied_"
                                                                                             "us = "
                                                                                             "$11 "
                                                                                             "WHERE"
                                                                                             " tena"
                                                                                             "nt = "
                                                                                             "$1 "
                                                                                             "AND "
                                                                                             "span_"
                                                                                             "id = "
                                                                                             "$2 "
                                                                                             "RETUR"
                                                                                             "NING "
                                                                                             "paren"
                                                                                             "t_id",
    NULL};

void rollup_init(struct rollup *rollup, struct tx *tx, struct str tenant)
{
    *rollup = (struct rollup){.tx = tx, .tenant = tenant};
    map_init(&rollup->by_id);
}

void rollup_release(struct rollup *rollup)
{
    map_release(&rollup->by_id);
}

static struct str key_of(const struct uuid *id)
{
    return str_range((const char *)id->bytes, sizeof(id->bytes));
}

static struct span_totals *totals_of(struct rollup *rollup, const struct uuid *span_id)
{
    struct rollup_entry *entry = map_find(&rollup->by_id, key_of(span_id));

    if (!entry) {
        entry = ARENA_NEW(rollup->tx->arena, struct rollup_entry);
        entry->span_id = *span_id;
        entry->next = rollup->first;
        rollup->first = entry;
        map_put(&rollup->by_id, key_of(span_id), entry);
    }
    return &entry->totals;
}

void rollup_add(struct rollup *rollup, const struct uuid *span_id, const struct span_totals *totals)
{
    if (!span_totals_are_zero(totals))
        span_totals_add(totals_of(rollup, span_id), totals);
}

void rollup_take(struct rollup *rollup, const struct uuid *span_id,
                 const struct span_totals *totals)
{
    if (!span_totals_are_zero(totals))
        span_totals_take(totals_of(rollup, span_id), totals);
}

enum err rollup_collect(struct rollup *rollup, const struct uuid *span_id,
                        struct span_totals *totals)
{
    struct rollup_entry *waiting = map_find(&rollup->by_id, key_of(span_id));
    struct db_rows rows = {0};
    enum err err = db_query(rollup->tx->db, &list_children,
                            DB_ARGS(db_text(rollup->tenant), db_uuid(span_id)), &rows);

    if (waiting)
        waiting->totals = (struct span_totals){0};
    while (!err && db_next(&rows)) {
        const struct span_totals below = {
            .prompt_tokens = db_get_int(&rows, 0),
            .completion_tokens = db_get_int(&rows, 1),
            .total_tokens = db_get_int(&rows, 2),
            .has_cost = !db_is_null(&rows, 5),
            .prompt_cost = db_get_int(&rows, 3),
            .completion_cost = db_get_int(&rows, 4),
            .total_cost = db_get_int(&rows, 5),
        };

        span_totals_add(totals, &below);
    }
    return err ? err : db_rows_end(&rows);
}

/* From one span to its parent. ERR_NOT_FOUND: the way ends here. */
static enum err step_up(struct rollup *rollup, struct uuid *span_id, const struct span_totals *t)
{
    struct db_rows rows = {0};
    bool has_parent;
    enum err err = db_query_one(
        rollup->tx->db, &add_up,
        DB_ARGS(db_text(rollup->tenant), db_uuid(span_id), db_int(t->prompt_tokens),
                db_int(t->completion_tokens), db_int(t->total_tokens), db_int(t->prompt_cost),
                db_int(t->completion_cost), db_int(t->total_cost), db_int(t->has_cost),
                db_int(rollup->change_seq), db_int(rollup->tx->now_us)),
        &rows);

    if (err)
        return err;
    has_parent = !db_is_null(&rows, 0);
    *span_id = db_get_uuid(&rows, 0);
    err = db_rows_end(&rows);
    return err ? err : has_parent ? OK : ERR_NOT_FOUND;
}

enum err rollup_carry(struct rollup *rollup)
{
    enum err err = OK;

    for (struct rollup_entry *entry = rollup->first; !err && entry; entry = entry->next) {
        struct uuid at = entry->span_id;

        if (span_totals_are_zero(&entry->totals))
            continue;
        for (size_t i = 0; !err && i <= DOTTED_ORDER_DEPTH_MAX; i++) {
            err = step_up(rollup, &at, &entry->totals);
            if (!err && uuid_eq(at, entry->span_id))
                break;
        }
        if (err == ERR_NOT_FOUND)
            err = OK;
    }
    return err;
}
