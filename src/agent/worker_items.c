/* The request store.batch. */
#include "agent/worker_items.h"

#include "shape/shape.h"
#include "store/namespaces.h"

#define LIMIT_MAX 1000
#define NAMESPACES_MAX 10000 /* looked at for one answer */
#define US_PER_MINUTE (60 * US_PER_SECOND)

struct op {
    struct tx *tx;
    struct str tenant;
    const struct json *json;
    struct str text;
    struct json_writer *out;
    const struct item_life *life;
    const struct embedding *embedding;
    size_t embedded; /* of those, taken so far */
};

/* ---- what needs vectors ---- */

static bool is_op(const struct json *op, const char *name)
{
    return str_eq(json_string(json_get(op, "op")), str_of(name));
}

static bool is_indexed(const struct json *op, struct str text)
{
    const struct json *index = json_get(op, "index");
    struct str value = json_raw(text, STR("value"));

    return is_op(op, "put") && !str_is_none(value) && !str_eq(value, STR("null")) &&
           !(json_type(index) == JSON_BOOL && !json_bool(index, true));
}

static bool is_alike(const struct json *op)
{
    return is_op(op, "search") && json_has_text(op, "query");
}

void worker_items_embed(const struct json *header, struct str header_text,
                        struct embedding *embedding)
{
    struct str ops_text = json_raw(header_text, STR("ops")), key, text;
    struct json_iter iter = json_iter(json_get(header, "ops"));
    const struct json *op;
    size_t position = 0;

    while (json_next(&iter, NULL, &op) && json_raw_next(ops_text, &position, &key, &text)) {
        if (json_type(op) != JSON_OBJECT)
            continue;
        if (is_indexed(op, text))
            embedding_put(embedding, json_raw(text, STR("value")),
                          json_type(json_get(op, "index")) == JSON_ARRAY
                              ? json_raw(text, STR("index"))
                              : STR_NONE);
        else if (is_alike(op))
            embedding_query(embedding, json_string(json_get(op, "query")));
    }
}

/* The next of those, in the same order. */
static struct str vectors_of(struct op *op)
{
    if (!op->embedding || !(is_indexed(op->json, op->text) || is_alike(op->json)))
        return STR_NONE;
    return embedding_of(op->embedding, op->embedded++);
}

/* Unless the graph said refresh_ttl: false. */
static enum err refresh(const struct op *op, const struct item *item)
{
    if (!item->ttl_us || !json_bool(json_get(op->json, "refresh_ttl"), op->life->refresh_on_read))
        return OK;
    return item_refresh(op->tx, op->tenant, item);
}

static enum err op_get(struct op *op)
{
    struct str names;
    struct item item;
    enum err err = namespace_join(op->tx->arena, json_get(op->json, "namespace"), &names);

    if (err)
        return err;
    err = item_get(op->tx, op->tenant, names, json_string(json_get(op->json, "key")), op->tx->arena,
                   &item);
    if (err == ERR_NOT_FOUND)
        json_null_out(op->out);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    shape_item(op->out, &item);
    return refresh(op, &item);
}

/* A number of minutes; null: for ever; not said: as configured. */
static int64_t ttl_of(const struct op *op)
{
    const struct json *ttl = json_get(op->json, "ttl");

    if (!ttl)
        return op->life->ttl_us;
    return json_double(ttl, 0) > 0 ? (int64_t)(json_double(ttl, 0) * (double)US_PER_MINUTE) : 0;
}

static enum err op_put(struct op *op)
{
    struct str names, key = json_string(json_get(op->json, "key"));
    struct item item;
    enum err err = namespace_join(op->tx->arena, json_get(op->json, "namespace"), &names);

    if (err || str_is_none(key) || names.len == 0)
        return err ? err : ERR_INVALID;
    json_null_out(op->out);
    item = (struct item){.namespace_text = names,
                         .key = key,
                         .value = json_raw(op->text, STR("value")),
                         .ttl_us = ttl_of(op),
                         .vectors = vectors_of(op)};
    if (str_is_none(item.value) || str_eq(item.value, STR("null")))
        return item_delete(op->tx, op->tenant, names, key);
    return item_put(op->tx, op->tenant, &item);
}

static int64_t limit_of(const struct op *op, int64_t fallback)
{
    int64_t limit = json_i64(json_get(op->json, "limit"), fallback);

    return limit < 0 ? 0 : limit > LIMIT_MAX ? LIMIT_MAX : limit;
}

static enum err op_search(struct op *op)
{
    const struct json *filter_json = json_get(op->json, "filter");
    bool has_filter = json_type(filter_json) == JSON_OBJECT && json_count(filter_json) > 0;
    struct item_filter filter = {
        .tenant = op->tenant,
        .value = has_filter ? json_raw(op->text, STR("filter")) : STR_NONE,
        .vector = vectors_of(op),
        .limit = limit_of(op, 10),
        .offset = json_i64(json_get(op->json, "offset"), 0),
    };
    struct items found = {0};
    enum err err =
        namespace_join(op->tx->arena, json_get(op->json, "namespace_prefix"), &filter.prefix);

    if (!err)
        err = item_search(op->tx, &filter, op->tx->arena, &found);
    json_begin_array(op->out);
    for (size_t i = 0; !err && i < found.count; i++) {
        shape_item(op->out, &found.list[i]);
        err = refresh(op, &found.list[i]);
    }
    json_end_array(op->out);
    return err;
}

/* The path of the first condition of this type ("prefix", "suffix"), joined; "" if there is none.
 */
static enum err condition(const struct op *op, const char *type, struct str *path)
{
    struct json_iter iter = json_iter(json_get(op->json, "match_conditions"));
    const struct json *item;

    *path = STR("");
    while (json_next(&iter, NULL, &item))
        if (str_eq(json_string(json_get(item, "match_type")), str_of(type)))
            return namespace_join(op->tx->arena, json_get(item, "path"), path);
    return OK;
}

static enum err op_namespaces(struct op *op)
{
    int64_t depth = json_i64(json_get(op->json, "max_depth"), 0), limit = limit_of(op, 100);
    int64_t offset = json_i64(json_get(op->json, "offset"), 0), given = 0;
    struct item_filter filter = {.tenant = op->tenant, .limit = NAMESPACES_MAX};
    struct str prefix, suffix, last = STR_NONE;
    struct items found;
    enum err err = condition(op, "prefix", &prefix);

    if (err || (err = condition(op, "suffix", &suffix)))
        return err;
    filter.prefix = namespace_literal(prefix);
    if ((err = item_namespaces(op->tx, &filter, op->tx->arena, &found)))
        return err;
    json_begin_array(op->out);
    for (size_t i = 0; i < found.count && given < limit; i++) {
        struct str names = found.list[i].namespace_text, cut = namespace_cut(names, depth);

        if (!namespace_starts(names, prefix) || !namespace_ends(names, suffix) ||
            (!str_is_none(last) && str_eq(cut, last)))
            continue;
        last = cut;
        if (offset-- > 0)
            continue;
        namespace_out(op->out, cut);
        given++;
    }
    json_end_array(op->out);
    return OK;
}

static enum err op_apply(struct op *op)
{
    struct str name = json_string(json_get(op->json, "op"));

    if (str_eq(name, STR("get")))
        return op_get(op);
    if (str_eq(name, STR("put")))
        return op_put(op);
    if (str_eq(name, STR("search")))
        return op_search(op);
    if (str_eq(name, STR("list_namespaces")))
        return op_namespaces(op);
    return ERR_INVALID;
}

enum err worker_items_batch(struct tx *tx, const struct items_of *whose, const struct json *header,
                            struct str header_text, struct json_writer *out)
{
    struct op op = {.tx = tx,
                    .tenant = whose->tenant,
                    .life = whose->life,
                    .out = out,
                    .embedding = whose->embedding};
    struct str ops_text = json_raw(header_text, STR("ops"));
    struct json_iter iter = json_iter(json_get(header, "ops"));
    size_t position = 0;
    enum err err = OK;

    json_key(out, "results");
    json_begin_array(out);
    while (!err && json_next(&iter, NULL, &op.json)) {
        struct str key;

        if (!json_raw_next(ops_text, &position, &key, &op.text) ||
            json_type(op.json) != JSON_OBJECT)
            err = ERR_INVALID;
        else
            err = op_apply(&op);
    }
    json_end_array(out);
    return err;
}
