/* traces_feedback.c -- /feedback: what is said of spans and projects. */
#include "api/route.h"
#include "api/traces_query.h"
#include "base/time.h"
#include "store/projects.h"
#include "store/spans.h"
#include "trace/feedback_write.h"
#include "trace/span_parse.h"

#define PAGE_MAX 100
#define RUNS_MAX 1000
#define PROJECTS_MAX 100

static enum err not_found(struct call *call)
{
    return call_fail(call, 404, "Feedback not found");
}

/* ---- as it is shown ---- */

/* Its project's id, if it has a place. */
static enum err project_id_of(struct tx *tx, const struct feedback_row *row, struct str *id)
{
    struct project_row project = {.project_id = STR_NONE};
    enum err err = OK;

    if (row->project_no)
        err = projects_get_by_no(tx, row->project_no, tx->arena, &project);
    *id = err ? STR_NONE : project.project_id;
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err write_one(struct tx *tx, struct json_writer *json, const struct feedback_row *row)
{
    struct str project_id;
    enum err err = project_id_of(tx, row, &project_id);

    if (!err)
        feedback_json_write(json, row, project_id);
    return err;
}

static enum err reply_one(struct tx *tx, struct call *call, struct uuid feedback_id)
{
    struct feedback_row row;
    enum err err = feedback_get(tx, call->principal.tenant, feedback_id, tx->arena, &row);

    if (err)
        return err == ERR_NOT_FOUND ? not_found(call) : err;
    return write_one(tx, call_json(call, 200), &row);
}

/* ---- create ---- */

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct feedback_draft draft = *(const struct feedback_draft *)call->data;
    enum err err = feedback_write(tx, call->principal.tenant, &draft);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Project not found");
    return err ? err : reply_one(tx, call, draft.row.feedback_id);
}

static enum err create_prepare(struct call *call)
{
    struct feedback_draft *draft = ARENA_NEW(call->arena, struct feedback_draft);
    struct str why;
    enum err err = call_body_object(call);

    if (err)
        return err;
    if (feedback_parse(call->arena, call->body_text, draft, &why))
        return call_fail(call, 422, "%.*s", STR_ARG(why));
    call->data = draft;
    return call_then_write(call, create_apply);
}

/* ---- one ---- */

static enum err one_prepare(struct call *call, bool is_write, call_tx_step step)
{
    struct uuid *id = ARENA_NEW(call->arena, struct uuid);

    if (uuid_parse_loose(call->params[0], id))
        return call_fail(call, 422, "feedback_id: must be a UUID");
    call->data = id;
    return is_write ? call_then_write(call, step) : call_then_read(call, step);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    return reply_one(tx, call, *(const struct uuid *)call->data);
}

static enum err get_prepare(struct call *call)
{
    return one_prepare(call, false, get_apply);
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    const struct uuid *id = call->data;
    struct feedback_draft draft = {.has_id = true};
    struct str why;
    enum err err = feedback_get(tx, call->principal.tenant, *id, tx->arena, &draft.row);

    if (err)
        return err == ERR_NOT_FOUND ? not_found(call) : err;
    if (feedback_parse_change(tx->arena, call->body_text, &draft, &why))
        return call_fail(call, 422, "%.*s", STR_ARG(why));
    err = feedback_put(tx, call->principal.tenant, &draft.row);
    return err ? err : reply_one(tx, call, *id);
}

static enum err change_prepare(struct call *call)
{
    enum err err = call_body_object(call);

    return err ? err : one_prepare(call, true, change_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = feedback_delete(tx, call->principal.tenant, *(const struct uuid *)call->data);

    if (err)
        return err == ERR_NOT_FOUND ? not_found(call) : err;
    json_raw_out(call_json(call, 200), STR("{\"message\":\"Feedback deleted\"}"));
    return OK;
}

static enum err delete_prepare(struct call *call)
{
    return one_prepare(call, true, delete_apply);
}

/* ---- list ---- */

struct feedback_list {
    struct feedback_filter filter;
    struct str projects[PROJECTS_MAX]; /* UUID text */
    size_t project_count;
    bool is_of_user; /* of one: keys are no users, so nothing is */
};

/* Given once, several times, or as one text with commas. */
static enum err ids_read(struct call *call, const char *key, struct uuid *list, size_t max,
                         size_t *count)
{
    struct str value, piece;
    size_t at = 0;

    *count = 0;
    while (query_next(&call->query, key, &at, &value))
        while (str_split(&value, ',', &piece)) {
            if (*count == max || uuid_parse_loose(str_trim(piece), &list[*count])) {
                call_fail(call, 422, "%s: must be at most %zu UUIDs", key, max);
                return ERR_INVALID;
            }
            ++*count;
        }
    return OK;
}

static enum err flag_read(struct call *call, const char *key, int *flag)
{
    bool value = false;
    enum err err = call_query_bool(call, key, &value);

    *flag = str_is_empty(query_get(&call->query, key)) ? -1 : value;
    return err;
}

static enum err time_read(struct call *call, const char *key, int64_t *wall_us)
{
    struct str text = query_get(&call->query, key);

    if (str_is_empty(text) || !time_parse_iso(text, wall_us))
        return OK;
    call_fail(call, 422, "%s: must be a time", key);
    return ERR_INVALID;
}

/* Projects that do not exist have no feedback. */
static enum err projects_find_all(struct tx *tx, struct call *call, struct feedback_list *list,
                                  int64_t *numbers, size_t *count)
{
    for (size_t i = 0; i < list->project_count; i++) {
        struct project_row project;
        enum err err =
            projects_get(tx, call->principal.tenant, list->projects[i], tx->arena, &project);

        if (!err)
            numbers[(*count)++] = project.project_no;
        else if (err != ERR_NOT_FOUND)
            return err;
    }
    return OK;
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct feedback_list *list = call->data;
    struct feedback_filter filter = list->filter;
    int64_t numbers[PROJECTS_MAX];
    struct feedback_rows found = {0};
    struct json_writer *json;
    enum err err = projects_find_all(tx, call, list, numbers, &filter.project_count);

    filter.projects = numbers;
    if (!err && !list->is_of_user && (list->project_count == 0 || filter.project_count > 0))
        err = feedback_search(tx, &filter, tx->arena, &found);
    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; !err && i < found.count; i++)
        err = write_one(tx, json, &found.list[i]);
    json_end_array(json);
    return err;
}

static enum err places_read(struct call *call, struct feedback_list *list)
{
    struct uuid *spans = ARENA_ARRAY(call->arena, struct uuid, RUNS_MAX);
    struct uuid *projects = ARENA_ARRAY(call->arena, struct uuid, PROJECTS_MAX);
    enum err err = ids_read(call, "run", spans, RUNS_MAX, &list->filter.span_count);

    list->filter.spans = spans;
    if (!err)
        err = ids_read(call, "session", projects, PROJECTS_MAX, &list->project_count);
    for (size_t i = 0; !err && i < list->project_count; i++) {
        struct uuid_text text;

        list->projects[i] = arena_str(call->arena, uuid_write(projects[i], &text));
    }
    return err;
}

static enum err list_prepare(struct call *call)
{
    static const char *const levels[] = {"run", "session", NULL};
    struct feedback_list *list = ARENA_NEW(call->arena, struct feedback_list);
    struct feedback_filter *f = &list->filter;
    struct str level = query_get(&call->query, "level");
    enum err err;

    f->tenant = call->principal.tenant;
    f->keys = call_query_texts(call, "key");
    f->source_types = call_query_texts(call, "source");
    f->experiment_id = query_get(&call->query, "comparative_experiment_id");
    f->limit = PAGE_MAX;
    if ((err = places_read(call, list)) ||
        (err = flag_read(call, "has_comment", &f->has_comment)) ||
        (err = flag_read(call, "has_score", &f->has_score)) ||
        (err = call_query_word(call, "level", levels)) ||
        (err = time_read(call, "min_created_at", &f->created_min_us)) ||
        (err = time_read(call, "max_created_at", &f->created_max_us)) ||
        (err = call_query_int(call, "limit", 1, INT32_MAX, &f->limit)) ||
        (err = call_query_int(call, "offset", 0, INT32_MAX, &f->offset)))
        return err;
    if (f->limit > PAGE_MAX)
        f->limit = PAGE_MAX;
    list->is_of_user = !str_is_empty(query_get(&call->query, "user"));
    if (!str_is_empty(level))
        f->level = str_eq(level, STR("run")) ? FEEDBACK_OF_SPANS : FEEDBACK_OF_PROJECTS;
    call->data = list;
    return call_then_read(call, list_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/feedback", list_prepare, PERMIT_READ, ROUTE_TRACES, "List feedback"},
    {HTTP_POST, "/feedback", create_prepare, PERMIT_TRACE, ROUTE_TRACES,
     "Say something of a span or a project"},
    {HTTP_POST, "/feedback/eager", create_prepare, PERMIT_TRACE, ROUTE_TRACES,
     "The same as POST /feedback"},
    {HTTP_GET, "/feedback/{feedback_id}", get_prepare, PERMIT_READ, ROUTE_TRACES, "Get feedback"},
    {HTTP_PATCH, "/feedback/{feedback_id}", change_prepare, PERMIT_TRACE, ROUTE_TRACES,
     "Change score, value, comment or correction"},
    {HTTP_DELETE, "/feedback/{feedback_id}", delete_prepare, PERMIT_RUN, ROUTE_TRACES,
     "Delete feedback"},
};

const struct route_list routes_traces_feedback = {routes, ARRAY_LEN(routes)};
