/* otlp.h -- spans as OpenTelemetry's exporters send them (OTLP/HTTP), and the spans of ours that
 * they become.
 *
 *   body ──▶ otlp_protobuf.c or otlp_json.c ──▶ struct otlp_span, one by one ──▶ otlp_run.c: a run
 *
 * A body is an ExportTraceServiceRequest: resources, each with scopes, each with spans. Fields that
 * are not known are passed over. What is known is bounded: OTLP_SPANS_MAX spans and OTLP_VALUES_MAX
 * values of attributes in a body, OTLP_ATTRIBUTES_MAX in one list, OTLP_DEPTH_MAX values inside
 * values. */
#ifndef TRACE_OTLP_H
#define TRACE_OTLP_H

#include "base/json.h"
#include "trace/span_batch.h"

#define OTLP_SPANS_MAX 100000
#define OTLP_VALUES_MAX 1000000
#define OTLP_ATTRIBUTES_MAX 4096
#define OTLP_DEPTH_MAX 32

enum otlp_type {
    OTLP_EMPTY,
    OTLP_STRING,
    OTLP_BOOL,
    OTLP_INT,
    OTLP_DOUBLE,
    OTLP_ARRAY,
    OTLP_MAP,
    OTLP_BYTES
};

struct otlp_attribute;

struct otlp_attributes {
    struct otlp_attribute *list;
    size_t count, cap;
};

struct otlp_value {
    enum otlp_type type;
    struct str text; /* of a string; of bytes, as they are */
    int64_t integer; /* of a bool too */
    double number;
    struct otlp_attributes items; /* of an array (without keys) or a map */
};

struct otlp_attribute {
    struct str key;
    struct otlp_value value;
};

struct otlp_event {
    struct str name;
    uint64_t time_ns;
    struct otlp_attributes attributes;
};

struct otlp_events {
    struct otlp_event *list;
    size_t count, cap;
};

enum otlp_status { OTLP_UNSET = 0, OTLP_OK = 1, OTLP_ERROR = 2 };

struct otlp_scope {
    struct otlp_attributes resource;
    struct str name, version; /* of the library that made the spans */
};

struct otlp_span {
    const struct otlp_scope *scope;
    struct str trace_id, span_id, parent_id; /* raw bytes */
    struct str name;
    uint64_t start_ns, end_ns;
    struct otlp_attributes attributes;
    struct otlp_events events;
    int64_t status; /* enum otlp_status, or a number that is not known */
    struct str status_message;
};

/* A body under way. */
struct otlp_reader {
    struct arena *arena;  /* of resources, and of *why */
    struct arena scratch; /* of one span: emptied behind it */
    void (*on_span)(void *context, const struct otlp_span *span);
    void *context;
    size_t span_count, value_count;
    struct str why; /* what is wrong, in words */
};

/* Calls on_span for each span, whose strings live until it returns. ERR_INVALID: the body is not
 * that; ERR_LIMIT: more than it may have. Spans before that place have been given. */
enum err otlp_read_protobuf(struct otlp_reader *r, struct str body) MUST_USE;
enum err otlp_read_json(struct otlp_reader *r, struct str body) MUST_USE;

/* ---- what both readers share: otlp.c ---- */

/* The next item, all zero, or NULL: there are too many and r->why says so. */
struct otlp_attribute *otlp_add(struct otlp_reader *r, struct arena *arena,
                                struct otlp_attributes *to);
struct otlp_event *otlp_add_event(struct otlp_reader *r, struct otlp_events *to);
enum err otlp_give(struct otlp_reader *r, const struct otlp_span *span) MUST_USE;
enum err otlp_refuse(struct otlp_reader *r, const char *why); /* ERR_INVALID */

/* NULL: there is none. */
const struct otlp_value *otlp_find(const struct otlp_attributes *attributes, const char *key);
/* STR_NONE: there is none, or it is no text, or empty. */
struct str otlp_text(const struct otlp_attributes *attributes, const char *key);
void otlp_value_write(struct json_writer *json, const struct otlp_value *value);

/* ---- otlp_run.c ---- */

/* Adds the span to the batch as a run. What is wrong with it is a problem of the batch. `project`
 * is where it goes if it does not say so itself; STR_NONE: `default`. */
void otlp_run_add(struct span_batch *batch, const struct otlp_span *span, struct str project);

#endif
