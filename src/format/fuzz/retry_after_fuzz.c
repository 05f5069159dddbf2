/* The delay stays within its bound whatever the receiver says. */
#include "format/retry_after.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t delay_ms = 0;

    if (retry_after_parse(str_range((const char *)data, size), INT64_C(1795237957000000), 86400000,
                          &delay_ms) == OK)
        REQUIRE(delay_ms >= 0 && delay_ms <= 86400000);
    return 0;
}
