/* span_members.h -- the members of a span that the v1 and the v2 API write alike. For span_json.c
 * and span_json_v2.c, whose tables name them. */
#ifndef TRACE_SPAN_MEMBERS_H
#define TRACE_SPAN_MEMBERS_H

#include "trace/span_json.h"

#define SPAN_LINK_BYTES_MAX 4096

typedef void (*span_put_fn)(struct json_writer *json, const struct span *span,
                            const struct span_view *view);

#define SPAN_MEMBER(name)                                                                          \
    void span_put_##name(struct json_writer *json, const struct span *span UNUSED,                 \
                         const struct span_view *view UNUSED)

SPAN_MEMBER(id);
SPAN_MEMBER(trace_id);
SPAN_MEMBER(project_id);
SPAN_MEMBER(dotted_order);
SPAN_MEMBER(app_path); /* /o/{tenant}/projects/p/{project}/r/{span}?trace_id=…&start_time=… (B8) */
SPAN_MEMBER(name);
SPAN_MEMBER(inputs);
SPAN_MEMBER(outputs);
SPAN_MEMBER(events);
SPAN_MEMBER(extra);
SPAN_MEMBER(error);
SPAN_MEMBER(serialized);
SPAN_MEMBER(inputs_preview);
SPAN_MEMBER(outputs_preview);
SPAN_MEMBER(tags);
SPAN_MEMBER(parent_run_ids);
SPAN_MEMBER(is_root);
SPAN_MEMBER(total_tokens);
SPAN_MEMBER(prompt_tokens);
SPAN_MEMBER(completion_tokens);
SPAN_MEMBER(price_model_id);
SPAN_MEMBER(reference_example_id);
SPAN_MEMBER(reference_dataset_id);
SPAN_MEMBER(in_dataset);
SPAN_MEMBER(thread_id);
SPAN_MEMBER(null);
SPAN_MEMBER(false);

void span_put_uuid(struct json_writer *json, struct uuid id);

/* Of what the span used itself, not of what is below it. */
enum span_own {
    SPAN_OWN_PROMPT_TOKENS,
    SPAN_OWN_COMPLETION_TOKENS,
    SPAN_OWN_PROMPT_COSTS,
    SPAN_OWN_COMPLETION_COSTS
};
/* Kind → tokens or dollars. v1: texts; v2: {"raw": numbers}. */
void span_put_own(struct json_writer *json, const struct span *span, enum span_own part,
                  bool is_v2);

#endif
