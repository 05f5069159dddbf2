/* thread_search.c -- searches of threads whose cost does not grow with their number.
 *
 * A search walks an index of its order until its page is full, which is quick when much matches.
 * When little does, that would be a walk through everything: then the rarest thing that is asked
 * for leads. PostgreSQL finds that out itself, if it plans each search anew with what is asked for
 * before it. SQLite looks at the text only, so there is one for each way, and a few short counts
 * choose. For metadata it has the table thread_labels, which triggers keep: one label for each text
 * at the top of a thread's metadata. */
#include "base/json.h"
#include "store/search.h"
#include "store/thread_totals.h"
#include "store/threads_priv.h"

#define LABEL_BYTES_MAX 200
#define LABELS_MAX 8 /* that are looked at; what else is asked for is still checked */
/* Up to so many threads a label leads; beyond, what it marks is met soon enough by walking. */
#define RARE_MAX 1000
/* So many of a status are sorted by something else; beyond, that order is walked. */
#define SORTED_MAX 20000
/* So many of each other status are counted and taken from the total; beyond, those that are asked
 * for are counted. */
#define OTHERS_MAX 100000

#define FROM_ALL " FROM threads WHERE tenant = $3 AND temporary = 0"
#define OPTIONAL_STATUS " AND (CAST($4 AS TEXT) IS NULL OR status = $4)"
#define SQLITE_REST                                                                                \
    " AND (CAST($5 AS TEXT) IS NULL OR json_contains(metadata, $5))"                               \
    " AND (CAST($6 AS TEXT) IS NULL OR json_contains(head_values, $6))"                            \
    " AND (CAST($7 AS TEXT) IS NULL OR thread_id IN (SELECT value FROM "                           \
    "json_each($7)))" SQLITE_ADMITS("$8")
#define SQLITE_WALK FROM_ALL OPTIONAL_STATUS SQLITE_REST
#define SQLITE_STATUS FROM_ALL " AND status = $4" SQLITE_REST
/* +temporary: the indexes of the orders are no choice, so that the label leads. */
#define SQLITE_LABEL                                                                               \
    " FROM threads WHERE tenant = $3 AND +temporary = 0" OPTIONAL_STATUS SQLITE_REST               \
    " AND thread_id IN (SELECT thread_id FROM thread_labels WHERE tenant = $3 AND label = $9)"
#define POSTGRES                                                                                   \
    FROM_ALL OPTIONAL_STATUS                                                                       \
        " AND (CAST($5 AS TEXT) IS NULL OR metadata::jsonb @> CAST($5 AS jsonb))"                  \
        " AND (CAST($6 AS TEXT) IS NULL OR head_values::jsonb @> CAST($6 AS jsonb))"               \
        " AND (CAST($7 AS TEXT) IS NULL OR thread_id IN"                                           \
        " (SELECT jsonb_array_elements_text(CAST($7 AS jsonb))))" POSTGRES_ADMITS("$8")

/* Threads without a state yet are as if from the beginning of time: NULL sorts differently in the
 * two databases. */
#define ORDER(N, SORT_BY, COLUMN, KEY, SQLITE)                                                     \
    SEARCH_ORDER(N, SORT_BY, COLUMN, KEY, "SELECT " THREAD_COLUMNS SQLITE,                         \
                 "SELECT " THREAD_COLUMNS POSTGRES)
#define ORDERS(N, SQLITE)                                                                          \
    {                                                                                              \
        ORDER(N, "updated_at", "updated_us", "thread_id", SQLITE),                                 \
            ORDER(N, "created_at", "created_us", "thread_id", SQLITE),                             \
            ORDER(N, "thread_id", "thread_id", "created_us", SQLITE),                              \
            ORDER(N, "status", "status", "updated_us", SQLITE),                                    \
            ORDER(N, "state_updated_at", "COALESCE(state_updated_us, 0)", "thread_id", SQLITE),    \
    }

enum narrowing { WALK, BY_STATUS, BY_LABEL, NARROWINGS };

static const struct search_order orders[NARROWINGS][5] = {
    ORDERS("threads_search", SQLITE_WALK),
    ORDERS("threads_search_status", SQLITE_STATUS),
    ORDERS("threads_search_label", SQLITE_LABEL),
};

#define COUNT_TAIL " AND CAST($1 AS BIGINT) >= CAST($2 AS BIGINT)"
static const struct db_statement counts[NARROWINGS] = {
    {"threads_count", "SELECT COUNT(*)" SQLITE_WALK COUNT_TAIL,
     "SELECT COUNT(*)" POSTGRES COUNT_TAIL},
    {"threads_count_status", "SELECT COUNT(*)" SQLITE_STATUS COUNT_TAIL, NULL},
    {"threads_count_label", "SELECT COUNT(*)" SQLITE_LABEL COUNT_TAIL, NULL},
};
/* Answered from an index alone. */
static const struct db_statement count_labelled = {
    "threads_count_labelled", "SELECT COUNT(*) FROM thread_labels WHERE tenant = $1 AND label = $2",
    NULL};
static const struct db_statement probe_label = {
    "threads_probe_label",
    "SELECT COUNT(*) FROM (SELECT 1 FROM thread_labels WHERE tenant = $1 AND label = $2 LIMIT $3)",
    NULL};

static const struct db_statement probe_status = {
    "threads_probe_status",
    "SELECT COUNT(*) FROM (SELECT 1 FROM threads WHERE tenant = $1 AND status = $2"
    " AND temporary = 0 LIMIT CAST($3 AS BIGINT)) AS few",
    NULL};

struct plan {
    enum narrowing narrowing; /* PostgreSQL: always WALK */
    struct str label;         /* of BY_LABEL */
    /* A label that is all that is asked for: whoever has it matches. STR_NONE: there is more. */
    struct str whole;
};

struct labels {
    struct str list[LABELS_MAX];
    size_t count;
    bool is_all; /* nothing is asked for but these */
};

/* As the triggers write it: the name, 0x1f, the text. */
static void label_add(struct labels *labels, struct arena *arena, struct str key,
                      const struct json *value)
{
    struct str text = json_string(value);
    bool is_label = json_type(value) == JSON_STRING && labels->count < LABELS_MAX &&
                    key.len + text.len < LABEL_BYTES_MAX && str_find_char(key, '\x1f') == key.len &&
                    str_find_char(text, '\x1f') == text.len;

    if (is_label)
        labels->list[labels->count++] =
            arena_printf(arena, "%.*s\x1f%.*s", STR_ARG(key), STR_ARG(text));
    else
        labels->is_all = false;
}

static void labels_of(struct labels *labels, struct arena *arena, const struct json *object)
{
    struct json_iter iter = json_iter(object);
    const struct json *value;
    struct str key;

    if (json_type(object) != JSON_OBJECT)
        labels->is_all = false;
    else
        while (json_next(&iter, &key, &value))
            label_add(labels, arena, key, value);
}

static const struct json *parsed(struct arena *arena, struct str text)
{
    const struct json *value = NULL;

    return str_is_none(text) || json_parse(arena, text, &value, NULL) ? NULL : value;
}

/* The texts in metadata that every match has. */
static void labels_read(struct labels *labels, struct arena *arena, const struct thread_filter *f)
{
    const struct json *admitted = parsed(arena, f->admitted);

    labels->is_all = str_is_none(f->status) && str_is_none(f->values) && str_is_none(f->ids);
    if (!str_is_none(f->metadata))
        labels_of(labels, arena, parsed(arena, f->metadata));
    if (json_count(admitted) == 1)
        labels_of(labels, arena, json_item(admitted, 0));
    else if (!str_is_none(f->admitted))
        labels->is_all = false;
}

/* How many there are, but no more than `max`. */
static enum err probe(struct tx *tx, const struct db_statement *statement, struct str tenant,
                      struct str key, int64_t max, int64_t *count)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, statement, DB_ARGS(db_text(tenant), db_text(key), db_int(max)), &rows);

    if (err)
        return err;
    *count = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

static enum err rarest_find(struct tx *tx, const struct thread_filter *filter,
                            const struct labels *labels, struct plan *plan)
{
    int64_t fewest = RARE_MAX + 1, count;
    enum err err = OK;

    for (size_t i = 0; !err && i < labels->count; i++) {
        err = probe(tx, &probe_label, filter->tenant, labels->list[i], fewest, &count);
        if (!err && count < fewest) {
            fewest = count;
            plan->narrowing = BY_LABEL;
            plan->label = labels->list[i];
        }
    }
    return err;
}

static bool has_order_of_status(const struct thread_filter *filter)
{
    return str_is_none(filter->sort_by) || str_eq(filter->sort_by, STR("updated_at")) ||
           str_eq(filter->sort_by, STR("status"));
}

static enum err status_weigh(struct tx *tx, const struct thread_filter *filter, struct plan *plan)
{
    int64_t count = 0;
    enum err err = OK;

    if (!has_order_of_status(filter))
        err = probe(tx, &probe_status, filter->tenant, filter->status, SORTED_MAX, &count);
    if (count < SORTED_MAX)
        plan->narrowing = BY_STATUS;
    return err;
}

static enum err plan_make(struct tx *tx, const struct thread_filter *filter, struct arena *arena,
                          struct plan *plan)
{
    struct labels labels = {.count = 0};
    enum err err = OK;

    *plan = (struct plan){.narrowing = WALK};
    if (db_dialect(tx->db) == DB_POSTGRES)
        return OK;
    labels_read(&labels, arena, filter);
    if (labels.is_all && labels.count == 1)
        plan->whole = labels.list[0];
    if (!str_is_none(filter->status))
        err = status_weigh(tx, filter, plan);
    return err ? err : rarest_find(tx, filter, &labels, plan);
}

static enum err query(struct tx *tx, const struct db_statement *statement,
                      const struct thread_filter *f, const struct plan *plan, struct db_rows *rows)
{
    const struct db_value args[] = {
        db_int(f->limit),   db_int(f->offset),    db_text(f->tenant),
        db_text(f->status), db_text(f->metadata), db_text(f->values),
        db_text(f->ids),    db_text(f->admitted), db_text(plan->label),
    };

    return db_query_fresh(tx->db, statement, args, ARRAY_LEN(args) - (plan->narrowing != BY_LABEL),
                          rows);
}

static enum err found_read(struct tx *tx, const struct thread_filter *filter,
                           const struct plan *plan, struct arena *arena, struct thread_list *list)
{
    struct db_rows rows = {0};
    enum err err = query(tx,
                         search_statement(orders[plan->narrowing], ARRAY_LEN(orders[0]),
                                          filter->sort_by, filter->ascending),
                         filter, plan, &rows);

    if (err)
        return err;
    list->list = ARENA_ARRAY(arena, struct thread, (size_t)filter->limit + 1);
    list->count = 0;
    while (db_next(&rows))
        thread_row_read(&rows, arena, &list->list[list->count++]);
    return db_rows_end(&rows);
}

enum err thread_search(struct tx *tx, const struct thread_filter *filter, struct arena *arena,
                       struct thread **found, size_t *count)
{
    struct thread_list list = {0};
    struct plan plan;
    enum err err = plan_make(tx, filter, arena, &plan);

    if (!err)
        err = found_read(tx, filter, &plan, arena, &list);
    *found = list.list;
    *count = list.count;
    return err;
}

static const char *const statuses[] = {"idle", "busy", "interrupted", "error"};

/* All that have it, by what is cheaper to count: those, or the others. *count is -1 if neither is.
 */
static enum err status_count(struct tx *tx, const struct thread_filter *filter, int64_t *count)
{
    int64_t total, some = 0, others = 0;
    enum err err = probe(tx, &probe_status, filter->tenant, filter->status, OTHERS_MAX, count);

    if (err || *count < OTHERS_MAX)
        return err;
    err = thread_total_read(tx, filter->tenant, &total);
    for (size_t i = 0; !err && some < OTHERS_MAX && i < ARRAY_LEN(statuses); i++) {
        struct str other = str_of(statuses[i]);

        if (str_eq(other, filter->status))
            continue;
        err = probe(tx, &probe_status, filter->tenant, other, OTHERS_MAX, &some);
        others += some;
    }
    *count = some < OTHERS_MAX ? total - others : -1;
    return err;
}

static enum err count_query(struct tx *tx, const struct thread_filter *filter,
                            const struct plan *plan, struct db_rows *rows)
{
    struct plan counting = *plan;

    if (!str_is_none(plan->whole))
        return db_query(tx->db, &count_labelled,
                        DB_ARGS(db_text(filter->tenant), db_text(plan->whole)), rows);
    /* No order has to be walked. */
    if (db_dialect(tx->db) == DB_SQLITE && plan->narrowing == WALK && !str_is_none(filter->status))
        counting.narrowing = BY_STATUS;
    return query(tx, &counts[counting.narrowing], filter, &counting, rows);
}

static enum err count_rows(struct tx *tx, const struct thread_filter *filter,
                           const struct plan *plan, int64_t *count)
{
    struct thread_filter counted = *filter;
    struct db_rows rows = {0};
    enum err err;

    counted.limit = 1; /* the two parameters of a page say nothing here */
    counted.offset = 0;
    if ((err = count_query(tx, &counted, plan, &rows)))
        return err;
    *count = db_next(&rows) ? db_get_int(&rows, 0) : 0;
    return db_rows_end(&rows);
}

static enum err count_read(struct tx *tx, const struct thread_filter *filter,
                           const struct plan *plan, int64_t *count)
{
    bool is_plain = str_is_none(filter->metadata) && str_is_none(filter->values) &&
                    str_is_none(filter->ids) && str_is_none(filter->admitted);
    enum err err = OK;

    *count = -1;
    if (is_plain && str_is_none(filter->status))
        err = thread_total_read(tx, filter->tenant, count);
    else if (is_plain)
        err = status_count(tx, filter, count);
    return err || *count >= 0 ? err : count_rows(tx, filter, plan, count);
}

enum err thread_count(struct tx *tx, const struct thread_filter *filter, int64_t *count)
{
    struct arena arena;
    struct plan plan;
    enum err err;

    arena_init(&arena);
    err = plan_make(tx, filter, &arena, &plan);
    if (!err)
        err = count_read(tx, filter, &plan, count);
    arena_release(&arena);
    return err;
}

enum err thread_page(struct tx *tx, const struct thread_filter *filter, struct arena *arena,
                     struct thread_list *list, int64_t *total)
{
    struct plan plan;
    enum err err = plan_make(tx, filter, arena, &plan);

    if (err || (err = found_read(tx, filter, &plan, arena, list)))
        return err;
    /* A page that is not full says itself how many there are. */
    if ((int64_t)list->count == filter->limit || (list->count == 0 && filter->offset > 0))
        return count_read(tx, filter, &plan, total);
    *total = filter->offset + (int64_t)list->count;
    return OK;
}
