/* otlp_keys.c -- the attributes that are told elsewhere than in a run's metadata. */
#include "trace/otlp_priv.h"

/* Each also stands for what is below it ("gen_ai.prompt.0.role"). */
static const char *const known[] = {
    "langsmith.trace.name",
    "langsmith.trace.id",
    "langsmith.trace.session_id",
    "langsmith.trace.session_name",
    "langsmith.span.id",
    "langsmith.span.parent_id",
    "langsmith.span.dotted_order",
    "langsmith.span.kind",
    "langsmith.span.tags",
    "langsmith.metadata",
    "langsmith.reference_example_id",
    "langsmith.is_root",
    "langsmith.usage_metadata",
    "langsmith.traceable",
    "langsmith.traceable_parent_otel_span_id",
    "traceloop.association.properties",
    "traceloop.entity.name",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "traceloop.span.kind",
    "openinference.span.kind",
    "metadata",
    "session.id",
    "gen_ai.conversation.id",
    "gen_ai.system",
    "gen_ai.provider.name",
    "gen_ai.operation.name",
    "gen_ai.request",
    "gen_ai.response.model",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.name",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.usage",
    "llm.system",
    "llm.model_name",
    "llm.invocation_parameters",
    "llm.presence_penalty",
    "llm.frequency_penalty",
    "llm.request.functions",
    "llm.request.type",
    "llm.input_messages",
    "llm.output_messages",
    "llm.token_count",
    "llm.usage",
    "traceloop.llm.request.type",
    "input.value",
    "input.mime_type",
    "output.value",
    "output.mime_type",
    "retrieval.documents",
    "tool.name",
    "tools",
    "tool_arguments",
    "prompt",
    "all_messages_events",
    "events",
};

bool otlp_is_known(struct str key)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct str front = str_of(known[i]);

        if (str_starts(key, front) && (key.len == front.len || key.data[front.len] == '.'))
            return true;
    }
    return false;
}
