/* A span that is a JSON object. */
#include "format/filter_fixture.h"

#include "base/time.h"

static const char *const names[FILTER_ATTRIBUTE_COUNT] = {
    [FILTER_ID] = "id",
    [FILTER_TRACE_ID] = "trace_id",
    [FILTER_PARENT_ID] = "parent_run_id",
    [FILTER_PROJECT_ID] = "session_id",
    [FILTER_EXAMPLE_ID] = "reference_example_id",
    [FILTER_DATASET_ID] = "reference_dataset_id",
    [FILTER_NAME] = "name",
    [FILTER_RUN_TYPE] = "run_type",
    [FILTER_STATUS] = "status",
    [FILTER_THREAD_ID] = "thread_id",
    [FILTER_ERROR] = "error",
    [FILTER_IS_ROOT] = "is_root",
    [FILTER_START_TIME] = "start_time",
    [FILTER_END_TIME] = "end_time",
    [FILTER_FIRST_TOKEN_TIME] = "first_token_time",
    [FILTER_LATENCY] = "latency",
    [FILTER_TTFT] = "ttft",
    [FILTER_TOTAL_TOKENS] = "total_tokens",
    [FILTER_PROMPT_TOKENS] = "prompt_tokens",
    [FILTER_COMPLETION_TOKENS] = "completion_tokens",
    [FILTER_TOTAL_COST] = "total_cost",
    [FILTER_PROMPT_COST] = "prompt_cost",
    [FILTER_COMPLETION_COST] = "completion_cost",
    [FILTER_TAGS] = "tags",
    [FILTER_METADATA] = "metadata",
    [FILTER_INPUTS] = "inputs",
    [FILTER_OUTPUTS] = "outputs",
    [FILTER_FEEDBACK] = "feedback",
};

static enum filter_answer member(const struct filter_fixture *f, enum filter_attribute attribute,
                                 const struct json **value)
{
    struct json_iter iter = json_iter(json_get(f->span, "unknown"));
    const struct json *name;

    while (json_next(&iter, NULL, &name))
        if (str_eq(json_string(name), str_of(names[attribute])))
            return FILTER_UNKNOWN;
    *value = json_get(f->span, names[attribute]);
    return json_is_absent(*value) ? FILTER_NO : FILTER_YES;
}

static enum filter_answer id(void *span, enum filter_attribute attribute, struct uuid *id)
{
    const struct json *value;
    enum filter_answer there = member(span, attribute, &value);

    if (there == FILTER_YES)
        REQUIRE(!uuid_parse(json_string(value), id));
    return there;
}

static enum filter_answer text(void *span, enum filter_attribute attribute, struct str *text)
{
    const struct filter_fixture *f = span;
    const struct json *value;
    enum filter_answer there = member(f, attribute, &value);

    if (there == FILTER_YES)
        *text = json_type(value) == JSON_STRING ? json_string(value)
                                                : json_raw(f->span_text, str_of(names[attribute]));
    return there;
}

/* Seconds for latencies, dollars for costs: as in the language. */
static enum filter_answer number(void *span, enum filter_attribute attribute, int64_t *number)
{
    const struct json *value;
    enum filter_answer there = member(span, attribute, &value);

    if (there != FILTER_YES)
        return there;
    if (json_type(value) == JSON_STRING)
        REQUIRE(!time_parse_iso(json_string(value), number));
    else if (json_type(value) == JSON_BOOL)
        *number = json_bool(value, false);
    else if (attribute == FILTER_LATENCY || attribute == FILTER_TTFT)
        *number = (int64_t)(json_double(value, 0) * 1e6 + 0.5);
    else if (attribute >= FILTER_TOTAL_COST && attribute <= FILTER_COMPLETION_COST)
        *number = (int64_t)(json_double(value, 0) * 1e12 + 0.5);
    else
        *number = json_i64(value, 0);
    return FILTER_YES;
}

static enum filter_answer json(void *span, enum filter_attribute attribute,
                               const struct json **value)
{
    return member(span, attribute, value);
}

static enum filter_answer feedback(void *span, const struct filter_feedback **rows, size_t *count)
{
    const struct filter_fixture *f = span;
    const struct json *value;

    if (member(f, FILTER_FEEDBACK, &value) == FILTER_UNKNOWN)
        return FILTER_UNKNOWN;
    *rows = f->feedback;
    *count = f->feedback_count;
    return FILTER_YES;
}

const struct filter_source filter_fixture_source = {id, text, number, json, feedback};

void filter_fixture_init(struct filter_fixture *f, struct arena *arena, struct str span_text)
{
    const struct json *rows, *row;
    struct json_iter iter;

    *f = (struct filter_fixture){.span_text = span_text};
    REQUIRE(!json_parse(arena, span_text, &f->span, NULL));
    rows = json_get(f->span, "feedback");
    f->feedback = ARENA_ARRAY(arena, struct filter_feedback, json_count(rows) + 1);
    iter = json_iter(rows);
    while (json_next(&iter, NULL, &row)) {
        const struct json *score = json_get(row, "score"), *value = json_get(row, "value");

        f->feedback[f->feedback_count++] = (struct filter_feedback){
            .key = json_string(json_get(row, "key")),
            .source = json_string(json_get(row, "source")),
            .comment = json_string(json_get(row, "comment")),
            .has_score = json_type(score) == JSON_NUMBER,
            .score = json_double(score, 0),
            .value = json_is_null(value) ? NULL : value,
        };
    }
}
