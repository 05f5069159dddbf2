/* header.c -- the grammar of fields and the reserved names. */
#include "format/header.h"

static const char *const reserved_names[] = {
    /* framing and the connection */
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection",
    "te", "trailer", "upgrade", "expect", "http2-settings",
    /* between proxies */
    "proxy-authenticate", "proxy-authorization", "via", "max-forwards",
    /* what the body is, and what comes back */
    "content-type", "content-encoding", "content-range", "accept-encoding", "range",
    /* the trace that the sender passes on */
    "traceparent", "tracestate"};

/* Standard Webhooks, and what we say besides. */
#define RESERVED_PREFIX STR("webhook-")

/* RFC 9110's tchar, 32 characters a word, the lowest first. */
static const uint32_t token_chars[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

static bool is_token_char(char c)
{
    unsigned char byte = (unsigned char)c;

    return token_chars[byte / 32] >> byte % 32 & 1;
}

bool header_name_is_valid(struct str name)
{
    if (name.len == 0 || name.len > HEADER_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_token_char(name.data[i]))
            return false;
    return true;
}

bool header_value_is_valid(struct str value)
{
    if (value.len > HEADER_VALUE_BYTES_MAX || str_trim(value).len != value.len)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if ((c < 0x20 && c != '\t') || c > 0x7e)
            return false;
    }
    return true;
}

const char *header_problem(struct str name, struct str value)
{
    if (!header_name_is_valid(name))
        return "is not the name of a header: letters, digits and hyphens, at most 256 of them";
    if (str_is_none(value))
        return "must have a string for a value";
    if (!header_value_is_valid(value))
        return "has a value that no header can have: printable ASCII without blanks at its ends, "
               "at most 8192 bytes";
    return NULL;
}

bool header_is_reserved(struct str name)
{
    if (str_starts_nocase(name, RESERVED_PREFIX))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(reserved_names); i++)
        if (str_eq_nocase(name, str_of(reserved_names[i])))
            return true;
    return false;
}
