/* filter.h -- the filter language of the tracing API: and(eq(run_type, "llm"), gt(latency, "5s")).
 *
 *   expr     = ident "(" [arg *("," arg) [","]] ")"
 *   arg      = expr | string | number | "null" | "true" | "false" | list | duration | path
 *   string   = '"' with JSON's escapes '"' | "'" with no escape but \' "'"
 *   duration = digits ["." digits] ("us" | "ms" | "s" | "m" | "h" | "d")       path = ident *("."
 * ident)
 *
 * Logic: and, or, not. Comparators: eq neq gt gte lt lte in has search like notlike exists. What is
 * absent meets none of them but neq, notlike and eq(…, null). Conditions on one family of pairs
 * (metadata, inputs, outputs, feedback) that are siblings in an `and` speak of the same pair:
 * filter_eval.c has the rules.
 *
 * A text is compiled once and tested against any number of spans, each given as accessors; no I/O.
 * An accessor may say that a value is not at hand: the answer is FILTER_UNKNOWN only if it depends
 * on it, so that whoever scans loads what is expensive only for the spans that need it.
 *
 * Letter case: like, search, run types and statuses ignore it for ASCII; all else is compared
 * bytewise. Pure; a filter is immutable and may be used by several threads. */
#ifndef FORMAT_FILTER_H
#define FORMAT_FILTER_H

#include "format/marks.h"

#define FILTER_BYTES_MAX (256 * KIB)
#define FILTER_DEPTH_MAX 32
#define FILTER_PARTS_MAX 20000 /* operators, attributes and literals of one text */

/* What a span is asked for; the accessor is named at the side. */
enum filter_attribute {
    /* id */
    FILTER_ID,
    FILTER_TRACE_ID,
    FILTER_PARENT_ID,
    FILTER_PROJECT_ID,
    FILTER_EXAMPLE_ID,
    FILTER_DATASET_ID,
    /* text */
    FILTER_NAME,
    FILTER_RUN_TYPE,
    FILTER_STATUS, /* "success", "error", "pending" */
    FILTER_THREAD_ID,
    FILTER_ERROR,
    /* number: bools are 0 and 1 */
    FILTER_IS_ROOT,
    FILTER_START_TIME, /* microseconds since 1970 */
    FILTER_END_TIME,
    FILTER_FIRST_TOKEN_TIME,
    FILTER_LATENCY, /* microseconds; absent without an end */
    FILTER_TTFT,
    FILTER_TOTAL_TOKENS,
    FILTER_PROMPT_TOKENS,
    FILTER_COMPLETION_TOKENS,
    FILTER_TOTAL_COST, /* picodollars */
    FILTER_PROMPT_COST,
    FILTER_COMPLETION_COST,
    /* json, and for the last two also their text */
    FILTER_TAGS,
    FILTER_METADATA,
    FILTER_INPUTS,
    FILTER_OUTPUTS,
    /* feedback */
    FILTER_FEEDBACK,
    FILTER_ATTRIBUTE_COUNT
};

enum filter_answer { FILTER_NO, FILTER_YES, FILTER_UNKNOWN };

/* One row of feedback. */
struct filter_feedback {
    struct str key, source, comment; /* STR_NONE: none */
    bool has_score;
    double score;
    const struct json *value; /* NULL: none */
};

/* How a span is asked. FILTER_YES: *value is set; FILTER_NO: it is absent; FILTER_UNKNOWN: not at
 * hand. What is given stays valid during the test. */
struct filter_source {
    enum filter_answer (*id)(void *span, enum filter_attribute attribute, struct uuid *value);
    enum filter_answer (*text)(void *span, enum filter_attribute attribute, struct str *value);
    enum filter_answer (*number)(void *span, enum filter_attribute attribute, int64_t *value);
    enum filter_answer (*json)(void *span, enum filter_attribute attribute,
                               const struct json **value);
    /* All rows; none is FILTER_YES with a count of 0. */
    enum filter_answer (*feedback)(void *span, const struct filter_feedback **rows, size_t *count);
};

struct filter_texts {
    const struct str *list;
    size_t count; /* 0: any */
};

struct filter_ids {
    const struct uuid *list;
    size_t count; /* 0: any */
};

/* Both are in. */
struct filter_range {
    bool has_min, has_max;
    int64_t min, max;
};

/* What every span that matches fulfils: for whoever looks up rows. It is never narrower than the
 * filter. */
struct filter_bounds {
    int64_t start_min_us, start_max_us; /* both are in */
    bool only_roots, only_children;
    struct filter_texts names, run_types, statuses, threads; /* words in lower case */
    struct filter_ids ids, traces, parents, projects, examples;
    struct str feedback_key; /* there is feedback under it; STR_NONE: says nothing */
    /* Where one is bounded, it is there. Numbers are as their accessor gives them. */
    struct filter_range end_us, latency_us, total_tokens, total_cost;
    struct marks marks;
};

struct filter_node;

struct filter {
    const struct filter_node *root; /* NULL: everything matches */
    struct filter_bounds bounds;
    unsigned needs; /* bit 1 << attribute: what it may ask for */
};

struct filter_error {
    size_t position; /* byte offset */
    char text[240];  /* for people, with the position */
};

/* STR_NONE and blank text match everything. *filter lives in the arena and keeps nothing of
 * `text`. ERR_INVALID and ERR_LIMIT: *error says where and why. */
enum err filter_parse(struct arena *arena, struct str text, struct filter *filter,
                      struct filter_error *error) MUST_USE;

/* What a text asks for together, as it is written: of and(a, b) its parts a and b, of all else the
 * whole. Conditions on one family of pairs speak of the same pair and stay one part. At most `max`
 * of them, in the arena; 0 for what filter_parse refuses, and for blank text. */
size_t filter_conjuncts(struct arena *arena, struct str text, struct str *list, size_t max);

/* What a span's metadata and tags (an array of texts) add to its marks, so that a filter's bounds
 * can be compared with them. */
struct marks filter_marks_of_metadata(const struct json *metadata);
struct marks filter_marks_of_tags(const struct json *tags);

enum filter_answer filter_test(const struct filter *filter, const struct filter_source *source,
                               void *span);

#endif
