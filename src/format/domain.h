/* domain.h -- allow-lists of hosts.
 *
 *   pattern = host           that host and no other
 *           | "*." name      its subdomains of any depth, never the name itself
 *
 * In any letter case. A wildcard is compared label by label from a dot on, so "*.example.com" does
 * not admit "evilexample.com", and it never admits an IP address. Pure: no allocation. */
#ifndef FORMAT_DOMAIN_H
#define FORMAT_DOMAIN_H

#include "format/host.h"

/* On ERR_INVALID *why is static text for people. IPv6 patterns stand without brackets. */
enum err domain_pattern_check(struct str pattern, const char **why) MUST_USE;
/* `host` as in struct url. A pattern that does not pass the check admits nothing. */
bool domain_admits(struct str pattern, struct str host);
bool domain_list_admits(const struct str *patterns, size_t count, struct str host);

#endif
