/* rule_spec.c -- see rule_spec.h. */
#include "rule/rule_spec.h"

#include "base/time.h"
#include "crypto/sha256.h"

struct reading {
    const struct json *json;
    struct arena *arena;
    struct str *why;
};

/* What hosted rules can do besides, and this server does not. */
static const char *const not_done[] = {"dataset_id",   "evaluators", "code_evaluators",
                                       "evaluator_id", "alerts",     "group_by",
                                       "spend_limit",  NULL};

static bool is_absent(const struct json *value)
{
    return json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL;
}

static enum err refuse(const struct reading *r, const char *key, const char *words)
{
    *r->why = arena_printf(r->arena, "%s %s", key, words);
    return ERR_INVALID;
}

static enum err read_names(const struct reading *r, struct rule_spec *spec)
{
    const struct json *name = json_get(r->json, "display_name");
    const struct json *rate = json_get(r->json, "sampling_rate");
    const struct json *enabled = json_get(r->json, "is_enabled");

    spec->display_name = json_string(name);
    if (spec->display_name.len == 0 || spec->display_name.len > RULE_NAME_BYTES_MAX)
        return refuse(r, "display_name", "must be a text of 1 to 512 bytes");
    spec->sampling_rate = json_double(rate, -1);
    if (json_type(rate) != JSON_NUMBER || spec->sampling_rate < 0 || spec->sampling_rate > 1)
        return refuse(r, "sampling_rate", "must be a number from 0 to 1");
    if (!is_absent(enabled) && json_type(enabled) != JSON_BOOL)
        return refuse(r, "is_enabled", "must be true or false");
    spec->is_enabled = json_bool(enabled, true);
    return OK;
}

static enum err read_filter(const struct reading *r, const char *key, struct filter *filter,
                            bool *is_there)
{
    const struct json *value = json_get(r->json, key);
    struct filter_error error;

    *is_there = json_type(value) == JSON_STRING && str_trim(json_string(value)).len > 0;
    if (!is_absent(value) && json_type(value) != JSON_STRING)
        return refuse(r, key, "must be a text");
    if (!filter_parse(r->arena, json_string(value), filter, &error))
        return OK;
    *r->why = arena_printf(r->arena, "%s: %s", key, error.text);
    return ERR_INVALID;
}

static enum err read_filters(const struct reading *r, struct rule_spec *spec)
{
    const struct filter_texts *statuses = &spec->filter.bounds.statuses;
    bool has_filter, has_trace, has_tree;
    enum err err;

    if ((err = read_filter(r, "filter", &spec->filter, &has_filter)) ||
        (err = read_filter(r, "trace_filter", &spec->trace_filter, &has_trace)) ||
        (err = read_filter(r, "tree_filter", &spec->tree_filter, &has_tree)))
        return err;
    spec->looks_at_traces = has_trace || has_tree;
    for (size_t i = 0; i < statuses->count; i++)
        spec->takes_pending |= str_eq(statuses->list[i], STR("pending"));
    return OK;
}

static enum err read_headers(const struct reading *r, size_t index, const struct json *object,
                             struct rule_webhook *webhook)
{
    struct json_iter iter = json_iter(object);
    const struct json *value;
    struct str name;

    if (is_absent(object))
        return OK;
    *r->why = arena_printf(r->arena,
                           "webhooks[%zu].headers must be an object of header names and "
                           "their texts, at most 40",
                           index);
    if (json_type(object) != JSON_OBJECT)
        return ERR_INVALID;
    while (json_next(&iter, &name, &value)) {
        if (json_type(value) != JSON_STRING || !header_value_is_valid(json_string(value)) ||
            !header_name_is_valid(name) || webhook->header_count == RULE_HEADERS_MAX)
            return ERR_INVALID;
        webhook->headers[webhook->header_count++] =
            (struct header_pair){arena_str(r->arena, name), json_string(value)};
    }
    return OK;
}

static enum err read_webhooks(const struct reading *r, struct rule_spec *spec)
{
    const struct json *list = json_get(r->json, "webhooks");
    size_t count = json_count(list);
    enum err err = OK;

    if (is_absent(list))
        return OK;
    if (json_type(list) != JSON_ARRAY || count > RULE_WEBHOOKS_MAX)
        return refuse(r, "webhooks", "must be an array of at most 10");
    spec->webhooks = ARENA_ARRAY(r->arena, struct rule_webhook, count + 1);
    for (size_t i = 0; !err && i < count; i++) {
        const struct json *item = json_item(list, i);
        struct rule_webhook *webhook = &spec->webhooks[spec->webhook_count++];

        webhook->url = json_string(json_get(item, "url"));
        if (webhook->url.len == 0) {
            *r->why = arena_printf(r->arena, "webhooks[%zu].url is missing", i);
            return ERR_INVALID;
        }
        err = read_headers(r, i, json_get(item, "headers"), webhook);
    }
    return err;
}

/* Empty lists and nulls come back from what this server has shown: they ask for nothing. */
static bool asks_for(const struct json *value)
{
    return !is_absent(value) && !(json_type(value) == JSON_ARRAY && json_count(value) == 0);
}

static enum err read_id(const struct reading *r, const char *key, struct str *id)
{
    const struct json *value = json_get(r->json, key);

    if (is_absent(value))
        return OK;
    *id = json_string(value);
    return uuid_is_valid(*id) ? OK : refuse(r, key, "must be a UUID");
}

static enum err read_actions(const struct reading *r, struct rule_spec *spec)
{
    const struct json *from = json_get(r->json, "backfill_from");
    enum err err;

    spec->prefers_correction =
        json_bool(json_get(r->json, "add_to_dataset_prefer_correction"), false);
    spec->keeps_traces = json_bool(json_get(r->json, "extend_only"), false);
    if ((err = read_id(r, "add_to_annotation_queue_id", &spec->queue_id)) ||
        (err = read_id(r, "add_to_dataset_id", &spec->dataset_id)))
        return err;
    if (is_absent(from))
        return OK;
    if (json_type(from) != JSON_STRING ||
        time_parse_iso(json_string(from), &spec->backfill_from_us))
        return refuse(r, "backfill_from", "must be an ISO time");
    return OK;
}

enum err rule_spec_read(const struct json *json, struct arena *arena, struct rule_spec *spec,
                        struct str *why)
{
    struct reading r = {json, arena, why};
    enum err err;

    *spec = (struct rule_spec){0};
    for (size_t i = 0; not_done[i]; i++)
        if (asks_for(json_get(json, not_done[i])))
            return refuse(&r, not_done[i], "is not done by this server: leave it out or null");
    if ((err = read_names(&r, spec)) || (err = read_filters(&r, spec)) ||
        (err = read_actions(&r, spec)))
        return err;
    return read_webhooks(&r, spec);
}

enum err rule_spec_read_filters(const struct json *json, struct arena *arena,
                                struct rule_spec *spec, struct str *why)
{
    const struct reading r = {json, arena, why};

    *spec = (struct rule_spec){0};
    return read_filters(&r, spec);
}

bool rule_samples(struct str rule_id, struct uuid span_id, double rate)
{
    struct sha256 digest;
    struct buf text;
    uint64_t point = 0;

    buf_init(&text, 256);
    buf_add(&text, rule_id);
    buf_add(&text, str_range((const char *)span_id.bytes, sizeof(span_id.bytes)));
    digest = sha256_of(buf_str(&text));
    buf_release(&text);
    for (size_t i = 0; i < sizeof(point); i++)
        point = point << 8 | digest.bytes[i];
    return (double)point / 18446744073709551616.0 < rate;
}
