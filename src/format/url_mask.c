/* url_mask.c -- which parts of a URL look secret. */
#include "base/json.h"
#include "format/url.h"

#define MASK STR("***")
#define MASKED_BYTES_MAX (4 * URL_BYTES_MAX)

/* Secret wherever they stand in a name … */
static const char *const secret_parts[] = {"token",   "secret", "passw",      "signature",
                                           "auth",    "apikey", "credential", "bearer",
                                           "session", "private"};
/* … and secret as a word of their own: "key", "api_key", "X-Sig", but not "monkey". */
static const char *const secret_words[] = {"key", "sig", "code", "pass",
                                           "pwd", "jwt", "otp",  "pin"};

static bool contains_nocase(struct str text, struct str part)
{
    for (size_t at = 0; at + part.len <= text.len; at++)
        if (str_starts_nocase(str_from(text, at), part))
            return true;
    return false;
}

static bool is_word_end(char c)
{
    return c == '_' || c == '-' || c == '.' || c == '[' || c == ']';
}

static bool has_word(struct str name, struct str word)
{
    size_t from = 0;

    for (size_t at = 0; at <= name.len; at++) {
        if (at < name.len && !is_word_end(name.data[at]))
            continue;
        if (str_eq_nocase(str_from(str_first(name, at), from), word))
            return true;
        from = at + 1;
    }
    return false;
}

static bool looks_secret(struct str name)
{
    /* Nobody escapes a letter without reason. */
    if (str_find_char(name, '%') < name.len)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(secret_parts); i++)
        if (contains_nocase(name, str_of(secret_parts[i])))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(secret_words); i++)
        if (has_word(name, str_of(secret_words[i])))
            return true;
    return str_ends(name, STR("Key")); /* apiKey, accessKey */
}

static void mask_parameter(struct buf *out, struct str parameter)
{
    size_t equals = str_find_char(parameter, '=');

    if (equals == parameter.len || !looks_secret(str_first(parameter, equals))) {
        buf_add(out, parameter);
        return;
    }
    buf_add(out, str_first(parameter, equals + 1));
    buf_add(out, MASK);
}

static void mask_query(struct buf *out, struct str query)
{
    struct str parameter;

    for (bool first = true; str_split(&query, '&', &parameter); first = false) {
        if (!first)
            buf_add_char(out, '&');
        mask_parameter(out, parameter);
    }
}

static size_t find_any(struct str text, const char *chars)
{
    size_t at = 0;

    while (at < text.len && !(text.data[at] && strchr(chars, text.data[at])))
        at++;
    return at;
}

static bool is_port(struct str text)
{
    int64_t port;

    return text.len == 0 || str_to_i64(text, &port) == OK;
}

/* The position behind the '@' that ends the userinfo in `text`, or 0. A password may hold a raw
 * slash or question mark: then the authority seems to end in a port that is none, and the last '@'
 * of all is taken. */
static size_t userinfo_bytes(struct str text)
{
    struct str authority = str_first(text, find_any(text, "/?#\\"));
    struct str searched = authority;
    size_t colon = str_find_char(authority, ':');

    if (authority.len && authority.data[0] != '[' && !is_port(str_from(authority, colon + 1)))
        searched = text;
    for (size_t at = searched.len; at > 0; at--)
        if (searched.data[at - 1] == '@')
            return at;
    return 0;
}

void url_mask(struct buf *out, struct str text)
{
    size_t scheme = str_find(text, STR("://"));
    struct str rest = text;
    size_t at;

    if (scheme < find_any(text, "/?#")) {
        buf_add(out, str_first(text, scheme + 3));
        rest = str_from(text, scheme + 3);
        at = userinfo_bytes(rest);
        if (at) {
            buf_add(out, MASK);
            buf_add_char(out, '@');
        }
        rest = str_from(rest, at);
    }
    at = find_any(rest, "?#");
    buf_add(out, str_first(rest, at));
    rest = str_from(rest, at);
    if (rest.len && rest.data[0] == '?') {
        at = str_find_char(rest, '#');
        buf_add_char(out, '?');
        mask_query(out, str_from(str_first(rest, at), 1));
        rest = str_from(rest, at);
    }
    if (rest.len)
        buf_add(out, STR("#***"));
}

void url_mask_put(struct json_writer *json, const char *key, struct str text)
{
    struct buf masked;

    if (str_is_none(text)) {
        json_put_null(json, key);
        return;
    }
    buf_init(&masked, MASKED_BYTES_MAX);
    url_mask(&masked, text);
    json_put_str(json, key, masked.failed ? MASK : buf_str(&masked));
    buf_release(&masked);
}
