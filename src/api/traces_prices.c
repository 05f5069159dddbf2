/* traces_prices.c -- /model-price-map: what tokens cost. Built-in prices are shown, and cannot be
 * changed: a price of one's own for the same model stands above them. */
#include "api/route.h"
#include "api/traces_priv.h"
#include "format/pattern.h"
#include "store/prices.h"
#include "trace/span_parse.h"

#define NAME_BYTES_MAX 200
#define DETAILS_BYTES_MAX (8 * KIB)
#define DETAILS_MAX 32

/* ---- out ---- */

static void cost_put(struct json_writer *json, const char *key, int64_t picodollars)
{
    struct span_cost cost;

    json_put_str(json, key, span_cost_write(picodollars, &cost));
}

static void time_put(struct json_writer *json, const char *key, int64_t wall_us)
{
    struct span_time time;

    json_put_str(json, key, wall_us ? span_time_write(wall_us, &time) : STR_NONE);
}

static void price_write(struct call *call, struct json_writer *json, const struct price_row *price)
{
    struct uuid_text tenant_id;

    json_begin_object(json);
    json_put_str(json, "id", price->price_id);
    json_put_str(json, "tenant_id",
                 price->is_built_in ? STR_NONE
                                    : trace_tenant_id(call->principal.tenant, &tenant_id));
    json_put_str(json, "name", price->name);
    json_put_str(json, "match_pattern", price->pattern);
    json_put_raw(json, "match_path",
                 str_is_none(price->match_path) ? STR("[\"model\",\"model_name\"]")
                                                : price->match_path);
    json_put_str(json, "provider", price->provider);
    time_put(json, "start_time", price->start_us);
    cost_put(json, "prompt_cost", price->prompt_cost);
    cost_put(json, "completion_cost", price->completion_cost);
    json_key(json, "prompt_cost_details");
    span_costs_write(json, price->prompt_details, false);
    json_key(json, "completion_cost_details");
    span_costs_write(json, price->completion_details, false);
    json_put_bool(json, "built_in", price->is_built_in);
    json_end_object(json);
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct price_rows own, built_in = prices_built_in(tx->arena);
    struct json_writer *json;
    enum err err = prices_list(tx, call->principal.tenant, tx->arena, &own);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < own.count; i++)
        price_write(call, json, &own.list[i]);
    for (size_t i = 0; i < built_in.count; i++)
        price_write(call, json, &built_in.list[i]);
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

/* ---- in ---- */

static enum err refuse(struct call *call, const char *key, const char *words)
{
    call_fail(call, 422, "%s: %s", key, words);
    return ERR_INVALID;
}

static enum err rate_read(struct call *call, const char *key, int64_t *rate)
{
    const struct json *value = json_get(call->body, key);

    if (span_cost_read(value, rate) || *rate > PRICE_RATE_MAX)
        return refuse(call, key, "must be the dollars for one token, 0 to 1: a number, or a text");
    return OK;
}

/* {"cache_read": 0.0000001} to kind → picodollars. */
static enum err details_read(struct call *call, const char *key, struct str *details)
{
    const struct json *object = json_get(call->body, key), *value;
    struct json_iter iter = json_iter(object);
    struct json_writer json;
    struct buf out;
    struct str kind;
    bool is_wrong = json_type(object) != JSON_OBJECT || json_count(object) > DETAILS_MAX;

    if (json_is_absent(object))
        return OK;
    buf_init(&out, DETAILS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    while (!is_wrong && json_next(&iter, &kind, &value)) {
        int64_t rate = 0;

        is_wrong = span_cost_read(value, &rate) || rate > PRICE_RATE_MAX;
        json_key_str(&json, kind);
        json_i64_out(&json, rate);
    }
    json_end_object(&json);
    is_wrong = is_wrong || out.failed;
    if (!is_wrong)
        *details = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return is_wrong ? refuse(call, key,
                             "must be an object of at most 32 kinds of tokens, each with "
                             "the dollars for one")
                    : OK;
}

static enum err pattern_read(struct call *call, struct price_row *price)
{
    struct str why;
    regex_t regex;
    enum err err = call_get_text(call, "match_pattern", &price->pattern);

    if (err)
        return err;
    if (str_is_empty(price->pattern) || str_find_char(price->pattern, '\0') < price->pattern.len)
        return refuse(call, "match_pattern", "must be a regular expression for names of models");
    if (pattern_compile(&regex, price->pattern, PATTERN_MODEST, call->arena, &why)) {
        call_fail(call, 422, "match_pattern: %.*s", STR_ARG(why));
        return ERR_INVALID;
    }
    regfree(&regex);
    return OK;
}

static enum err match_path_read(struct call *call, struct price_row *price)
{
    const struct json *list = json_get(call->body, "match_path"), *item;
    struct json_iter iter = json_iter(list);

    if (json_is_absent(list))
        return OK;
    if (json_type(list) != JSON_ARRAY || json_count(list) > DETAILS_MAX)
        return refuse(call, "match_path", "must be an array of names");
    while (json_next(&iter, NULL, &item))
        if (json_type(item) != JSON_STRING || json_string(item).len > NAME_BYTES_MAX)
            return refuse(call, "match_path", "must be an array of names");
    price->match_path = json_raw(call->body_text, STR("match_path"));
    return OK;
}

static enum err price_read(struct call *call, struct price_row *price)
{
    const struct json *start;
    enum err err;

    if ((err = call_body_object(call)) || (err = call_get_text(call, "name", &price->name)) ||
        (err = call_get_text(call, "provider", &price->provider)) ||
        (err = pattern_read(call, price)) || (err = match_path_read(call, price)) ||
        (err = rate_read(call, "prompt_cost", &price->prompt_cost)) ||
        (err = rate_read(call, "completion_cost", &price->completion_cost)) ||
        (err = details_read(call, "prompt_cost_details", &price->prompt_details)) ||
        (err = details_read(call, "completion_cost_details", &price->completion_details)))
        return err;
    if (str_is_empty(price->name) || price->name.len > NAME_BYTES_MAX)
        return refuse(call, "name", "must have 1 to 200 bytes");
    if (price->provider.len > NAME_BYTES_MAX)
        return refuse(call, "provider", "must have at most 200 bytes");
    if (str_is_empty(price->provider))
        price->provider = STR_NONE;
    start = json_get(call->body, "start_time");
    if (!json_is_absent(start) && span_parse_time(start, &price->start_us))
        return refuse(call, "start_time", "must be a time");
    return OK;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    const struct price_row *price = call->data;
    enum err err = prices_insert(tx, call->principal.tenant, price);

    if (err == ERR_LIMIT)
        return call_fail(call, 422, "there are %d prices: delete some first", PRICES_MAX);
    if (!err)
        price_write(call, call_json(call, 200), price);
    return err;
}

static enum err create_prepare(struct call *call)
{
    struct price_row *price = ARENA_NEW(call->arena, struct price_row);
    enum err err = price_read(call, price);

    if (err)
        return err;
    price->price_id = call_new_id(call);
    call->data = price;
    return call_then_write(call, create_apply);
}

static enum err missing(struct tx *tx, struct call *call)
{
    struct price_rows built_in = prices_built_in(tx->arena);

    for (size_t i = 0; i < built_in.count; i++)
        if (str_eq(built_in.list[i].price_id, call->params[0]))
            return call_fail(call, 409,
                             "this price is built in: POST one of your own with the "
                             "same match_pattern, and it stands above it");
    return call_fail(call, 404, "Model price not found");
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    const struct price_row *price = call->data;
    enum err err = prices_update(tx, call->principal.tenant, price);

    if (err == ERR_NOT_FOUND)
        return missing(tx, call);
    if (!err)
        price_write(call, call_json(call, 200), price);
    return err;
}

static enum err change_prepare(struct call *call)
{
    struct price_row *price = ARENA_NEW(call->arena, struct price_row);
    enum err err;

    if ((err = call_param_uuid(call, 0, "price_id")) || (err = price_read(call, price)))
        return err;
    price->price_id = call->params[0];
    call->data = price;
    return call_then_write(call, change_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = prices_delete(tx, call->principal.tenant, call->params[0]);

    if (err == ERR_NOT_FOUND)
        return missing(tx, call);
    if (!err)
        json_null_out(call_json(call, 200));
    return err;
}

static enum err delete_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "price_id");

    return err ? err : call_then_write(call, delete_apply);
}

#define PATH "/model-price-map"

static const struct route routes[] = {
    {HTTP_GET, PATH, list_prepare, PERMIT_READ, ROUTE_TRACES, "List prices of models"},
    {HTTP_POST, PATH, create_prepare, PERMIT_RUN, ROUTE_TRACES, "Say what a model costs"},
    {HTTP_PUT, PATH "/{price_id}", change_prepare, PERMIT_RUN, ROUTE_TRACES, "Change a price"},
    {HTTP_DELETE, PATH "/{price_id}", delete_prepare, PERMIT_RUN, ROUTE_TRACES, "Delete a price"},
};

const struct route_list routes_traces_prices = {routes, ARRAY_LEN(routes)};
