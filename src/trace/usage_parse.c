/* Usage in its shapes. */
#include "trace/usage_parse.h"

#include "store/span_usage.h"
#include "trace/span.h"

#define USAGE_BYTES_MAX (16 * KIB)
#define KIND_BYTES_MAX 64

/* ---- one usage object ---- */

static bool count_read(const struct json *usage, const char *const *names, int64_t *count)
{
    for (; *names; names++) {
        const struct json *value = json_get(usage, *names);
        double number = json_double(value, -1);

        if (json_type(value) != JSON_NUMBER || !(number >= 0))
            continue;
        *count = number < (double)SPAN_OWN_TOKENS_MAX ? (int64_t)number : SPAN_OWN_TOKENS_MAX;
        return true;
    }
    return false;
}

static bool count_put(struct json_writer *json, const char *key, const struct json *usage,
                      const char *const *names)
{
    int64_t count;

    if (!count_read(usage, names, &count))
        return false;
    json_put_i64(json, key, count);
    return true;
}

static const struct json *object_of(const struct json *usage, const char *const *names)
{
    for (; *names; names++) {
        const struct json *value = json_get(usage, *names);

        if (json_type(value) == JSON_OBJECT && json_count(value) > 0)
            return value;
    }
    return NULL;
}

/* Kinds by the names that prices know them by. */
static struct str kind_of(struct str name)
{
    static const char *const known[][2] = {{"cached_tokens", "cache_read"},
                                           {"reasoning_tokens", "reasoning"},
                                           {"audio_tokens", "audio"}};

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_eq(name, str_of(known[i][0])))
            return str_of(known[i][1]);
    return name;
}

static void details_put(struct json_writer *json, const char *key, const struct json *details)
{
    struct json_iter iter = json_iter(details);
    const struct json *value;
    struct str name;
    size_t count = 0;

    if (!details)
        return;
    json_key(json, key);
    json_begin_object(json);
    while (json_next(&iter, &name, &value) && count < USAGE_KINDS_MAX) {
        double number = json_double(value, -1);

        if (json_type(value) != JSON_NUMBER || !(number >= 0) || name.len > KIND_BYTES_MAX)
            continue;
        json_key_str(json, kind_of(name));
        json_i64_out(json,
                     number < (double)SPAN_OWN_TOKENS_MAX ? (int64_t)number : SPAN_OWN_TOKENS_MAX);
        count++;
    }
    json_end_object(json);
}

static int64_t amount_bounded(int64_t picodollars)
{
    return picodollars < SPAN_OWN_COST_MAX ? picodollars : SPAN_OWN_COST_MAX;
}

static bool cost_put(struct json_writer *json, const char *key, const struct json *usage,
                     const char *name)
{
    int64_t picodollars;

    if (span_cost_read(json_get(usage, name), &picodollars))
        return false;
    json_put_i64(json, key, amount_bounded(picodollars));
    return true;
}

/* The sum of them all. */
static int64_t cost_details_put(struct json_writer *json, const char *key,
                                const struct json *details)
{
    struct json_iter iter = json_iter(details);
    const struct json *value;
    struct str name;
    size_t count = 0;
    int64_t sum = 0, picodollars;

    if (json_type(details) != JSON_OBJECT || json_count(details) == 0)
        return 0;
    json_key(json, key);
    json_begin_object(json);
    while (json_next(&iter, &name, &value) && count < USAGE_KINDS_MAX) {
        if (name.len > KIND_BYTES_MAX || span_cost_read(value, &picodollars))
            continue;
        json_key_str(json, name);
        json_i64_out(json, amount_bounded(picodollars));
        sum = amount_bounded(sum + amount_bounded(picodollars));
        count++;
    }
    json_end_object(json);
    return sum;
}

/* Where the whole is not said, it is what its details come to. */
static bool costs_put(struct json_writer *json, const struct json *usage)
{
    int64_t prompt = cost_details_put(json, "pcd", json_get(usage, "input_cost_details"));
    int64_t completion = cost_details_put(json, "ccd", json_get(usage, "output_cost_details"));
    bool has_prompt = cost_put(json, "pc", usage, "input_cost");
    bool has_completion = cost_put(json, "cc", usage, "output_cost");
    bool has_total = cost_put(json, "tc", usage, "total_cost");

    if (!has_prompt && prompt > 0)
        json_put_i64(json, "pc", prompt);
    if (!has_completion && completion > 0)
        json_put_i64(json, "cc", completion);
    return has_prompt || has_completion || has_total || prompt > 0 || completion > 0;
}

/* STR_NONE: it says nothing. */
static struct str usage_of(struct arena *arena, const struct json *usage)
{
    static const char *const prompt[] = {"input_tokens", "prompt_tokens", "promptTokens", NULL};
    static const char *const completion[] = {"output_tokens", "completion_tokens",
                                             "completionTokens", NULL};
    static const char *const total[] = {"total_tokens", "totalTokens", NULL};
    static const char *const prompt_details[] = {"input_token_details", "prompt_tokens_details",
                                                 "input_tokens_details", NULL};
    static const char *const completion_details[] = {
        "output_token_details", "completion_tokens_details", "output_tokens_details", NULL};
    struct str text = STR_NONE;
    struct json_writer json;
    struct buf out;
    bool says = false;

    if (json_type(usage) != JSON_OBJECT)
        return STR_NONE;
    buf_init(&out, USAGE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    says |= count_put(&json, "pt", usage, prompt);
    says |= count_put(&json, "ct", usage, completion);
    says |= count_put(&json, "tt", usage, total);
    details_put(&json, "pd", object_of(usage, prompt_details));
    details_put(&json, "cd", object_of(usage, completion_details));
    says |= costs_put(&json, usage);
    json_end_object(&json);
    if (says && !out.failed)
        text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* ---- where it stands ---- */

/* generations[][].message.kwargs.usage_metadata, the first that says something. */
static struct str usage_of_generations(struct arena *arena, const struct json *outputs)
{
    const struct json *lists = json_get(outputs, "generations"), *list;
    struct json_iter outer = json_iter(lists);

    while (json_type(lists) == JSON_ARRAY && json_next(&outer, NULL, &list)) {
        struct json_iter inner = json_iter(list);
        const struct json *item, *message;
        struct str usage;

        while (json_type(list) == JSON_ARRAY && json_next(&inner, NULL, &item)) {
            message = json_get(item, "message");
            usage = usage_of(arena, json_get(json_get(message, "kwargs"), "usage_metadata"));
            if (str_is_none(usage))
                usage = usage_of(arena, json_get(message, "usage_metadata"));
            if (!str_is_none(usage))
                return usage;
        }
    }
    return STR_NONE;
}

void usage_of_outputs(struct arena *arena, const struct json *outputs, struct span_says *says)
{
    const struct json *llm = json_get(outputs, "llm_output");

    says->outputs_usage = usage_of(arena, json_get(outputs, "usage_metadata"));
    if (str_is_none(says->outputs_usage))
        says->outputs_usage = usage_of(arena, json_get(llm, "token_usage"));
    if (str_is_none(says->outputs_usage))
        says->outputs_usage = usage_of(arena, json_get(llm, "tokenUsage"));
    if (str_is_none(says->outputs_usage))
        says->outputs_usage = usage_of_generations(arena, outputs);
    if (str_is_none(says->outputs_usage))
        says->outputs_usage = usage_of(arena, json_get(outputs, "usage"));
}

static struct str name_of(const struct json *value)
{
    struct str name = json_string(value);

    return name.len > 0 && name.len <= MODEL_NAME_BYTES_MAX && str_find_char(name, '\0') == name.len
               ? name
               : STR_NONE;
}

static struct str model_of(const struct json *object)
{
    struct str name = name_of(json_get(object, "model"));

    return str_is_none(name) ? name_of(json_get(object, "model_name")) : name;
}

void usage_of_inputs(const struct json *inputs, struct span_says *says)
{
    says->inputs_model = model_of(inputs);
}

void usage_of_extra(struct arena *arena, const struct json *extra, struct span_says *says)
{
    const struct json *metadata = json_get(extra, "metadata");

    says->extra_usage = usage_of(arena, json_get(metadata, "usage_metadata"));
    says->metadata_model = name_of(json_get(metadata, "ls_model_name"));
    says->provider = name_of(json_get(metadata, "ls_provider"));
    says->invoked_model = model_of(json_get(extra, "invocation_params"));
}
