/* address.c -- text of addresses. */
#include "io/address.h"

#include <arpa/inet.h>

enum err address_parse_ip(struct str text, struct address *address)
{
    char cstr[INET6_ADDRSTRLEN];
    struct address parsed = {0};

    if (str_is_empty(text) || text.len >= sizeof(cstr) || memchr(text.data, '\0', text.len))
        return ERR_INVALID;
    memcpy(cstr, text.data, text.len);
    cstr[text.len] = '\0';
    if (inet_pton(AF_INET, cstr, parsed.bytes) == 1)
        parsed.family = ADDRESS_IPV4;
    else if (inet_pton(AF_INET6, cstr, parsed.bytes) == 1)
        parsed.family = ADDRESS_IPV6;
    else
        return ERR_INVALID;
    *address = parsed;
    return OK;
}

static enum err port_parse(struct str text, uint16_t *port)
{
    unsigned value = 0;

    if (text.len < 1 || text.len > 5)
        return ERR_INVALID;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return ERR_INVALID;
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    if (value > UINT16_MAX)
        return ERR_INVALID;
    *port = (uint16_t)value;
    return OK;
}

enum err address_parse_host_port(struct str text, struct address *address)
{
    struct address parsed;
    struct str host = text;
    size_t colon = text.len;
    bool bracketed;

    while (colon > 0 && text.data[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return ERR_INVALID;
    host.len = colon - 1;
    bracketed = host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
    if (bracketed)
        host = (struct str){host.data + 1, host.len - 2};
    if (address_parse_ip(host, &parsed) || bracketed != (parsed.family == ADDRESS_IPV6))
        return ERR_INVALID;
    if (port_parse((struct str){text.data + colon, text.len - colon}, &parsed.port))
        return ERR_INVALID;
    *address = parsed;
    return OK;
}

/* Appends to a text of `len` bytes and returns its new length. All there is to write fits. */
static size_t add(struct address_text *text, size_t len, struct str part)
{
    REQUIRE(part.len <= sizeof(text->text) - len);
    memcpy(text->text + len, part.data, part.len);
    return len + part.len;
}

/* Each attempt writes down whom it has called: by hand, several times faster than with a format. */
static size_t add_ip(struct address_text *text, size_t len, const struct address *address)
{
    char ipv6[INET6_ADDRSTRLEN];
    struct integer_text digits;

    if (address->family == ADDRESS_IPV6) {
        REQUIRE(inet_ntop(AF_INET6, address->bytes, ipv6, sizeof(ipv6)));
        return add(text, len, str_of(ipv6));
    }
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            len = add(text, len, STR("."));
        len = add(text, len, str_from_i64(address->bytes[i], &digits));
    }
    return len;
}

struct str address_write_ip(const struct address *address, struct address_text *text)
{
    if (address->family == ADDRESS_NONE)
        return STR("-");
    return str_range(text->text, add_ip(text, 0, address));
}

struct str address_write(const struct address *address, struct address_text *text)
{
    bool brackets = address->family == ADDRESS_IPV6;
    struct integer_text digits;
    size_t len = 0;

    if (address->family == ADDRESS_NONE)
        return STR("-");
    if (brackets)
        len = add(text, len, STR("["));
    len = add_ip(text, len, address);
    len = add(text, len, brackets ? STR("]:") : STR(":"));
    len = add(text, len, str_from_i64(address->port, &digits));
    return str_range(text->text, len);
}

bool address_eq_ip(const struct address *a, const struct address *b)
{
    size_t len = a->family == ADDRESS_IPV6 ? 16 : 4;

    return a->family == b->family &&
           (a->family == ADDRESS_NONE || memcmp(a->bytes, b->bytes, len) == 0);
}

bool address_eq(const struct address *a, const struct address *b)
{
    return address_eq_ip(a, b) && a->port == b->port;
}

struct address address_behind(const struct address *address, const uint8_t prefix[12])
{
    struct address ipv4 = {.family = ADDRESS_IPV4, .port = address->port};

    if (address->family != ADDRESS_IPV6 || memcmp(address->bytes, prefix, 12) != 0)
        return *address;
    memcpy(ipv4.bytes, address->bytes + 12, 4);
    return ipv4;
}

struct address address_unmapped(const struct address *address)
{
    static const uint8_t prefix[12] = {[10] = 0xff, 0xff};

    return address_behind(address, prefix);
}

bool address_is_loopback(const struct address *address)
{
    static const uint8_t one[16] = {[15] = 1};
    struct address plain = address_unmapped(address);

    if (plain.family == ADDRESS_IPV4)
        return plain.bytes[0] == 127;
    return plain.family == ADDRESS_IPV6 && memcmp(plain.bytes, one, 16) == 0;
}

bool address_is_any(const struct address *address)
{
    static const uint8_t zeros[16];

    return memcmp(address->bytes, zeros, address->family == ADDRESS_IPV6 ? 16 : 4) == 0;
}
