/* Reads webhook_config.h's block, key by key. */
#include "delivery/webhook_config.h"

#include "base/log.h"
#include "format/domain.h"
#include "format/header.h"
#include "format/header_template.h"

struct reader {
    struct arena *arena;
    const struct webhook_environment *environment;
    struct webhook_config *config;
    struct str *why;
};

static enum err refuse(struct reader *r, struct str key, struct str reason)
{
    *r->why = arena_printf(r->arena, "%.*s: %.*s", STR_ARG(key), STR_ARG(reason));
    return ERR_INVALID;
}

static enum err refuse_type(struct reader *r, const char *key, const char *wanted,
                            const struct json *value)
{
    *r->why = arena_printf(r->arena, "%s: must be %s, not %s", key, wanted,
                           json_type_name(json_type(value)));
    return ERR_INVALID;
}

/* Absent and null keep *flag. */
static enum err read_flag(struct reader *r, const struct json *object, const char *name,
                          const char *key, bool *flag)
{
    const struct json *value = json_get(object, name);

    if (json_is_absent(value))
        return OK;
    if (json_type(value) != JSON_BOOL)
        return refuse_type(r, key, "true or false", value);
    *flag = json_bool(value, *flag);
    return OK;
}

/* Absent and null give NULL. */
static enum err read_container(struct reader *r, const struct json *object, const char *name,
                               const char *key, enum json_type type, const struct json **found)
{
    const struct json *value = json_get(object, name);

    *found = NULL;
    if (json_is_absent(value))
        return OK;
    if (json_type(value) != type)
        return refuse_type(r, key, type == JSON_OBJECT ? "an object" : "a list", value);
    *found = value;
    return OK;
}

static void warn_of_unknown(const struct json *object, const char *place, const char *const *known,
                            size_t known_count)
{
    struct json_iter iter = json_iter(object);
    const struct json *value;
    struct str key;

    while (json_next(&iter, &key, &value)) {
        size_t i = 0;

        while (i < known_count && !str_eq(key, str_of(known[i])))
            i++;
        if (i == known_count)
            log_warn("config", "langgraph.json: %s.%.*s is not known and is ignored", place,
                     STR_ARG(key));
    }
}

/* ---- headers ---- */

static enum err read_prefix(struct reader *r, const struct json *webhooks, struct str *prefix)
{
    const struct json *value = json_get(webhooks, "env_prefix");

    *prefix = STR(HEADER_TEMPLATE_PREFIX);
    if (json_is_absent(value))
        return OK;
    if (json_type(value) != JSON_STRING)
        return refuse_type(r, "webhooks.env_prefix", "a string", value);
    *prefix = json_string(value);
    return OK;
}

static enum err read_header(struct reader *r, const struct header_variables *variables,
                            struct str name, const struct json *value, struct http_header *header)
{
    struct str key = arena_printf(r->arena, "webhooks.headers.%.*s", STR_ARG(name));
    struct str why = STR_NONE, resolved = STR_NONE;

    if (!header_name_is_valid(name))
        return refuse(r, key, STR("this is not the name of a header"));
    if (header_is_reserved(name))
        return refuse(r, key, STR("this header is written by the sender itself"));
    if (json_type(value) != JSON_STRING)
        return refuse_type(r, arena_cstr(r->arena, key), "a string", value);
    if (header_template_resolve(r->arena, json_string(value), variables, &resolved, &why))
        return refuse(r, key, why);
    *header = (struct http_header){.name = arena_str(r->arena, name), .value = resolved};
    return OK;
}

static enum err read_headers(struct reader *r, const struct json *webhooks)
{
    struct header_variables variables = {.find = r->environment->find,
                                         .context = r->environment->context};
    struct http_header *list = ARENA_ARRAY(r->arena, struct http_header, WEBHOOK_HEADERS_MAX);
    const struct json *headers, *value;
    struct json_iter iter;
    struct str name;
    size_t count = 0;
    enum err err = read_prefix(r, webhooks, &variables.prefix);

    headers = NULL;
    if (!err)
        err = read_container(r, webhooks, "headers", "webhooks.headers", JSON_OBJECT, &headers);
    if (err || !headers)
        return err;
    if (json_count(headers) > WEBHOOK_HEADERS_MAX)
        return refuse(r, STR("webhooks.headers"), STR("there are more than 64 headers"));
    iter = json_iter(headers);
    while (!err && json_next(&iter, &name, &value)) {
        if (str_eq_nocase(name, STR("content-type")))
            log_warn("config", "langgraph.json: webhooks.headers.%.*s is ignored: the body is JSON",
                     STR_ARG(name));
        else
            err = read_header(r, &variables, name, value, &list[count++]);
    }
    r->config->headers = list;
    r->config->header_count = count;
    return err;
}

/* ---- webhooks.url ---- */

static enum err read_domains(struct reader *r, const struct json *url)
{
    const char *key = "webhooks.url.allowed_domains";
    const struct json *list;
    struct str *domains;
    enum err err = read_container(r, url, "allowed_domains", key, JSON_ARRAY, &list);

    if (err || !list)
        return err;
    if (json_count(list) > WEBHOOK_DOMAINS_MAX)
        return refuse(r, str_of(key), STR("there are more than 1000 entries"));
    domains = ARENA_ARRAY(r->arena, struct str, json_count(list) + 1);
    for (size_t i = 0; i < json_count(list); i++) {
        const char *why = NULL;

        if (json_type(json_item(list, i)) != JSON_STRING)
            return refuse_type(r, key, "a list of strings", json_item(list, i));
        domains[i] = arena_str(r->arena, json_string(json_item(list, i)));
        if (domain_pattern_check(domains[i], &why))
            return refuse(r, str_of(key),
                          arena_printf(r->arena, "\"%.*s\": %s", STR_ARG(domains[i]), why));
    }
    r->config->rules.allowed_domains = domains;
    r->config->rules.domain_count = json_count(list);
    return OK;
}

static enum err read_ports(struct reader *r, const struct json *url)
{
    const char *key = "webhooks.url.allowed_ports";
    const struct json *list;
    uint16_t *ports;
    enum err err = read_container(r, url, "allowed_ports", key, JSON_ARRAY, &list);

    if (err || !list)
        return err;
    if (json_count(list) > WEBHOOK_PORTS_MAX)
        return refuse(r, str_of(key), STR("there are more than 1000 entries"));
    ports = ARENA_ARRAY(r->arena, uint16_t, json_count(list) + 1);
    for (size_t i = 0; i < json_count(list); i++) {
        int64_t port = json_i64(json_item(list, i), 0);

        if (port < 1 || port > UINT16_MAX)
            return refuse(r, str_of(key), STR("each must be a number from 1 to 65535"));
        ports[i] = (uint16_t)port;
    }
    r->config->rules.allowed_ports = ports;
    r->config->rules.port_count = json_count(list);
    return OK;
}

static enum err read_length(struct reader *r, const struct json *url)
{
    const struct json *value = json_get(url, "max_url_length");

    if (json_is_absent(value))
        return OK;
    if (json_i64(value, 0) < 1)
        return refuse(r, STR("webhooks.url.max_url_length"), STR("must be a whole number above 0"));
    r->config->rules.url_bytes_max = (size_t)json_i64(value, 0);
    return OK;
}

static enum err read_url_block(struct reader *r, const struct json *webhooks)
{
    static const char *const known[] = {"require_https", "allowed_domains", "allowed_ports",
                                        "max_url_length", "disable_loopback"};
    struct target_rules *rules = &r->config->rules;
    bool disable_loopback = true;
    const struct json *url;
    enum err err = read_container(r, webhooks, "url", "webhooks.url", JSON_OBJECT, &url);

    if (err || !url)
        return err;
    warn_of_unknown(url, "webhooks.url", known, ARRAY_LEN(known));
    rules->has_url_block = true;
    if ((err = read_flag(r, url, "require_https", "webhooks.url.require_https",
                         &rules->require_https)) ||
        (err = read_flag(r, url, "disable_loopback", "webhooks.url.disable_loopback",
                         &disable_loopback)) ||
        (err = read_domains(r, url)) || (err = read_ports(r, url)))
        return err;
    rules->allows_relative = !disable_loopback;
    return read_length(r, url);
}

enum err webhook_config_parse(struct arena *arena, const struct json *root,
                              const struct webhook_environment *environment,
                              struct webhook_config *config, struct str *why)
{
    static const char *const known[] = {"env_prefix", "headers", "url"};
    struct webhook_config parsed = {0};
    struct reader r = {.arena = arena, .environment = environment, .config = &parsed, .why = why};
    const struct json *webhooks;
    enum err err = read_flag(&r, json_get(root, "http"), "disable_webhooks",
                             "http.disable_webhooks", &parsed.is_disabled);

    if (!err)
        err = read_container(&r, root, "webhooks", "webhooks", JSON_OBJECT, &webhooks);
    if (!err && webhooks) {
        warn_of_unknown(webhooks, "webhooks", known, ARRAY_LEN(known));
        err = read_headers(&r, webhooks);
        if (!err)
            err = read_url_block(&r, webhooks);
    }
    if (!err)
        *config = parsed;
    return err;
}
