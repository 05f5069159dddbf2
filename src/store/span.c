/* The words of spans. */
#include "store/span.h"

static const char *const type_names[SPAN_TYPE_COUNT] = {
    [SPAN_TYPE_NONE] = "chain", [SPAN_CHAIN] = "chain",         [SPAN_LLM] = "llm",
    [SPAN_TOOL] = "tool",       [SPAN_RETRIEVER] = "retriever", [SPAN_EMBEDDING] = "embedding",
    [SPAN_PROMPT] = "prompt",   [SPAN_PARSER] = "parser",
};
static const char *const status_names[] = {
    [SPAN_PENDING] = "pending", [SPAN_SUCCESS] = "success", [SPAN_ERROR] = "error"};
static const char *const field_names[SPAN_FIELD_COUNT] = {
    [SPAN_INPUTS] = "inputs", [SPAN_OUTPUTS] = "outputs",  [SPAN_EVENTS] = "events",
    [SPAN_EXTRA] = "extra",   [SPAN_ERROR_TEXT] = "error", [SPAN_SERIALIZED] = "serialized",
};

struct str span_type_name(enum span_type type)
{
    REQUIRE(type < SPAN_TYPE_COUNT);
    return str_of(type_names[type]);
}

enum span_type span_type_of(struct str name)
{
    for (size_t i = SPAN_CHAIN; i < SPAN_TYPE_COUNT; i++)
        if (str_eq(name, str_of(type_names[i])))
            return (enum span_type)i;
    return SPAN_TYPE_NONE;
}

struct str span_status_name(enum span_status status)
{
    REQUIRE(status < ARRAY_LEN(status_names));
    return str_of(status_names[status]);
}

struct str span_field_name(enum span_field field)
{
    REQUIRE(field < SPAN_FIELD_COUNT);
    return str_of(field_names[field]);
}
