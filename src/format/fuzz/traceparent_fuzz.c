/* What is read can be written, and is then read as the same. */
#include "format/traceparent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct traceparent parent, again;
    struct buf out;

    if (traceparent_parse(str_range((const char *)data, size), &parent))
        return 0;
    buf_init(&out, KIB);
    traceparent_write(&out, &parent, size);
    REQUIRE(traceparent_parse(buf_str(&out), &again) == OK);
    REQUIRE(str_eq(again.trace_id, parent.trace_id) && again.is_sampled == parent.is_sampled);
    buf_release(&out);
    return 0;
}
