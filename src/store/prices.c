/* The table prices, and what they make of tokens. */
#include "store/prices.h"

#include "base/json.h"
#include "format/pattern.h"

#define MODEL_BYTES_MAX 256
#define DETAILS_BYTES_MAX (16 * KIB)

#define COLUMNS                                                                                    \
    "price_id, name, pattern, provider, match_path, start_us, prompt_cost, completion_cost, "      \
    "prompt_details, completion_details, created_us, modified_us"

static const struct db_statement list_all = {
    "prices_list",
    "SELECT " COLUMNS " FROM prices WHERE tenant = $1 ORDER BY created_us DESC, price_id LIMIT $2",
    NULL};
static const struct db_statement insert_one = {
    "prices_insert",
    "INSERT INTO prices (tenant, " COLUMNS ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
    " $12, $12 WHERE (SELECT COUNT(*) FROM prices WHERE tenant = $1) < $13",
    "INSERT INTO prices (tenant, " COLUMNS
    ") SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT),"
    " CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS BIGINT), CAST($8 AS BIGINT),"
    " CAST($9 AS BIGINT), CAST($10 AS TEXT), CAST($11 AS TEXT), CAST($12 AS BIGINT),"
    " CAST($12 AS BIGINT) WHERE (SELECT COUNT(*) FROM prices WHERE tenant = $1) < $13"};
static const struct db_statement update_one = {
    "prices_update",
    "UPDATE prices SET name = $3, pattern = $4, provider = $5, match_path = $6, start_us = $7,"
    " prompt_cost = $8, completion_cost = $9, prompt_details = $10, completion_details = $11,"
    " modified_us = $12 WHERE tenant = $1 AND price_id = $2",
    NULL};
static const struct db_statement delete_one = {
    "prices_delete", "DELETE FROM prices WHERE tenant = $1 AND price_id = $2", NULL};

static void row_read(const struct db_rows *rows, struct arena *arena, struct price_row *price)
{
    *price = (struct price_row){
        .price_id = db_get_keep(rows, 0, arena),
        .name = db_get_keep(rows, 1, arena),
        .pattern = db_get_keep(rows, 2, arena),
        .provider = db_get_keep(rows, 3, arena),
        .match_path = db_get_keep(rows, 4, arena),
        .start_us = db_get_int(rows, 5),
        .prompt_cost = db_get_int(rows, 6),
        .completion_cost = db_get_int(rows, 7),
        .prompt_details = db_get_keep(rows, 8, arena),
        .completion_details = db_get_keep(rows, 9, arena),
        .created_us = db_get_int(rows, 10),
        .modified_us = db_get_int(rows, 11),
    };
}

enum err prices_list(struct tx *tx, struct str tenant, struct arena *arena,
                     struct price_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &list_all, DB_ARGS(db_text(tenant), db_int(PRICES_MAX)), &rows);

    *found = (struct price_rows){.list = ARENA_ARRAY(arena, struct price_row, PRICES_MAX)};
    while (!err && found->count < PRICES_MAX && db_next(&rows))
        row_read(&rows, arena, &found->list[found->count++]);
    return err ? err : db_rows_end(&rows);
}

#define VALUES(tenant, p, now_us)                                                                  \
    db_text(tenant), db_text((p)->price_id), db_text((p)->name), db_text((p)->pattern),            \
        db_text((p)->provider), db_text((p)->match_path), db_int_or_null((p)->start_us),           \
        db_int((p)->prompt_cost), db_int((p)->completion_cost), db_text((p)->prompt_details),      \
        db_text((p)->completion_details), db_int(now_us)

enum err prices_insert(struct tx *tx, struct str tenant, const struct price_row *price)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &insert_one,
                          DB_ARGS(VALUES(tenant, price, tx->now_us), db_int(PRICES_MAX)), &changed);

    return !err && changed == 0 ? ERR_LIMIT : err;
}

enum err prices_update(struct tx *tx, struct str tenant, const struct price_row *price)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &update_one, DB_ARGS(VALUES(tenant, price, tx->now_us)), &changed);

    return !err && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err prices_delete(struct tx *tx, struct str tenant, struct str price_id)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(price_id)), &changed);

    return !err && changed == 0 ? ERR_NOT_FOUND : err;
}

/* ---- costs ---- */

static int64_t product(int64_t tokens, int64_t rate)
{
    int64_t cost;

    if (__builtin_mul_overflow(tokens, rate, &cost) || cost > SPAN_OWN_COST_MAX)
        return SPAN_OWN_COST_MAX;
    return cost;
}

/* One half of the bill: kinds with a rate, then the rest. */
static int64_t half(int64_t tokens, struct str kinds, int64_t rate, struct str rates,
                    struct arena *arena, struct str *details)
{
    const struct json *amounts = NULL, *prices = NULL, *amount;
    struct json_writer json;
    struct json_iter iter;
    struct str kind;
    struct buf out;
    int64_t cost = 0;

    if (str_is_none(kinds) || str_is_none(rates) || json_parse(arena, kinds, &amounts, NULL) ||
        json_parse(arena, rates, &prices, NULL))
        return product(tokens, rate);
    buf_init(&out, DETAILS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    for (iter = json_iter(amounts); json_next(&iter, &kind, &amount);) {
        const struct json *price = json_get_str(prices, kind);
        int64_t count = json_i64(amount, 0), part;

        if (!price || count <= 0)
            continue;
        count = count < tokens ? count : tokens;
        tokens -= count;
        part = product(count, json_i64(price, 0));
        json_key_str(&json, kind);
        json_i64_out(&json, part);
        cost += part;
        cost = cost > SPAN_OWN_COST_MAX ? SPAN_OWN_COST_MAX : cost;
    }
    json_end_object(&json);
    if (!out.failed && out.len > 2)
        *details = arena_str(arena, buf_str(&out));
    buf_release(&out);
    cost += product(tokens, rate);
    return cost > SPAN_OWN_COST_MAX ? SPAN_OWN_COST_MAX : cost;
}

void price_reckon(const struct price_row *price, struct span_usage *usage, struct arena *arena)
{
    struct span_totals *t = &usage->totals;

    t->prompt_cost = half(t->prompt_tokens, usage->prompt_token_details, price->prompt_cost,
                          price->prompt_details, arena, &usage->prompt_cost_details);
    t->completion_cost =
        half(t->completion_tokens, usage->completion_token_details, price->completion_cost,
             price->completion_details, arena, &usage->completion_cost_details);
    t->total_cost = t->prompt_cost + t->completion_cost;
    t->has_cost = true;
    usage->price_id = price->price_id;
}

/* ---- which price ---- */

static enum err book_read(struct price_book *book)
{
    struct str why;
    regex_t *patterns;
    enum err err = prices_list(book->tx, book->tenant, book->tx->arena, &book->own);

    book->is_read = true;
    if (err)
        return err;
    book->patterns = patterns = ARENA_ARRAY(book->tx->arena, regex_t, book->own.count + 1);
    for (size_t i = 0; i < book->own.count; i++)
        if (pattern_compile(&patterns[i], book->own.list[i].pattern, PATTERN_MODEST,
                            book->tx->arena, &why)) {
            book->own.count = i; /* they were checked when they came */
            return ERR_IO;
        }
    return OK;
}

static bool applies(const struct price_row *price, const struct span_model *model)
{
    if (price->start_us > model->start_us)
        return false;
    return str_is_none(price->provider) || str_is_empty(model->provider) ||
           str_eq_nocase(price->provider, model->provider);
}

static bool is_better(const struct price_row *price, const struct price_row *than)
{
    if (str_is_none(price->provider) != str_is_none(than->provider))
        return str_is_none(than->provider);
    return price->start_us > than->start_us;
}

static const struct price_row *own_find(struct price_book *book, const struct span_model *model)
{
    const char *name = arena_cstr(book->tx->arena, str_first(model->name, MODEL_BYTES_MAX));
    const struct price_row *best = NULL;
    const regex_t *patterns = book->patterns;

    for (size_t i = 0; i < book->own.count; i++) {
        const struct price_row *price = &book->own.list[i];

        if (applies(price, model) && (!best || is_better(price, best)) &&
            regexec(&patterns[i], name, 0, NULL, 0) == 0)
            best = price;
    }
    return best;
}

bool prices_apply(void *context, const struct span_model *model, struct span_usage *usage)
{
    struct price_book *book = context;
    const struct price_row *own;
    struct price_row built_in;

    if (!book->is_read)
        book->err = book_read(book);
    if (book->err)
        return false;
    own = own_find(book, model);
    if (own) {
        price_reckon(own, usage, book->tx->arena);
        return true;
    }
    if (!price_built_in_find(model, &built_in))
        return false;
    price_reckon(&built_in, usage, book->tx->arena);
    return true;
}

void price_book_release(struct price_book *book)
{
    regex_t *patterns = book->patterns;

    for (size_t i = 0; i < book->own.count; i++)
        regfree(&patterns[i]);
    book->own.count = 0;
}
