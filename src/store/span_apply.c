/* span_apply.c -- spans_apply: changes go into the table spans.
 *
 *   all ids of the batch ──▶ span_set ──▶ one after the other: values, merge, place, tokens ──▶
 * flush
 *
 * Only where places are derived from a parent that comes later is the store asked and written in
 * between (settle). */
#include "store/feedback.h"
#include "store/prices.h"
#include "store/sequence.h"
#include "store/span_rollup.h"
#include "store/spans.h"
#include "store/store_metrics.h"
#include "store/uuid_column.h"

/* Children that wait for this span, each with what is below it. */
static const struct db_statement select_orphans = {
    "spans_orphans",
    "SELECT " SPAN_COLUMNS
    " FROM spans WHERE tenant = $1 AND parent_id = $2 AND depth = 0 ORDER BY span_no",
    NULL};
/* What is below a span that has moved, if its own place was derived from it. */
#define DERIVED " AND ((posted | patched) & 64) = 0" /* SPAN_HAS_ORDER */
static const struct db_statement move_below = {
    "spans_move",
    "UPDATE spans SET dotted_order = $4 || SUBSTR(dotted_order, CAST($5 AS INTEGER) + 1),"
    " depth = depth + CAST($6 AS BIGINT), trace_id = $7, change_seq = $8, modified_us = $9"
    " WHERE tenant = $1 AND trace_id = $2 AND dotted_order > $3 || '.'"
    " AND dotted_order < $3 || '/'" DERIVED,
    NULL};

/* What spans_apply works with from the first change to the last. */
struct applying {
    struct tx *tx;
    struct span_set set;
    struct price_book book;
    struct rollup rollup;
};

/* What is in memory goes to the store. */
static enum err settle(struct applying *a)
{
    enum err err = rollup_carry(&a->rollup);

    return err ? err : span_set_flush(&a->set);
}

/* ---- places that are derived ---- */

static bool is_derived(const struct span_row *span)
{
    return !((span->posted | span->patched) & SPAN_HAS_ORDER);
}

static enum err place(struct applying *a, struct span_row *span)
{
    struct span_set_entry *parent = NULL;
    enum err err = OK;

    if (is_derived(span) && span->has_parent)
        err = span_set_parent(&a->set, &span->parent_id, &parent);
    if (err)
        return err;
    if (parent)
        span->parent_id = parent->row.span_id;
    span_place(span, parent ? &parent->row : NULL, a->tx->arena);
    return OK;
}

/* The span stood at `was`: what is below follows it. */
static enum err carry_along(struct applying *a, const struct span_row *was,
                            const struct span_row *now)
{
    enum err err;

    if (str_eq(was->dotted_order, now->dotted_order))
        return OK;
    if ((err = settle(a)))
        return err;
    span_set_forget(&a->set, &was->trace_id);
    return db_run(a->tx->db, &move_below,
                  DB_ARGS(db_text(now->tenant), db_uuid(&was->trace_id), db_text(was->dotted_order),
                          db_text(now->dotted_order), db_int((int64_t)was->dotted_order.len),
                          db_int(now->depth - was->depth), db_uuid(&now->trace_id),
                          db_int(now->change_seq), db_int(a->tx->now_us)),
                  NULL);
}

static enum err list_orphans(struct applying *a, const struct uuid *parent_id,
                             struct span_row **found, size_t *count)
{
    struct tx *tx = a->tx;
    struct db_rows rows = {0};
    size_t cap = 0;
    enum err err = db_query(tx->db, &select_orphans,
                            DB_ARGS(db_text(a->set.tenant), db_uuid(parent_id)), &rows);

    *count = 0;
    *found = NULL;
    while (!err && db_next(&rows)) {
        *found = arena_more(tx->arena, *found, *count, &cap, sizeof(**found));
        span_row_read(&rows, 0, tx->arena, &(*found)[(*count)++]);
    }
    return err ? err : db_rows_end(&rows);
}

static enum err adopt_one(struct applying *a, const struct span_row *parent,
                          const struct uuid *span_id)
{
    struct span_set_entry *orphan;
    struct span_row was;
    enum err err = span_set_get(&a->set, span_id, &orphan);

    if (err)
        return err;
    was = orphan->row;
    orphan->row.parent_id = parent->span_id;
    span_place(&orphan->row, parent, a->tx->arena);
    orphan->row.change_seq = parent->change_seq;
    orphan->row.modified_us = a->tx->now_us;
    span_set_mark(&a->set, orphan, &was);
    return carry_along(a, &was, &orphan->row);
}

static enum err adopt_by(struct applying *a, const struct span_row *parent, const struct uuid *id)
{
    struct span_row *orphans;
    size_t count;
    enum err err = settle(a);

    if (!err)
        err = list_orphans(a, id, &orphans, &count);
    for (size_t i = 0; !err && i < count; i++)
        if (!uuid_eq(orphans[i].span_id, parent->span_id))
            err = adopt_one(a, parent, &orphans[i].span_id);
    return err;
}

/* A parent has come: the children that waited go below it, with all that is below them. */
static enum err adopt(struct applying *a, const struct span_row *parent, bool has_orphans)
{
    const struct span_row copy = *parent; /* the set may forget it */
    enum err err = OK;

    if (!has_orphans && !span_set_is_awaited(&a->set, &copy.span_id) &&
        !(copy.has_alias && span_set_is_awaited(&a->set, &copy.alias_id)))
        return OK;
    err = adopt_by(a, &copy, &copy.span_id);
    return err || !copy.has_alias ? err : adopt_by(a, &copy, &copy.alias_id);
}

/* ---- tokens and costs ---- */

static struct span_totals own_get(const struct span_row *span, struct arena *arena)
{
    struct span_usage own;

    span_usage_read(span->usage, arena, &own);
    return own.totals;
}

/* What is known of a span that comes, under one of its names. */
static enum err ask_about(struct applying *a, const struct uuid *id, struct span_totals *totals,
                          bool *has_orphans)
{
    struct span_set_entry *entry;
    enum err err = span_set_get(&a->set, id, &entry);

    if (!err && !entry->is_asked) {
        err = settle(a);
        if (!err)
            err = span_set_ask(&a->set, entry);
    }
    if (err)
        return err;
    span_totals_add(totals, &entry->below);
    rollup_collect(&a->rollup, id, totals);
    *has_orphans = *has_orphans || entry->has_orphans;
    return OK;
}

static enum err reckon_new(struct applying *a, struct span_row *span, bool *has_orphans)
{
    struct span_totals totals = own_get(span, a->tx->arena);
    enum err err = ask_about(a, &span->span_id, &totals, has_orphans);

    if (!err && span->has_alias)
        err = ask_about(a, &span->alias_id, &totals, has_orphans);
    span_row_set_totals(span, &totals);
    if (!err && span->has_parent)
        rollup_add(&a->rollup, &span->parent_id, &totals);
    return err;
}

/* The same above and in itself, but for what has changed. */
static void reckon_again(struct applying *a, const struct span_row *was, struct span_row *span)
{
    struct span_totals before = span_row_totals(was), now = before, own, own_was;

    if (str_eq(was->usage, span->usage) && was->has_parent == span->has_parent &&
        uuid_eq(was->parent_id, span->parent_id))
        return;
    if (!str_eq(was->usage, span->usage)) {
        own = own_get(span, a->tx->arena);
        own_was = own_get(was, a->tx->arena);
        span_totals_take(&now, &own_was);
        span_totals_add(&now, &own);
        span_row_set_totals(span, &now);
    }
    if (was->has_parent)
        rollup_take(&a->rollup, &was->parent_id, &before);
    if (span->has_parent)
        rollup_add(&a->rollup, &span->parent_id, &now);
}

/* ---- changes ---- */

/* Once: whoever counts ends (alerts.h) reads on from the last it has counted. */
static bool has_just_ended(const struct span_row *was, const struct span_row *now)
{
    return now->end_us && now->project_no && !(was && was->end_us && was->project_no);
}

static void merge_one(struct applying *a, struct span_row *span, const struct span_change *change)
{
    span->usage = span_usage_merge(span, change, a->tx->arena);
    span_merge(span, change);
}

static void merge(struct applying *a, struct span_row *span, const struct span_saying *saying)
{
    span->modified_us = a->tx->now_us;
    if (saying->post)
        merge_one(a, span, saying->post);
    if (saying->patch)
        merge_one(a, span, saying->patch);
    span->usage = span_usage_reckon(span->usage, span, prices_apply, &a->book, a->tx->arena);
}

static enum err insert_span(struct applying *a, struct span_set_entry *entry,
                            const struct span_saying *saying)
{
    struct span_row *span = &entry->row;
    bool has_orphans = false;
    enum err err;

    span->received_us = a->tx->now_us;
    if ((err = span_values_put(&a->set.packs, span, true, saying)))
        return err;
    merge(a, span, saying);
    if ((err = place(a, span)) || (err = reckon_new(a, span, &has_orphans)))
        return err;
    entry->ended_seq = has_just_ended(NULL, span) ? span->change_seq : 0;
    if (span->project_no && entry->has_feedback && (err = feedback_attach(a->tx, span)))
        return err;
    span_set_mark(&a->set, entry, NULL);
    return adopt(a, span, has_orphans);
}

static enum err update_span(struct applying *a, struct span_set_entry *entry,
                            const struct span_saying *saying)
{
    struct span_row *span = &entry->row;
    struct span_row was = *span;
    enum err err;

    if ((err = span_values_put(&a->set.packs, span, false, saying)))
        return err;
    merge(a, span, saying);
    if ((err = place(a, span)))
        return err;
    reckon_again(a, &was, span);
    if (has_just_ended(&was, span))
        entry->ended_seq = span->change_seq;
    if (was.project_no == 0 && span->project_no && (err = feedback_attach(a->tx, span)))
        return err;
    span_set_mark(&a->set, entry, &was);
    return carry_along(a, &was, span);
}

/* Takes the next span's post and patch off the front, where they stand side by side. */
static size_t saying_take(const struct span_change *changes, size_t count,
                          struct span_saying *saying)
{
    bool is_pair = count > 1 && changes[0].layer == SPAN_POST && changes[1].layer == SPAN_PATCH &&
                   uuid_eq(changes[0].span_id, changes[1].span_id);

    *saying = (struct span_saying){0};
    if (changes[0].layer == SPAN_POST)
        saying->post = &changes[0];
    else
        saying->patch = &changes[0];
    if (is_pair)
        saying->patch = &changes[1];
    return is_pair ? 2 : 1;
}

/* As far as the change says: without a trace its parent may be the root. */
static struct uuid trace_of(const struct span_change *change)
{
    if (change->given & SPAN_HAS_TRACE)
        return change->trace_id;
    return change->given & SPAN_HAS_PARENT ? change->parent_id : change->span_id;
}

static bool is_root_post(const struct span_change *change)
{
    return change->layer == SPAN_POST && !(change->given & SPAN_HAS_PARENT) &&
           uuid_eq(trace_of(change), change->span_id);
}

/* Of which traces nothing is taken: those that were deleted, but whose root is not posted anew. */
static enum err load_deleted(struct applying *a, const struct span_change *changes, size_t count)
{
    struct uuid *traces = ARENA_ARRAY(a->tx->arena, struct uuid, count);
    enum err err;

    for (size_t i = 0; i < count; i++)
        traces[i] = trace_of(&changes[i]);
    err = span_set_load_deleted(&a->set, traces, count);
    for (size_t i = 0; !err && i < count; i++)
        if (is_root_post(&changes[i]) && span_set_is_deleted(&a->set, &traces[i]))
            err = span_set_undelete(&a->set, &traces[i]);
    return err;
}

static bool comes_too_late(struct applying *a, const struct span_saying *saying)
{
    struct uuid trace_id = trace_of(saying->post ? saying->post : saying->patch);

    if (!span_set_is_deleted(&a->set, &trace_id))
        return false;
    tx_count(a->tx, &store_spans_late, 0, 1);
    return true;
}

static enum err apply_one(struct applying *a, const struct span_saying *saying, int64_t span_no)
{
    struct uuid span_id = saying->post ? saying->post->span_id : saying->patch->span_id;
    struct span_set_entry *entry;
    enum err err = span_set_get(&a->set, &span_id, &entry);

    if (err)
        return err;
    entry->row.change_seq = a->rollup.change_seq;
    if (entry->is_there)
        return update_span(a, entry, saying);
    if (comes_too_late(a, saying))
        return OK;
    entry->row.span_no = span_no;
    entry->row.tenant = a->set.tenant;
    return insert_span(a, entry, saying);
}

/* Of the spans themselves and of those that their places are derived from. */
static enum err load(struct applying *a, const struct span_change *changes, size_t count)
{
    struct uuid *ids = ARENA_ARRAY(a->tx->arena, struct uuid, 2 * count);
    struct uuid *parents = ARENA_ARRAY(a->tx->arena, struct uuid, count);
    size_t id_count = 0, parent_count = 0;
    enum err err;

    for (size_t i = 0; i < count; i++) {
        const struct span_change *change = &changes[i];

        ids[id_count++] = change->span_id;
        if (change->given & SPAN_HAS_ALIAS)
            ids[id_count++] = change->alias_id;
        if (change->given & SPAN_HAS_PARENT && !(change->given & SPAN_HAS_ORDER))
            parents[parent_count++] = change->parent_id;
    }
    if ((err = load_deleted(a, changes, count)) ||
        (err = span_set_load(&a->set, ids, id_count, SPAN_SET_NEW_ONES)))
        return err;
    return span_set_load(&a->set, parents, parent_count, SPAN_SET_PARENTS);
}

static enum err apply_all(struct applying *a, const struct span_change *changes, size_t count,
                          int64_t span_no)
{
    struct span_saying saying;
    enum err err = load(a, changes, count);

    for (size_t at = 0; !err && at < count; span_no++, a->rollup.change_seq++) {
        at += saying_take(changes + at, count - at, &saying);
        err = apply_one(a, &saying, span_no);
    }
    a->rollup.change_seq--;
    if (!err)
        err = settle(a);
    return err ? err : a->book.err;
}

enum err spans_apply(struct tx *tx, struct str tenant, const struct span_change *changes,
                     size_t count)
{
    struct applying a = {.tx = tx, .book = {.tx = tx, .tenant = tenant}};
    int64_t change_seq, span_no;
    enum err err;

    REQUIRE(tx->is_write);
    if (count == 0)
        return OK;
    if ((err = sequence_next_serial(tx, STR("span_changes"), (int64_t)count, &change_seq)) ||
        (err = sequence_next(tx, STR("spans"), (int64_t)count, &span_no)))
        return err;
    span_set_init(&a.set, tx, tenant);
    rollup_init(&a.rollup, &a.set);
    a.rollup.change_seq = change_seq;
    err = apply_all(&a, changes, count, span_no);
    rollup_release(&a.rollup);
    span_set_release(&a.set);
    price_book_release(&a.book);
    return err;
}
