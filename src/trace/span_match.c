/* What filters ask of a span. */
#include "trace/span_match.h"

#include "trace/span_parse.h"

#define OF(field) (1u << (field))

void span_match_init(struct span_match *match, const struct span *span,
                     const struct feedback_rows *feedback, struct arena *arena)
{
    *match = (struct span_match){
        .span = span,
        .arena = arena,
        .given = feedback,
        .has_feedback = feedback != NULL,
    };
}

/* FILTER_YES: the value's bytes are here. */
static enum filter_answer value_there(const struct span *span, enum span_field field)
{
    if (!((span->row.posted | span->row.patched) & SPAN_HAS_FIELD(field)))
        return FILTER_NO;
    if (!(span->loaded & OF(field)))
        return FILTER_UNKNOWN;
    return str_is_none(span->values[field].bytes) ? FILTER_NO : FILTER_YES;
}

static enum filter_answer given(bool is_there)
{
    return is_there ? FILTER_YES : FILTER_NO;
}

/* ---- ids ---- */

static enum filter_answer id(void *context, enum filter_attribute attribute, struct uuid *value)
{
    const struct span_match *match = context;
    const struct span_row *row = &match->span->row;

    switch ((int)attribute) {
    case FILTER_ID:
        *value = row->span_id;
        return FILTER_YES;
    case FILTER_TRACE_ID:
        *value = row->trace_id;
        return FILTER_YES;
    case FILTER_PARENT_ID:
        *value = row->parent_id;
        return given(row->has_parent);
    case FILTER_EXAMPLE_ID:
        *value = row->example_id;
        return given(row->has_example);
    case FILTER_PROJECT_ID:
        return given(!uuid_parse(match->span->project_id, value));
    case FILTER_DATASET_ID:
        return given(!uuid_parse(match->span->dataset_id, value));
    default:
        return FILTER_NO;
    }
}

/* ---- texts ---- */

/* The preview is all of it, unless it was cut. */
static enum filter_answer error_text(struct span_match *match, struct str *value)
{
    const struct span_row *row = &match->span->row;
    const struct json *root;
    enum filter_answer there = value_there(match->span, SPAN_ERROR_TEXT);

    if (there == FILTER_NO)
        return there;
    if (row->error_preview.len < SPAN_ERROR_PREVIEW_BYTES_MAX - 4 &&
        !str_is_none(row->error_preview)) {
        *value = row->error_preview;
        return FILTER_YES;
    }
    if (there == FILTER_UNKNOWN)
        return there;
    if (str_is_none(match->error)) {
        match->error = match->span->values[SPAN_ERROR_TEXT].bytes;
        if (!json_parse(match->arena, match->error, &root, NULL) && json_type(root) == JSON_STRING)
            match->error = json_string(root);
    }
    *value = match->error;
    return FILTER_YES;
}

static enum filter_answer value_text(const struct span *span, enum span_field field,
                                     struct str *value)
{
    enum filter_answer there = value_there(span, field);

    if (there == FILTER_YES)
        *value = span->values[field].bytes;
    return there;
}

static enum filter_answer text(void *context, enum filter_attribute attribute, struct str *value)
{
    struct span_match *match = context;
    const struct span_row *row = &match->span->row;

    switch ((int)attribute) {
    case FILTER_NAME:
        *value = row->name;
        return given(!str_is_none(row->name));
    case FILTER_RUN_TYPE:
        *value = span_type_name(row->type);
        return FILTER_YES;
    case FILTER_STATUS:
        *value = span_status_name(row->status);
        return FILTER_YES;
    case FILTER_THREAD_ID:
        *value = row->thread_id;
        return given(!str_is_none(row->thread_id));
    case FILTER_ERROR:
        return error_text(match, value);
    case FILTER_INPUTS:
        return value_text(match->span, SPAN_INPUTS, value);
    case FILTER_OUTPUTS:
        return value_text(match->span, SPAN_OUTPUTS, value);
    default:
        return FILTER_NO;
    }
}

/* ---- numbers ---- */

static enum filter_answer since_start(const struct span_row *row, int64_t end_us, int64_t *value)
{
    *value = end_us > row->start_us ? end_us - row->start_us : 0;
    return given(end_us != 0);
}

static enum filter_answer number(void *context, enum filter_attribute attribute, int64_t *value)
{
    const struct span_match *match = context;
    const struct span_row *row = &match->span->row;

    switch ((int)attribute) {
    case FILTER_IS_ROOT:
        *value = row->is_root;
        return FILTER_YES;
    case FILTER_START_TIME:
        *value = row->start_us;
        return FILTER_YES;
    case FILTER_END_TIME:
        *value = row->end_us;
        return given(row->end_us != 0);
    case FILTER_FIRST_TOKEN_TIME:
        *value = row->first_token_us;
        return given(row->first_token_us != 0);
    case FILTER_LATENCY:
        return since_start(row, row->end_us, value);
    case FILTER_TTFT:
        return since_start(row, row->first_token_us, value);
    case FILTER_TOTAL_TOKENS:
        *value = row->total_tokens;
        return FILTER_YES;
    case FILTER_PROMPT_TOKENS:
        *value = row->prompt_tokens;
        return FILTER_YES;
    case FILTER_COMPLETION_TOKENS:
        *value = row->completion_tokens;
        return FILTER_YES;
    case FILTER_TOTAL_COST:
        *value = row->total_cost;
        return given(row->has_cost);
    case FILTER_PROMPT_COST:
        *value = row->prompt_cost;
        return given(row->has_cost);
    case FILTER_COMPLETION_COST:
        *value = row->completion_cost;
        return given(row->has_cost);
    default:
        return FILTER_NO;
    }
}

/* ---- documents ---- */

static enum filter_answer document_text(const struct span *span, enum filter_attribute attribute,
                                        struct str *document)
{
    switch ((int)attribute) {
    case FILTER_TAGS:
        *document = span->row.tags;
        return given(!str_is_none(span->row.tags));
    case FILTER_METADATA:
        return value_text(span, SPAN_EXTRA, document);
    case FILTER_INPUTS:
        return value_text(span, SPAN_INPUTS, document);
    case FILTER_OUTPUTS:
        return value_text(span, SPAN_OUTPUTS, document);
    default:
        return FILTER_NO;
    }
}

static enum filter_answer json(void *context, enum filter_attribute attribute,
                               const struct json **value)
{
    struct span_match *match = context;
    struct str document = STR_NONE;
    const struct json *root = NULL;
    enum filter_answer there;

    if (!(match->parsed & OF(attribute))) {
        there = document_text(match->span, attribute, &document);
        if (there != FILTER_YES)
            return there;
        if (json_parse(match->arena, document, &root, NULL))
            root = NULL;
        match->documents[attribute] =
            attribute == FILTER_METADATA ? json_get(root, "metadata") : root;
        match->parsed |= OF(attribute);
    }
    *value = match->documents[attribute];
    return given(!json_is_absent(*value));
}

/* ---- feedback ---- */

static struct filter_feedback feedback_of(const struct feedback_row *row, struct arena *arena)
{
    struct filter_feedback feedback = {
        .key = row->key,
        .source = row->source_type,
        .comment = row->comment,
        .has_score = row->has_score,
        .score = row->score,
    };

    if (!str_is_none(row->value) && json_parse(arena, row->value, &feedback.value, NULL))
        feedback.value = NULL;
    return feedback;
}

static enum filter_answer feedback(void *context, const struct filter_feedback **rows,
                                   size_t *count)
{
    struct span_match *match = context;

    if (!match->has_feedback)
        return FILTER_UNKNOWN;
    *count = match->given->count;
    if (!match->feedback && *count > 0) {
        match->feedback = ARENA_ARRAY(match->arena, struct filter_feedback, *count);
        for (size_t i = 0; i < *count; i++)
            match->feedback[i] = feedback_of(&match->given->list[i], match->arena);
    }
    *rows = match->feedback;
    return FILTER_YES;
}

/* ---- */

enum filter_answer span_match_test(struct span_match *match, const struct filter *filter)
{
    static const struct filter_source source = {id, text, number, json, feedback};

    return filter_test(filter, &source, match);
}

unsigned span_match_fields(const struct filter *filter, bool *wants_feedback)
{
    static const struct {
        enum filter_attribute attribute;
        enum span_field field;
    } needs[] = {{FILTER_METADATA, SPAN_EXTRA},
                 {FILTER_INPUTS, SPAN_INPUTS},
                 {FILTER_OUTPUTS, SPAN_OUTPUTS},
                 {FILTER_ERROR, SPAN_ERROR_TEXT}};
    unsigned fields = 0;

    for (size_t i = 0; i < ARRAY_LEN(needs); i++)
        if (filter->needs & OF(needs[i].attribute))
            fields |= OF(needs[i].field);
    *wants_feedback = filter->needs & OF(FILTER_FEEDBACK);
    return fields;
}
