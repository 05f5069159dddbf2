/* What parses has a next minute that fits, and the one after is later. */
#include "format/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cron cron;
    struct cron_error error;
    int64_t first, second;

    if (cron_parse(str_range((const char *)data, size), &cron, &error))
        return 0;
    first = cron_next(&cron, (int64_t)size * 99991);
    second = cron_next(&cron, first + 1);
    REQUIRE(first >= (int64_t)size * 99991 && second > first);
    REQUIRE(cron.minutes & (UINT64_C(1) << (first % 60)));
    return 0;
}
