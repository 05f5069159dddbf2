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

/* RFC 9110's tchar. */
static const bool is_token_char[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
    ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1, ['0'] = 1,
    ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1,  ['7'] = 1, ['8'] = 1,
    ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1,  ['F'] = 1, ['G'] = 1,
    ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1,  ['N'] = 1, ['O'] = 1,
    ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1,  ['V'] = 1, ['W'] = 1,
    ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1,  ['d'] = 1, ['e'] = 1,
    ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1,  ['l'] = 1, ['m'] = 1,
    ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1,  ['t'] = 1, ['u'] = 1,
    ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1};

bool header_name_is_valid(struct str name)
{
    bool is_good = true;

    if (name.len == 0 || name.len > HEADER_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        is_good &= is_token_char[(unsigned char)name.data[i]];
    return is_good;
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
