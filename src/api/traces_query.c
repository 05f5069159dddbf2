/* What a request asks for, and the search. */
#include "api/traces_query.h"

#include "store/spans.h"
#include "trace/span_parse.h"

/* Clients wait for about a minute. */
#define ENOUGH_AFTER_US (5 * US_PER_SECOND)
#define GIVE_UP_AFTER_US (50 * US_PER_SECOND)

/* ---- pieces of a body ---- */

static enum err refuse(struct call *call, const char *key, const char *words)
{
    call_fail(call, 422, "%s: %s", key, words);
    return ERR_INVALID;
}

static const struct json *member(struct call *call, const char *key)
{
    const struct json *value = json_get(call->body, key);

    return json_is_null(value) ? NULL : value;
}

enum err traces_filter_read(struct call *call, const char *key, struct str text,
                            struct filter *filter)
{
    struct filter_error error;
    enum err err = filter_parse(call->arena, text, filter, &error);

    if (err)
        call_fail(call, 400, "%s: %s", key, error.text);
    return err ? ERR_INVALID : OK;
}

enum err traces_ids_read(struct call *call, const char *key, struct filter_ids *ids)
{
    const struct json *value = member(call, key), *item;
    bool is_list = json_type(value) == JSON_ARRAY;
    size_t count = is_list ? json_count(value) : value != NULL;
    struct json_iter iter = json_iter(value);
    struct uuid *list;

    if (count == 0)
        return OK;
    if (count > SPAN_SEARCH_IDS_MAX)
        return refuse(call, key, "has too many ids");
    list = ARENA_ARRAY(call->arena, struct uuid, count);
    for (size_t i = 0; i < count; i++) {
        item = value;
        if (is_list)
            json_next(&iter, NULL, &item);
        if (uuid_parse_loose(json_string(item), &list[i]))
            return refuse(call, key, "must hold UUIDs");
    }
    *ids = (struct filter_ids){list, count};
    return OK;
}

enum err traces_time_read(struct call *call, const char *key, int64_t *wall_us)
{
    const struct json *value = member(call, key);

    if (!value || !span_parse_time(value, wall_us))
        return OK;
    return refuse(call, key, "must be a time");
}

enum err traces_flag_read(struct call *call, const char *key, int *flag)
{
    const struct json *value = member(call, key);

    *flag = -1;
    if (!value)
        return OK;
    if (json_type(value) == JSON_BOOL)
        *flag = json_bool(value, false);
    else if (json_i64(value, -1) == 0 || json_i64(value, -1) == 1)
        *flag = (int)json_i64(value, 0);
    else
        return refuse(call, key, "must be true or false");
    return OK;
}

static enum err id_read(struct call *call, const char *key, bool *is_there, struct uuid *id)
{
    struct filter_ids ids = {0};
    enum err err = traces_ids_read(call, key, &ids);

    if (!err && ids.count > 1)
        return refuse(call, key, "must be one UUID");
    *is_there = !err && ids.count == 1;
    if (*is_there)
        *id = ids.list[0];
    return err;
}

void traces_query_project(struct call *call, struct traces_query *query, struct uuid project)
{
    struct str *id = ARENA_NEW(call->arena, struct str);
    struct uuid_text text;

    *id = arena_str(call->arena, uuid_write(project, &text));
    query->project_ids = id;
    query->project_id_count = 1;
}

enum err traces_projects_read(struct call *call, const char *key, struct traces_query *query)
{
    struct filter_ids ids = {0};
    struct str *texts;
    enum err err = traces_ids_read(call, key, &ids);

    if (err)
        return err;
    if (ids.count > TRACES_PROJECTS_MAX)
        return refuse(call, key, "has too many ids");
    texts = ARENA_ARRAY(call->arena, struct str, ids.count + 1);
    for (size_t i = 0; i < ids.count; i++) {
        struct uuid_text text;

        texts[i] = arena_str(call->arena, uuid_write(ids.list[i], &text));
    }
    query->project_ids = texts;
    query->project_id_count = ids.count;
    return OK;
}

static enum err type_read(struct call *call, struct span_query *q)
{
    struct str word = STR_NONE;
    enum span_type type;
    enum err err = call_get_text(call, "run_type", &word);

    if (err || str_is_none(word))
        return err;
    type = span_type_of(word);
    if (type == SPAN_TYPE_NONE)
        return refuse(call, "run_type",
                      "must be tool, chain, llm, retriever, embedding, prompt or parser");
    q->types = 1u << type | (type == SPAN_CHAIN ? 1u << SPAN_TYPE_NONE : 0);
    return OK;
}

static enum err flags_read(struct call *call, struct span_query *q)
{
    int is_root, has_error;
    enum err err;

    if ((err = traces_flag_read(call, "is_root", &is_root)) ||
        (err = traces_flag_read(call, "error", &has_error)))
        return err;
    q->only_roots = is_root == 1 || json_i64(member(call, "execution_order"), 0) == 1;
    q->only_children = is_root == 0;
    if (has_error == 1)
        q->statuses = 1u << SPAN_ERROR;
    else if (has_error == 0)
        q->statuses = 1u << SPAN_SUCCESS | 1u << SPAN_PENDING;
    return OK;
}

static enum err one_filter(struct call *call, const char *key, struct filter *filter,
                           const struct filter **wanted)
{
    struct str text = STR_NONE;
    enum err err = call_get_text(call, key, &text);

    if (!err)
        err = traces_filter_read(call, key, text, filter);
    if (!err && filter->root)
        *wanted = filter;
    return err;
}

enum err traces_filters_read(struct call *call, struct traces_query *query)
{
    struct span_query *q = &query->query;
    enum err err = one_filter(call, "filter", &query->filter, &q->filter);

    if (!err)
        err = one_filter(call, "trace_filter", &query->trace_filter, &q->trace_filter);
    return err ? err : one_filter(call, "tree_filter", &query->tree_filter, &q->tree_filter);
}

enum err traces_query_read(struct call *call, struct traces_query *query)
{
    struct span_query *q = &query->query;
    enum err err;

    *query = (struct traces_query){0};
    q->tenant = call->principal.tenant;
    q->start_min_us = INT64_MIN;
    q->start_max_us = INT64_MAX;
    if ((err = call_body_object(call)) || (err = traces_ids_read(call, "id", &q->ids)) ||
        (err = traces_projects_read(call, "session", query)) ||
        (err = traces_ids_read(call, "reference_example", &q->examples)) ||
        (err = id_read(call, "trace", &q->has_trace, &q->trace_id)) ||
        (err = id_read(call, "parent_run", &q->has_parent, &q->parent_id)) ||
        (err = type_read(call, q)) || (err = flags_read(call, q)) ||
        (err = traces_time_read(call, "start_time", &q->start_min_us)) ||
        (err = traces_time_read(call, "end_time", &q->start_max_us)))
        return err;
    return traces_filters_read(call, query);
}

/* ---- the search ---- */

static enum err projects_of_dataset(struct tx *tx, struct call *call, struct traces_query *query)
{
    const struct project_filter filter = {.tenant = query->query.tenant,
                                          .reference_dataset_id = query->dataset_id,
                                          .limit = TRACES_PROJECTS_MAX};
    struct project_rows found;
    enum err err = projects_search(tx, &filter, call->arena, &found);

    if (err)
        return err;
    query->query.projects = found.list;
    query->query.project_count = found.count;
    return OK;
}

/* Projects that do not exist have no spans. */
static enum err projects_find_all(struct tx *tx, struct call *call, struct traces_query *query)
{
    struct span_query *q = &query->query;
    struct project_row *found =
        ARENA_ARRAY(call->arena, struct project_row, query->project_id_count + 1);

    q->project_count = 0;
    for (size_t i = 0; i < query->project_id_count; i++) {
        enum err err = projects_get(tx, q->tenant, query->project_ids[i], call->arena,
                                    &found[q->project_count]);

        if (!err)
            q->project_count++;
        else if (err != ERR_NOT_FOUND)
            return err;
    }
    q->projects = found;
    return OK;
}

static enum err search_begin(struct tx *tx, struct call *call, struct traces_query *query,
                             const struct span_visitor *visitor)
{
    enum err err = str_is_none(query->dataset_id) ? projects_find_all(tx, call, query)
                                                  : projects_of_dataset(tx, call, query);

    if (err)
        return err;
    query->began_us = tx->now_us;
    query->first_step = call->transactions;
    query->search = span_search_new(call->arena, &query->query, visitor);
    return OK;
}

static bool names_no_project(const struct traces_query *query)
{
    bool are_named = query->project_id_count > 0 || !str_is_none(query->dataset_id);

    return are_named && query->query.project_count == 0 &&
           (query->query.ids.count == 0 || query->query.ids_and_rest);
}

enum err traces_query_step(struct tx *tx, struct call *call, struct traces_query *query,
                           const struct span_visitor *visitor, bool may_stop)
{
    enum err err = OK;

    if (!query->search)
        err = search_begin(tx, call, query, visitor);
    if (err)
        return err;
    if (names_no_project(query)) {
        visitor->restart(visitor->context);
        query->is_over = true;
        return OK;
    }
    err = span_search_step(tx, query->search, call->transactions - query->first_step,
                           &query->is_over);
    if (err || query->is_over)
        return err;
    if (may_stop && tx->now_us - query->began_us > ENOUGH_AFTER_US) {
        query->is_over = query->is_stopped = true;
        return OK;
    }
    if (tx->now_us - query->began_us <= GIVE_UP_AFTER_US)
        return OK;
    call_fail(call, 400,
              "the search has looked at %lld spans and is not done: narrow it by session, "
              "start_time or is_root",
              (long long)span_search_looked(query->search));
    return ERR_LIMIT;
}

void traces_query_release(struct traces_query *query)
{
    if (query->search)
        span_search_release(query->search);
    query->search = NULL;
}

/* ---- cursors ---- */

struct str traces_cursor_write(struct arena *arena, struct span_place place)
{
    return arena_printf(arena, "%lld.%lld", (long long)place.start_us, (long long)place.span_no);
}

enum err traces_cursor_read(struct str text, struct span_place *place)
{
    struct str first;
    struct span_place read;

    if (!str_split(&text, '.', &first) || str_to_i64(first, &read.start_us) ||
        str_to_i64(text, &read.span_no))
        return ERR_INVALID;
    *place = read;
    return OK;
}
