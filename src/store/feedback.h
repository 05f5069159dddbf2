/* feedback.h -- the table feedback: what people and programs say of spans, or of a project.
 *
 * A row is known by its id; the same id again replaces what was said. Feedback may come before its
 * span: then it waits without a place (project_no 0) until spans_apply brings the span and
 * feedback_attach gives it one. Whoever says something of a span changes that span: its change_seq
 * rises, so that rules look at it again.
 *
 * Strings of a row from a query live in the arena given; those of one that goes in are borrowed. */
#ifndef STORE_FEEDBACK_H
#define STORE_FEEDBACK_H

#include "store/span.h"
#include "store/store.h"

#define FEEDBACK_KEY_BYTES_MAX 720 /* 180 characters */
#define FEEDBACK_LIST_MAX 1000

struct feedback_row {
    struct uuid feedback_id;
    bool has_span, has_trace;
    struct uuid span_id, trace_id;
    int64_t project_no; /* 0: of a span that has not come yet */
    int64_t start_us;   /* the span's; 0: not known */
    bool is_root;
    struct str key;
    bool has_score, score_is_bool;
    double score;
    struct str value; /* JSON; STR_NONE: none; so below */
    struct str comment;
    struct str correction;  /* JSON */
    struct str source_type; /* "api", "app", "model" … */
    struct str source;      /* JSON object: feedback_source as it came */
    struct str extra;       /* JSON object */
    struct str group_id, experiment_id;
    bool is_error;
    bool does_not_keep; /* in only: its trace is not kept for longer because of it */
    int64_t created_us, modified_us;
};

struct feedback_rows {
    struct feedback_row *list; /* in the arena given */
    size_t count;
};

/* Of a span, feedback_put finds the place itself; without a span project_no says whose it is.
 * created_us is kept from the first time if it is 0. In a write. */
enum err feedback_put(struct tx *tx, struct str tenant, const struct feedback_row *row) MUST_USE;
/* ERR_NOT_FOUND. */
enum err feedback_get(struct tx *tx, struct str tenant, struct uuid feedback_id,
                      struct arena *arena, struct feedback_row *row) MUST_USE;
enum err feedback_delete(struct tx *tx, struct str tenant, struct uuid feedback_id) MUST_USE;
/* All of one span, the oldest first. */
enum err feedback_of_span(struct tx *tx, struct str tenant, struct uuid span_id,
                          struct arena *arena, struct feedback_rows *found) MUST_USE;
/* Has the tenant any at all? */
enum err feedback_exists(struct tx *tx, struct str tenant, bool *exists) MUST_USE;
/* A span has been placed: what waited for it gets its place. For spans_apply. */
enum err feedback_attach(struct tx *tx, const struct span_row *span) MUST_USE;

enum feedback_level { FEEDBACK_ANY, FEEDBACK_OF_SPANS, FEEDBACK_OF_PROJECTS };

/* Lists: `count` 0 is any. The newest first. */
struct feedback_filter {
    struct str tenant;
    const struct uuid *spans;
    size_t span_count;
    const int64_t *projects;
    size_t project_count;
    struct str keys;         /* JSON array of texts; STR_NONE: any; so below */
    struct str source_types; /* JSON array of texts */
    struct str experiment_id;
    int has_comment, has_score; /* 1, 0; -1: either */
    enum feedback_level level;
    int64_t created_min_us, created_max_us; /* both are in; 0: open */
    int64_t limit, offset;
};

enum err feedback_search(struct tx *tx, const struct feedback_filter *filter, struct arena *arena,
                         struct feedback_rows *found) MUST_USE;

#endif
