/* What is read is written again and reads back the same; numbers of fixed width come back as
 * varints of the same value. */
#include "format/protobuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct protobuf_reader r, again;
    struct protobuf_field field, same;
    struct buf out;

    buf_init(&out, 64 * MIB);
    protobuf_reader_init(&r, str_range((const char *)data, size));
    while (protobuf_next(&r, &field))
        if (field.type == PROTOBUF_BYTES)
            protobuf_put_bytes(&out, field.number, field.bytes);
        else
            protobuf_put_varint(&out, field.number, field.value);
    REQUIRE(r.failed || r.rest.len == 0);
    protobuf_reader_init(&r, str_range((const char *)data, size));
    protobuf_reader_init(&again, buf_str(&out));
    while (protobuf_next(&r, &field)) {
        REQUIRE(protobuf_next(&again, &same));
        REQUIRE(same.number == field.number && same.value == field.value);
        REQUIRE(str_eq(same.bytes, field.bytes));
    }
    REQUIRE(!protobuf_next(&again, &same) && !again.failed);
    buf_release(&out);
    return 0;
}
