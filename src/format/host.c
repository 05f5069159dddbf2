/* host.c -- labels, dotted quads and what only looks like one. */
#include "format/host.h"

#include <arpa/inet.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_label_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

static bool is_octet(struct str text)
{
    int value = 0;

    if (text.len == 0 || text.len > 3 || (text.len > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    return value <= 255;
}

bool host_is_ipv4(struct str text)
{
    struct str octet;
    int count = 0;

    for (; str_split(&text, '.', &octet); count++)
        if (!is_octet(octet))
            return false;
    return count == 4;
}

bool host_is_ipv6(struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr ignored;

    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.data, '\0', text.len))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return inet_pton(AF_INET6, copy, &ignored) == 1;
}

static bool is_number(struct str label)
{
    bool is_prefixed = str_starts_nocase(label, STR("0x"));

    for (size_t i = is_prefixed ? 2 : 0; i < label.len; i++)
        if (is_prefixed ? !is_hex(label.data[i]) : !is_digit(label.data[i]))
            return false;
    return true;
}

static const char *label_problem(struct str label)
{
    if (label.len == 0)
        return "the host has an empty label (two dots, or a dot at an end)";
    if (label.len > HOST_LABEL_BYTES_MAX)
        return "a label of the host is longer than 63 characters";
    if (label.data[0] == '-' || label.data[label.len - 1] == '-')
        return "a label of the host begins or ends with a hyphen";
    for (size_t i = 0; i < label.len; i++) {
        if ((unsigned char)label.data[i] > 0x7f)
            return "the host is not ASCII: write it in punycode (xn--…)";
        if (!is_label_char(label.data[i]))
            return "the host has a character that no host has";
    }
    return NULL;
}

enum err host_parse(struct str text, enum host_kind *kind, const char **why)
{
    struct str rest = text, label = STR("");

    *why = text.len == 0                    ? "the host is empty"
           : text.len > HOST_NAME_BYTES_MAX ? "the host is longer than 253 characters"
                                            : NULL;
    while (!*why && str_split(&rest, '.', &label))
        *why = label_problem(label);
    if (*why)
        return ERR_INVALID;
    if (!is_number(label)) {
        *kind = HOST_NAME;
        return OK;
    }
    if (!host_is_ipv4(text)) {
        *why = "the host looks like a number: write an IPv4 address as four decimal numbers";
        return ERR_INVALID;
    }
    *kind = HOST_IPV4;
    return OK;
}
