/* protobuf_test.c -- the encodings of the published description, and what is refused. */
#include "format/protobuf.h"

#include "base/test.h"

static struct protobuf_reader reader;
static struct protobuf_field field;

static void read_from(const char *bytes, size_t len)
{
    protobuf_reader_init(&reader, str_range(bytes, len));
}
#define READ(literal) read_from("" literal, sizeof(literal) - 1)

static void all_types(void **state)
{
    (void)state;
    READ("\x08\x96\x01\x12\x07testing\x1d\x01\x02\x03\x04\x21\0\0\0\0\0\0\xf8\x3f");
    assert_true(protobuf_next(&reader, &field));
    assert_int_equal(field.number, 1);
    assert_int_equal(field.value, 150);
    assert_true(protobuf_next(&reader, &field));
    assert_int_equal(field.number, 2);
    ASSERT_STR(field.bytes, "testing");
    assert_true(protobuf_next(&reader, &field));
    assert_int_equal(field.type, PROTOBUF_FIXED32);
    assert_int_equal(field.value, 0x04030201);
    assert_true(protobuf_next(&reader, &field));
    assert_int_equal(field.type, PROTOBUF_FIXED64);
    assert_true(protobuf_double(&field) > 1.49 && protobuf_double(&field) < 1.51);
    assert_false(protobuf_next(&reader, &field));
    assert_false(reader.failed);
}

static void largest(void **state)
{
    (void)state;
    READ("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    assert_true(protobuf_next(&reader, &field));
    assert_true(field.value == UINT64_MAX);
}

static void refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\x08", 1},                                          /* no value */
        {"\x80", 1},                                          /* half a tag */
        {"\x00\x01", 2},                                      /* field 0 */
        {"\x0b", 1},                                          /* a group begins */
        {"\x0c", 1},                                          /* … ends */
        {"\x0e\x01", 2},                                      /* no such type */
        {"\x0a\x05test", 6},                                  /* longer than what is there */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* … by far */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11}, /* 65 bits */
        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12},
        {"\x09\x01\x02\x03\x04\x05\x06\x07", 8},
        {"\x0d\x01\x02\x03", 4},
        {"\x88\x80\x80\x80\x10\x01", 6}, /* field 2^29 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        read_from(cases[i].bytes, cases[i].len);
        assert_false(protobuf_next(&reader, &field));
        assert_true(reader.failed);
        assert_false(protobuf_next(&reader, &field));
    }
}

static void written(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, KIB);
    protobuf_put_varint(&out, 1, 150);
    protobuf_put_bytes(&out, 2, STR("testing"));
    protobuf_put_varint(&out, 1000, UINT64_MAX);
    protobuf_reader_init(&reader, buf_str(&out));
    assert_true(protobuf_next(&reader, &field) && field.value == 150);
    assert_true(protobuf_next(&reader, &field) && str_eq(field.bytes, STR("testing")));
    assert_true(protobuf_next(&reader, &field) && field.number == 1000);
    assert_true(field.value == UINT64_MAX);
    buf_release(&out);
}

static const struct CMUnitTest tests[] = {
    TEST("fields of all types are read", all_types),
    TEST("64 bits fit into a varint", largest),
    TEST("what is no field is refused, once and for all", refused),
    TEST("what is written reads back", written),
};

int main(void)
{
    return RUN_TESTS(tests);
}
