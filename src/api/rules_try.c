/* rules_try.c -- POST /runs/rules/test: which past runs a rule's filters would have matched, before
 * it is saved, and which it would have missed narrowly (rules_near.h). Nothing is applied, and what
 * sampling would leave out is counted too.
 *
 * The scan is bounded: when it has looked at `looked_max` spans (or a little more, as it goes in
 * steps), or for some seconds (traces_query.h), it ends and says so. The newest runs come first. */
#include "api/route.h"
#include "api/rules_near.h"
#include "api/rules_priv.h"
#include "api/traces_priv.h"
#include "api/traces_query.h"

#define LOOKED_MAX 100000
#define PAGE_DEFAULT 20
#define PAGE_MAX 100
#define NEAR_DEFAULT 3
#define SPAN_US (7 * 24 * 3600 * US_PER_SECOND) /* of time, if none is said */

struct try_call {
    struct traces_query asked;
    struct rule_spec spec;
    struct call *call;
    struct span_view view;
    int64_t limit, offset, looked_max;
    int64_t count; /* of matches */
    struct json_writer *json;
    enum err err; /* of a visit */
    struct rules_near_asked near_asked;
    struct rules_near *near; /* NULL: the matches are not all counted yet */
};

static void try_restart(void *context)
{
    struct try_call *t = context;

    t->count = 0;
    t->err = OK;
    t->json = call_json(t->call, 200);
    json_begin_object(t->json);
    json_key(t->json, "runs");
    json_begin_array(t->json);
}

/* Rules wait for the end of a run, unless they ask for pending ones. */
static bool try_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct try_call *t = context;
    struct span span = *match->span;

    if (!span.row.end_us && !t->spec.takes_pending)
        return true;
    if (t->count >= t->offset && t->count < t->offset + t->limit) {
        t->err = traces_fill(tx, t->view.select, match->arena, &span);
        if (t->err)
            return false;
        span_json_write(t->json, &span, &t->view);
    }
    t->count++;
    return true;
}

static enum err reply(struct try_call *t)
{
    struct json_writer *json = t->json;

    json_end_array(json);
    json_key(json, "near_misses");
    rules_near_write(t->near, json);
    json_put_i64(json, "count", t->count);
    json_put_bool(json, "is_complete", t->asked.is_over && !t->asked.is_stopped);
    json_put_i64(json, "looked_max", t->looked_max);
    json_put_time(json, "start_time", t->asked.query.start_min_us);
    json_put_time(json, "end_time", t->asked.query.start_max_us);
    json_end_object(json);
    return OK;
}

static enum err near_apply(struct tx *tx, struct call *call)
{
    struct try_call *t = call->data;
    bool is_over = false;
    enum err err = rules_near_step(tx, t->near, &is_over);

    if (err)
        return err;
    return is_over ? reply(t) : call_then_read(call, near_apply);
}

static enum err search_apply(struct tx *tx, struct call *call)
{
    struct try_call *t = call->data;
    const struct span_visitor visitor = {try_restart, try_visit, t};
    enum err err = traces_query_step(tx, call, &t->asked, &visitor, true);

    if (err || t->err)
        return err ? err : t->err;
    if (!t->asked.is_over && span_search_looked(t->asked.search) < t->looked_max)
        return call_then_read(call, search_apply);
    if (!t->near)
        t->near = rules_near_new(call, &t->near_asked);
    return call_then_read(call, near_apply);
}

static enum err begin_apply(struct tx *tx, struct call *call)
{
    const struct try_call *t = call->data;
    struct project_row project;
    enum err err =
        projects_get(tx, call->principal.tenant, t->asked.project_ids[0], tx->arena, &project);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "session_id: there is no such project");
    return err ? err : search_apply(tx, call);
}

/* ---- what is asked ---- */

static void try_release(struct call *call)
{
    struct try_call *t = call->data;

    traces_query_release(&t->asked);
    rules_near_release(t->near);
}

static enum err refuse(struct call *call, struct str words)
{
    call_fail(call, 422, "%.*s", STR_ARG(words));
    return ERR_INVALID;
}

static enum err times_read(struct call *call, struct span_query *q)
{
    enum err err;

    q->start_min_us = INT64_MIN;
    q->start_max_us = loop_wall_us(http_exchange_loop(call->exchange));
    if ((err = traces_time_read(call, "end_time", &q->start_max_us)) ||
        (err = traces_time_read(call, "start_time", &q->start_min_us)))
        return err;
    if (q->start_min_us == INT64_MIN)
        q->start_min_us = q->start_max_us - SPAN_US;
    if (q->start_min_us > q->start_max_us)
        return refuse(call, STR("start_time: must not be after end_time"));
    return OK;
}

static enum err filters_read(struct call *call, struct try_call *t)
{
    struct span_query *q = &t->asked.query;
    struct str why;

    if (rule_spec_read_filters(call->body, call->arena, &t->spec, &why))
        return rules_refuse_spec(call, &t->spec, why);
    q->filter = t->spec.filter.root ? &t->spec.filter : NULL;
    q->trace_filter = t->spec.trace_filter.root ? &t->spec.trace_filter : NULL;
    q->tree_filter = t->spec.tree_filter.root ? &t->spec.tree_filter : NULL;
    return OK;
}

enum err rules_try_prepare(struct call *call)
{
    struct try_call *t = ARENA_NEW(call->arena, struct try_call);
    enum err err;

    t->call = call;
    t->limit = PAGE_DEFAULT;
    t->looked_max = LOOKED_MAX;
    t->near_asked.limit = NEAR_DEFAULT;
    t->asked.query.tenant = call->principal.tenant;
    call->data = t;
    call->release = try_release;
    if ((err = call_body_object(call)) ||
        (err = traces_projects_read(call, "session_id", &t->asked)) ||
        (err = filters_read(call, t)) || (err = times_read(call, &t->asked.query)) ||
        (err = call_get_int(call, "limit", 1, PAGE_MAX, &t->limit)) ||
        (err = call_get_int(call, "near_misses", 0, RULES_NEAR_RUNS_MAX, &t->near_asked.limit)) ||
        (err = call_get_int(call, "offset", 0, LOOKED_MAX, &t->offset)) ||
        (err = call_get_int(call, "looked_max", 1, LOOKED_MAX, &t->looked_max)))
        return err;
    if (t->asked.project_id_count != 1)
        return refuse(call, STR("session_id is missing: the project that the rule watches"));
    t->view = traces_view(call, SPAN_SELECT_ALL);
    t->near_asked.asked = &t->asked;
    t->near_asked.view = &t->view;
    t->near_asked.takes_pending = t->spec.takes_pending;
    t->near_asked.filter = json_string(json_get(call->body, "filter"));
    t->near_asked.trace_filter = json_string(json_get(call->body, "trace_filter"));
    return call_then_read(call, begin_apply);
}
