/* rules_near.c -- see rules_near.h. What a search has found is written down at once, as text, for
 * the spans live only during a visit. */
#include "api/rules_near.h"

#include "api/traces_priv.h"
#include "base/buf.h"

#define CONDITIONS_MAX 8
#define LOOKED_MAX 20000 /* for each condition */
#define ENOUGH_US (3 * US_PER_SECOND)
#define RUNS_BYTES_MAX (4 * MIB)

struct miss {
    struct rules_near *near;
    const char *place;    /* "filter", "trace_filter" */
    struct str condition; /* as it was written */
    struct traces_query query;
    struct filter filter, trace_filter;
    struct buf runs; /* JSON, joined by commas */
    int64_t count;
};

struct rules_near {
    struct call *call;
    const struct rules_near_asked *asked;
    struct miss *misses;
    size_t count, done;
    int64_t began_us; /* 0: not yet */
    enum err err;     /* of a visit */
};

/* ---- the searches ---- */

/* The conditions, with the one at `missed` denied; STR_NONE: there are none. */
static struct str text_of(struct arena *arena, const struct str *list, size_t count, size_t missed)
{
    struct buf out;

    if (count == 0)
        return STR_NONE;
    buf_init(&out, FILTER_BYTES_MAX);
    buf_add(&out, STR("and("));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add(&out, STR(", "));
        buf_add(&out, i == missed ? STR("not(") : STR(""));
        buf_add(&out, list[i]);
        buf_add(&out, i == missed ? STR(")") : STR(""));
    }
    buf_add_char(&out, ')');
    return buf_keep(&out, arena);
}

struct conditions {
    struct str filter[CONDITIONS_MAX], trace_filter[CONDITIONS_MAX];
    size_t filters, trace_filters;
};

/* Of a filter that is too long or too deep with one more "not" there is no search. */
static void miss_add(struct rules_near *near, const struct conditions *c, bool of_trace,
                     size_t missed)
{
    struct arena *arena = near->call->arena;
    struct miss *miss = &near->misses[near->count];
    struct filter_error ignored;
    struct str filter = text_of(arena, c->filter, c->filters, of_trace ? SIZE_MAX : missed);
    struct str trace_filter =
        text_of(arena, c->trace_filter, c->trace_filters, of_trace ? missed : SIZE_MAX);

    *miss = (struct miss){.near = near,
                          .place = of_trace ? "trace_filter" : "filter",
                          .condition = of_trace ? c->trace_filter[missed] : c->filter[missed],
                          .query = {.query = near->asked->asked->query,
                                    .project_ids = near->asked->asked->project_ids,
                                    .project_id_count = near->asked->asked->project_id_count}};
    if (filter_parse(arena, filter, &miss->filter, &ignored) ||
        filter_parse(arena, trace_filter, &miss->trace_filter, &ignored))
        return;
    miss->query.query.filter = miss->filter.root ? &miss->filter : NULL;
    miss->query.query.trace_filter = miss->trace_filter.root ? &miss->trace_filter : NULL;
    buf_init(&miss->runs, RUNS_BYTES_MAX);
    near->count++;
}

struct rules_near *rules_near_new(struct call *call, const struct rules_near_asked *asked)
{
    struct rules_near *near = ARENA_NEW(call->arena, struct rules_near);
    struct conditions c = {0};

    near->call = call;
    near->asked = asked;
    c.filters = filter_conjuncts(call->arena, asked->filter, c.filter, CONDITIONS_MAX);
    c.trace_filters =
        filter_conjuncts(call->arena, asked->trace_filter, c.trace_filter, CONDITIONS_MAX);
    if (asked->limit == 0 ||
        c.filters + c.trace_filters + (asked->asked->query.tree_filter ? 1 : 0) < 2)
        return near;
    near->misses = ARENA_ARRAY(call->arena, struct miss, c.filters + c.trace_filters);
    for (size_t i = 0; i < c.filters; i++)
        miss_add(near, &c, false, i);
    for (size_t i = 0; i < c.trace_filters; i++)
        miss_add(near, &c, true, i);
    return near;
}

/* ---- steps ---- */

static void miss_restart(void *context)
{
    struct miss *miss = context;

    miss->count = 0;
    buf_clear(&miss->runs);
}

static bool miss_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct miss *miss = context;
    const struct rules_near_asked *asked = miss->near->asked;
    struct span span = *match->span;
    size_t before = miss->runs.len;
    struct json_writer json;

    if (!span.row.end_us && !asked->takes_pending)
        return true;
    miss->near->err = traces_fill(tx, asked->view->select, match->arena, &span);
    if (miss->near->err)
        return false;
    if (miss->count > 0)
        buf_add_char(&miss->runs, ',');
    json_writer_init(&json, &miss->runs);
    span_json_write(&json, &span, asked->view);
    if (miss->runs.failed) { /* what was there before is enough */
        miss->runs.failed = false;
        buf_truncate(&miss->runs, before);
        return false;
    }
    return ++miss->count < asked->limit;
}

enum err rules_near_step(struct tx *tx, struct rules_near *near, bool *is_over)
{
    struct span_visitor visitor = {miss_restart, miss_visit, NULL};
    struct miss *miss;
    enum err err;

    if (near->began_us == 0)
        near->began_us = tx->now_us;
    *is_over = near->done == near->count || tx->now_us - near->began_us > ENOUGH_US;
    if (*is_over)
        return OK;
    miss = visitor.context = &near->misses[near->done];
    err = traces_query_step(tx, near->call, &miss->query, &visitor, true);
    if (err || near->err)
        return err ? err : near->err;
    if (miss->query.is_over || span_search_looked(miss->query.search) >= LOOKED_MAX)
        near->done++;
    return OK;
}

/* ---- the end ---- */

void rules_near_write(const struct rules_near *near, struct json_writer *json)
{
    json_begin_array(json);
    for (size_t i = 0; i < near->count; i++) {
        const struct miss *miss = &near->misses[i];

        if (miss->count == 0)
            continue;
        json_begin_object(json);
        json_put_str(json, "place", str_of(miss->place));
        json_put_str(json, "condition", miss->condition);
        json_key(json, "runs");
        json_begin_array(json);
        json_raw_out(json, buf_str(&miss->runs));
        json_end_array(json);
        json_end_object(json);
    }
    json_end_array(json);
}

void rules_near_release(struct rules_near *near)
{
    for (size_t i = 0; near && i < near->count; i++) {
        traces_query_release(&near->misses[i].query);
        buf_release(&near->misses[i].runs);
    }
}
