/* span_parse.h -- what clients say of a span: JSON into a struct span_change.
 *
 * The same object comes as a part of a multipart body (values in parts of their own), in a batch,
 * or alone (values inside). null is absent; keys that are not known are passed over. `why` is a
 * text for people in the arena: it names what is wrong, not the span. */
#ifndef TRACE_SPAN_PARSE_H
#define TRACE_SPAN_PARSE_H

#include "base/json.h"
#include "store/span.h"

#define SPAN_ERROR_PREVIEW_BYTES_MAX 1000

/* A change on its way: the project is named, not yet found. */
struct span_draft {
    struct span_change change;
    struct str project_name; /* STR_NONE; so below */
    struct str project_id;
    bool is_said;    /* an object or a value has come: there is something to write */
    bool has_object; /* not only values: the span may be placed */
};

/* Adds to the draft what the object says; `text` must outlive it. draft->change.span_id and layer
 * are set already; has_id: an `id` in the object must be the same, else it is taken from there.
 * ERR_INVALID: the draft is as it was. */
enum err span_parse(struct arena *arena, struct str text, bool has_id, struct span_draft *draft,
                    struct str *why) MUST_USE;

/* One value that stands in a part of its own. What it tells of the span (thread, first token,
 * error) is taken from it. null changes nothing. */
enum err span_parse_value(struct arena *arena, enum span_field field, struct str text,
                          struct span_draft *draft, struct str *why) MUST_USE;

/* ISO 8601 with or without offset, or a number: seconds (< 1e11), milliseconds (< 1e14),
 * microseconds. ERR_INVALID: neither, or before 1970. */
enum err span_parse_time(const struct json *value, int64_t *wall_us) MUST_USE;

#endif
