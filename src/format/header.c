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

static bool is_token_char(char c)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool is_digit = c >= '0' && c <= '9';

    return is_letter || is_digit || (c && strchr("!#$%&'*+-.^_`|~", c));
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

bool header_is_reserved(struct str name)
{
    if (str_starts_nocase(name, RESERVED_PREFIX))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(reserved_names); i++)
        if (str_eq_nocase(name, str_of(reserved_names[i])))
            return true;
    return false;
}
