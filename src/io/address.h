/* address.h -- an IP address and port, without the sockaddr zoo. */
#ifndef IO_ADDRESS_H
#define IO_ADDRESS_H

#include "base/str.h"

enum address_family { ADDRESS_NONE, ADDRESS_IPV4, ADDRESS_IPV6 };

struct address {
    enum address_family family;
    uint8_t bytes[16]; /* network order; IPv4 uses the first four */
    uint16_t port;
};

#define ADDRESS_TEXT_MAX 64

struct address_text {
    char text[ADDRESS_TEXT_MAX];
};

/* Strict: dotted quad without leading zeros, or RFC 4291 text without brackets or zone. */
enum err address_parse_ip(struct str text, struct address *address) MUST_USE;
/* "127.0.0.1:8123", "[::1]:0", "0.0.0.0:80". */
enum err address_parse_host_port(struct str text, struct address *address) MUST_USE;
struct str address_write_ip(const struct address *address, struct address_text *text);
struct str address_write(const struct address *address, struct address_text *text); /* with port */
bool address_eq_ip(const struct address *a, const struct address *b);
bool address_eq(const struct address *a, const struct address *b);
bool address_is_loopback(const struct address *address);
/* 0.0.0.0 or ::. Who listens there hears all addresses; who connects there stays on this machine.
 */
bool address_is_any(const struct address *address);
/* The IPv4 address behind these 96 bits of an IPv6 one; any other address as it is. */
struct address address_behind(const struct address *address, const uint8_t prefix[12]);
/* ::ffff:a.b.c.d is a.b.c.d in all respects. */
struct address address_unmapped(const struct address *address);

#endif
