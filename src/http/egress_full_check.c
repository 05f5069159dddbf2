/* egress_full_check.c -- every IPv4 address there is, against a bitmap made from the oracle. For
 * `make soak`. */
#include <stdio.h>

#include "base/mem.h"
#include "http/egress.h"
#include "http/egress_oracle.h"

int main(void)
{
    size_t bytes = (size_t)1 << 29;
    uint8_t *closed = mem_alloc_zero(bytes);
    uint64_t wrong = 0;
    uint64_t open = 0;

    for (size_t i = 0; i < egress_oracle_count; i++)
        for (uint64_t number = egress_oracle[i].first; number <= egress_oracle[i].last; number++)
            closed[number / 8] |= (uint8_t)(1U << number % 8);
    for (uint64_t number = 0; number <= UINT32_MAX; number++) {
        struct address address = {.family = ADDRESS_IPV4,
                                  .bytes = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                                            (uint8_t)(number >> 8), (uint8_t)number}};
        bool is_open = egress_classify(&address) == EGRESS_PUBLIC;

        open += is_open;
        wrong += is_open == (closed[number / 8] >> number % 8 & 1);
    }
    mem_free(closed);
    printf("%llu of 4294967296 addresses are public; %llu disagree\n", (unsigned long long)open,
           (unsigned long long)wrong);
    return wrong != 0;
}
