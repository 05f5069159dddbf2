/* rule_spec.c -- see rule_spec.h. */
#include "rule/rule_spec.h"

#include "base/time.h"
#include "crypto/sha256.h"

struct reading {
    const struct json *json;
    struct arena *arena;
    struct str *why;
};

/* What hosted rules can do besides, and this server does not: why, or what there is instead. */
static const struct {
    const char *key, *why;
} not_done[] = {
    {"dataset_id", "a rule watches a project (session_id)"},
    {"evaluators", "it runs no evaluators; a webhook may judge, and send feedback"},
    {"code_evaluators", "it runs no evaluators; a webhook may judge, and send feedback"},
    {"evaluator_id", "it runs no evaluators; a webhook may judge, and send feedback"},
    {"spend_limit", "it runs no evaluators, which alone cost something"},
    {"alerts", "a rule tells webhooks; PagerDuty is told by an alert (config.preset)"},
    {"group_by", "a rule matches runs, not conversations, for how a webhook tells of those is not "
                 "published; thread_id of each run says which it is of"},
    {"use_corrections_dataset", "there are no datasets of corrections; see "
                                "add_to_dataset_prefer_correction"},
    {"create_alignment_queue", "there are no queues of alignment; see "
                               "add_to_annotation_queue_id"},
};

/* Kept and shown again, for they mean something to evaluators only, or to nobody. */
static const char *const kept_flags[] = {"transient", "include_extended_stats"};
static const char *const kept_numbers[] = {"num_few_shot_examples", "evaluator_version"};

static enum err refuse(const struct reading *r, const char *key, const char *words)
{
    *r->why = arena_printf(r->arena, "%s %s", key, words);
    return ERR_INVALID;
}

static enum err read_bool(const struct reading *r, const char *key, bool *flag)
{
    const struct json *value = json_get(r->json, key);

    if (json_is_absent(value))
        return OK;
    if (json_type(value) != JSON_BOOL)
        return refuse(r, key, "must be true or false");
    *flag = json_bool(value, false);
    return OK;
}

static enum err read_names(const struct reading *r, struct rule_spec *spec)
{
    const struct json *name = json_get(r->json, "display_name");
    const struct json *rate = json_get(r->json, "sampling_rate");

    spec->display_name = str_trim(json_string(name));
    if (spec->display_name.len == 0 || spec->display_name.len > RULE_NAME_BYTES_MAX)
        return refuse(r, "display_name", "must be a text of 1 to 512 bytes");
    spec->sampling_rate = json_double(rate, -1);
    if (json_type(rate) != JSON_NUMBER || spec->sampling_rate < 0 || spec->sampling_rate > 1)
        return refuse(r, "sampling_rate", "must be a number from 0 to 1");
    spec->is_enabled = true;
    return read_bool(r, "is_enabled", &spec->is_enabled);
}

static enum err read_filter(const struct reading *r, struct rule_spec *spec, const char *key,
                            struct filter *filter, bool *is_there)
{
    const struct json *value = json_get(r->json, key);
    struct filter_error error;

    *is_there = json_type(value) == JSON_STRING && str_trim(json_string(value)).len > 0;
    if (!json_is_absent(value) && json_type(value) != JSON_STRING)
        return refuse(r, key, "must be a text");
    if (!filter_parse(r->arena, json_string(value), filter, &error))
        return OK;
    *r->why = arena_printf(r->arena, "%s: %s", key, error.text);
    spec->has_bad_filter = true;
    return ERR_INVALID;
}

static enum err read_filters(const struct reading *r, struct rule_spec *spec)
{
    const struct filter_texts *statuses = &spec->filter.bounds.statuses;
    bool has_filter, has_trace, has_tree;
    enum err err;

    if ((err = read_filter(r, spec, "filter", &spec->filter, &has_filter)) ||
        (err = read_filter(r, spec, "trace_filter", &spec->trace_filter, &has_trace)) ||
        (err = read_filter(r, spec, "tree_filter", &spec->tree_filter, &has_tree)))
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
    const char *problem;
    struct str name;

    if (json_is_absent(object))
        return OK;
    *r->why = arena_printf(r->arena,
                           "webhooks[%zu].headers must be an object of header names and "
                           "their texts, at most 40",
                           index);
    if (json_type(object) != JSON_OBJECT || json_count(object) > RULE_HEADERS_MAX)
        return ERR_INVALID;
    while (json_next(&iter, &name, &value)) {
        if ((problem = header_problem(name, json_string(value)))) {
            *r->why = arena_printf(r->arena, "webhooks[%zu].headers: %.*s %s", index,
                                   STR_ARG(str_first(name, 64)), problem);
            return ERR_INVALID;
        }
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

    if (json_is_absent(list))
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

/* Empty lists, nulls and false come back from what this server has shown: they ask for nothing. */
static bool asks_for(const struct json *value)
{
    return !json_is_absent(value) && !(json_type(value) == JSON_ARRAY && json_count(value) == 0) &&
           !(json_type(value) == JSON_BOOL && !json_bool(value, true));
}

static enum err refuse_not_done(const struct reading *r)
{
    for (size_t i = 0; i < ARRAY_LEN(not_done); i++) {
        if (!asks_for(json_get(r->json, not_done[i].key)))
            continue;
        *r->why = arena_printf(r->arena, "%s is not done by this server: %s. Leave it out or null",
                               not_done[i].key, not_done[i].why);
        return ERR_INVALID;
    }
    return OK;
}

static enum err read_kept(const struct reading *r)
{
    bool ignored;
    enum err err = OK;

    for (size_t i = 0; !err && i < ARRAY_LEN(kept_flags); i++)
        err = read_bool(r, kept_flags[i], &ignored);
    for (size_t i = 0; !err && i < ARRAY_LEN(kept_numbers); i++) {
        const struct json *value = json_get(r->json, kept_numbers[i]);

        if (!json_is_absent(value) && json_i64(value, -1) < 0)
            err = refuse(r, kept_numbers[i], "must be a whole number from 0");
    }
    return err;
}

static enum err read_id(const struct reading *r, const char *key, struct str *id)
{
    const struct json *value = json_get(r->json, key);

    if (json_is_absent(value))
        return OK;
    *id = json_string(value);
    return uuid_is_valid(*id) ? OK : refuse(r, key, "must be a UUID");
}

static enum err read_actions(const struct reading *r, struct rule_spec *spec)
{
    const struct json *from = json_get(r->json, "backfill_from");
    enum err err;

    if ((err = read_bool(r, "add_to_dataset_prefer_correction", &spec->prefers_correction)) ||
        (err = read_bool(r, "extend_only", &spec->keeps_traces)) ||
        (err = read_id(r, "add_to_annotation_queue_id", &spec->queue_id)) ||
        (err = read_id(r, "add_to_dataset_id", &spec->dataset_id)))
        return err;
    if (json_is_absent(from))
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
    if ((err = refuse_not_done(&r)) || (err = read_names(&r, spec)) ||
        (err = read_filters(&r, spec)) || (err = read_actions(&r, spec)) || (err = read_kept(&r)))
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
