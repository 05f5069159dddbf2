/* Reads and writes fields of Protocol Buffers. */
#include "format/protobuf.h"

#define NUMBER_MAX 536870911 /* 2^29 - 1 */

void protobuf_reader_init(struct protobuf_reader *r, struct str message)
{
    *r = (struct protobuf_reader){.rest = message};
}

/* The tenth byte has room for one bit. */
static bool take_varint(struct str *rest, uint64_t *value)
{
    uint64_t number = 0;

    for (size_t i = 0; i < rest->len && i < 10; i++) {
        unsigned char byte = (unsigned char)rest->data[i];

        if (i == 9 && byte > 1)
            return false;
        number |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        *rest = str_from(*rest, i + 1);
        *value = number;
        return true;
    }
    return false;
}

/* Little-endian. */
static bool take_fixed(struct str *rest, size_t bytes, uint64_t *value)
{
    uint64_t number = 0;

    if (rest->len < bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        number |= (uint64_t)(unsigned char)rest->data[i] << (8 * i);
    *rest = str_from(*rest, bytes);
    *value = number;
    return true;
}

static bool take_bytes(struct str *rest, struct str *bytes)
{
    uint64_t len;

    if (!take_varint(rest, &len) || len > rest->len)
        return false;
    *bytes = str_first(*rest, (size_t)len);
    *rest = str_from(*rest, (size_t)len);
    return true;
}

static bool take_field(struct str *rest, struct protobuf_field *field)
{
    uint64_t tag;

    if (!take_varint(rest, &tag) || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
        return false;
    field->number = (uint32_t)(tag >> 3);
    switch (tag & 7) {
    case PROTOBUF_VARINT:
        field->type = PROTOBUF_VARINT;
        return take_varint(rest, &field->value);
    case PROTOBUF_FIXED64:
        field->type = PROTOBUF_FIXED64;
        return take_fixed(rest, 8, &field->value);
    case PROTOBUF_BYTES:
        field->type = PROTOBUF_BYTES;
        return take_bytes(rest, &field->bytes);
    case PROTOBUF_FIXED32:
        field->type = PROTOBUF_FIXED32;
        return take_fixed(rest, 4, &field->value);
    default:
        return false;
    }
}

bool protobuf_next(struct protobuf_reader *r, struct protobuf_field *field)
{
    struct protobuf_field next = {0};

    if (r->failed || r->rest.len == 0)
        return false;
    r->failed = !take_field(&r->rest, &next);
    if (r->failed)
        return false;
    *field = next;
    return true;
}

double protobuf_double(const struct protobuf_field *field)
{
    double number;

    static_assert(sizeof(number) == sizeof(field->value), "the same bits");
    memcpy(&number, &field->value, sizeof(number));
    return number;
}

static void put_varint(struct buf *out, uint64_t value)
{
    while (value >= 0x80) {
        buf_add_char(out, (char)(unsigned char)(value | 0x80));
        value >>= 7;
    }
    buf_add_char(out, (char)value);
}

void protobuf_put_varint(struct buf *out, uint32_t number, uint64_t value)
{
    put_varint(out, (uint64_t)number << 3 | PROTOBUF_VARINT);
    put_varint(out, value);
}

void protobuf_put_bytes(struct buf *out, uint32_t number, struct str bytes)
{
    put_varint(out, (uint64_t)number << 3 | PROTOBUF_BYTES);
    put_varint(out, bytes.len);
    buf_add(out, bytes);
}
