/* uuid_column.h -- UUIDs as the 16 bytes of a BYTEA column. */
#ifndef STORE_UUID_COLUMN_H
#define STORE_UUID_COLUMN_H

#include "base/uuid.h"
#include "db/db.h"

/* Borrows *id. */
static inline struct db_value db_uuid(const struct uuid *id)
{
    return db_blob(str_range((const char *)id->bytes, sizeof(id->bytes)));
}

static inline struct db_value db_uuid_or_null(const struct uuid *id, bool is_there)
{
    return is_there ? db_uuid(id) : db_null();
}

/* NULL gives zeroes. */
static inline struct uuid db_get_uuid(const struct db_rows *rows, int column)
{
    struct str bytes = db_get_str(rows, column);
    struct uuid id = {{0}};

    if (bytes.len == sizeof(id.bytes))
        memcpy(id.bytes, bytes.data, sizeof(id.bytes));
    return id;
}

#endif
