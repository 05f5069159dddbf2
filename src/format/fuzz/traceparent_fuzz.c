/* What is read can be written, and is then read as the same. */
#include "format/traceparent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct traceparent parent, again;
    struct traceparent_text text;
    struct str written;

    if (traceparent_parse(str_range((const char *)data, size), &parent))
        return 0;
    written = traceparent_write(&parent, size, &text);
    REQUIRE(traceparent_parse(written, &again) == OK);
    REQUIRE(str_eq(again.trace_id, parent.trace_id) && again.is_sampled == parent.is_sampled);
    return 0;
}
