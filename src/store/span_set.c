/* span_set.c -- see span_set.h. A question for many ids is one statement with an array in
 * PostgreSQL, and a loop in SQLite, where a statement costs no round trip. */
#include "store/span_set.h"

#include "base/buf.h"
#include "base/hex.h"
#include "format/squeeze.h"
#include "store/spans.h"
#include "store/uuid_column.h"

#define IDS_BYTES_MAX (64 * MIB)

/* $2 is an id, or of PostgreSQL an array of them: there the table is looked up for one after the
 * other (OFFSET 0), because what the planner guesses of arrays while the table grows is a scan. */
#define OF_IDS(name, select, column, rest)                                                         \
    {                                                                                              \
        name, select " WHERE tenant = $1 AND " column " = $2" rest,                                \
            "SELECT found.* FROM unnest(CAST($2 AS BYTEA[])) AS ids(id) CROSS JOIN LATERAL "       \
            "(" select " WHERE tenant = $1 AND " column " = ids.id" rest " OFFSET 0) AS found"     \
    }
static const struct db_statement rows_of =
    OF_IDS("span_set_rows", "SELECT " SPAN_COLUMNS " FROM spans", "span_id", "");
static const struct db_statement aliases_of = OF_IDS(
    "span_set_aliases", "SELECT " SPAN_COLUMNS " FROM spans", "alias_id", " ORDER BY span_no DESC");
static const struct db_statement orphans_of = OF_IDS(
    "span_set_orphans", "SELECT DISTINCT parent_id FROM spans", "parent_id", " AND depth = 0");
static const struct db_statement feedback_of = OF_IDS(
    "span_set_feedback", "SELECT DISTINCT span_id FROM feedback", "span_id", " AND project_no = 0");
static const struct db_statement deleted_of =
    OF_IDS("span_set_deleted", "SELECT trace_id FROM deleted_traces", "trace_id", "");
static const struct db_statement undelete = {
    "span_set_undelete", "DELETE FROM deleted_traces WHERE trace_id = $1 AND tenant = $2", NULL};
/* The condition is that of the index spans_with_usage. */
static const struct db_statement usage_of =
    OF_IDS("span_set_usage",
           "SELECT parent_id, prompt_tokens, completion_tokens, total_tokens, prompt_cost,"
           " completion_cost, total_cost FROM spans",
           "parent_id", " AND total_tokens + COALESCE(total_cost, 0) > 0");

static struct str key_of(const struct uuid *id)
{
    return str_range((const char *)id->bytes, sizeof(id->bytes));
}

static void maps_init(struct span_set *set)
{
    map_init(&set->by_id);
    map_init(&set->by_alias);
    map_init(&set->awaited);
    set->first = NULL;
    set->marked = NULL;
    set->last_marked = &set->marked;
    set->marked_count = 0;
}

void span_set_init(struct span_set *set, struct tx *tx, struct str tenant)
{
    *set = (struct span_set){.tx = tx, .tenant = tenant, .packs = {.tx = tx}};
    map_init(&set->deleted);
    maps_init(set);
}

static void maps_release(struct span_set *set)
{
    map_release(&set->awaited);
    map_release(&set->by_alias);
    map_release(&set->by_id);
}

void span_set_release(struct span_set *set)
{
    squeezer_free(set->packs.squeezer);
    map_release(&set->deleted);
    maps_release(set);
}

/* ---- questions ---- */

/* What one question asks about. */
struct asking {
    struct span_set *set;
    struct uuid *ids;
    size_t count;
};

static struct asking asking_new(struct span_set *set, size_t most)
{
    return (struct asking){.set = set, .ids = ARENA_ARRAY(set->tx->arena, struct uuid, most + 1)};
}

static struct str ids_text(const struct asking *a)
{
    struct str text;
    struct buf out;

    buf_init(&out, IDS_BYTES_MAX);
    for (size_t i = 0; i < a->count; i++) {
        char hex[2 * sizeof(a->ids->bytes)];

        hex_write(hex, a->ids[i].bytes, sizeof(a->ids->bytes));
        buf_add(&out, i ? STR(",\"\\\\x") : STR("{\"\\\\x"));
        buf_add(&out, str_range(hex, sizeof(hex)));
        buf_add_char(&out, '"');
    }
    buf_add_char(&out, '}');
    text = arena_str(a->set->tx->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static enum err ask_once(const struct asking *a, const struct db_statement *statement,
                         struct db_value ids,
                         void (*take)(struct span_set *set, const struct db_rows *rows))
{
    struct db_rows rows = {0};
    enum err err =
        db_query(a->set->tx->db, statement, DB_ARGS(db_text(a->set->tenant), ids), &rows);

    while (!err && db_next(&rows))
        take(a->set, &rows);
    return err ? err : db_rows_end(&rows);
}

static enum err ask(const struct asking *a, const struct db_statement *statement,
                    void (*take)(struct span_set *set, const struct db_rows *rows))
{
    enum err err = OK;

    if (a->count > 0 && db_dialect(a->set->tx->db) == DB_POSTGRES)
        return ask_once(a, statement, db_text(ids_text(a)), take);
    for (size_t i = 0; !err && i < a->count; i++)
        err = ask_once(a, statement, db_uuid(&a->ids[i]), take);
    return err;
}

static struct span_set_entry *entry_find(const struct span_set *set, const struct uuid *id)
{
    return map_find(&set->by_id, key_of(id));
}

/* Whose alias it is has to be asked again. */
static void alias_forget(struct span_set *set, const struct uuid *alias_id)
{
    struct span_set_entry *entry = entry_find(set, alias_id);

    map_remove(&set->by_alias, key_of(alias_id));
    if (entry)
        entry->is_alias_asked = false;
}

void span_set_forget(struct span_set *set, const struct uuid *trace_id)
{
    REQUIRE(set->marked_count == 0);
    for (struct span_set_entry *entry = set->first; entry; entry = entry->next) {
        if (!entry->is_there || !uuid_eq(entry->row.trace_id, *trace_id))
            continue;
        map_remove(&set->by_id, key_of(&entry->row.span_id));
        if (entry->row.has_alias)
            alias_forget(set, &entry->row.alias_id);
    }
}

static struct span_set_entry *entry_add(struct span_set *set, const struct uuid *span_id)
{
    struct span_set_entry *entry = ARENA_NEW(set->tx->arena, struct span_set_entry);

    entry->row.span_id = *span_id;
    entry->next = set->first;
    set->first = entry;
    map_put(&set->by_id, key_of(span_id), entry);
    return entry;
}

static struct span_set_entry *row_take(struct span_set *set, const struct span_row *row)
{
    struct span_set_entry *entry = entry_find(set, &row->span_id);

    if (!entry)
        entry = entry_add(set, &row->span_id);
    if (!entry->is_there)
        entry->row = *row;
    entry->is_there = true;
    if (row->has_alias)
        map_put(&set->by_alias, key_of(&row->alias_id), entry);
    return entry;
}

static void take_row(struct span_set *set, const struct db_rows *rows)
{
    struct span_row row;

    span_row_read(rows, 0, set->tx->arena, &row);
    row_take(set, &row);
}

static void take_orphans(struct span_set *set, const struct db_rows *rows)
{
    struct uuid id = db_get_uuid(rows, 0);

    entry_find(set, &id)->has_orphans = true;
}

static void take_feedback(struct span_set *set, const struct db_rows *rows)
{
    struct uuid id = db_get_uuid(rows, 0);

    entry_find(set, &id)->has_feedback = true;
}

static void take_usage(struct span_set *set, const struct db_rows *rows)
{
    struct uuid id = db_get_uuid(rows, 0);
    const struct span_totals child = {
        .prompt_tokens = db_get_int(rows, 1),
        .completion_tokens = db_get_int(rows, 2),
        .total_tokens = db_get_int(rows, 3),
        .has_cost = !db_is_null(rows, 6),
        .prompt_cost = db_get_int(rows, 4),
        .completion_cost = db_get_int(rows, 5),
        .total_cost = db_get_int(rows, 6),
    };

    span_totals_add(&entry_find(set, &id)->below, &child);
}

static void take_deleted(struct span_set *set, const struct db_rows *rows)
{
    struct uuid id = db_get_uuid(rows, 0);

    map_put(&set->deleted, key_of(&id), set);
}

/* Of those that are not there and have not been asked about. */
static enum err ask_new_ones(struct span_set *set, const struct uuid *ids, size_t count)
{
    struct asking a = asking_new(set, count);
    enum err err;

    for (size_t i = 0; i < count; i++) {
        struct span_set_entry *entry = entry_find(set, &ids[i]);

        if (entry->is_there || entry->is_asked)
            continue;
        entry->is_asked = true;
        entry->has_orphans = entry->has_feedback = false;
        entry->below = (struct span_totals){0};
        a.ids[a.count++] = ids[i];
    }
    if ((err = ask(&a, &orphans_of, take_orphans)) || (err = ask(&a, &feedback_of, take_feedback)))
        return err;
    return ask(&a, &usage_of, take_usage);
}

static enum err ask_aliases(struct span_set *set, const struct uuid *ids, size_t count)
{
    struct asking a = asking_new(set, count);

    for (size_t i = 0; i < count; i++) {
        struct span_set_entry *entry = entry_find(set, &ids[i]);

        if (entry->is_there || entry->is_alias_asked)
            continue;
        entry->is_alias_asked = true;
        a.ids[a.count++] = ids[i];
    }
    return ask(&a, &aliases_of, take_row);
}

enum err span_set_load(struct span_set *set, const struct uuid *ids, size_t count,
                       enum span_set_ask what)
{
    struct asking unknown = asking_new(set, count);
    enum err err;

    for (size_t i = 0; i < count; i++)
        if (!entry_find(set, &ids[i])) {
            entry_add(set, &ids[i]);
            unknown.ids[unknown.count++] = ids[i];
        }
    err = ask(&unknown, &rows_of, take_row);
    if (!err && what == SPAN_SET_NEW_ONES)
        err = ask_new_ones(set, ids, count);
    if (!err && what == SPAN_SET_PARENTS)
        err = ask_aliases(set, ids, count);
    return err;
}

enum err span_set_load_deleted(struct span_set *set, const struct uuid *traces, size_t count)
{
    struct asking a = asking_new(set, count);

    for (size_t i = 0; i < count; i++)
        if (i == 0 || !uuid_eq(traces[i], traces[i - 1])) /* a batch has many spans of a trace */
            a.ids[a.count++] = traces[i];
    return ask(&a, &deleted_of, take_deleted);
}

bool span_set_is_deleted(const struct span_set *set, const struct uuid *trace_id)
{
    return map_find(&set->deleted, key_of(trace_id)) != NULL;
}

enum err span_set_undelete(struct span_set *set, const struct uuid *trace_id)
{
    map_remove(&set->deleted, key_of(trace_id));
    return db_run(set->tx->db, &undelete, DB_ARGS(db_uuid(trace_id), db_text(set->tenant)), NULL);
}

enum err span_set_get(struct span_set *set, const struct uuid *span_id,
                      struct span_set_entry **entry)
{
    enum err err = span_set_load(set, span_id, 1, SPAN_SET_ROWS);

    if (!err)
        *entry = entry_find(set, span_id);
    return err;
}

enum err span_set_ask(struct span_set *set, struct span_set_entry *entry)
{
    return span_set_load(set, &entry->row.span_id, 1, SPAN_SET_NEW_ONES);
}

enum err span_set_parent(struct span_set *set, const struct uuid *id, struct span_set_entry **entry)
{
    enum err err = span_set_load(set, id, 1, SPAN_SET_PARENTS);

    if (err)
        return err;
    *entry = entry_find(set, id);
    if (!(*entry)->is_there)
        *entry = map_find(&set->by_alias, key_of(id));
    return OK;
}

bool span_set_is_awaited(const struct span_set *set, const struct uuid *id)
{
    return map_find(&set->awaited, key_of(id)) != NULL;
}

/* ---- writing ---- */

static bool same_id(bool has_a, const struct uuid *a, bool has_b, const struct uuid *b)
{
    return has_a == has_b && (!has_a || uuid_eq(*a, *b));
}

static bool stands_where_it_was(const struct span_row *was, const struct span_row *now)
{
    return uuid_eq(was->trace_id, now->trace_id) &&
           same_id(was->has_parent, &was->parent_id, now->has_parent, &now->parent_id) &&
           same_id(was->has_alias, &was->alias_id, now->has_alias, &now->alias_id) &&
           was->project_no == now->project_no && was->depth == now->depth &&
           was->is_root == now->is_root && was->start_us == now->start_us &&
           str_eq(was->dotted_order, now->dotted_order) && str_eq(was->thread_id, now->thread_id);
}

void span_set_mark(struct span_set *set, struct span_set_entry *entry, const struct span_row *was)
{
    const struct span_row *row = &entry->row;
    enum span_set_write write = !was                            ? SPAN_SET_INSERT
                                : stands_where_it_was(was, row) ? SPAN_SET_TAIL
                                                                : SPAN_SET_ROW;

    entry->is_there = true;
    if (row->has_alias)
        map_put(&set->by_alias, key_of(&row->alias_id), entry);
    if (row->has_parent && row->depth == 0)
        map_put(&set->awaited, key_of(&row->parent_id), set);
    if (was && was->has_parent && !entry->has_left &&
        !same_id(true, &was->parent_id, row->has_parent, &row->parent_id)) {
        entry->has_left = true;
        entry->left = was->parent_id;
    }
    if (entry->write == SPAN_SET_NOTHING) {
        *set->last_marked = entry;
        set->last_marked = &entry->next_marked;
        entry->next_marked = NULL;
        set->marked_count++;
    }
    if (write > entry->write)
        entry->write = write;
}

static void answer_forget(struct span_set *set, const struct uuid *parent_id)
{
    struct span_set_entry *parent = entry_find(set, parent_id);

    if (parent)
        parent->is_asked = false;
}

/* What was asked about the parents of what has been written is no longer so. */
static void answers_forget(struct span_set *set)
{
    for (struct span_set_entry *entry = set->marked; entry; entry = entry->next_marked) {
        if (entry->row.has_parent)
            answer_forget(set, &entry->row.parent_id);
        if (entry->has_left)
            answer_forget(set, &entry->left);
        entry->has_left = false;
    }
    map_release(&set->awaited);
    map_init(&set->awaited);
}

enum err span_set_flush(struct span_set *set)
{
    enum err err = span_packs_flush(&set->packs);

    if (err || set->marked_count == 0 || (err = span_set_write_marked(set)))
        return err;
    answers_forget(set);
    for (struct span_set_entry *entry = set->marked; entry; entry = entry->next_marked) {
        entry->write = SPAN_SET_NOTHING;
        entry->ended_seq = 0;
    }
    set->marked = NULL;
    set->last_marked = &set->marked;
    set->marked_count = 0;
    return OK;
}
