/* traceparent.h -- the W3C header that ties what happens in several programs into one trace.
 *
 *   traceparent = version "-" trace-id "-" parent-id "-" flags      all lower-case hex: 2, 32, 16,
 * 2
 *
 * Version ff is invalid, and so are ids of zeroes alone; a version above 00 may have more behind
 * the flags. We pass the trace on and put a span of our own where the parent stood. Pure. */
#ifndef FORMAT_TRACEPARENT_H
#define FORMAT_TRACEPARENT_H

#include "base/str.h"

#define TRACE_ID_CHARS 32
#define TRACEPARENT_CHARS 55

struct traceparent {
    struct str trace_id; /* borrows the text */
    bool is_sampled;
};

/* ERR_INVALID: to be ignored, as the standard asks. */
enum err traceparent_parse(struct str text, struct traceparent *parent) MUST_USE;
struct traceparent_text {
    char text[TRACEPARENT_CHARS];
};

/* Version 00 with `span` (not 0) as the parent's id, in *text; trace_id must have been parsed, or
 * be 32 lower-case hex digits, not all zero. */
struct str traceparent_write(const struct traceparent *parent, uint64_t span,
                             struct traceparent_text *text);
bool trace_id_is_valid(struct str text);

#endif
