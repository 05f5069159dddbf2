/* span_shape.h -- values in the shape in which the tracing API promises them: inputs, outputs,
 * extra and serialized are objects, events an array of objects, an error a string.
 *
 * The SDKs send them so and refuse to read anything else: one run of another shape would spoil
 * every list that it is in. What a client sends otherwise is put into an object, so that nothing is
 * lost: "x" as inputs becomes {"input": "x"}. Pure. */
#ifndef TRACE_SPAN_SHAPE_H
#define TRACE_SPAN_SHAPE_H

#include "base/json.h"
#include "store/span.h"

/* `value` is what `text` was parsed to, and not null. The text itself if it has the shape already,
 * else a new one in the arena. */
struct str span_shape(struct arena *arena, enum span_field field, struct str text,
                      const struct json *value);

/* For a value that passes by in pieces and begins with `first`: what must stand before it and
 * behind it. Both "": it is right as it is, as far as its first byte tells. */
struct span_wrap {
    struct str before, behind;
};
struct span_wrap span_shape_wrap(enum span_field field, char first);

#endif
