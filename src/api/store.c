/* /store: the key-value store that graphs share, over HTTP. */
#include "api/route.h"
#include "api/search.h"
#include "api/spending.h"
#include "api/store_index.h"
#include "api/store_priv.h"

#include "shape/shape.h"
#include "store/item_match.h"
#include "store/namespaces.h"

#define TTL_MINUTES_MAX (100.0 * 366 * 24 * 60)
#define US_PER_MINUTE (60.0 * (double)US_PER_SECOND)
#define NAMESPACES_MAX 10000 /* looked at for one answer */

struct item_call {
    struct item item;
    struct embedding embedding;
    bool refresh;
};

/* ---- namespaces from bodies and queries ---- */

static enum err label_check(struct call *call, const struct json *labels)
{
    struct json_iter iter = json_iter(labels);
    const struct json *item;

    while (json_next(&iter, NULL, &item)) {
        struct str label = json_string(item);

        if (label.len > 0 && str_find_char(label, '.') == label.len)
            continue;
        call_fail(call, 422, "Namespace labels cannot be empty or contain periods. Received: %.*s",
                  STR_ARG(str_first(label, 100)));
        return ERR_INVALID;
    }
    return OK;
}

/* An array of labels as the table has it; absent or null: "". */
static enum err labels_read(struct call *call, const char *key, const struct json *labels,
                            struct str *text)
{
    enum err err;

    *text = STR("");
    if (json_is_absent(labels))
        return OK;
    if (json_type(labels) != JSON_ARRAY) {
        call_fail(call, 422, "%s: must be an array of labels", key);
        return ERR_INVALID;
    }
    if ((err = label_check(call, labels)))
        return err;
    err = namespace_join(call->arena, labels, text);
    if (err)
        call_fail(call, 422, "%s: is too long, or has a label that cannot be kept", key);
    return err;
}

static enum err namespace_needed(struct call *call, struct str text)
{
    if (text.len > 0)
        return OK;
    call_fail(call, 400, "Namespace is required");
    return ERR_INVALID;
}

static enum err key_needed(struct call *call, struct str key)
{
    if (!str_is_none(key))
        return OK;
    call_fail(call, 422, "key: is required");
    return ERR_INVALID;
}

static enum err body_item(struct call *call, struct item_call *c)
{
    enum err err;

    c->item.key = STR_NONE;
    if ((err = call_body_object(call)) || (err = call_get_text(call, "key", &c->item.key)) ||
        (err = key_needed(call, c->item.key)) ||
        (err = labels_read(call, "namespace", json_get(call->body, "namespace"),
                           &c->item.namespace_text)))
        return err;
    return OK;
}

/* ---- put and delete ---- */

static enum err put_apply(struct tx *tx, struct call *call)
{
    const struct item_call *c = call->data;
    enum err err;

    if ((err = spending_bytes(tx, call)) || (err = item_put(tx, call->principal.tenant, &c->item)))
        return err;
    return call_empty(call, 204);
}

/* Minutes; null: for ever; not said: as configured. */
static enum err ttl_read(struct call *call, struct item_call *c)
{
    const struct json *ttl = json_get(call->body, "ttl");
    double minutes = json_double(ttl, 0);

    c->item.ttl_us = call->setup->agent->item_life.ttl_us;
    if (!ttl)
        return OK;
    c->item.ttl_us = 0;
    if (json_is_null(ttl))
        return OK;
    if (json_type(ttl) != JSON_NUMBER || !(minutes > 0) || minutes > TTL_MINUTES_MAX) {
        call_fail(call, 422, "ttl: must be a number of minutes, or null");
        return ERR_INVALID;
    }
    c->item.ttl_us = (int64_t)(minutes * US_PER_MINUTE);
    return OK;
}

static enum err put_embedded(struct call *call)
{
    struct item_call *c = call->data;
    enum err err = store_index_take(call, &c->embedding);

    if (err)
        return err;
    c->item.vectors = embedding_of(&c->embedding, 0);
    return call_then_write(call, put_apply);
}

static enum err put_go(struct call *call)
{
    struct item_call *c = call->data;
    struct str paths;
    bool wanted;
    enum err err = store_index_read(call, &wanted, &paths);

    if (err)
        return err;
    if (!wanted || !store_has_index(call))
        return call_then_write(call, put_apply);
    embedding_begin(&c->embedding, call->arena, &call->setup->agent->item_index);
    embedding_put(&c->embedding, c->item.value, paths);
    return store_index_ask(call, &c->embedding, put_embedded);
}

static enum err put_prepare(struct call *call)
{
    struct item_call *c = ARENA_NEW(call->arena, struct item_call);
    enum err err;

    c->item.value = STR_NONE;
    call->data = c;
    if ((err = body_item(call, c)) || (err = namespace_needed(call, c->item.namespace_text)) ||
        (err = call_get_object(call, "value", &c->item.value)) || (err = ttl_read(call, c)))
        return err;
    if (!str_is_none(c->item.value))
        return put_go(call);
    call_fail(call, 422, "value: is required: an object");
    return ERR_INVALID;
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    const struct item_call *c = call->data;
    enum err err = item_delete(tx, call->principal.tenant, c->item.namespace_text, c->item.key);

    call_empty(call, 204);
    return err;
}

static enum err delete_prepare(struct call *call)
{
    struct item_call *c = ARENA_NEW(call->arena, struct item_call);
    enum err err = body_item(call, c);

    call->data = c;
    return err ? err : call_then_write(call, delete_apply);
}

/* ---- get ---- */

/* The reply stands already. */
static enum err get_refresh(struct tx *tx, struct call *call)
{
    const struct item_call *c = call->data;

    return item_refresh(tx, call->principal.tenant, &c->item);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct item_call *c = call->data;
    struct item found;
    enum err err = item_get(tx, call->principal.tenant, c->item.namespace_text, c->item.key,
                            call->arena, &found);

    if (err == ERR_NOT_FOUND) { /* clients take null for "there is none" */
        json_null_out(call_json(call, 200));
        return OK;
    }
    if (err)
        return err;
    shape_item(call_json(call, 200), &found);
    return found.ttl_us && c->refresh ? call_then_write(call, get_refresh) : OK;
}

static enum err split_labels(struct call *call, struct str dotted, const struct json **labels)
{
    struct json_writer json;
    struct str label;
    struct buf out;
    enum err err;

    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    while (str_split(&dotted, '.', &label))
        json_str_out(&json, label);
    json_end_array(&json);
    err = json_parse(call->arena, arena_str(call->arena, buf_str(&out)), labels, NULL);
    buf_release(&out);
    return err;
}

enum err store_query_labels(struct call *call, const struct json **labels)
{
    enum err err;

    *labels = NULL;
    if (!str_is_none(call->access.namespace_labels))
        return json_parse(call->arena, call->access.namespace_labels, labels, NULL);
    err = search_query_names(call, "namespace", labels);
    if (err || json_count(*labels) != 1)
        return err;
    return split_labels(call, json_string(json_item(*labels, 0)), labels);
}

static enum err query_namespace(struct call *call, struct str *text)
{
    const struct json *labels;
    enum err err = store_query_labels(call, &labels);

    return err ? err : labels_read(call, "namespace", labels, text);
}

static enum err get_prepare(struct call *call)
{
    struct item_call *c = ARENA_NEW(call->arena, struct item_call);
    enum err err;

    c->item.key = query_get(&call->query, "key");
    c->refresh = call->setup->agent->item_life.refresh_on_read;
    call->data = c;
    if ((err = key_needed(call, c->item.key)) ||
        (err = query_namespace(call, &c->item.namespace_text)) ||
        (err = namespace_needed(call, c->item.namespace_text)) ||
        (err = call_query_bool(call, "refresh_ttl", &c->refresh)))
        return err;
    return call_then_read(call, get_apply);
}

/* ---- search ---- */

struct items_call {
    struct item_filter filter;
    struct embedding embedding;
    bool refresh;
    struct items found;
};

static enum err search_refresh(struct tx *tx, struct call *call)
{
    const struct items_call *c = call->data;
    enum err err = OK;

    for (size_t i = 0; !err && i < c->found.count; i++)
        if (c->found.list[i].ttl_us)
            err = item_refresh(tx, call->principal.tenant, &c->found.list[i]);
    return err;
}

static enum err search_apply(struct tx *tx, struct call *call)
{
    struct items_call *c = call->data;
    struct json_writer *json;
    bool has_ttl = false;
    enum err err = item_search(tx, &c->filter, call->arena, &c->found);

    if (err == ERR_LIMIT)
        call_fail(call, 422,
                  "query: more than %d items with vectors lie below this namespace_prefix; give a "
                  "longer one",
                  ITEM_ALIKE_SCAN_MAX);
    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    json_key(json, "items");
    json_begin_array(json);
    for (size_t i = 0; i < c->found.count; i++) {
        shape_item(json, &c->found.list[i]);
        has_ttl = has_ttl || c->found.list[i].ttl_us > 0;
    }
    json_end_array(json);
    json_end_object(json);
    return has_ttl && c->refresh ? call_then_write(call, search_refresh) : OK;
}

static enum err filter_read(struct call *call, struct item_filter *filter)
{
    struct str unknown;
    enum err err = call_get_object(call, "filter", &filter->value);

    if (err || str_is_none(filter->value))
        return err;
    if (json_count(json_get(call->body, "filter")) == 0) {
        filter->value = STR_NONE;
        return OK;
    }
    err = item_filter_check(json_get(call->body, "filter"), &unknown);
    if (err)
        call_fail(call, 422,
                  "filter: %.*s is not an operator; known are $eq, $ne, $gt, $gte, $lt, $lte",
                  STR_ARG(str_first(unknown, 40)));
    return err;
}

static enum err search_embedded(struct call *call)
{
    struct items_call *c = call->data;
    enum err err = store_index_take(call, &c->embedding);

    if (err)
        return err;
    c->filter.vector = embedding_of(&c->embedding, 0);
    return call_then_read(call, search_apply);
}

/* Without an index the filter alone decides. */
static enum err search_go(struct call *call)
{
    struct items_call *c = call->data;
    struct str query = STR_NONE;
    enum err err = call_get_text(call, "query", &query);

    if (err)
        return err;
    if (str_is_empty(query) || !store_has_index(call))
        return call_then_read(call, search_apply);
    if (query.len > EMBEDDING_QUERY_BYTES_MAX)
        return call_fail(call, 422, "query: must not be longer than %d bytes",
                         (int)EMBEDDING_QUERY_BYTES_MAX);
    if (c->filter.offset > ITEM_ALIKE_OFFSET_MAX)
        return call_fail(call, 422, "offset: with a query at most %d", ITEM_ALIKE_OFFSET_MAX);
    embedding_begin(&c->embedding, call->arena, &call->setup->agent->item_index);
    embedding_query(&c->embedding, query);
    return store_index_ask(call, &c->embedding, search_embedded);
}

static enum err search_prepare(struct call *call)
{
    struct items_call *c = ARENA_NEW(call->arena, struct items_call);
    enum err err;

    c->refresh = call->setup->agent->item_life.refresh_on_read;
    c->filter =
        (struct item_filter){.tenant = call->principal.tenant, .value = STR_NONE, .limit = 10};
    call->data = c;
    if ((err = call_body_object(call)) ||
        (err = labels_read(call, "namespace_prefix", json_get(call->body, "namespace_prefix"),
                           &c->filter.prefix)) ||
        (err = call_get_int(call, "limit", 1, 1000, &c->filter.limit)) ||
        (err = call_get_int(call, "offset", 0, INT64_MAX / 2, &c->filter.offset)) ||
        (err = call_get_bool(call, "refresh_ttl", &c->refresh)) ||
        (err = filter_read(call, &c->filter)))
        return err;
    return search_go(call);
}

/* ---- namespaces ---- */

struct namespaces_call {
    struct str prefix, suffix;
    int64_t depth, limit, offset;
};

static enum err namespaces_apply(struct tx *tx, struct call *call)
{
    const struct namespaces_call *c = call->data;
    const struct item_filter filter = {.tenant = call->principal.tenant,
                                       .prefix = namespace_literal(c->prefix),
                                       .limit = NAMESPACES_MAX};
    int64_t position = 0;
    struct str last = STR_NONE;
    struct json_writer *json;
    struct items found;
    enum err err = item_namespaces(tx, &filter, tx->arena, &found);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    json_key(json, "namespaces");
    json_begin_array(json);
    for (size_t i = 0; i < found.count && position < c->offset + c->limit; i++) {
        struct str names = found.list[i].namespace_text, cut = namespace_cut(names, c->depth);

        if (!namespace_starts(names, c->prefix) || !namespace_ends(names, c->suffix) ||
            (!str_is_none(last) && str_eq(cut, last)))
            continue;
        last = cut;
        if (position++ >= c->offset)
            namespace_out(json, cut);
    }
    json_end_array(json);
    json_end_object(json);
    return OK;
}

static enum err namespaces_prepare(struct call *call)
{
    struct namespaces_call *c = ARENA_NEW(call->arena, struct namespaces_call);
    enum err err;

    c->limit = 100;
    call->data = c;
    if ((err = call_body_object(call)) ||
        (err = labels_read(call, "prefix", json_get(call->body, "prefix"), &c->prefix)) ||
        (err = labels_read(call, "suffix", json_get(call->body, "suffix"), &c->suffix)) ||
        (err = call_get_int(call, "max_depth", 1, 1000, &c->depth)) ||
        (err = call_get_int(call, "limit", 1, 1000, &c->limit)) ||
        (err = call_get_int(call, "offset", 0, INT64_MAX / 2, &c->offset)))
        return err;
    return call_then_read(call, namespaces_apply);
}

static const struct route routes[] = {
    {HTTP_PUT, "/store/items", put_prepare, PERMIT_RUN, ROUTE_ASKS(ACCESS_STORE_PUT),
     "Put an item"},
    {HTTP_GET, "/store/items", get_prepare, PERMIT_READ, ROUTE_ASKS(ACCESS_STORE_GET),
     "Get an item, or null"},
    {HTTP_DELETE, "/store/items", delete_prepare, PERMIT_RUN, ROUTE_ASKS(ACCESS_STORE_DELETE),
     "Delete an item"},
    {HTTP_POST, "/store/items/search", search_prepare, PERMIT_READ, ROUTE_ASKS(ACCESS_STORE_SEARCH),
     "Search items, last updated first; with a query the most alike first"},
    {HTTP_POST, "/store/namespaces", namespaces_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_STORE_LIST_NAMESPACES), "List namespaces"},
};

const struct route_list routes_store = {routes, ARRAY_LEN(routes)};
