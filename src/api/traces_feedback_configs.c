/* traces_feedback_configs.c -- /feedback-configs: how the scores and values of a key are to be
 * read.
 */
#include "api/route.h"
#include "api/traces_priv.h"
#include "store/feedback_configs.h"
#include "trace/feedback_parse.h"

#define PAGE_MAX 100

struct config_call {
    struct feedback_config_row row;
    int64_t limit, offset; /* of a list */
};

static void config_write(struct json_writer *json, struct call *call,
                         const struct feedback_config_row *row)
{
    struct uuid_text tenant_id;
    struct span_time time;

    json_begin_object(json);
    json_put_str(json, "tenant_id", trace_tenant_id(call->principal.tenant, &tenant_id));
    json_put_str(json, "feedback_key", row->key);
    json_put_raw(json, "feedback_config", row->config);
    json_key(json, "is_lower_score_better");
    if (row->is_lower_score_better < 0)
        json_null_out(json);
    else
        json_bool_out(json, row->is_lower_score_better);
    json_put_str(json, "modified_at", span_time_write(row->modified_us, &time));
    json_end_object(json);
}

static enum err reply_one(struct tx *tx, struct call *call, struct str key)
{
    struct feedback_config_row row;
    enum err err = feedback_config_get(tx, call->principal.tenant, key, tx->arena, &row);

    if (!err)
        config_write(call_json(call, 200), call, &row);
    return err;
}

static bool is_same(struct tx *tx, struct str a, struct str b)
{
    const struct json *x, *y;

    return !json_parse(tx->arena, a, &x, NULL) && !json_parse(tx->arena, b, &y, NULL) &&
           json_equals(x, y);
}

/* The same again changes nothing; another one is refused. */
static enum err create_apply(struct tx *tx, struct call *call)
{
    const struct config_call *c = call->data;
    struct feedback_config_row found;
    enum err err = feedback_config_get(tx, call->principal.tenant, c->row.key, tx->arena, &found);

    if (!err && !is_same(tx, found.config, c->row.config))
        return call_fail(call, 400, "the key %.*s has another configuration already",
                         STR_ARG(str_first(c->row.key, 100)));
    if (err == ERR_NOT_FOUND)
        err = feedback_config_put(tx, call->principal.tenant, &c->row);
    return err ? err : reply_one(tx, call, c->row.key);
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    const struct config_call *c = call->data;
    struct feedback_config_row row;
    enum err err = feedback_config_get(tx, call->principal.tenant, c->row.key, tx->arena, &row);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Feedback config not found");
    if (err)
        return err;
    if (!str_is_none(c->row.config))
        row.config = c->row.config;
    if (c->row.is_lower_score_better >= 0)
        row.is_lower_score_better = c->row.is_lower_score_better;
    err = feedback_config_put(tx, call->principal.tenant, &row);
    return err ? err : reply_one(tx, call, row.key);
}

static enum err body_read(struct call *call, struct config_call *c)
{
    const struct json *lower;
    const char *problem;
    enum err err;

    if ((err = call_body_object(call)) ||
        (err = call_get_text(call, "feedback_key", &c->row.key)) ||
        (err = call_get_object(call, "feedback_config", &c->row.config)))
        return err;
    problem = str_is_none(c->row.config)
                  ? NULL
                  : feedback_config_problem(json_get(call->body, "feedback_config"));
    if (problem) {
        call_fail(call, 422, "feedback_config: %s", problem);
        return ERR_INVALID;
    }
    lower = json_get(call->body, "is_lower_score_better");
    c->row.is_lower_score_better = json_type(lower) == JSON_BOOL ? json_bool(lower, false) : -1;
    call->data = c;
    if (c->row.key.len > 0 && c->row.key.len <= FEEDBACK_KEY_BYTES_MAX)
        return OK;
    call_fail(call, 422, "feedback_key: must have 1 to %d characters", FEEDBACK_KEY_CHARS_MAX);
    return ERR_INVALID;
}

static enum err create_prepare(struct call *call)
{
    struct config_call *c = ARENA_NEW(call->arena, struct config_call);
    enum err err = body_read(call, c);

    if (err)
        return err;
    if (str_is_none(c->row.config))
        return call_fail(call, 422, "feedback_config: must be an object");
    return call_then_write(call, create_apply);
}

static enum err change_prepare(struct call *call)
{
    enum err err = body_read(call, ARENA_NEW(call->arena, struct config_call));

    return err ? err : call_then_write(call, change_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err =
        feedback_config_delete(tx, call->principal.tenant, query_get(&call->query, "feedback_key"));

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Feedback config not found");
    return err ? err : call_empty(call, 204);
}

static enum err delete_prepare(struct call *call)
{
    if (str_is_empty(query_get(&call->query, "feedback_key")))
        return call_fail(call, 422, "feedback_key: is missing");
    return call_then_write(call, delete_apply);
}

static bool contains_nocase(struct str text, struct str part)
{
    for (size_t at = 0; at + part.len <= text.len; at++)
        if (str_eq_nocase(str_range(text.data + at, part.len), part))
            return true;
    return false;
}

/* One of the `key`s, if any is given, and with `name_contains` in it. */
static bool is_asked(struct call *call, struct str key)
{
    struct str part = query_get(&call->query, "name_contains"), wanted;
    bool any = false, is_wanted = false;
    size_t at = 0;

    while (query_next(&call->query, "key", &at, &wanted)) {
        any = true;
        is_wanted = is_wanted || str_eq(wanted, key);
    }
    return (is_wanted || !any) && (str_is_empty(part) || contains_nocase(key, part));
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    const struct config_call *c = call->data;
    struct feedback_config_rows found;
    struct json_writer *json;
    int64_t at = 0;
    enum err err = feedback_config_list(tx, call->principal.tenant, tx->arena, &found);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < found.count && at < c->offset + c->limit; i++)
        if (is_asked(call, found.list[i].key) && at++ >= c->offset)
            config_write(json, call, &found.list[i]);
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    struct config_call *c = ARENA_NEW(call->arena, struct config_call);
    enum err err;

    c->limit = PAGE_MAX;
    if ((err = call_query_int(call, "limit", 1, INT32_MAX, &c->limit)) ||
        (err = call_query_int(call, "offset", 0, INT32_MAX, &c->offset)))
        return err;
    call->data = c;
    return call_then_read(call, list_apply);
}

#define PATH "/feedback-configs"

static const struct route routes[] = {
    {HTTP_GET, PATH, list_prepare, PERMIT_READ, ROUTE_TRACES, "List configurations of feedback"},
    {HTTP_POST, PATH, create_prepare, PERMIT_RUN, ROUTE_TRACES, "Say how a key is to be read"},
    {HTTP_PATCH, PATH, change_prepare, PERMIT_RUN, ROUTE_TRACES, "Change how a key is to be read"},
    {HTTP_DELETE, PATH, delete_prepare, PERMIT_RUN, ROUTE_TRACES, "Forget how a key is to be read"},
};

const struct route_list routes_traces_feedback_configs = {routes, ARRAY_LEN(routes)};
