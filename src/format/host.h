/* host.h -- what may stand as a host in a URL or an allow-list.
 *
 *   name = label *("." label), ≤ HOST_NAME_BYTES_MAX, no dot at the end
 *   label = 1–63 of a-z A-Z 0-9 - _, no hyphen at either end
 *   ipv4 = four decimal numbers 0–255 without leading zeros
 *   ipv6 = RFC 4291 text, without brackets and without zone
 *
 * A host whose last label is a number (decimal, or 0x and hex) is an ipv4 or nothing: 0177.1,
 * 0x7f.1, 2130706433 and 127.1 mean 127.0.0.1 to some libraries. Pure: no allocation. */
#ifndef FORMAT_HOST_H
#define FORMAT_HOST_H

#include "base/str.h"

#define HOST_NAME_BYTES_MAX 253
#define HOST_LABEL_BYTES_MAX 63

enum host_kind { HOST_NAME, HOST_IPV4, HOST_IPV6 };

/* A name or an ipv4. On ERR_INVALID *why is static text for people. */
enum err host_parse(struct str text, enum host_kind *kind, const char **why) MUST_USE;
bool host_is_ipv4(struct str text);
bool host_is_ipv6(struct str text);

#endif
