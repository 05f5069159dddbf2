/* bench_filter.c -- nanoseconds per test of a compiled filter on a span in memory, and per
 * compilation. The accessors are those of a span whose values have been parsed already. */
#include <stdio.h>
#include <time.h>

#include "format/filter_fixture.h"

#define ROUNDS 300000

struct span {
    struct uuid id;
    struct str name, run_type, status, inputs_text;
    int64_t is_root, start_us, end_us, total_tokens;
    const struct json *tags, *metadata, *inputs, *outputs;
    struct filter_feedback feedback[3];
};

static enum filter_answer id(void *span, enum filter_attribute attribute, struct uuid *value)
{
    *value = ((struct span *)span)->id;
    return attribute == FILTER_PARENT_ID ? FILTER_NO : FILTER_YES;
}

static enum filter_answer text(void *context, enum filter_attribute attribute, struct str *value)
{
    struct span *span = context;

    *value = attribute == FILTER_NAME       ? span->name
             : attribute == FILTER_RUN_TYPE ? span->run_type
             : attribute == FILTER_STATUS   ? span->status
             : attribute == FILTER_INPUTS   ? span->inputs_text
                                            : STR_NONE;
    return str_is_none(*value) ? FILTER_NO : FILTER_YES;
}

static enum filter_answer number(void *context, enum filter_attribute attribute, int64_t *value)
{
    struct span *span = context;

    *value = attribute == FILTER_IS_ROOT      ? span->is_root
             : attribute == FILTER_LATENCY    ? span->end_us - span->start_us
             : attribute == FILTER_START_TIME ? span->start_us
                                              : span->total_tokens;
    return FILTER_YES;
}

static enum filter_answer json(void *context, enum filter_attribute attribute,
                               const struct json **value)
{
    struct span *span = context;

    *value = attribute == FILTER_TAGS       ? span->tags
             : attribute == FILTER_METADATA ? span->metadata
             : attribute == FILTER_INPUTS   ? span->inputs
                                            : span->outputs;
    return FILTER_YES;
}

static enum filter_answer feedback(void *context, const struct filter_feedback **rows,
                                   size_t *count)
{
    *rows = ((struct span *)context)->feedback;
    *count = 3;
    return FILTER_YES;
}

static const struct filter_source source = {id, text, number, json, feedback};

static const struct json *parsed(struct arena *arena, const char *json_text)
{
    const struct json *root;

    REQUIRE(!json_parse(arena, str_of(json_text), &root, NULL));
    return root;
}

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define INPUTS                                                                                     \
    "{\"messages\":[[{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"},"          \
    "{\"role\":\"user\",\"content\":\"Say hello to the people who read this, in two lines.\"}]]}"

static void span_init(struct span *span, struct arena *arena)
{
    *span = (struct span){
        .name = STR("ChatOpenAI"),
        .run_type = STR("llm"),
        .status = STR("success"),
        .inputs_text = STR(INPUTS),
        .start_us = 1700000000000000,
        .end_us = 1700000012000000,
        .total_tokens = 6000,
        .tags = parsed(arena, "[\"prod\",\"experimental\"]"),
        .metadata = parsed(arena, "{\"ls_provider\":\"openai\",\"ls_model_name\":\"gpt\","
                                  "\"ls_model_type\":\"chat\",\"ls_temperature\":0.7,"
                                  "\"thread_id\":\"X\",\"revision_id\":\"abc\"}"),
        .inputs = parsed(arena, INPUTS),
        .outputs = parsed(arena, "{\"generations\":[[{\"text\":\"hello\"}]]}"),
        .feedback = {{.key = STR("user_score"), .has_score = true, .score = 1},
                     {.key = STR("note"), .comment = STR("good")},
                     {.key = STR("grade"), .has_score = true, .score = 5}},
    };
}

int main(void)
{
    static const char *const filters[] = {
        "eq(is_root, true)",
        "and(eq(run_type,\"llm\"),gt(latency,10),gt(total_tokens,5000))",
        "and(or(has(tags,\"experimental\"),has(tags,\"beta\")),gt(latency,2))",
        "and(eq(feedback_key,\"grade\"),gt(feedback_score,4))",
        "and(in(metadata_key,[\"session_id\",\"conversation_id\",\"thread_id\"]),"
        "eq(metadata_value,\"X\"))",
        "and(eq(run_type,\"llm\"),eq(name,\"ChatOpenAI\"),eq(input_key,\"messages.content\"),"
        "like(input_value,\"%hello%\"))",
        "like(inputs, \"%two lines%\")",
        "search(\"people hello\")",
    };
    struct arena arena;
    struct span span;

    arena_init(&arena);
    span_init(&span, &arena);
    printf("%8s %8s  filter\n", "test ns", "parse ns");
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        struct filter_error error;
        struct filter filter;
        struct arena scratch;
        size_t matches = 0;
        double started = now_ns(), parsed_ns, tested_ns;

        arena_init(&scratch);
        for (int round = 0; round < ROUNDS / 10; round++) {
            arena_reset(&scratch);
            REQUIRE(!filter_parse(&scratch, str_of(filters[i]), &filter, &error));
        }
        parsed_ns = (now_ns() - started) / (ROUNDS / 10);
        started = now_ns();
        for (int round = 0; round < ROUNDS; round++)
            matches += filter_test(&filter, &source, &span) == FILTER_YES;
        tested_ns = (now_ns() - started) / ROUNDS;
        printf("%8.0f %8.0f  %s%s\n", tested_ns, parsed_ns, filters[i],
               matches == 0 ? "   (no match)" : "");
        arena_release(&scratch);
    }
    arena_release(&arena);
    return 0;
}
