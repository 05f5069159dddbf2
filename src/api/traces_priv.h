/* traces_priv.h -- what the files of the tracing API share. */
#ifndef API_TRACES_PRIV_H
#define API_TRACES_PRIV_H

#include "api/call.h"
#include "auth/link.h"
#include "format/filter.h"
#include "store/projects.h"
#include "trace/feedback_stats.h"
#include "trace/span_batch.h"
#include "trace/span_json.h"

/* {"error": "…"}: how ingest says what is wrong. Returns OK, so that it can end a step. */
enum err traces_fail(struct call *call, int status, struct str words);
/* The answer to what was taken in: 202, or 422 with what was refused of it. */
enum err traces_accept(struct call *call, const struct span_batch *batch);

/* traces_view.c: how this caller is shown spans: with links, large values put in */
struct span_view traces_view(struct call *call, uint64_t select);

/* A link to what lies behind `link`, through us, for as long as links hold (auth/link.h). */
void traces_link_write(const struct call *call, struct link link, struct buf *out);

/* "http://host:port/prefix", as the client reaches us. */
void traces_base_write(const struct call *call, struct buf *out);

/* traces_boot.c: members of /info for clients of the tracing API */
void traces_info_write(struct json_writer *json);

/* traces_read.c: what is needed to write a span with this selection. ERR_NOT_FOUND: its project is
 * gone, and so is it. */
enum err traces_load(struct tx *tx, const struct span_row *row, uint64_t select,
                     struct arena *arena, struct span *span) MUST_USE;

/* Is there an example that was made of it? */
enum err traces_dataset_fill(struct tx *tx, struct span *span) MUST_USE;
/* Under which token it is shared, if it is. Not for whoever reads it by a token: another one may
 * outlive theirs. */
enum err traces_share_fill(struct tx *tx, struct arena *arena, struct span *span) MUST_USE;
/* traces_fill.c: loads what is missing of a span whose row and project are known. */
enum err traces_fill(struct tx *tx, uint64_t select, struct arena *arena,
                     struct span *span) MUST_USE;
/* As JSON in the arena; STR_NONE: no rows. */
struct str traces_feedback_stats(const struct feedback_rows *rows, enum feedback_stats_form form,
                                 struct arena *arena);

/* traces_project_stats.c: answers with projects, whose strings live in the call's arena. With their
 * stats it takes reads of its own. */
struct project_view {
    bool as_list; /* else one */
    bool with_stats;
    int64_t stats_from_us; /* of roots that began then or later */
};
enum err traces_projects_reply(struct call *call, const struct project_rows *projects,
                               const struct project_view *view) MUST_USE;

/* project_search.c: the query's `filter`. ERR_INVALID: the reply is filled. */
enum err project_filter_read(struct call *call, struct filter *filter) MUST_USE;
enum err project_search(struct tx *tx, const struct project_filter *asked,
                        const struct filter *filter, struct arena *arena,
                        struct project_rows *found) MUST_USE;

/* traces_unload.c: the call's write, once what is large of the batch lies in the blob store. The
 * batch is the call's, and stays until its release. */
enum err traces_write(struct call *call, struct span_batch *batch, call_tx_step apply);

/* traces_multipart.c: when the body is whole */
enum err traces_multipart_prepare(struct call *call);
/* The project of this id; in a dry run, which is undone, the one that the query's session_name
 * calls, made if there is none. ERR_NOT_FOUND. */
enum err traces_project_of(struct tx *tx, struct call *call, bool is_dry, struct str project_id,
                           struct project_row *project) MUST_USE;
/* A project, a span: by parameter 0. */
enum err traces_project_prepare(struct call *call);
enum err traces_run_prepare(struct call *call);

#endif
