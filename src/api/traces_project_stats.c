/* traces_project_stats.c -- projects with what their traces come to: one search over the roots of
 * each, in steps. */
#include "api/traces_priv.h"
#include "api/traces_query.h"
#include "trace/project_json.h"
#include "trace/span_stats.h"

#define STATS_BYTES_MAX (4 * MIB)

struct project_stats {
    struct call *call;
    struct project_rows projects;
    struct project_view view;
    size_t at;        /* the project under way */
    size_t over_at;   /* the step in which its search ended, which may be run again */
    struct str *done; /* its members as JSON, of those before */
    struct traces_query asked;
    struct span_stats stats;
    int64_t experiment; /* its number; 0: it is none */
    bool has_feedback;
    enum err err; /* of a visit */
};

static void stats_restart(void *context)
{
    struct project_stats *p = context;

    span_stats_init(&p->stats, p->call->arena, true);
    p->err = OK;
}

static bool stats_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct project_stats *p = context;
    const struct span_row *row = &match->span->row;
    struct feedback_rows feedback = {0};

    if (p->has_feedback)
        p->err = feedback_of_span(tx, row->tenant, row->span_id, match->arena, &feedback);
    if (p->err)
        return false;
    span_stats_add(&p->stats, row, &feedback);
    return true;
}

/* What is said of the project itself. */
static enum err project_feedback(struct tx *tx, struct project_stats *p)
{
    const struct feedback_filter filter = {
        .tenant = p->call->principal.tenant,
        .projects = &p->projects.list[p->at].project_no,
        .project_count = 1,
        .keys = STR_NONE,
        .has_comment = -1,
        .has_score = -1,
        .level = FEEDBACK_OF_PROJECTS,
        .limit = FEEDBACK_LIST_MAX,
    };
    struct feedback_rows rows;
    enum err err = OK;

    if (p->has_feedback)
        err = feedback_search(tx, &filter, tx->arena, &rows);
    for (size_t i = 0; !err && p->has_feedback && i < rows.count; i++)
        feedback_stats_add(&p->stats.project_feedback, &rows.list[i]);
    return err;
}

static enum err experiment_number(struct tx *tx, struct project_stats *p)
{
    const struct project_row *project = &p->projects.list[p->at];

    p->experiment = 0;
    return str_is_none(project->reference_dataset_id)
               ? OK
               : projects_experiment_number(tx, project, &p->experiment);
}

static struct str members_of(struct project_stats *p)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, STATS_BYTES_MAX);
    json_writer_init(&json, &out);
    span_stats_write(&p->stats, SPAN_STATS_DECIMALS, NULL, &json);
    if (p->experiment)
        json_put_i64(&json, "test_run_number", p->experiment);
    else
        json_put_null(&json, "test_run_number");
    return buf_keep(&out, p->call->arena);
}

static void reply(struct call *call, const struct project_rows *projects, bool as_list,
                  const struct str *stats)
{
    struct json_writer *json = call_json(call, 200);

    if (as_list)
        json_begin_array(json);
    for (size_t i = 0; i < projects->count; i++)
        project_json_write(json, &projects->list[i], stats ? stats[i] : STR_NONE);
    if (as_list)
        json_end_array(json);
}

static void query_begin(struct project_stats *p)
{
    traces_query_release(&p->asked);
    p->asked = (struct traces_query){
        .query = {.tenant = p->call->principal.tenant,
                  .only_roots = true,
                  .start_min_us = p->view.stats_from_us,
                  .start_max_us = INT64_MAX},
        .project_ids = &p->projects.list[p->at].project_id,
        .project_id_count = 1,
    };
}

static enum err stats_apply(struct tx *tx, struct call *call)
{
    struct project_stats *p = call->data;
    const struct span_visitor visitor = {stats_restart, stats_visit, p};
    enum err err = feedback_exists(tx, call->principal.tenant, &p->has_feedback);

    /* The last step of the project before has been kept: on to the next. */
    if (p->asked.is_over && call->transactions > p->over_at) {
        p->at++;
        query_begin(p);
    }
    if (!err)
        err = traces_query_step(tx, call, &p->asked, &visitor, false);
    if (err || p->err)
        return err ? err : p->err;
    if (!p->asked.is_over)
        return call_then_read(call, stats_apply);
    p->over_at = call->transactions;
    if ((err = project_feedback(tx, p)))
        return err;
    if ((err = experiment_number(tx, p)))
        return err;
    p->done[p->at] = members_of(p);
    if (p->at + 1 < p->projects.count)
        return call_then_read(call, stats_apply);
    reply(call, &p->projects, p->view.as_list, p->done);
    return OK;
}

static void stats_release(struct call *call)
{
    traces_query_release(&((struct project_stats *)call->data)->asked);
}

enum err traces_projects_reply(struct call *call, const struct project_rows *projects,
                               const struct project_view *view)
{
    struct project_stats *p;

    if (!view->with_stats || projects->count == 0) {
        reply(call, projects, view->as_list, NULL);
        return OK;
    }
    p = ARENA_NEW(call->arena, struct project_stats);
    p->call = call;
    p->projects = *projects;
    p->view = *view;
    p->done = ARENA_ARRAY(call->arena, struct str, projects->count);
    query_begin(p);
    call->data = p;
    call->release = stats_release;
    return call_then_read(call, stats_apply);
}
