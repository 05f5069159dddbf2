/* otlp_priv.h -- what the files share that make runs of OpenTelemetry's spans. */
#ifndef TRACE_OTLP_PRIV_H
#define TRACE_OTLP_PRIV_H

#include "trace/otlp.h"

/* One span becoming a run. Its arena is emptied behind it. */
struct otlp_run {
    const struct otlp_span *span;
    struct arena *arena;
    struct json_writer *json; /* the run's object */
};

/* Scopes of the langsmith SDK itself, which encodes runs as spans: what it can, it gets back. */
bool otlp_is_langsmith(const struct otlp_span *span);

/* otlp_flat.c: attributes "prefix.0.role", "prefix.1.content" … as one JSON value: what numbers
 * name is an array. False: there are none. */
bool otlp_flat_write(struct otlp_run *run, const char *prefix, struct json_writer *json);

/* otlp_values.c: the members inputs and outputs, error, events */
void otlp_values_write(struct otlp_run *run);
/* The value as JSON text: text that is JSON already stays as it is. STR_NONE: null. */
struct str otlp_json_of(struct arena *arena, const struct otlp_value *value);

/* otlp_extra.c: the member extra: metadata, invocation_params, runtime */
void otlp_extra_write(struct otlp_run *run);

/* otlp_usage.c: {"input_tokens": …}; STR_NONE: nothing is said of tokens */
struct str otlp_usage(struct otlp_run *run);

/* otlp_keys.c: the attribute stands somewhere else than in metadata */
bool otlp_is_known(struct str key);

/* What is before the colon in the run's object. */
struct otlp_name {
    const char *key; /* of the attribute */
    const char *as;
};

#endif
