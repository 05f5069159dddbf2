/* trace.h -- a run as a trace, as graphs of workers tell it: the run is the root, below it stand
 * its questions to models (with tokens), its calls of tools, and sub-agents within theirs.
 *
 *   chain (the agent) ─┬─ llm
 *                      ├─ tool
 *                      └─ tool "task" ── chain (the sub-agent) ─┬─ llm …
 *
 * Each span is told when it has ended, the root last; so a run that is lost has no root, and what
 * another attempt adds belongs to the same trace. Main loop only. */
#ifndef NATIVE_TRACE_H
#define NATIVE_TRACE_H

#include "base/str.h"

#define TRACE_SPAN_BYTES_MAX (32 * MIB) /* of one, as it is told */

struct native_run;
struct frame;
struct tool_call;

/* A span that has begun; texts in the run's arena. */
struct trace_span {
    struct str id;     /* STR_NONE: not begun */
    struct str dotted; /* dotted_order */
    struct str parent; /* id; STR_NONE: the root */
    int64_t start_us;
};

/* The root, and what a checkpoint left open. */
void trace_begin(struct native_run *run);
/* Everything that is open ends with it. `values` STR_NONE: there is no state; `error` STR_NONE:
 * none. */
void trace_end(struct native_run *run, struct str values, struct str error);

void trace_model_begin(struct native_run *run);
/* Of the one that has begun, if there is one. `message` STR_NONE: it failed, as `error` says. */
void trace_model_end(struct native_run *run, struct str message, struct str error);
void trace_tool_begin(struct native_run *run);
void trace_tool_end(struct native_run *run, const struct tool_call *call, struct str text,
                    bool is_error);
/* The call of the tool "task" by which the frame is there, and its sub-agent. */
void trace_task_begin(struct native_run *run, struct frame *frame);
void trace_task_end(struct native_run *run, struct frame *frame, struct str text, struct str error);

#endif
