/* CORS: origins, and the headers that tell browsers of them. */
#include "http/cors.h"

#define ORIGIN_BYTES_MAX 512
#define PATTERN_BYTES_MAX 4096

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

/* ---- patterns ---- */

/* \d and \D, which POSIX does not know; within brackets it knows them by another name. */
static void add_escape(struct buf *out, char c, bool in_brackets)
{
    if (c == 'd')
        buf_add_cstr(out, in_brackets ? "0-9" : "[0-9]");
    else if (c == 'D' && !in_brackets)
        buf_add_cstr(out, "[^0-9]");
    else if (in_brackets)
        buf_add_char(out, c);
    else
        buf_addf(out, "\\%c", c);
}

/* Within brackets POSIX takes a '-' for itself only at their end. */
static bool translate(struct buf *out, struct str text)
{
    bool in_brackets = false, has_dash = false;

    buf_add_cstr(out, "^(");
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (c == '\\' && in_brackets && i + 1 < text.len && text.data[i + 1] == '-') {
            has_dash = true;
            i++;
            continue;
        }
        if (c == '\\' && i + 1 < text.len) {
            add_escape(out, text.data[++i], in_brackets);
            continue;
        }
        if (c == '(' && !in_brackets && i + 1 < text.len && text.data[i + 1] == '?') {
            if (i + 2 >= text.len || text.data[i + 2] != ':')
                return false;
            i += 2;
        }
        if (c == '[')
            in_brackets = true;
        if (c == ']' && has_dash)
            buf_add_char(out, '-');
        if (c == ']')
            in_brackets = has_dash = false;
        buf_add_char(out, c);
    }
    buf_add_cstr(out, ")$");
    return !out->failed;
}

enum err cors_pattern(struct cors_rules *rules, struct str text, struct arena *arena,
                      struct str *why)
{
    regex_t *regex = ARENA_NEW(arena, regex_t);
    enum err err = ERR_INVALID;
    char words[128];
    struct buf out;
    int result;

    buf_init(&out, PATTERN_BYTES_MAX);
    if (!translate(&out, text)) {
        *why = STR("it is too long, or has a group that begins with \"(?\" and is not \"(?:\"");
    } else if ((result = regcomp(regex, buf_cstr(&out), REG_EXTENDED | REG_NOSUB))) {
        regerror(result, regex, words, sizeof(words));
        *why = arena_str(arena, str_of(words));
    } else {
        rules->pattern = regex;
        err = OK;
    }
    buf_release(&out);
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
