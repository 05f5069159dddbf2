/* Sums of usage on their way up. */
#include "store/span_rollup.h"

#include "format/dotted_order.h"

struct rollup_entry {
    struct uuid span_id;
    struct uuid at; /* how far it has been carried */
    size_t steps;
    bool is_carried;
    struct span_totals totals;
    struct rollup_entry *next;
};

static void map_empty(struct rollup *rollup)
{
    map_init(&rollup->by_id);
    rollup->first = NULL;
}

void rollup_init(struct rollup *rollup, struct span_set *set)
{
    *rollup = (struct rollup){.set = set};
    map_empty(rollup);
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
        entry = ARENA_NEW(rollup->set->tx->arena, struct rollup_entry);
        entry->span_id = entry->at = *span_id;
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

void rollup_collect(struct rollup *rollup, const struct uuid *span_id, struct span_totals *totals)
{
    struct rollup_entry *waiting = map_find(&rollup->by_id, key_of(span_id));

    if (!waiting)
        return;
    span_totals_add(totals, &waiting->totals);
    waiting->totals = (struct span_totals){0};
}

/* To one span. */
static void put(struct rollup *rollup, struct span_set_entry *to, const struct span_totals *more)
{
    const struct span_row was = to->row;
    struct span_totals totals = span_row_totals(&to->row);

    span_totals_add(&totals, more);
    span_row_set_totals(&to->row, &totals);
    to->row.change_seq = rollup->change_seq;
    to->row.modified_us = rollup->set->tx->now_us;
    span_set_mark(rollup->set, to, &was);
}

/* As far as the rows are known. False: to a row that is to be loaded. */
static bool climb(struct rollup *rollup, struct rollup_entry *entry)
{
    for (; entry->steps <= DOTTED_ORDER_DEPTH_MAX; entry->steps++) {
        struct span_set_entry *to = map_find(&rollup->set->by_id, key_of(&entry->at));

        if (!to)
            return false;
        if (!to->is_there)
            return true;
        put(rollup, to, &entry->totals);
        entry->at = to->row.parent_id;
        if (!to->row.has_parent || uuid_eq(entry->at, entry->span_id))
            return true;
    }
    return true;
}

/* One level of rows after the other is loaded, all ways at once. */
enum err rollup_carry(struct rollup *rollup)
{
    size_t count = 0, unknown;
    struct uuid *ids;
    enum err err = OK;

    for (const struct rollup_entry *entry = rollup->first; entry; entry = entry->next)
        count++;
    ids = ARENA_ARRAY(rollup->set->tx->arena, struct uuid, count + 1);
    do {
        unknown = 0;
        for (struct rollup_entry *entry = rollup->first; entry; entry = entry->next) {
            if (entry->is_carried || span_totals_are_zero(&entry->totals))
                continue;
            entry->is_carried = climb(rollup, entry);
            if (!entry->is_carried)
                ids[unknown++] = entry->at;
        }
        if (unknown > 0)
            err = span_set_load(rollup->set, ids, unknown, SPAN_SET_ROWS);
    } while (!err && unknown > 0);
    rollup_release(rollup);
    map_empty(rollup);
    return err;
}
