/* The table spans: changes go in, spans come out. */
#include "store/spans.h"

#include "store/feedback.h"
#include "store/prices.h"
#include "store/sequence.h"
#include "store/span_rollup.h"

static const struct db_statement select_one = {
    "spans_get", "SELECT " SPAN_COLUMNS " FROM spans WHERE tenant = $1 AND span_id = $2", NULL};
static const struct db_statement select_alias = {
    "spans_by_alias",
    "SELECT " SPAN_COLUMNS
    " FROM spans WHERE tenant = $1 AND alias_id = $2 ORDER BY span_no LIMIT 1",
    NULL};
static const struct db_statement insert_one = {
    "spans_insert",
    "INSERT INTO spans (" SPAN_COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
    " $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)",
    NULL};
static const struct db_statement update_one = {
    "spans_update",
    "UPDATE spans SET tenant = $2, span_id = $3, trace_id = $4, parent_id = $5, project_no = $6,"
    " dotted_order = $7, depth = $8, is_root = $9, name = $10, run_type = $11, status = $12,"
    " start_us = $13, end_us = $14, first_token_us = $15, tags = $16, thread_id = $17,"
    " example_id = $18, error_preview = $19, prompt_tokens = $20, completion_tokens = $21,"
    " total_tokens = $22, prompt_cost = $23, completion_cost = $24, total_cost = $25, usage = $26,"
    " posted = $27, patched = $28, change_seq = $29, received_us = $30, modified_us = $31,"
    " alias_id = $32 WHERE span_no = $1",
    NULL};
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
/* Once: whoever counts ends (alerts.h) reads on from the last it has counted. */
static const struct db_statement note_end = {
    "spans_note_end", "UPDATE spans SET ended_seq = $2 WHERE span_no = $1 AND ended_seq IS NULL",
    NULL};
static const struct db_statement touch = {
    "spans_touch",
    "UPDATE spans SET change_seq = $3, modified_us = $4 WHERE tenant = $1 AND span_id = $2", NULL};

static struct db_value id_value(struct uuid *id)
{
    return db_blob(str_range((const char *)id->bytes, sizeof(id->bytes)));
}

static struct db_value id_or_null(struct uuid *id, bool is_there)
{
    return is_there ? id_value(id) : db_null();
}

static struct uuid id_get(const struct db_rows *rows, int column)
{
    struct str bytes = db_get_str(rows, column);
    struct uuid id = {{0}};

    if (bytes.len == sizeof(id.bytes))
        memcpy(id.bytes, bytes.data, sizeof(id.bytes));
    return id;
}

static void read_place(const struct db_rows *rows, int at, struct arena *arena,
                       struct span_row *span)
{
    span->span_no = db_get_int(rows, at);
    span->tenant = db_get_keep(rows, at + 1, arena);
    span->span_id = id_get(rows, at + 2);
    span->trace_id = id_get(rows, at + 3);
    span->parent_id = id_get(rows, at + 4);
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
    span->example_id = id_get(rows, at + 17);
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
    span->alias_id = id_get(rows, at + 31);
    span->has_alias = !db_is_null(rows, at + 31);
}

void span_row_read(const struct db_rows *rows, int first, struct arena *arena,
                   struct span_row *span)
{
    static_assert(SPAN_COLUMN_COUNT == 32, "the columns that are read here");

    *span = (struct span_row){0};
    read_place(rows, first, arena, span);
    read_rest(rows, first, arena, span);
}

static enum err find_by(struct tx *tx, const struct db_statement *statement, struct str tenant,
                        struct uuid *id, struct arena *arena, struct span_row *span)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement, DB_ARGS(db_text(tenant), id_value(id)), &rows);

    if (err)
        return err;
    span_row_read(&rows, 0, arena, span);
    return db_rows_end(&rows);
}

/* Also of one that is not placed yet. */
static enum err find(struct tx *tx, struct str tenant, struct uuid *span_id, struct arena *arena,
                     struct span_row *span)
{
    return find_by(tx, &select_one, tenant, span_id, arena, span);
}

enum err spans_get(struct tx *tx, struct str tenant, struct uuid span_id, struct arena *arena,
                   struct span_row *span)
{
    struct span_row found;
    enum err err = find(tx, tenant, &span_id, arena, &found);

    if (!err && found.project_no == 0)
        return ERR_NOT_FOUND;
    if (!err)
        *span = found;
    return err;
}

static struct db_value cost_value(const struct span_row *s, int64_t cost)
{
    return s->has_cost ? db_int(cost) : db_null();
}

static enum err row_write(struct tx *tx, const struct db_statement *statement, struct span_row *s)
{
    return db_run(
        tx->db, statement,
        DB_ARGS(db_int(s->span_no), db_text(s->tenant), id_value(&s->span_id),
                id_value(&s->trace_id), id_or_null(&s->parent_id, s->has_parent),
                db_int(s->project_no), db_text(s->dotted_order), db_int(s->depth),
                db_int(s->is_root), db_text(s->name.data ? s->name : STR("")), db_int(s->type),
                db_int(s->status), db_int(s->start_us), db_int_or_null(s->end_us),
                db_int_or_null(s->first_token_us), db_text(s->tags), db_text(s->thread_id),
                id_or_null(&s->example_id, s->has_example), db_text(s->error_preview),
                db_int(s->prompt_tokens), db_int(s->completion_tokens), db_int(s->total_tokens),
                cost_value(s, s->prompt_cost), cost_value(s, s->completion_cost),
                cost_value(s, s->total_cost), db_text(s->usage), db_int(s->posted),
                db_int(s->patched), db_int(s->change_seq), db_int(s->received_us),
                db_int(s->modified_us), id_or_null(&s->alias_id, s->has_alias)),
        NULL);
}

/* ---- places that are derived ---- */

static bool is_derived(const struct span_row *span)
{
    return !((span->posted | span->patched) & SPAN_HAS_ORDER);
}

static enum err place(struct tx *tx, struct span_row *span)
{
    struct span_row parent;
    enum err err = ERR_NOT_FOUND;

    if (is_derived(span) && span->has_parent) {
        err = find(tx, span->tenant, &span->parent_id, tx->arena, &parent);
        if (err == ERR_NOT_FOUND)
            err = find_by(tx, &select_alias, span->tenant, &span->parent_id, tx->arena, &parent);
    }
    if (err && err != ERR_NOT_FOUND)
        return err;
    if (!err)
        span->parent_id = parent.span_id;
    span_place(span, err ? NULL : &parent, tx->arena);
    return OK;
}

/* The span stood at `was`: what is below follows it. */
static enum err carry_along(struct tx *tx, struct span_row *was, struct span_row *now)
{
    if (str_eq(was->dotted_order, now->dotted_order))
        return OK;
    return db_run(tx->db, &move_below,
                  DB_ARGS(db_text(now->tenant), id_value(&was->trace_id),
                          db_text(was->dotted_order), db_text(now->dotted_order),
                          db_int((int64_t)was->dotted_order.len), db_int(now->depth - was->depth),
                          id_value(&now->trace_id), db_int(now->change_seq), db_int(tx->now_us)),
                  NULL);
}

static enum err list_orphans(struct tx *tx, struct str tenant, struct uuid *parent_id,
                             struct span_row **found, size_t *count)
{
    struct db_rows rows = {0};
    size_t cap = 0;
    enum err err =
        db_query(tx->db, &select_orphans, DB_ARGS(db_text(tenant), id_value(parent_id)), &rows);

    *count = 0;
    *found = NULL;
    while (!err && db_next(&rows)) {
        if (*count == cap) {
            struct span_row *more = ARENA_ARRAY(tx->arena, struct span_row, cap = 2 * cap + 8);

            if (*count)
                memcpy(more, *found, *count * sizeof(*more));
            *found = more;
        }
        span_row_read(&rows, 0, tx->arena, &(*found)[(*count)++]);
    }
    return err ? err : db_rows_end(&rows);
}

static enum err adopt_by(struct tx *tx, struct span_row *parent, struct uuid *id)
{
    struct span_row *orphans;
    size_t count;
    enum err err = list_orphans(tx, parent->tenant, id, &orphans, &count);

    for (size_t i = 0; !err && i < count; i++) {
        struct span_row was = orphans[i];

        if (uuid_eq(was.span_id, parent->span_id))
            continue;
        orphans[i].parent_id = parent->span_id;
        span_place(&orphans[i], parent, tx->arena);
        orphans[i].change_seq = parent->change_seq;
        orphans[i].modified_us = tx->now_us;
        if (!(err = row_write(tx, &update_one, &orphans[i])))
            err = carry_along(tx, &was, &orphans[i]);
    }
    return err;
}

/* A parent has come: the children that waited go below it, with all that is below them. */
static enum err adopt(struct tx *tx, struct span_row *parent)
{
    enum err err = adopt_by(tx, parent, &parent->span_id);

    return err || !parent->has_alias ? err : adopt_by(tx, parent, &parent->alias_id);
}

/* ---- tokens and costs ---- */

/* What spans_apply works with from the first change to the last. */
struct applying {
    struct tx *tx;
    struct price_book book;
    struct rollup rollup;
};

static struct span_totals totals_get(const struct span_row *span)
{
    return (struct span_totals){span->prompt_tokens, span->completion_tokens, span->total_tokens,
                                span->has_cost,      span->prompt_cost,       span->completion_cost,
                                span->total_cost};
}

static void totals_set(struct span_row *span, const struct span_totals *t)
{
    span->prompt_tokens = t->prompt_tokens;
    span->completion_tokens = t->completion_tokens;
    span->total_tokens = t->total_tokens;
    span->has_cost = t->has_cost;
    span->prompt_cost = t->prompt_cost;
    span->completion_cost = t->completion_cost;
    span->total_cost = t->total_cost;
}

static struct span_totals own_get(const struct span_row *span, struct arena *arena)
{
    struct span_usage own;

    span_usage_read(span->usage, arena, &own);
    return own.totals;
}

static enum err reckon_new(struct applying *a, struct span_row *span)
{
    struct span_totals totals = own_get(span, a->tx->arena);
    enum err err = rollup_collect(&a->rollup, &span->span_id, &totals);

    if (!err && span->has_alias)
        err = rollup_collect(&a->rollup, &span->alias_id, &totals);
    totals_set(span, &totals);
    if (!err && span->has_parent)
        rollup_add(&a->rollup, &span->parent_id, &totals);
    return err;
}

/* The same above and in itself, but for what has changed. */
static void reckon_again(struct applying *a, const struct span_row *was, struct span_row *span)
{
    struct span_totals before = totals_get(was), now = before;
    struct span_totals own = own_get(span, a->tx->arena), own_was = own_get(was, a->tx->arena);

    if (str_eq(was->usage, span->usage) && was->has_parent == span->has_parent &&
        uuid_eq(was->parent_id, span->parent_id))
        return;
    if (!str_eq(was->usage, span->usage)) {
        span_totals_take(&now, &own_was);
        span_totals_add(&now, &own);
        totals_set(span, &now);
    }
    if (was->has_parent)
        rollup_take(&a->rollup, &was->parent_id, &before);
    if (span->has_parent)
        rollup_add(&a->rollup, &span->parent_id, &now);
}

/* ---- changes ---- */

static enum err ended(struct tx *tx, const struct span_row *was, const struct span_row *now)
{
    if (!now->end_us || !now->project_no || (was && was->end_us && was->project_no))
        return OK;
    return db_run(tx->db, &note_end, DB_ARGS(db_int(now->span_no), db_int(now->change_seq)), NULL);
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

static enum err insert_span(struct applying *a, struct span_row *span,
                            const struct span_saying *saying)
{
    struct tx *tx = a->tx;
    enum err err;

    span->received_us = tx->now_us;
    if ((err = span_values_put(tx, span, true, saying)))
        return err;
    merge(a, span, saying);
    if ((err = place(tx, span)) || (err = reckon_new(a, span)) ||
        (err = row_write(tx, &insert_one, span)) ||
        (span->project_no && (err = feedback_attach(tx, span))) || (err = ended(tx, NULL, span)))
        return err;
    return adopt(tx, span);
}

static enum err update_span(struct applying *a, struct span_row *span,
                            const struct span_saying *saying)
{
    struct span_row was = *span;
    struct tx *tx = a->tx;
    enum err err;

    if ((err = span_values_put(tx, span, false, saying)))
        return err;
    merge(a, span, saying);
    if ((err = place(tx, span)))
        return err;
    reckon_again(a, &was, span);
    if ((err = row_write(tx, &update_one, span)) ||
        (was.project_no == 0 && span->project_no && (err = feedback_attach(tx, span))) ||
        (err = ended(tx, &was, span)))
        return err;
    return carry_along(tx, &was, span);
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

static enum err apply_one(struct applying *a, struct str tenant, const struct span_saying *saying,
                          int64_t span_no)
{
    struct uuid span_id = saying->post ? saying->post->span_id : saying->patch->span_id;
    struct span_row span = {0};
    enum err err = find(a->tx, tenant, &span_id, a->tx->arena, &span);

    if (err && err != ERR_NOT_FOUND)
        return err;
    span.change_seq = a->rollup.change_seq;
    if (!err)
        return update_span(a, &span, saying);
    span.span_no = span_no;
    span.tenant = tenant;
    return insert_span(a, &span, saying);
}

static enum err apply_all(struct applying *a, const struct span_change *changes, size_t count,
                          int64_t span_no)
{
    struct span_saying saying;
    enum err err = OK;

    for (size_t at = 0; !err && at < count; span_no++, a->rollup.change_seq++) {
        at += saying_take(changes + at, count - at, &saying);
        err = apply_one(a, a->rollup.tenant, &saying, span_no);
    }
    a->rollup.change_seq--;
    if (!err)
        err = rollup_carry(&a->rollup);
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
    rollup_init(&a.rollup, tx, tenant);
    a.rollup.change_seq = change_seq;
    err = apply_all(&a, changes, count, span_no);
    rollup_release(&a.rollup);
    price_book_release(&a.book);
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
        DB_ARGS(db_text(tenant), id_value(&span_id), db_int(change_seq), db_int(tx->now_us)), NULL);
}
