/* upstream, upstream_headers: the server that Runbell stands in front of. */
#include "app/config_priv.h"

#include "format/header.h"
#include "format/url.h"

#define HEADERS_MAX 32

enum err config_apply_upstream(struct config_reader *r, const struct setting *setting,
                               const struct setting_value *value)
{
    const char **place = (void *)((char *)r->config + setting->offset);
    struct str text = arena_str(r->arena, value->text);
    struct upstream *upstream = &r->config->upstream;
    const char *why = NULL;
    struct url url = {0};

    if (url_parse(r->arena, text, &url, &why) || url.is_relative || !str_is_none(url.query) ||
        str_find_char(text, '#') < text.len)
        return config_refuse(r,
                             "%.*s must be http://host:port or https://host, perhaps with a path "
                             "before its own; no query, no user (upstream_headers has credentials)",
                             STR_ARG(value->origin));
    while (str_ends(url.path, STR("/")))
        url.path.len--;
    upstream->origin = (struct fetch_origin){url.scheme_is_https, url.host, url.port};
    upstream->base = url.path.len > 0 ? url.path : STR("");
    upstream->url = text;
    *place = arena_cstr(r->arena, text);
    return OK;
}

static bool is_ours(struct str name)
{
    static const char *const names[] = {"host",    "connection", "content-length",
                                        "upgrade", "te",         "transfer-encoding"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, str_of(names[i])))
            return true;
    return false;
}

enum err config_apply_headers(struct config_reader *r, const struct setting_value *value)
{
    struct http_header *list = ARENA_ARRAY(r->arena, struct http_header, HEADERS_MAX);
    struct json_iter iter = json_iter(value->json);
    const struct json *item;
    size_t count = 0;
    struct str name;

    while (json_next(&iter, &name, &item)) {
        struct str text = json_string(item);

        if (count == HEADERS_MAX)
            return config_refuse(r, "%.*s must not have more than %d headers",
                                 STR_ARG(value->origin), HEADERS_MAX);
        if (str_is_none(text) || !header_name_is_valid(name) || !header_value_is_valid(text) ||
            is_ours(name))
            return config_refuse(r,
                                 "%.*s: \"%.*s\" must be a header's name, with a text of one line",
                                 STR_ARG(value->origin), STR_ARG(str_first(name, 40)));
        list[count++] = (struct http_header){arena_str(r->arena, name), arena_str(r->arena, text)};
    }
    r->config->upstream.headers = list;
    r->config->upstream.header_count = count;
    return OK;
}

void config_write_headers(struct json_writer *json, const struct config *config)
{
    json_begin_object(json);
    for (size_t i = 0; i < config->upstream.header_count; i++) {
        json_key_str(json, config->upstream.headers[i].name);
        json_str_out(json, STR("***"));
    }
    json_end_object(json);
}

void config_warn_of_upstream(struct config_reader *r)
{
    static const char *const keys[] = {"graphs", "auth"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (json_count(json_get(r->root, keys[i])) > 0)
            log_warn("config", "%s: \"%s\" is not read, because runbell.upstream executes the runs",
                     r->file, keys[i]);
}
