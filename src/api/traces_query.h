/* traces_query.h -- what a request of the tracing API asks for: its filters read and checked, and
 * the search run in steps.
 *
 * The body's keys are those of POST /runs/query (contract 2.2): /runs/stats, /runs/group and others
 * take the same. Unknown keys are passed over, as the clients send some. */
#ifndef API_TRACES_QUERY_H
#define API_TRACES_QUERY_H

#include "api/call.h"
#include "trace/span_search.h"

#define TRACES_PROJECTS_MAX 1000

struct traces_query {
    struct span_query query; /* projects are filled in when the search begins */
    struct filter filter, trace_filter, tree_filter;
    const struct str *project_ids; /* UUID text */
    size_t project_id_count;
    struct str dataset_id; /* instead: the projects of the experiments on it; STR_NONE */
    /* How the search goes. */
    struct span_search *search; /* NULL: not begun */
    int64_t began_us;           /* of its first step */
    size_t first_step;          /* of the call's transactions */
    bool is_over;
    bool is_stopped; /* over before its end */
};

/* The body must be an object. ERR_INVALID: the reply (400 for a filter, else 422) is filled. */
enum err traces_query_read(struct call *call, struct traces_query *query) MUST_USE;
/* filter, trace_filter and tree_filter; projects under `key`, one id or an array of them. */
enum err traces_filters_read(struct call *call, struct traces_query *query) MUST_USE;
enum err traces_projects_read(struct call *call, const char *key,
                              struct traces_query *query) MUST_USE;
/* This project alone. */
void traces_query_project(struct call *call, struct traces_query *query, struct uuid project);
/* One filter, from any place: 400 names the place in it. STR_NONE: none. */
enum err traces_filter_read(struct call *call, const char *key, struct str text,
                            struct filter *filter) MUST_USE;
/* Ids under `key` (one text, or an array of them) into the arena. */
enum err traces_ids_read(struct call *call, const char *key, struct filter_ids *ids) MUST_USE;
/* A time under `key`; absent or null: untouched. */
enum err traces_time_read(struct call *call, const char *key, int64_t *wall_us) MUST_USE;
/* A bool, or 0 or 1; -1 if absent or null. */
enum err traces_flag_read(struct call *call, const char *key, int *flag) MUST_USE;

/* A step of the search, in a read. OK with query->is_over false: call_then_read the same step
 * again. A search that looks for too long ends with 400 in words, unless `may_stop`: what has been
 * found is then enough. */
enum err traces_query_step(struct tx *tx, struct call *call, struct traces_query *query,
                           const struct span_visitor *visitor, bool may_stop) MUST_USE;
/* Frees what the search holds; for call->release. */
void traces_query_release(struct traces_query *query);

/* Cursors: opaque text. ERR_INVALID: not one of ours. */
struct str traces_cursor_write(struct arena *arena, struct span_place place);
enum err traces_cursor_read(struct str text, struct span_place *place) MUST_USE;

#endif
