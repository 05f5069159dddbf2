/* Dotted orders: what is read, written again from its parts, is what stood there. */
#include "format/dotted_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);
    struct dotted_order order;
    struct dotted_segment segment;

    if (dotted_order_parse(text, &order))
        return 0;
    if (size >= DOTTED_SEGMENT_BYTES && data[size - UUID_TEXT_BYTES + 8] == '-') {
        struct str last = str_from(text, size - DOTTED_SEGMENT_BYTES);

        REQUIRE(str_eq_nocase(dotted_segment_write(order.start_us, order.span_id, &segment), last));
    }
    return 0;
}
