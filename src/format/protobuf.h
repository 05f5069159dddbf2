/* protobuf.h -- messages of Protocol Buffers as bytes: read field by field, written the same way.
 *
 *   message = field*            field = tag value
 *   tag     = varint: number << 3 | wire type
 *   value   = varint (0) | 8 bytes (1) | varint length, bytes (2) | 4 bytes (5)
 *
 * The reader pulls: it allocates nothing, knows no schema and borrows the text. A message inside a
 * message is the bytes of a field, to be read by a reader of its own; how deep that may go is the
 * caller's limit. Groups (wire types 3 and 4, long deprecated), field number 0 and varints of more
 * than 64 bits are refused. */
#ifndef FORMAT_PROTOBUF_H
#define FORMAT_PROTOBUF_H

#include "base/buf.h"

enum protobuf_type {
    PROTOBUF_VARINT = 0,
    PROTOBUF_FIXED64 = 1,
    PROTOBUF_BYTES = 2,
    PROTOBUF_FIXED32 = 5
};

struct protobuf_reader {
    struct str rest;
    bool failed; /* what stands there is no field */
};

struct protobuf_field {
    uint32_t number;
    enum protobuf_type type;
    uint64_t value;   /* of a number */
    struct str bytes; /* of PROTOBUF_BYTES; STR_NONE of others */
};

void protobuf_reader_init(struct protobuf_reader *r, struct str message);
/* False at the end, or when r->failed. */
bool protobuf_next(struct protobuf_reader *r, struct protobuf_field *field);

/* A field of type `double` is 8 bytes. */
double protobuf_double(const struct protobuf_field *field);

void protobuf_put_varint(struct buf *out, uint32_t number, uint64_t value);
void protobuf_put_bytes(struct buf *out, uint32_t number, struct str bytes);

#endif
