/* usage_parse.h -- what values of a span tell of tokens, costs and the model: into struct
 * span_says.
 *
 * Usage comes in several shapes: usage_metadata (with details and, if the client knows them,
 * costs), the token_usage of older LangChain, that of its generations' messages, and the `usage` of
 * providers' answers. All become the one shape of store/span_usage.c. What is not a count or an
 * amount is passed over; nothing here is ever an error. */
#ifndef TRACE_USAGE_PARSE_H
#define TRACE_USAGE_PARSE_H

#include "base/json.h"
#include "store/span.h"

#define USAGE_KINDS_MAX 32 /* of details; further ones are passed over */
#define MODEL_NAME_BYTES_MAX 256

void usage_of_inputs(const struct json *inputs, struct span_says *says);
void usage_of_outputs(struct arena *arena, const struct json *outputs, struct span_says *says);
void usage_of_extra(struct arena *arena, const struct json *extra, struct span_says *says);

#endif
