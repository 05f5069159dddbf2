/* postgres_arrays.c -- many rows as the arrays of one statement, in PostgreSQL's binary form.
 *
 * The statement casts each parameter to an array; so the server says which type its values have,
 * also where all of them are NULL. */
#include <endian.h>

#include "db/postgres_priv.h"

/* pg_type.oid of the arrays, and of what is in them; they never change. */
#define OID_BYTEA_ARRAY 1001
#define OID_TEXT_ARRAY 1009
#define OID_INT8_ARRAY 1016
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_TEXT 25

static void add_i32(struct buf *out, int32_t number)
{
    uint32_t bits = htobe32((uint32_t)number);

    buf_add(out, str_range((const char *)&bits, sizeof(bits)));
}

static Oid element_of(Oid array)
{
    switch (array) {
    case OID_INT8_ARRAY:
        return OID_INT8;
    case OID_TEXT_ARRAY:
        return OID_TEXT;
    case OID_BYTEA_ARRAY:
        return OID_BYTEA;
    default:
        return 0;
    }
}

static void add_value(struct buf *out, const struct db_value *value, Oid element)
{
    uint64_t bits = htobe64((uint64_t)value->integer);

    if (value->type == DB_NULL) {
        add_i32(out, -1);
        return;
    }
    REQUIRE(postgres_type(value) == element);
    if (value->type == DB_INT) {
        add_i32(out, sizeof(bits));
        buf_add(out, str_range((const char *)&bits, sizeof(bits)));
        return;
    }
    add_i32(out, value->bytes.len > INT32_MAX ? INT32_MAX : (int32_t)value->bytes.len);
    buf_add(out, value->bytes);
}

/* One dimension, whose first index is 1. */
static void add_array(struct buf *out, const struct db_call *call, size_t column, size_t row_count,
                      Oid element)
{
    bool has_null = false;

    for (size_t row = 0; row < row_count && !has_null; row++)
        has_null = call->args[row * call->arg_count + column].type == DB_NULL;
    add_i32(out, 1);
    add_i32(out, has_null);
    add_i32(out, (int32_t)element);
    add_i32(out, (int32_t)row_count);
    add_i32(out, 1);
    for (size_t row = 0; row < row_count; row++)
        add_value(out, &call->args[row * call->arg_count + column], element);
}

enum err postgres_bind_rows(struct postgres *postgres, const struct db_call *call,
                            const struct prepared *prepared, size_t row_count, struct buf *out,
                            struct bound *bound)
{
    size_t begins[DB_PARAMS_MAX + 1];

    for (size_t i = 0; i < call->arg_count; i++) {
        Oid element = element_of(prepared->types[i]);

        REQUIRE(element); /* the statement's text has to say BIGINT[], TEXT[] or BYTEA[] */
        begins[i] = out->len;
        add_array(out, call, i, row_count, element);
    }
    begins[call->arg_count] = out->len;
    if (out->failed)
        return db_note_error(&postgres->db, ERR_LIMIT, call->statement->name, "too long");
    for (size_t i = 0; i < call->arg_count; i++) {
        bound->values[i] = out->data + begins[i];
        bound->lengths[i] = (int)(begins[i + 1] - begins[i]);
        bound->formats[i] = 1;
    }
    return OK;
}
