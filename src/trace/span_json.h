/* span_json.h -- a span as the v1 tracing API shows it: RunSchema.
 *
 * The required keys are always written; of the others those that are selected. Values that are in
 * the blob store stand as null here, with a link in `…_s3_urls` (whoever answers may splice them
 * in: span_link). */
#ifndef TRACE_SPAN_JSON_H
#define TRACE_SPAN_JSON_H

#include "base/json.h"
#include "trace/span.h"

/* What a link opens. */
struct span_link {
    struct str name; /* "inputs", "attachment.x" */
    struct str mime_type;
    struct str blob_key; /* STR_NONE: it stands in its row */
};

/* How it is shown, and to whom. */
struct span_view {
    struct str tenant_id; /* trace_tenant_id */
    uint64_t select;      /* SPAN_SELECT_ALL, or bits of span_select */
    struct str base;      /* of share_url: where the client reaches us */
    /* The address at which a value or attachment can be had without a key, for a time. NULL: none
     * is shown. */
    void (*write_link)(const struct span_view *view, const struct span *span,
                       const struct span_link *link, struct buf *out);
    /* Writes a value that is in the blob store; NULL: it is null. */
    void (*write_blob)(const struct span_view *view, struct json_writer *json,
                       const struct span_value *value);
    void *context;
};

#define SPAN_SELECT_ALL UINT64_MAX

/* The bits of a name that `select` may hold; 0: no such name. */
uint64_t span_select(struct str name);
/* Which values (bits 1 << enum span_field) and whether attachments must be loaded to write it. */
unsigned span_select_fields(uint64_t select);
bool span_select_attachments(uint64_t select);

void span_json_write(struct json_writer *json, const struct span *span,
                     const struct span_view *view);

#endif
