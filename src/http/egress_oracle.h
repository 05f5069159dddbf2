/* egress_oracle.h -- the ranges of IPv4 that are not public, once more and written differently:
 * first and last address, in order. For tests; the table proper is in egress_table.c. */
#ifndef HTTP_EGRESS_ORACLE_H
#define HTTP_EGRESS_ORACLE_H

#include "base/base.h"

struct egress_oracle_range {
    uint32_t first, last;
};

static const struct egress_oracle_range egress_oracle[] = {
    {0x00000000, 0x00ffffff}, /* 0/8 */
    {0x0a000000, 0x0affffff}, /* 10/8 */
    {0x64400000, 0x647fffff}, /* 100.64/10 */
    {0x7f000000, 0x7fffffff}, /* 127/8 */
    {0xa83f8110, 0xa83f8110}, /* 168.63.129.16 */
    {0xa9fe0000, 0xa9feffff}, /* 169.254/16 */
    {0xac100000, 0xac1fffff}, /* 172.16/12 */
    {0xc0000000, 0xc00000ff}, /* 192.0.0/24 */
    {0xc0000200, 0xc00002ff}, /* 192.0.2/24 */
    {0xc0586300, 0xc05863ff}, /* 192.88.99/24 */
    {0xc0a80000, 0xc0a8ffff}, /* 192.168/16 */
    {0xc6120000, 0xc613ffff}, /* 198.18/15 */
    {0xc6336400, 0xc63364ff}, /* 198.51.100/24 */
    {0xcb007100, 0xcb0071ff}, /* 203.0.113/24 */
    {0xe0000000, 0xffffffff}, /* multicast, future use, broadcast */
};

static const size_t egress_oracle_count = ARRAY_LEN(egress_oracle);

static inline bool egress_oracle_is_public(uint32_t number)
{
    for (size_t i = 0; i < egress_oracle_count; i++)
        if (number >= egress_oracle[i].first && number <= egress_oracle[i].last)
            return false;
    return true;
}

#endif
