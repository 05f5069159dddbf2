/* url.c -- scheme, authority and target, each refused with its reason. */
#include "format/url.h"

static const char *character_problem(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= 0x20 || c == 0x7f)
            return "the URL must not contain blanks, line breaks or control characters";
        if (c == '\\')
            return "the URL must not contain a backslash";
    }
    return NULL;
}

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] > 0x7f)
            return false;
    return true;
}

static size_t find_any(struct str text, const char *chars)
{
    size_t at = 0;

    while (at < text.len && !strchr(chars, text.data[at]))
        at++;
    return at;
}

static enum err refuse(const char **why, const char *reason)
{
    *why = reason;
    return ERR_INVALID;
}

/* Everything behind the authority. */
static enum err parse_target(struct arena *arena, struct str text, struct url *url,
                             const char **why)
{
    struct str kept = str_first(text, str_find_char(text, '#'));
    size_t question = str_find_char(kept, '?');

    if (!is_ascii(text))
        return refuse(why, "path and query must be ASCII: percent-encode other characters");
    url->path = str_first(kept, question);
    url->query = question < kept.len ? str_from(kept, question + 1) : STR_NONE;
    url->target = kept;
    if (url->path.len == 0) {
        struct str parts[] = {STR("/"), kept};
        url->target = arena_concat(arena, parts, ARRAY_LEN(parts));
    }
    return OK;
}

static enum err parse_port(struct str text, struct url *url, const char **why)
{
    int64_t port = 0;

    url->has_port = !str_is_none(text);
    url->port = url->scheme_is_https ? 443 : 80;
    if (!url->has_port)
        return OK;
    if (text.len == 0 || text.data[0] == '0' || text.data[0] == '-' ||
        str_to_i64(text, &port) != OK || port > UINT16_MAX)
        return refuse(why, "the port must be a number from 1 to 65535");
    url->port = (uint16_t)port;
    return OK;
}

static struct str lower_case(struct arena *arena, struct str text)
{
    char *copy = arena_cstr(arena, text);

    for (size_t i = 0; i < text.len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + ('a' - 'A'));
    return str_range(copy, text.len);
}

static enum err parse_ipv6(struct arena *arena, struct str authority, struct url *url,
                           const char **why)
{
    size_t close = str_find_char(authority, ']');
    struct str inside = str_from(str_first(authority, close), 1);
    struct str behind = str_from(authority, close + 1);

    if (close == authority.len)
        return refuse(why, "the bracket of the IPv6 address is not closed");
    if (str_find_char(inside, '%') < inside.len)
        return refuse(why, "an IPv6 address must not have a zone");
    if (!host_is_ipv6(inside))
        return refuse(why, "what stands in brackets is not an IPv6 address");
    if (behind.len && behind.data[0] != ':')
        return refuse(why, "only a port may follow the IPv6 address");
    url->host_kind = HOST_IPV6;
    url->host = lower_case(arena, inside);
    return parse_port(behind.len ? str_from(behind, 1) : STR_NONE, url, why);
}

static enum err parse_authority(struct arena *arena, struct str authority, struct url *url,
                                const char **why)
{
    size_t colon = str_find_char(authority, ':');
    struct str host = str_first(authority, colon);
    enum err err;

    if (str_find_char(authority, '@') < authority.len)
        return refuse(why, "the URL must not contain a user name or password: "
                           "put them in a header");
    if (authority.len && authority.data[0] == '[')
        return parse_ipv6(arena, authority, url, why);
    err = host_parse(host, &url->host_kind, why);
    if (err)
        return err;
    url->host = lower_case(arena, host);
    return parse_port(colon < authority.len ? str_from(authority, colon + 1) : STR_NONE, url, why);
}

enum err url_parse(struct arena *arena, struct str text, struct url *url, const char **why)
{
    struct url parsed = {.is_relative = false};
    struct str rest;
    size_t end;
    enum err err;

    if (text.len > URL_BYTES_MAX) {
        *why = "the URL is longer than 8192 bytes";
        return ERR_LIMIT;
    }
    *why = character_problem(text);
    if (*why)
        return ERR_INVALID;
    if (str_starts(text, STR("/")) && !str_starts(text, STR("//"))) {
        parsed.is_relative = true;
        rest = text;
    } else {
        parsed.scheme_is_https = str_starts_nocase(text, STR("https://"));
        if (!parsed.scheme_is_https && !str_starts_nocase(text, STR("http://")))
            return refuse(why, "the URL must begin with http:// or https://");
        rest = str_from(text, parsed.scheme_is_https ? 8 : 7);
        end = find_any(rest, "/?#");
        err = parse_authority(arena, str_first(rest, end), &parsed, why);
        if (err)
            return err;
        rest = str_from(rest, end);
    }
    err = parse_target(arena, rest, &parsed, why);
    if (!err)
        *url = parsed;
    return err;
}

static void write_host(struct buf *out, const struct url *url)
{
    bool in_brackets = url->host_kind == HOST_IPV6;

    if (in_brackets)
        buf_add_char(out, '[');
    buf_add(out, url->host);
    if (in_brackets)
        buf_add_char(out, ']');
}

static void write_port(struct buf *out, const struct url *url)
{
    buf_add_char(out, ':');
    buf_add_i64(out, url->port);
}

void url_write_host(struct buf *out, const struct url *url)
{
    REQUIRE(!url->is_relative);
    write_host(out, url);
    if (url->port != (url->scheme_is_https ? 443 : 80))
        write_port(out, url);
}

void url_write_origin(struct buf *out, const struct url *url)
{
    REQUIRE(!url->is_relative);
    buf_add(out, url->scheme_is_https ? STR("https://") : STR("http://"));
    write_host(out, url);
    write_port(out, url);
}
