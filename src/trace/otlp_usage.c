/* otlp_usage.c -- what a span says of tokens, as the tracing API says it. */
#include "trace/otlp_priv.h"

#define USAGE_BYTES_MAX (4 * KIB)

enum count { INPUT, OUTPUT, TOTAL, CACHE_READ, CACHE_CREATION, REASONING, COUNT_COUNT };

/* The first that is there. */
static const struct {
    const char *key;
    enum count count;
} names[] = {
    {"gen_ai.usage.input_tokens", INPUT},
    {"gen_ai.usage.prompt_tokens", INPUT},
    {"llm.token_count.prompt", INPUT},
    {"llm.usage.prompt_tokens", INPUT},
    {"gen_ai.usage.output_tokens", OUTPUT},
    {"gen_ai.usage.completion_tokens", OUTPUT},
    {"llm.token_count.completion", OUTPUT},
    {"llm.usage.completion_tokens", OUTPUT},
    {"gen_ai.usage.total_tokens", TOTAL},
    {"llm.token_count.total", TOTAL},
    {"llm.usage.total_tokens", TOTAL},
    {"gen_ai.usage.cache_read.input_tokens", CACHE_READ},
    {"gen_ai.usage.cache_read_input_tokens", CACHE_READ},
    {"llm.token_count.prompt_details.cache_read", CACHE_READ},
    {"gen_ai.usage.cache_creation.input_tokens", CACHE_CREATION},
    {"gen_ai.usage.cache_creation_input_tokens", CACHE_CREATION},
    {"llm.token_count.prompt_details.cache_write", CACHE_CREATION},
    {"gen_ai.usage.reasoning_tokens", REASONING},
    {"llm.token_count.completion_details.reasoning", REASONING},
};

static bool count_read(const struct otlp_value *value, int64_t *count)
{
    int64_t number = -1;

    if (!value)
        return false;
    if (value->type == OTLP_INT)
        number = value->integer;
    else if (value->type == OTLP_DOUBLE && value->number >= 0 && value->number < 1e15)
        number = (int64_t)value->number;
    else if (value->type == OTLP_STRING && str_to_i64(value->text, &number))
        return false;
    if (number < 0)
        return false;
    *count = number;
    return true;
}

static void details_write(struct json_writer *json, const char *key, const int64_t *counts,
                          const struct otlp_name *details, size_t detail_count)
{
    bool has_any = false;

    for (size_t i = 0; i < detail_count; i++)
        has_any = has_any || counts[i] >= 0;
    if (!has_any)
        return;
    json_key(json, key);
    json_begin_object(json);
    for (size_t i = 0; i < detail_count; i++)
        if (counts[i] >= 0)
            json_put_i64(json, details[i].as, counts[i]);
    json_end_object(json);
}

static void usage_write(struct json_writer *json, const int64_t *counts)
{
    static const struct otlp_name of_input[] = {{"", "cache_read"}, {"", "cache_creation"}};
    static const struct otlp_name of_output[] = {{"", "reasoning"}};
    int64_t input = counts[INPUT] < 0 ? 0 : counts[INPUT];
    int64_t output = counts[OUTPUT] < 0 ? 0 : counts[OUTPUT];

    json_begin_object(json);
    json_put_i64(json, "input_tokens", input);
    json_put_i64(json, "output_tokens", output);
    json_put_i64(json, "total_tokens",
                 counts[TOTAL] >= 0           ? counts[TOTAL]
                 : input > INT64_MAX - output ? INT64_MAX
                                              : input + output);
    details_write(json, "input_token_details", counts + CACHE_READ, of_input, ARRAY_LEN(of_input));
    details_write(json, "output_token_details", counts + REASONING, of_output,
                  ARRAY_LEN(of_output));
    json_end_object(json);
}

struct str otlp_usage(struct otlp_run *run)
{
    int64_t counts[COUNT_COUNT];
    struct json_writer json;
    struct str text;
    struct buf out;

    for (size_t i = 0; i < COUNT_COUNT; i++)
        counts[i] = -1;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (counts[names[i].count] < 0)
            (void)count_read(otlp_find(&run->span->attributes, names[i].key),
                             &counts[names[i].count]);
    if (counts[INPUT] < 0 && counts[OUTPUT] < 0 && counts[TOTAL] < 0)
        return STR_NONE;
    buf_init(&out, USAGE_BYTES_MAX);
    json_writer_init(&json, &out);
    usage_write(&json, counts);
    text = arena_str(run->arena, buf_str(&out));
    buf_release(&out);
    return text;
}
