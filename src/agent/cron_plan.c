/* Reads what a cron is to do. */
#include "agent/cron_plan.h"

#include <stdarg.h>

#include "base/time.h"
#include "timer/firing.h"

#define BODY_MAX (256 * MIB)

/* What is the cron's own, and not replayed. */
static bool is_own(struct str key)
{
    static const char *const own[] = {"schedule",         "timezone", "end_time",  "enabled",
                                      "on_run_completed", "metadata", "thread_id", "cron_id",
                                      "on_completion",    NULL};

    return str_is_one_of(key, own);
}

PRINTF_LIKE(2, 3)
static enum err refuse(struct request_error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return ERR_INVALID;
}

/* ---- the cron's own fields ---- */

static enum err text_read(const struct json *root, const char *key, struct str *value,
                          struct request_error *error)
{
    const struct json *member = json_get(root, key);

    if (!member)
        return OK;
    if (json_is_null(member))
        *value = STR_NONE;
    else if (json_type(member) != JSON_STRING)
        return refuse(error, "%s: must be a string, not %s", key,
                      json_type_name(json_type(member)));
    else
        *value = json_string(member);
    return OK;
}

static enum err end_read(const struct json *root, struct cron_row *cron,
                         struct request_error *error)
{
    struct str text = STR_NONE;
    enum err err = text_read(root, "end_time", &text, error);

    if (err || !json_get(root, "end_time"))
        return err;
    cron->end_us = 0;
    if (!str_is_none(text) && time_parse_iso(text, &cron->end_us))
        return refuse(error, "end_time: \"%.*s\" is not a time like 2027-01-31T09:00:00Z",
                      STR_ARG(str_first(text, 40)));
    return OK;
}

static enum err keep_read(const struct json *root, struct cron_row *cron,
                          struct request_error *error)
{
    struct str text = STR_NONE;
    enum err err = text_read(root, "on_run_completed", &text, error);

    if (err || str_is_none(text))
        return err;
    cron->keep = str_eq(text, STR("keep"));
    if (!cron->keep && !str_eq(text, STR("delete")))
        return refuse(error, "on_run_completed: must be delete or keep");
    return OK;
}

static enum err enabled_read(const struct json *root, struct cron_row *cron,
                             struct request_error *error)
{
    const struct json *enabled = json_get(root, "enabled");

    if (!json_is_absent(enabled) && json_type(enabled) != JSON_BOOL)
        return refuse(error, "enabled: must be true or false, not %s",
                      json_type_name(json_type(enabled)));
    cron->enabled = json_bool(enabled, cron->enabled);
    return OK;
}

static struct str merged(struct arena *arena, struct str base, struct str over)
{
    struct buf out;
    struct str text;

    buf_init(&out, BODY_MAX);
    json_merge(&out, base, over);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* The members of the body that are replayed. */
static struct str replayed(struct arena *arena, struct str body)
{
    struct str text;
    struct buf out;

    buf_init(&out, BODY_MAX);
    json_without(&out, body, is_own);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

enum err cron_plan_read(struct arena *arena, struct str body, const struct json *root,
                        struct cron_row *cron, struct run_request *request,
                        struct request_error *error)
{
    const struct json *metadata = json_get(root, "metadata");
    struct str assistant_id;
    enum err err;

    if ((err = text_read(root, "schedule", &cron->schedule, error)) ||
        (err = text_read(root, "timezone", &cron->timezone, error)) ||
        (err = end_read(root, cron, error)) || (err = keep_read(root, cron, error)) ||
        (err = enabled_read(root, cron, error)))
        return err;
    if (str_is_none(cron->schedule))
        return refuse(error, "schedule: is required, as in \"30 9 * * 1-5\"");
    if (json_type(metadata) == JSON_OBJECT)
        cron->metadata = merged(arena, cron->metadata, json_raw(body, STR("metadata")));
    else if (!json_is_absent(metadata))
        return refuse(error, "metadata: must be an object, not %s",
                      json_type_name(json_type(metadata)));
    cron->payload = merged(arena, cron->payload, replayed(arena, body));
    assistant_id = cron->assistant_id;
    if ((err = text_read(root, "assistant_id", &assistant_id, error)))
        return err;
    if (!str_is_none(assistant_id)) /* null leaves it as it was */
        cron->assistant_id = assistant_id;
    return cron_plan_request(arena, cron, request, error);
}

/* ---- when ---- */

enum err cron_plan_next(struct cron_row *cron, int64_t after_us, struct request_error *error)
{
    struct cron_error why;
    struct cron schedule;
    struct zone *zone;

    if (cron_parse(cron->schedule, &schedule, &why))
        return refuse(error, "schedule: %s", why.text);
    if (zone_open(cron->timezone, &zone))
        return refuse(error,
                      "timezone: there is no time zone \"%.*s\"; names are like "
                      "Europe/Berlin or UTC",
                      STR_ARG(str_first(cron->timezone, 64)));
    cron->next_us = cron->enabled ? firing_next_us(&schedule, zone, after_us) : 0;
    zone_close(zone);
    if (cron->end_us && cron->next_us > cron->end_us)
        cron->next_us = 0;
    return OK;
}

/* ---- what ---- */

enum err cron_plan_request(struct arena *arena, const struct cron_row *cron,
                           struct run_request *request, struct request_error *error)
{
    const struct json *root;
    struct json_writer json;
    struct str own, body;
    struct buf out;

    buf_init(&out, BODY_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    if (!str_is_none(cron->assistant_id))
        json_put_str(&json, "assistant_id", cron->assistant_id);
    json_put_raw(&json, "metadata", cron->metadata);
    json_put_str(&json, "on_completion", cron->keep ? STR("keep") : STR("delete"));
    json_end_object(&json);
    own = arena_str(arena, buf_str(&out));
    buf_release(&out);
    body = merged(arena, cron->payload, own);
    if (json_parse(arena, body, &root, NULL))
        return refuse(error, "the run's arguments are nested too deeply");
    return run_request_parse(arena, body, root, request, error);
}
