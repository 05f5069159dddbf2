/* alert_action.c -- reading whom an alert tells; see alert_action.h. */
#include "alert/alert_action.h"

#include "alert/alert_preset_priv.h"

struct reading {
    const struct json *config;
    struct str config_text;
    size_t index;
    struct arena *arena;
    struct str *why;
};

static enum err refuse(const struct reading *r, const char *key, struct str words)
{
    *r->why = arena_printf(r->arena, "actions[%zu].config.%s %.*s", r->index, key, STR_ARG(words));
    return ERR_INVALID;
}

/* The first of `keys` (which end with NULL) that is there. */
static const struct json *first_of(const struct json *object, const char *const *keys,
                                   const char **key)
{
    for (size_t i = 0; keys[i]; i++) {
        const struct json *value = json_get(object, keys[i]);

        *key = keys[i];
        if (!json_is_absent(value))
            return value;
    }
    return NULL;
}

/* An object, or the text of one; absent or blank text: NULL. *text is its JSON. */
static enum err read_object(const struct reading *r, const char *const *keys,
                            const struct json **object, struct str *text)
{
    const char *key;
    const struct json *value = first_of(r->config, keys, &key);
    struct json_error error;

    *object = NULL;
    *text = STR_NONE;
    if (json_type(value) == JSON_STRING) {
        *text = str_trim(json_string(value));
        if (text->len == 0) {
            *text = STR_NONE;
            return OK;
        }
        if (json_parse(r->arena, *text, object, &error))
            return refuse(r, key,
                          arena_printf(r->arena, "is not JSON: %s at byte %zu", error.reason,
                                       error.position));
        value = *object;
    }
    if (json_is_absent(value))
        return OK;
    if (json_type(value) != JSON_OBJECT)
        return refuse(r, key, STR("must be a JSON object"));
    *object = value;
    *text = text->data ? *text : json_raw(r->config_text, str_of(key));
    return OK;
}

static enum err read_headers(const struct reading *r, struct alert_action *action)
{
    static const char *const keys[] = {"headers", NULL};
    const struct json *object, *value;
    struct json_iter iter;
    struct str text, name;
    enum err err = read_object(r, keys, &object, &text);

    if (err)
        return err;
    for (iter = json_iter(object); json_next(&iter, &name, &value);) {
        const char *problem = header_problem(name, json_string(value));

        if (problem)
            return refuse(r, "headers",
                          arena_printf(r->arena, "has \"%.*s\", which %s",
                                       STR_ARG(str_first(name, 64)), problem));
        if (action->header_count == ALERT_HEADERS_MAX)
            return refuse(r, "headers", STR("has more than 40 members"));
        action->headers[action->header_count++] =
            (struct header_pair){arena_str(r->arena, name), json_string(value)};
    }
    return OK;
}

static enum err read_variables(const struct reading *r, struct alert_action *action)
{
    const struct json *object = json_get(r->config, "variables"), *value;
    struct json_iter iter = json_iter(object);
    struct str name;

    if (json_is_absent(object))
        return OK;
    if (json_type(object) != JSON_OBJECT)
        return refuse(r, "variables", STR("must be an object of texts"));
    while (json_next(&iter, &name, &value)) {
        if (json_type(value) != JSON_STRING)
            return refuse(r, "variables", STR("must be an object of texts"));
        if (action->variable_count == ALERT_VARIABLES_MAX)
            return refuse(r, "variables", STR("has more than 40 members"));
        action->variables[action->variable_count++] =
            (struct alert_variable){arena_str(r->arena, name), json_string(value)};
    }
    return OK;
}

static enum err read_manners(const struct reading *r, struct alert_action *action)
{
    const struct json *mode = json_get(r->config, "template_mode");
    const struct json *merge = json_get(r->config, "merge_fields");

    if (!json_is_absent(mode) && !str_eq(json_string(mode), STR("substitute")) &&
        !str_eq(json_string(mode), STR("verbatim")))
        return refuse(r, "template_mode", STR("must be \"substitute\" or \"verbatim\""));
    if (!json_is_absent(merge) && json_type(merge) != JSON_BOOL)
        return refuse(r, "merge_fields", STR("must be true or false"));
    action->is_verbatim = str_eq(json_string(mode), STR("verbatim"));
    action->merges = json_bool(merge, action->merges);
    return OK;
}

static enum err read_preset(const struct reading *r, struct alert_action *action)
{
    const struct json *name = json_get(r->config, "preset");
    const struct alert_preset *preset = alert_preset_find(json_string(name));

    if (json_is_absent(name))
        return OK;
    if (!preset)
        return refuse(r, "preset",
                      STR("must be slack, slack_webhook, teams, discord, google_chat, pagerduty "
                          "or opsgenie"));
    action->url = str_of(preset->url);
    action->body = str_of(preset->body);
    action->merges = false;
    return OK;
}

static enum err read_webhook(const struct reading *r, struct alert_action *action)
{
    static const char *const url_keys[] = {"url", "webhook_url", NULL};
    static const char *const body_keys[] = {"body", "request_body", "body_template", "template",
                                            NULL};
    const struct json *url, *object;
    const char *key;
    struct str body;
    enum err err;

    if ((err = read_preset(r, action)))
        return err;
    url = first_of(r->config, url_keys, &key);
    if (url && json_type(url) == JSON_STRING)
        action->url = str_trim(json_string(url));
    if (json_type(url) != JSON_ABSENT && json_type(url) != JSON_STRING)
        return refuse(r, "url", STR("must be a text"));
    if (action->url.len == 0)
        return refuse(r, "url", STR("is missing: the receiver's complete URL"));
    if ((err = read_object(r, body_keys, &object, &body)))
        return err;
    if (body.len > ALERT_BODY_BYTES_MAX)
        return refuse(r, "body", STR("is longer than 64 KiB"));
    action->body = body.data ? body : action->body;
    if ((err = read_headers(r, action)) || (err = read_variables(r, action)))
        return err;
    return read_manners(r, action);
}

enum err alert_action_read(struct str text, size_t index, struct arena *arena,
                           struct alert_action *action, struct str *why)
{
    struct reading r = {.index = index, .arena = arena, .why = why};
    const struct json *json = NULL;

    *action = (struct alert_action){.merges = true};
    if (json_parse(arena, text, &json, NULL) ||
        !str_eq(json_string(json_get(json, "target")), STR("webhook"))) {
        *why = arena_printf(arena,
                            "actions[%zu].target must be \"webhook\": this server tells pagerduty "
                            "and others by webhooks, see config.preset",
                            index);
        return ERR_INVALID;
    }
    r.config = json_get(json, "config");
    if (json_type(r.config) != JSON_OBJECT) {
        *why = arena_printf(arena, "actions[%zu].config must be an object", index);
        return ERR_INVALID;
    }
    r.config_text = json_raw(text, STR("config"));
    return read_webhook(&r, action);
}
