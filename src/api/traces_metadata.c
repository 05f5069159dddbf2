/* traces_metadata.c -- GET /sessions/{session_id}/metadata: which values the keys of metadata have
 * in a project's newest traces, the most frequent first. */
#include <stdlib.h>

#include "api/route.h"
#include "api/traces_query.h"
#include "base/map.h"
#include "store/span_values.h"

#define KEYS_MAX 100
#define VALUES_DEFAULT 10
#define VALUES_MAX 100
#define KNOWN_MAX 1000  /* different values of a key; later ones are not counted */
#define ROOTS_MAX 20000 /* looked at */

struct metadata_value {
    struct str text;
    int64_t count;
};

struct metadata_key {
    struct str name;
    struct map by_text;
    struct metadata_value **list; /* in the order of their first appearance */
    size_t count;
};

struct metadata_query {
    struct traces_query asked;
    struct call *call;
    struct metadata_key keys[KEYS_MAX];
    size_t key_count;
    int64_t limit, looked;
    bool is_begun;
    enum err err; /* of a visit */
};

static void metadata_empty(struct metadata_query *q)
{
    for (size_t i = 0; q->is_begun && i < q->key_count; i++)
        map_release(&q->keys[i].by_text);
    q->is_begun = false;
}

static void metadata_restart(void *context)
{
    struct metadata_query *q = context;

    metadata_empty(q);
    for (size_t i = 0; i < q->key_count; i++) {
        map_init(&q->keys[i].by_text);
        q->keys[i].list = ARENA_ARRAY(q->call->arena, struct metadata_value *, KNOWN_MAX);
        q->keys[i].count = 0;
    }
    q->is_begun = true;
    q->looked = 0;
    q->err = OK;
}

static void value_count(struct metadata_query *q, struct metadata_key *key, struct str text)
{
    struct metadata_value *value = map_find(&key->by_text, text);

    if (!value && key->count < KNOWN_MAX) {
        value = ARENA_NEW(q->call->arena, struct metadata_value);
        value->text = arena_str(q->call->arena, text);
        map_put(&key->by_text, text, value);
        key->list[key->count++] = value;
    }
    if (value)
        value->count++;
}

static bool metadata_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct metadata_query *q = context;
    struct span_value values[SPAN_FIELD_COUNT];
    struct str metadata;

    q->err = span_values_get(tx, &match->span->row, 1u << SPAN_EXTRA, match->arena, values);
    if (q->err)
        return false;
    metadata = str_is_none(values[SPAN_EXTRA].bytes)
                   ? STR_NONE
                   : json_raw(values[SPAN_EXTRA].bytes, STR("metadata"));
    for (size_t i = 0; !str_is_none(metadata) && i < q->key_count; i++) {
        struct str raw = json_raw(metadata, q->keys[i].name);
        const struct json *value;

        if (str_is_none(raw) || json_parse(match->arena, raw, &value, NULL) || json_is_null(value))
            continue;
        value_count(q, &q->keys[i], json_type(value) == JSON_STRING ? json_string(value) : raw);
    }
    return ++q->looked < ROOTS_MAX;
}

static int most_first(const void *a, const void *b)
{
    const struct metadata_value *const *x = a, *const *y = b;

    return ((*x)->count < (*y)->count) - ((*x)->count > (*y)->count);
}

static enum err reply(struct call *call, struct metadata_query *q)
{
    struct json_writer *json = call_json(call, 200);

    json_begin_object(json);
    for (size_t i = 0; i < q->key_count; i++) {
        struct metadata_key *key = &q->keys[i];

        qsort(key->list, key->count, sizeof(*key->list), most_first);
        json_key_str(json, key->name);
        json_begin_array(json);
        for (size_t at = 0; at < key->count && at < (size_t)q->limit; at++)
            json_str_out(json, key->list[at]->text);
        json_end_array(json);
    }
    json_end_object(json);
    return OK;
}

static enum err metadata_apply(struct tx *tx, struct call *call)
{
    struct metadata_query *q = call->data;
    const struct span_visitor visitor = {metadata_restart, metadata_visit, q};
    enum err err = traces_query_step(tx, call, &q->asked, &visitor, true);

    if (err || q->err)
        return err ? err : q->err;
    return q->asked.is_over ? reply(call, q) : call_then_read(call, metadata_apply);
}

static void metadata_release(struct call *call)
{
    struct metadata_query *q = call->data;

    traces_query_release(&q->asked);
    metadata_empty(q);
}

/* metadata_keys=a&metadata_keys=b, or with commas. */
static enum err keys_read(struct call *call, struct metadata_query *q)
{
    struct str list;
    size_t position = 0;

    while (query_next(&call->query, "metadata_keys", &position, &list))
        while (list.len > 0) {
            size_t comma = str_find_char(list, ',');
            struct str name = str_first(list, comma);

            list = str_from(list, comma + 1);
            if (q->key_count == KEYS_MAX) {
                call_fail(call, 422, "metadata_keys: at most %d", KEYS_MAX);
                return ERR_INVALID;
            }
            if (name.len > 0)
                q->keys[q->key_count++].name = name;
        }
    if (q->key_count > 0)
        return OK;
    call_fail(call, 422, "metadata_keys: say which keys of metadata");
    return ERR_INVALID;
}

static enum err metadata_prepare(struct call *call)
{
    struct metadata_query *q = ARENA_NEW(call->arena, struct metadata_query);
    struct uuid project;
    enum err err;

    if (uuid_parse_loose(call->params[0], &project))
        return call_fail(call, 404, "Project not found");
    q->limit = VALUES_DEFAULT;
    if ((err = keys_read(call, q)) || (err = call_query_int(call, "k", 1, VALUES_MAX, &q->limit)))
        return err;
    q->call = call;
    traces_query_project(call, &q->asked, project);
    q->asked.query = (struct span_query){.tenant = call->principal.tenant,
                                         .only_roots = true,
                                         .start_min_us = INT64_MIN,
                                         .start_max_us = INT64_MAX};
    call->data = q;
    call->release = metadata_release;
    return call_then_read(call, metadata_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/sessions/{session_id}/metadata", metadata_prepare, PERMIT_READ, ROUTE_TRACES,
     "Which values the keys of metadata have in a project"},
};

const struct route_list routes_traces_metadata = {routes, ARRAY_LEN(routes)};
