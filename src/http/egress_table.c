/* egress_table.c -- the special ranges of the IANA registries, and the forms of IPv6 that carry an
 * IPv4 address.
 *
 * IPv4 is public unless a row says otherwise. IPv6 is public only inside 2000::/3, and there unless
 * a row says otherwise. The first row that holds decides, so single addresses stand before their
 * ranges. */
#include <string.h>

#include "base/base.h"
#include "http/egress.h"

struct ipv4_row {
    uint32_t prefix, mask;
    enum egress_class class;
};

#define IPV4(a, b, c, d, bits)                                                                     \
    ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d)), UINT32_MAX << (32 - (bits))

static const struct ipv4_row ipv4_rows[] = {
    {IPV4(100, 100, 100, 200, 32), EGRESS_LINK_LOCAL}, /* metadata service */
    {IPV4(168, 63, 129, 16, 32), EGRESS_LINK_LOCAL},   /* metadata service */
    {IPV4(192, 0, 0, 192, 32), EGRESS_LINK_LOCAL},     /* metadata service */
    {IPV4(0, 0, 0, 0, 8), EGRESS_RESERVED},            /* this network */
    {IPV4(10, 0, 0, 0, 8), EGRESS_PRIVATE},
    {IPV4(100, 64, 0, 0, 10), EGRESS_PRIVATE}, /* carrier-grade NAT */
    {IPV4(127, 0, 0, 0, 8), EGRESS_LOOPBACK},
    {IPV4(169, 254, 0, 0, 16), EGRESS_LINK_LOCAL}, /* and metadata services */
    {IPV4(172, 16, 0, 0, 12), EGRESS_PRIVATE},
    {IPV4(192, 0, 0, 0, 24), EGRESS_RESERVED},   /* protocol assignments */
    {IPV4(192, 0, 2, 0, 24), EGRESS_RESERVED},   /* documentation */
    {IPV4(192, 88, 99, 0, 24), EGRESS_RESERVED}, /* 6to4 relays, withdrawn */
    {IPV4(192, 168, 0, 0, 16), EGRESS_PRIVATE},
    {IPV4(198, 18, 0, 0, 15), EGRESS_RESERVED},   /* benchmarks */
    {IPV4(198, 51, 100, 0, 24), EGRESS_RESERVED}, /* documentation */
    {IPV4(203, 0, 113, 0, 24), EGRESS_RESERVED},  /* documentation */
    {IPV4(224, 0, 0, 0, 4), EGRESS_MULTICAST},
    {IPV4(240, 0, 0, 0, 4), EGRESS_RESERVED}, /* future use, broadcast */
};

/* How an IPv6 range is judged. */
enum ipv6_rule {
    IPV6_CLASS,       /* by `class` */
    IPV6_AS_EMBEDDED, /* exactly as the IPv4 address in it */
    IPV6_NEVER_PUBLIC /* as the IPv4 address in it, but reserved where that is public */
};

struct ipv6_row {
    uint8_t prefix[16];
    uint8_t bits;
    uint8_t rule;  /* enum ipv6_rule */
    uint8_t class; /* enum egress_class */
    uint8_t ipv4_at;
};

static const struct ipv6_row ipv6_rows[] = {
    {{[15] = 1}, 128, IPV6_CLASS, EGRESS_LOOPBACK, 0},
    {{[15] = 0}, 128, IPV6_CLASS, EGRESS_RESERVED, 0},
    {{[10] = 0xff, 0xff}, 96, IPV6_AS_EMBEDDED, 0, 12},             /* mapped */
    {{[8] = 0xff, 0xff}, 96, IPV6_NEVER_PUBLIC, 0, 12},             /* SIIT */
    {{[10] = 0x5e, 0xfe}, 96, IPV6_NEVER_PUBLIC, 0, 12},            /* ISATAP without prefix */
    {{0}, 96, IPV6_NEVER_PUBLIC, 0, 12},                            /* compatible */
    {{0x00, 0x64, 0xff, 0x9b}, 96, IPV6_AS_EMBEDDED, 0, 12},        /* NAT64 */
    {{0x20, 0x02}, 16, IPV6_NEVER_PUBLIC, 0, 2},                    /* 6to4 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, IPV6_CLASS, EGRESS_RESERVED, 0}, /* documentation */
    {{0x20, 0x01, 0x00}, 23, IPV6_CLASS, EGRESS_RESERVED, 0},       /* Teredo, ORCHID, … */
    {{0x3f, 0xff, 0x00}, 20, IPV6_CLASS, EGRESS_RESERVED, 0},       /* documentation */
    {{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54},
     128,
     IPV6_CLASS,
     EGRESS_LINK_LOCAL,
     0}, /* metadata */
    {{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54},
     128,
     IPV6_CLASS,
     EGRESS_LINK_LOCAL,
     0},                                        /* metadata */
    {{0xfc}, 7, IPV6_CLASS, EGRESS_PRIVATE, 0}, /* unique local */
    {{0xfe, 0x80}, 10, IPV6_CLASS, EGRESS_LINK_LOCAL, 0},
    {{0xff}, 8, IPV6_CLASS, EGRESS_MULTICAST, 0},
};

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;

    if (memcmp(address, prefix, whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

static enum egress_class classify_ipv4(const uint8_t *address)
{
    uint32_t number = (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 |
                      (uint32_t)address[2] << 8 | address[3];

    for (size_t i = 0; i < ARRAY_LEN(ipv4_rows); i++)
        if ((number & ipv4_rows[i].mask) == ipv4_rows[i].prefix)
            return ipv4_rows[i].class;
    return EGRESS_PUBLIC;
}

static enum egress_class never_public(enum egress_class class)
{
    return class == EGRESS_PUBLIC ? EGRESS_RESERVED : class;
}

/* An ISATAP interface identifier (…:0:5efe:a.b.c.d or …:200:5efe:a.b.c.d) under any prefix. */
static bool is_isatap(const uint8_t *address)
{
    return (address[8] & 0xfd) == 0 && address[9] == 0 && address[10] == 0x5e &&
           address[11] == 0xfe;
}

static enum egress_class classify_ipv6(const uint8_t *address)
{
    for (size_t i = 0; i < ARRAY_LEN(ipv6_rows); i++) {
        const struct ipv6_row *row = &ipv6_rows[i];

        if (!has_prefix(address, row->prefix, row->bits))
            continue;
        if (row->rule == IPV6_CLASS)
            return (enum egress_class)row->class;
        enum egress_class embedded = classify_ipv4(address + row->ipv4_at);
        return row->rule == IPV6_AS_EMBEDDED ? embedded : never_public(embedded);
    }
    if ((address[0] & 0xe0) != 0x20)
        return EGRESS_RESERVED;
    return is_isatap(address) ? classify_ipv4(address + 12) : EGRESS_PUBLIC;
}

enum egress_class egress_classify(const struct address *address)
{
    switch (address->family) {
    case ADDRESS_IPV4:
        return classify_ipv4(address->bytes);
    case ADDRESS_IPV6:
        return classify_ipv6(address->bytes);
    case ADDRESS_NONE:
        break;
    }
    return EGRESS_RESERVED;
}

const char *egress_class_name(enum egress_class class)
{
    switch (class) {
    case EGRESS_PUBLIC:
        return "public";
    case EGRESS_LOOPBACK:
        return "loopback";
    case EGRESS_PRIVATE:
        return "private network";
    case EGRESS_LINK_LOCAL:
        return "link-local";
    case EGRESS_MULTICAST:
        return "multicast";
    case EGRESS_RESERVED:
        return "reserved";
    }
    return "reserved";
}
