/* traces_stats.c -- POST /runs/stats: what the spans that a query means come to, as one or by
 * group.
 */
#include "api/route.h"
#include "api/traces_priv.h"
#include "api/traces_query.h"
#include "base/map.h"
#include "store/span_values.h"
#include "trace/span_stats.h"

#include <stdlib.h>

#define GROUPS_MAX 10000 /* gathered */
#define GROUPS_SHOWN 5
#define GROUPS_SHOWN_MAX 100

enum group_kind { GROUP_NONE, GROUP_NAME, GROUP_TYPE, GROUP_TAG, GROUP_METADATA };

struct stats_group {
    struct str name;
    struct span_stats stats;
};

struct stats_query {
    struct traces_query asked;
    struct call *call;
    const struct json *select; /* array of names; NULL: all */
    enum group_kind kind;
    struct str path; /* of metadata */
    int64_t groups_shown;
    struct map by_name; /* of groups; of one group alone it is empty */
    struct stats_group **groups;
    size_t group_count;
    bool has_feedback; /* the tenant has any */
    enum err err;      /* of a visit */
};

/* ---- gathering ---- */

static struct stats_group *group_new(struct stats_query *query, struct str name)
{
    struct stats_group *group = ARENA_NEW(query->call->arena, struct stats_group);

    group->name = arena_str(query->call->arena, name);
    span_stats_init(&group->stats, query->call->arena, query->asked.query.only_roots);
    query->groups[query->group_count++] = group;
    return group;
}

/* NULL: there are too many. */
static struct stats_group *group_get(struct stats_query *query, struct str name)
{
    struct stats_group *group;

    if (query->kind == GROUP_NONE)
        return query->groups[0];
    group = map_find(&query->by_name, name);
    if (group || query->group_count == GROUPS_MAX)
        return group;
    group = group_new(query, name);
    map_put(&query->by_name, group->name, group);
    return group;
}

static void stats_restart(void *context)
{
    struct stats_query *query = context;

    map_release(&query->by_name);
    map_init(&query->by_name);
    query->group_count = 0;
    query->err = OK;
    if (!query->groups)
        query->groups = ARENA_ARRAY(query->call->arena, struct stats_group *, GROUPS_MAX);
    if (query->kind == GROUP_NONE)
        group_new(query, STR(""));
}

static void add_to(struct stats_query *query, struct str name, const struct span_row *row,
                   const struct feedback_rows *feedback)
{
    struct stats_group *group = str_is_none(name) ? NULL : group_get(query, name);

    if (group)
        span_stats_add(&group->stats, row, feedback);
}

/* A scalar's text; STR_NONE: no such value. */
static struct str metadata_text(struct tx *tx, const struct stats_query *query,
                                struct span_match *match)
{
    struct span_value values[SPAN_FIELD_COUNT];
    struct str extra, value;
    const struct json *parsed;

    if (span_values_get(tx, &match->span->row, 1u << SPAN_EXTRA, match->arena, values))
        return STR_NONE; /* the transaction's error is found by its next statement */
    extra = values[SPAN_EXTRA].bytes;
    if (extra.len == 0 || extra.data[0] != '{')
        return STR_NONE;
    extra = json_raw(extra, STR("metadata"));
    if (extra.len == 0 || extra.data[0] != '{')
        return STR_NONE;
    value = json_raw(extra, query->path);
    if (str_is_none(value) || str_eq(value, STR("null")))
        return STR_NONE;
    if (value.data[0] != '"')
        return value;
    return json_parse(match->arena, value, &parsed, NULL) ? STR_NONE : json_string(parsed);
}

static void add_to_tags(struct stats_query *query, struct span_match *match,
                        const struct feedback_rows *feedback)
{
    const struct json *tags = NULL, *tag;
    struct json_iter iter;

    if (str_is_none(match->span->row.tags) ||
        json_parse(match->arena, match->span->row.tags, &tags, NULL))
        return;
    for (iter = json_iter(tags); json_next(&iter, NULL, &tag);)
        add_to(query, json_string(tag), &match->span->row, feedback);
}

static bool stats_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct stats_query *query = context;
    const struct span_row *row = &match->span->row;
    struct feedback_rows feedback = {0};

    if (query->has_feedback)
        query->err = feedback_of_span(tx, row->tenant, row->span_id, match->arena, &feedback);
    if (query->err)
        return false;
    switch (query->kind) {
    case GROUP_NONE:
    case GROUP_NAME:
        add_to(query, row->name, row, &feedback);
        break;
    case GROUP_TYPE:
        add_to(query, span_type_name(row->type), row, &feedback);
        break;
    case GROUP_TAG:
        add_to_tags(query, match, &feedback);
        break;
    case GROUP_METADATA:
        add_to(query, metadata_text(tx, query, match), row, &feedback);
        break;
    }
    return true;
}

/* ---- the answer ---- */

static int largest_first(const void *a, const void *b)
{
    const struct stats_group *x = *(struct stats_group *const *)a;
    const struct stats_group *y = *(struct stats_group *const *)b;

    if (x->stats.run_count != y->stats.run_count)
        return x->stats.run_count > y->stats.run_count ? -1 : 1;
    return str_compare(x->name, y->name);
}

static void write_one(struct stats_query *query, struct stats_group *group,
                      struct json_writer *json)
{
    json_begin_object(json);
    span_stats_write(&group->stats, SPAN_STATS_NUMBERS, query->select, json);
    json_end_object(json);
}

static enum err reply(struct stats_query *query)
{
    struct json_writer *json = call_json(query->call, 200);

    if (query->kind == GROUP_NONE) {
        write_one(query, query->groups[0], json);
        return OK;
    }
    qsort(query->groups, query->group_count, sizeof(*query->groups), largest_first);
    json_begin_object(json);
    for (size_t i = 0; i < query->group_count && i < (size_t)query->groups_shown; i++) {
        json_key_str(json, query->groups[i]->name);
        write_one(query, query->groups[i], json);
    }
    json_end_object(json);
    return OK;
}

static enum err stats_apply(struct tx *tx, struct call *call)
{
    struct stats_query *query = call->data;
    const struct span_visitor visitor = {stats_restart, stats_visit, query};
    enum err err = feedback_exists(tx, call->principal.tenant, &query->has_feedback);

    if (!err)
        err = traces_query_step(tx, call, &query->asked, &visitor, false);
    if (err || query->err)
        return err ? err : query->err;
    return query->asked.is_over ? reply(query) : call_then_read(call, stats_apply);
}

/* ---- what is asked ---- */

static enum err refuse(struct call *call, const char *key, const char *words)
{
    call_fail(call, 422, "%s: %s", key, words);
    return ERR_INVALID;
}

static enum err group_read(struct call *call, struct stats_query *query)
{
    static const char *const words[] = {"name", "run_type", "tag", "metadata"};
    const struct json *by = json_get(call->body, "group_by");
    struct str attribute = json_string(json_get(by, "attribute"));

    query->groups_shown = GROUPS_SHOWN;
    if (json_is_absent(by))
        return OK;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(attribute, str_of(words[i])))
            query->kind = (enum group_kind)(GROUP_NAME + i);
    if (query->kind == GROUP_NONE)
        return refuse(call, "group_by", "attribute must be name, run_type, tag or metadata");
    query->path = json_string(json_get(by, "path"));
    if (query->kind == GROUP_METADATA && str_is_empty(query->path))
        return refuse(call, "group_by", "path must name the key of the metadata");
    query->groups_shown = json_i64(json_get(by, "max_groups"), GROUPS_SHOWN);
    if (query->groups_shown < 1 || query->groups_shown > GROUPS_SHOWN_MAX)
        return refuse(call, "group_by", "max_groups must be 1 to 100");
    return OK;
}

static enum err select_read(struct call *call, struct stats_query *query)
{
    const struct json *names = json_get(call->body, "select"), *name;
    struct json_iter iter = json_iter(names);

    if (json_is_absent(names))
        return OK;
    if (json_type(names) != JSON_ARRAY)
        return refuse(call, "select", "must be an array of names");
    while (json_next(&iter, NULL, &name))
        if (!span_stats_has(json_string(name))) {
            call_fail(call, 422, "select: there is no metric %.*s",
                      STR_ARG(str_first(json_string(name), 60)));
            return ERR_INVALID;
        }
    query->select = names;
    return OK;
}

static void stats_release(struct call *call)
{
    struct stats_query *query = call->data;

    traces_query_release(&query->asked);
    map_release(&query->by_name);
}

static enum err stats_prepare(struct call *call)
{
    struct stats_query *query = ARENA_NEW(call->arena, struct stats_query);
    enum err err;

    if ((err = traces_query_read(call, &query->asked)) || (err = group_read(call, query)) ||
        (err = select_read(call, query)))
        return err;
    map_init(&query->by_name);
    query->call = call;
    call->data = query;
    call->release = stats_release;
    return call_then_read(call, stats_apply);
}

static const struct route routes[] = {
    {HTTP_POST, "/runs/stats", stats_prepare, PERMIT_READ, ROUTE_TRACES,
     "What spans come to: counts, latencies, tokens, costs, feedback"},
};

const struct route_list routes_traces_stats = {routes, ARRAY_LEN(routes)};
