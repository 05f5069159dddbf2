/* `http.cors` of langgraph.json: which web pages may call. */
#include "app/config_priv.h"

#define ENTRIES_MAX 1000
#define MAX_AGE_S_MAX 86400

/* ["a", "b"], the words one by one; absent: untouched. */
static enum err read_words(struct config_reader *r, const struct json *cors, const char *key,
                           const struct str **words, size_t *count)
{
    const struct json *list = json_get(cors, key), *item;
    struct json_iter iter = json_iter(list);
    struct str *found;
    bool is_good = json_type(list) == JSON_ARRAY && json_count(list) <= ENTRIES_MAX;

    if (json_is_absent(list))
        return OK;
    found = ARENA_ARRAY(r->arena, struct str, json_count(list) + 1);
    *count = 0;
    while (is_good && json_next(&iter, NULL, &item)) {
        struct str word = json_string(item);

        is_good = word.len > 0 && str_find_char(word, '\r') == word.len &&
                  str_find_char(word, '\n') == word.len;
        found[(*count)++] = arena_str(r->arena, word);
    }
    if (!is_good)
        return config_refuse(r, "%s: http.cors.%s must be an array of texts like [\"*\"]", r->file,
                             key);
    *words = found;
    return OK;
}

static bool has_star(const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(words[i], STR("*")))
            return true;
    return false;
}

static struct str join(struct arena *arena, const struct str *words, size_t count)
{
    struct str text = count > 0 ? words[0] : STR("");

    for (size_t i = 1; i < count; i++)
        text = arena_printf(arena, "%.*s, %.*s", STR_ARG(text), STR_ARG(words[i]));
    return text;
}

/* A list that becomes one header's value; with "*" in it, `all`. */
static enum err read_header(struct config_reader *r, const struct json *cors, const char *key,
                            struct str all, struct str *value)
{
    const struct str *words = NULL;
    size_t count = 0;
    enum err err = read_words(r, cors, key, &words, &count);

    if (!err && words)
        *value = has_star(words, count) ? all : join(r->arena, words, count);
    return err;
}

static enum err read_origins(struct config_reader *r, const struct json *cors,
                             struct cors_rules *rules)
{
    const struct json *pattern = json_get(cors, "allow_origin_regex");
    struct str why = STR_NONE;
    enum err err = read_words(r, cors, "allow_origins", &rules->origins, &rules->origin_count);

    rules->allows_all = has_star(rules->origins, rules->origin_count);
    if (err || json_is_absent(pattern))
        return err;
    if (json_type(pattern) != JSON_STRING)
        return config_refuse(r, "%s: http.cors.allow_origin_regex must be a text", r->file);
    if (!cors_pattern(rules, json_string(pattern), r->arena, &why))
        return OK;
    return config_refuse(r, "%s: http.cors.allow_origin_regex: %.*s", r->file, STR_ARG(why));
}

/* Clients in browsers read these whatever else is exposed. */
static void expose_ours(struct config_reader *r, struct cors_rules *rules)
{
    if (str_is_empty(rules->exposed))
        rules->exposed = cors_open.exposed;
    else if (!str_eq(rules->exposed, STR("*")))
        rules->exposed = arena_printf(r->arena, "%.*s, %.*s", STR_ARG(rules->exposed),
                                      STR_ARG(cors_open.exposed));
}

static enum err read_rest(struct config_reader *r, const struct json *cors,
                          struct cors_rules *rules)
{
    const struct json *credentials = json_get(cors, "allow_credentials");
    const struct json *age = json_get(cors, "max_age");

    if (!json_is_absent(credentials) && json_type(credentials) != JSON_BOOL)
        return config_refuse(r, "%s: http.cors.allow_credentials must be true or false", r->file);
    if (!json_is_absent(age) &&
        (!json_is_integer(age) || json_i64(age, -1) < 0 || json_i64(age, 0) > MAX_AGE_S_MAX))
        return config_refuse(r, "%s: http.cors.max_age must be a number of seconds up to %d",
                             r->file, MAX_AGE_S_MAX);
    rules->credentials = json_bool(credentials, false);
    rules->max_age_s = json_i64(age, rules->max_age_s);
    return OK;
}

enum err config_read_cors(struct config_reader *r, const struct json *http)
{
    const struct json *cors = json_get(http, "cors");
    struct cors_rules *rules = &r->config->cors;
    enum err err;

    if (json_is_absent(cors))
        return OK;
    if (json_type(cors) != JSON_OBJECT)
        return config_refuse(r,
                             "%s: http.cors must be an object like {\"allow_origins\": "
                             "[\"https://app.example.com\"]}",
                             r->file);
    rules->exposed = STR("");
    if ((err = read_origins(r, cors, rules)) ||
        (err = read_header(r, cors, "allow_methods", cors_open.methods, &rules->methods)) ||
        (err = read_header(r, cors, "allow_headers", STR("*"), &rules->headers)) ||
        (err = read_header(r, cors, "expose_headers", STR("*"), &rules->exposed)) ||
        (err = read_rest(r, cors, rules)))
        return err;
    expose_ours(r, rules);
    return OK;
}
