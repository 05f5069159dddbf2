/* What the types of settings mean: from JSON or text to a value, from a value into the config. */
#include <math.h>

#include "app/config_priv.h"
#include "crypto/base64.h"
#include "crypto/webhook_signature.h"
#include "format/url.h"

#define LIST_MAX 1000
#define US_PER_DAY (24 * 3600 * US_PER_SECOND)
#define BYTES_PER_MEGABYTE 1e6

static enum json_type json_type_of(enum setting_type type)
{
    switch (type) {
    case SETTING_FLAG:
        return JSON_BOOL;
    case SETTING_COUNT:
    case SETTING_BYTES:
    case SETTING_SECONDS:
    case SETTING_DAYS:
    case SETTING_MEGABYTES:
        return JSON_NUMBER;
    case SETTING_SECRETS:
    case SETTING_EGRESS:
    case SETTING_SCHEDULE:
        return JSON_ARRAY;
    case SETTING_HEADERS:
    case SETTING_POLICIES:
    case SETTING_KINDS:
        return JSON_OBJECT;
    case SETTING_TEXT:
    case SETTING_PATH:
    case SETTING_PROGRAM:
    case SETTING_STORE:
    case SETTING_ADDRESS:
    case SETTING_LEVEL:
    case SETTING_LOG_FORMAT:
    case SETTING_PROXY:
    case SETTING_URL:
    case SETTING_LOGIN:
    case SETTING_SECRET:
    case SETTING_UPSTREAM:
    default:
        return JSON_STRING;
    }
}

static enum err refuse(struct config_reader *r, const struct setting_value *value,
                       const char *reason)
{
    return config_refuse(r, "%.*s %s", STR_ARG(value->origin), reason);
}

/* ---- from JSON ---- */

static enum err list_from_json(struct config_reader *r, const struct setting *setting,
                               const struct json *json, struct setting_value *value)
{
    size_t count = json_count(json);
    struct str *list;

    if (count > LIST_MAX)
        return refuse(r, value, "must not have more than 1000 entries");
    list = ARENA_ARRAY(r->arena, struct str, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct json *item = json_item(json, i);

        if (setting->type == SETTING_SCHEDULE && json_type(item) == JSON_NUMBER)
            list[i] = arena_printf(r->arena, "%.17g", json_double(item, 0));
        else if (setting->type != SETTING_SCHEDULE && json_type(item) == JSON_STRING)
            list[i] = json_string(item);
        else
            return config_refuse(r, "%.*s must be a list of %s, not with %s in it",
                                 STR_ARG(value->origin),
                                 setting->type == SETTING_SCHEDULE ? "numbers" : "strings",
                                 json_type_name(json_type(item)));
    }
    value->list = list;
    value->count = count;
    return OK;
}

enum err setting_from_json(struct config_reader *r, const struct setting *setting,
                           const struct json *json, struct setting_value *value)
{
    enum json_type wanted = json_type_of(setting->type);
    struct str *only;

    /* One secret need not stand in a list. */
    if (setting->type == SETTING_SECRETS && json_type(json) == JSON_STRING) {
        only = ARENA_NEW(r->arena, struct str);
        *only = json_string(json);
        value->list = only;
        value->count = 1;
        return OK;
    }
    if (json_type(json) != wanted)
        return config_refuse(r, "%.*s must be %s, not %s", STR_ARG(value->origin),
                             wanted == JSON_BOOL    ? "true or false"
                             : wanted == JSON_ARRAY ? "a list"
                                                    : json_type_name(wanted),
                             json_type_name(json_type(json)));
    if (wanted == JSON_ARRAY)
        return list_from_json(r, setting, json, value);
    value->flag = json_bool(json, false);
    value->number = json_double(json, 0);
    value->text = json_string(json);
    value->json = json;
    return OK;
}

/* ---- from text: variables and flags ---- */

static bool is_separator(char c)
{
    return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum err list_from_text(struct config_reader *r, struct str text,
                               struct setting_value *value)
{
    struct str *list = ARENA_ARRAY(r->arena, struct str, LIST_MAX);
    size_t count = 0, at = 0;

    while (at < text.len) {
        size_t end = at;

        while (end < text.len && !is_separator(text.data[end]))
            end++;
        if (end > at && count == LIST_MAX)
            return refuse(r, value, "must not have more than 1000 entries");
        if (end > at)
            list[count++] = str_range(text.data + at, end - at);
        at = end + 1;
    }
    value->list = list;
    value->count = count;
    return OK;
}

enum err setting_from_text(struct config_reader *r, const struct setting *setting, struct str text,
                           struct setting_value *value)
{
    enum json_type wanted = json_type_of(setting->type);

    value->text = str_trim(text);
    if (wanted == JSON_ARRAY)
        return list_from_text(r, text, value);
    if (wanted == JSON_BOOL && str_to_bool(value->text, &value->flag))
        return refuse(r, value, "must be true or false");
    if (wanted == JSON_NUMBER && str_to_double(value->text, &value->number))
        return refuse(r, value, "must be a number");
    if (wanted == JSON_OBJECT &&
        (json_parse(r->arena, arena_str(r->arena, value->text), &value->json, NULL) ||
         json_type(value->json) != JSON_OBJECT))
        return refuse(r, value, "must be a JSON object");
    return OK;
}

/* ---- into the config ---- */

static enum err check_number(struct config_reader *r, const struct setting *setting,
                             const struct setting_value *value)
{
    bool is_whole = setting->type == SETTING_COUNT || setting->type == SETTING_BYTES;

    if (value->number >= setting->min && value->number <= setting->max &&
        (!is_whole || value->number == floor(value->number)))
        return OK;
    return config_refuse(r, "%.*s must be a %snumber from %.15g to %.15g, not %.15g",
                         STR_ARG(value->origin), is_whole ? "whole " : "", setting->min,
                         setting->max, value->number);
}

static enum err apply_number(struct config_reader *r, const struct setting *setting,
                             const struct setting_value *value)
{
    void *place = (char *)r->config + setting->offset;
    enum err err = check_number(r, setting, value);

    if (err)
        return err;
    if (setting->type == SETTING_COUNT)
        *(unsigned *)place = (unsigned)value->number;
    else if (setting->type == SETTING_BYTES)
        *(size_t *)place = (size_t)value->number;
    else if (setting->type == SETTING_SECONDS)
        *(int64_t *)place = (int64_t)llround(value->number * (double)MS_PER_SECOND);
    else if (setting->type == SETTING_MEGABYTES)
        *(int64_t *)place = (int64_t)llround(value->number * BYTES_PER_MEGABYTE);
    else
        *(int64_t *)place = (int64_t)llround(value->number * (double)US_PER_DAY);
    return OK;
}

static enum err apply_text(struct config_reader *r, const struct setting *setting,
                           const struct setting_value *value)
{
    const char **place = (void *)((char *)r->config + setting->offset);
    bool is_path =
        setting->type == SETTING_PATH ||
        (setting->type == SETTING_PROGRAM && str_find_char(value->text, '/') < value->text.len);

    if (str_is_empty(value->text))
        return refuse(r, value, "must not be empty; leave it out for the default");
    if (str_find_char(value->text, '\0') < value->text.len)
        return refuse(r, value, "must not have a NUL in it");
    *place = is_path ? config_path(r->arena, value->base_dir, value->text)
                     : arena_cstr(r->arena, value->text);
    return OK;
}

static enum err apply_store(struct config_reader *r, const struct setting *setting,
                            const struct setting_value *value)
{
    if (str_eq(value->text, STR("sqlite"))) {
        r->config->store_url = NULL;
        return OK;
    }
    if (!str_starts(value->text, STR("postgres://")) &&
        !str_starts(value->text, STR("postgresql://")))
        return refuse(r, value,
                      "must be postgres://user@host:port/database, or \"sqlite\" for the file in "
                      "the data folder");
    return apply_text(r, setting, value);
}

static enum err apply_proxy(struct config_reader *r, const struct setting *setting,
                            const struct setting_value *value)
{
    const char *why = NULL;
    struct url url = {0};

    if (url_parse(r->arena, arena_str(r->arena, value->text), &url, &why) || url.is_relative ||
        url.scheme_is_https || url.path.len > 1 || !str_is_none(url.query) || !url.has_port)
        return refuse(r, value,
                      "must be http://host:port, without a path; its user and password stand in "
                      "egress.proxy_login");
    r->config->egress_proxy.host = url.host;
    r->config->egress_proxy.port = url.port;
    return apply_text(r, setting, value);
}

static enum err apply_url(struct config_reader *r, const struct setting *setting,
                          const struct setting_value *value)
{
    const char *why = NULL;
    struct url url = {0};

    if (url_parse(r->arena, arena_str(r->arena, value->text), &url, &why) || url.is_relative ||
        !str_is_none(url.query) || str_ends(value->text, STR("/")))
        return refuse(
            r, value,
            "must be http:// or https:// and a host, perhaps with a path, without a slash "
            "at its end");
    return apply_text(r, setting, value);
}

static enum err apply_login(struct config_reader *r, const struct setting *setting,
                            const struct setting_value *value)
{
    struct buf out;

    if (str_find_char(value->text, ':') == value->text.len || value->text.len > KIB)
        return refuse(r, value, "must be user:password");
    buf_init(&out, 2 * KIB);
    buf_add(&out, STR("Basic "));
    base64_write(&out, value->text);
    r->config->egress_proxy.authorization = arena_str(r->arena, buf_str(&out));
    buf_release(&out);
    return apply_text(r, setting, value);
}

static enum err apply_address(struct config_reader *r, const struct setting_value *value)
{
    struct str text = value->text, localhost = STR("localhost:");

    if (str_starts_nocase(text, localhost))
        text = arena_printf(r->arena, "127.0.0.1:%.*s", STR_ARG(str_from(text, localhost.len)));
    if (address_parse_host_port(text, &r->config->listen))
        return config_refuse(r,
                             "%.*s must be an IP address and a port, such as 127.0.0.1:8123 or "
                             "[::1]:8123, not \"%.*s\"",
                             STR_ARG(value->origin), STR_ARG(value->text));
    return OK;
}

static enum err apply_secrets(struct config_reader *r, const struct setting_value *value)
{
    struct str *list = ARENA_ARRAY(r->arena, struct str, value->count + 1);

    if (value->count > WEBHOOK_KEYS_MAX)
        return refuse(r, value, "must not have more than 10 secrets");
    for (size_t i = 0; i < value->count; i++) {
        struct webhook_key key;
        const char *why = NULL;

        if (webhook_key_init(&key, value->list[i], &why))
            return config_refuse(r, "%.*s is not a signing secret: %s", STR_ARG(value->origin),
                                 why);
        webhook_key_release(&key);
        list[i] = arena_str(r->arena, value->list[i]);
    }
    r->config->signing_secrets = list;
    r->config->secret_count = value->count;
    return OK;
}

static enum err apply_egress(struct config_reader *r, const struct setting_value *value)
{
    struct str *list = ARENA_ARRAY(r->arena, struct str, value->count + 1);

    r->config->egress.entries = NULL; /* a later source replaces an earlier one */
    for (size_t i = 0; i < value->count; i++) {
        const char *why = NULL;

        list[i] = arena_str(r->arena, value->list[i]);
        if (egress_policy_add(&r->config->egress, r->arena, list[i], &why))
            return config_refuse(r, "%.*s: \"%.*s\": %s", STR_ARG(value->origin), STR_ARG(list[i]),
                                 why);
    }
    r->config->egress_allow = list;
    r->config->egress_allow_count = value->count;
    return OK;
}

static enum err apply_policies(struct config_reader *r, const struct setting *setting,
                               const struct setting_value *value)
{
    struct str why = STR_NONE;
    enum err err;

    if (setting->type == SETTING_POLICIES)
        err = policies_read(value->json, r->arena, &r->config->policies, &why);
    else
        err = policies_read_kinds(value->json, r->arena, &r->config->policies, &why);
    return err ? config_refuse(r, "%.*s: %.*s", STR_ARG(value->origin), STR_ARG(why)) : OK;
}

static enum err apply_schedule(struct config_reader *r, const struct setting *setting,
                               const struct setting_value *value)
{
    struct policy *policy = ARENA_NEW(r->arena, struct policy);

    if (value->count > SCHEDULE_DELAYS_MAX)
        return refuse(r, value, "must not have more than 16 pauses");
    *policy = *policy_find(STR("durable"));
    policy->name = "test";
    policy->delay_count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        struct setting_value one = {.origin = value->origin};
        enum err err;

        if (str_to_double(value->list[i], &one.number))
            return refuse(r, value, "must be a list of numbers");
        err = check_number(r, setting, &one);
        if (err)
            return err;
        policy->delays_ms[i] = (int64_t)llround(one.number);
    }
    r->config->delivery.policy = policy;
    return OK;
}

enum err setting_apply(struct config_reader *r, const struct setting *setting,
                       const struct setting_value *value)
{
    void *place = (char *)r->config + setting->offset;

    switch (setting->type) {
    case SETTING_FLAG:
        *(bool *)place = value->flag;
        return OK;
    case SETTING_LEVEL:
        return log_level_parse(value->text, place)
                   ? refuse(r, value, "must be debug, info, warn or error")
                   : OK;
    case SETTING_LOG_FORMAT:
        return log_format_parse(value->text, place) ? refuse(r, value, "must be logfmt or json")
                                                    : OK;
    case SETTING_ADDRESS:
        return apply_address(r, value);
    case SETTING_STORE:
        return apply_store(r, setting, value);
    case SETTING_SECRETS:
        return apply_secrets(r, value);
    case SETTING_PROXY:
        return apply_proxy(r, setting, value);
    case SETTING_URL:
        return apply_url(r, setting, value);
    case SETTING_LOGIN:
        return apply_login(r, setting, value);
    case SETTING_UPSTREAM:
        return config_apply_upstream(r, setting, value);
    case SETTING_HEADERS:
        return config_apply_headers(r, value);
    case SETTING_EGRESS:
        return apply_egress(r, value);
    case SETTING_POLICIES:
    case SETTING_KINDS:
        return apply_policies(r, setting, value);
    case SETTING_SCHEDULE:
        return apply_schedule(r, setting, value);
    case SETTING_COUNT:
    case SETTING_BYTES:
    case SETTING_SECONDS:
    case SETTING_DAYS:
    case SETTING_MEGABYTES:
        return apply_number(r, setting, value);
    case SETTING_TEXT:
    case SETTING_PATH:
    case SETTING_PROGRAM:
    case SETTING_SECRET:
    default:
        return apply_text(r, setting, value);
    }
}
