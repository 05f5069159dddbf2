/* CORS: origins, and the headers that tell browsers of them. */
#include "http/cors.h"

#include "format/pattern.h"

#define ORIGIN_BYTES_MAX 512

#define TEXT(literal)                                                                              \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

const struct cors_rules cors_open = {
    .allows_all = true,
    .methods = TEXT("GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    .headers = TEXT("*"),
    .exposed = TEXT("content-location,location,x-pagination-total,x-pagination-next,x-request-id,"
                    "retry-after,ratelimit-limit,ratelimit-remaining,ratelimit-reset"),
    .max_age_s = 600,
};

enum err cors_pattern(struct cors_rules *rules, struct str text, struct arena *arena,
                      struct str *why)
{
    regex_t *regex = ARENA_NEW(arena, regex_t);
    enum err err = pattern_compile(regex, text, PATTERN_WHOLE, arena, why);

    if (!err)
        rules->pattern = regex;
    return err;
}

void cors_release(struct cors_rules *rules)
{
    if (rules->pattern)
        regfree(rules->pattern);
    rules->pattern = NULL;
}

static bool pattern_fits(const regex_t *pattern, struct str origin)
{
    char text[ORIGIN_BYTES_MAX + 1];

    if (origin.len > ORIGIN_BYTES_MAX || str_find_char(origin, '\0') < origin.len)
        return false;
    memcpy(text, origin.data, origin.len);
    text[origin.len] = '\0';
    return regexec(pattern, text, 0, NULL, 0) == 0;
}

/* ---- answers ---- */

bool cors_allows(const struct cors_rules *rules, struct str origin)
{
    if (rules->allows_all)
        return true;
    for (size_t i = 0; i < rules->origin_count; i++)
        if (str_eq(rules->origins[i], origin))
            return true;
    return rules->pattern && pattern_fits(rules->pattern, origin);
}

static void add(struct http_header *headers, size_t *count, struct str name, struct str value)
{
    REQUIRE(*count < CORS_HEADERS_MAX);
    headers[(*count)++] = (struct http_header){name, value};
}

static size_t preflight_headers(const struct cors_rules *rules, struct str asked,
                                struct arena *arena, struct http_header *headers, size_t n)
{
    bool echoes = str_eq(rules->headers, STR("*")) && !rules->allows_all && !str_is_none(asked);

    add(headers, &n, STR("access-control-allow-methods"), rules->methods);
    add(headers, &n, STR("access-control-allow-headers"), echoes ? asked : rules->headers);
    add(headers, &n, STR("access-control-max-age"),
        arena_printf(arena, "%lld", (long long)rules->max_age_s));
    return n;
}

size_t cors_headers(const struct cors_rules *rules, struct str origin, bool is_preflight,
                    struct str asked, struct arena *arena, struct http_header *headers)
{
    size_t n = 0;

    if (!rules->allows_all) /* caches must not give one page the answer of another's */
        add(headers, &n, STR("vary"), STR("Origin"));
    if (!rules->allows_all && (str_is_none(origin) || !cors_allows(rules, origin)))
        return n;
    add(headers, &n, STR("access-control-allow-origin"), rules->allows_all ? STR("*") : origin);
    if (rules->credentials && !rules->allows_all)
        add(headers, &n, STR("access-control-allow-credentials"), STR("true"));
    if (is_preflight)
        return preflight_headers(rules, asked, arena, headers, n);
    add(headers, &n, STR("access-control-expose-headers"), rules->exposed);
    return n;
}
