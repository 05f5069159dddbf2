/* span.h -- a span as it is looked at: its row, and as much of its values as was asked for.
 *
 * What filters are tested against and what JSON is written from; it is filled by whoever reads the
 * store (spans_get, span_values_get). All borrowed, mostly from one arena. */
#ifndef TRACE_SPAN_H
#define TRACE_SPAN_H

#include "base/json.h"
#include "store/span.h"

struct span {
    struct span_row row;
    struct str project_id;                      /* UUID text of row.project_no */
    struct str dataset_id;                      /* whose examples the project runs; STR_NONE */
    unsigned loaded;                            /* bits 1 << enum span_field: which values are in */
    struct span_value values[SPAN_FIELD_COUNT]; /* by field; bytes are JSON text */
    const struct span_attachment *attachments;
    size_t attachment_count;
    struct str feedback_stats;          /* JSON object; STR_NONE */
    struct str share_token;             /* UUID text; STR_NONE */
    bool in_dataset;                    /* an example was made of it */
    int64_t trace_min_us, trace_max_us; /* first and last start in its trace; 0: not looked up */
};

/* "2026-11-21T05:12:37.533121": as the tracing API writes times of runs, without an offset (B6). */
struct span_time {
    char text[27];
};
struct str span_time_write(int64_t wall_us, struct span_time *time);

/* "0.000123": picodollars without an exponent and without zeros at the end. */
struct span_cost {
    char text[32];
};
struct str span_cost_write(int64_t picodollars, struct span_cost *cost);
/* Back again: decimal text, also with an exponent; what is below a picodollar is rounded.
 * ERR_INVALID: no such text, negative, or above $1,000,000. */
enum err span_cost_parse(struct str text, int64_t *picodollars) MUST_USE;
/* A number, or a text. */
enum err span_cost_read(const struct json *value, int64_t *picodollars) MUST_USE;

/* Kind → picodollars as it stands in the store, as kind → dollars: texts, or numbers. STR_NONE
 * gives null. */
void span_costs_write(struct json_writer *json, struct str details, bool as_numbers);

/* The text's beginning, whole characters; STR_NONE of STR_NONE. */
struct str span_preview(struct str text);

/* What the wire calls tenant_id: the workspace's UUID (auth/principal.h), by which X-Tenant-Id
 * may name it, too. Borrows *text. */
struct str trace_tenant_id(struct str tenant, struct uuid_text *text);

#endif
