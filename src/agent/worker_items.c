/* The request store.batch. */
#include "agent/worker_items.h"

#define LIMIT_MAX 1000
#define NAMESPACES_MAX 10000 /* looked at for one answer */
#define US_PER_MINUTE (60 * US_PER_SECOND)

struct op {
    struct tx *tx;
    struct str tenant;
    const struct json *json;
    struct str text;
    struct json_writer *out;
};

/* ["a","b"] as stored. ERR_INVALID: a label that is no text or holds the separator. */
static enum err labels_join(struct arena *arena, const struct json *labels, struct str *text)
{
    struct json_iter iter = json_iter(labels);
    const struct json *item;
    struct buf out;
    enum err err = OK;

    buf_init(&out, 64 * KIB);
    while (!err && json_next(&iter, NULL, &item)) {
        struct str label = json_string(item);

        if (str_is_none(label) || str_find_char(label, ITEM_LABEL_END) < label.len)
            err = ERR_INVALID;
        buf_add(&out, label);
        buf_add_char(&out, ITEM_LABEL_END);
    }
    if (out.failed)
        err = ERR_LIMIT;
    *text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return err;
}

static void labels_out(struct json_writer *out, struct str text, int64_t max_depth)
{
    struct str label;

    json_begin_array(out);
    for (int64_t i = 0; text.len > 0 && (max_depth <= 0 || i < max_depth); i++)
        if (str_split(&text, ITEM_LABEL_END, &label))
            json_str_out(out, label);
    json_end_array(out);
}

static void item_out(struct json_writer *out, const struct item *item)
{
    json_begin_object(out);
    json_key(out, "namespace");
    labels_out(out, item->namespace_text, 0);
    json_put_str(out, "key", item->key);
    json_put_raw(out, "value", item->value);
    json_put_time(out, "created_at", item->created_us);
    json_put_time(out, "updated_at", item->updated_us);
    json_end_object(out);
}

static enum err op_get(struct op *op)
{
    struct str names;
    struct item item;
    enum err err = labels_join(op->tx->arena, json_get(op->json, "namespace"), &names);

    if (err)
        return err;
    err = item_get(op->tx, op->tenant, names, json_string(json_get(op->json, "key")), op->tx->arena,
                   &item);
    if (err == ERR_NOT_FOUND)
        json_null_out(op->out);
    else if (!err)
        item_out(op->out, &item);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err op_put(struct op *op)
{
    struct str names, key = json_string(json_get(op->json, "key"));
    double ttl_minutes = json_double(json_get(op->json, "ttl"), 0);
    struct item item;
    enum err err = labels_join(op->tx->arena, json_get(op->json, "namespace"), &names);

    if (err || str_is_none(key) || names.len == 0)
        return err ? err : ERR_INVALID;
    json_null_out(op->out);
    item = (struct item){
        .namespace_text = names, .key = key, .value = json_raw(op->text, STR("value"))};
    if (str_is_none(item.value) || str_eq(item.value, STR("null")))
        return item_delete(op->tx, op->tenant, names, key);
    return item_put(
        op->tx, op->tenant, &item,
        ttl_minutes > 0 ? op->tx->now_us + (int64_t)(ttl_minutes * (double)US_PER_MINUTE) : 0);
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
        .limit = limit_of(op, 10),
        .offset = json_i64(json_get(op->json, "offset"), 0),
    };
    struct items found = {0};
    enum err err =
        labels_join(op->tx->arena, json_get(op->json, "namespace_prefix"), &filter.prefix);

    if (!err)
        err = item_search(op->tx, &filter, op->tx->arena, &found);
    json_begin_array(op->out);
    for (size_t i = 0; !err && i < found.count; i++)
        item_out(op->out, &found.list[i]);
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
            return labels_join(op->tx->arena, json_get(item, "path"), path);
    return OK;
}

/* The first `depth` labels, each with its end. */
static struct str cut_depth(struct str names, int64_t depth)
{
    size_t end = 0;

    if (depth <= 0)
        return names;
    for (int64_t i = 0; i < depth && end < names.len; i++)
        end += str_find_char(str_from(names, end), ITEM_LABEL_END) + 1;
    return str_first(names, end);
}

/* A suffix of labels starts where a label starts. */
static bool ends_with_labels(struct str names, struct str suffix)
{
    if (!str_ends(names, suffix))
        return false;
    return suffix.len == names.len || suffix.len == 0 ||
           names.data[names.len - suffix.len - 1] == ITEM_LABEL_END;
}

static enum err op_namespaces(struct op *op)
{
    int64_t depth = json_i64(json_get(op->json, "max_depth"), 0), limit = limit_of(op, 100);
    int64_t offset = json_i64(json_get(op->json, "offset"), 0), given = 0;
    struct item_filter filter = {.tenant = op->tenant, .limit = NAMESPACES_MAX};
    struct str suffix, last = STR_NONE;
    struct items found;
    enum err err = condition(op, "prefix", &filter.prefix);

    if (err || (err = condition(op, "suffix", &suffix)) ||
        (err = item_namespaces(op->tx, &filter, op->tx->arena, &found)))
        return err;
    json_begin_array(op->out);
    for (size_t i = 0; i < found.count && given < limit; i++) {
        struct str names = found.list[i].namespace_text, cut = cut_depth(names, depth);

        if (!ends_with_labels(names, suffix) || (!str_is_none(last) && str_eq(cut, last)))
            continue;
        last = cut;
        if (offset-- > 0)
            continue;
        labels_out(op->out, cut, 0);
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

enum err worker_items_batch(struct tx *tx, struct str tenant, const struct json *header,
                            struct str header_text, struct json_writer *out)
{
    struct op op = {.tx = tx, .tenant = tenant, .out = out};
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
