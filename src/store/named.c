/* Rows that have a name; see named.h. */
#include "store/named.h"

enum err named_insert(struct tx *tx, const struct db_statement *statement,
                      const struct db_value *args, size_t arg_count)
{
    int64_t changed = 0;
    enum err err;

    REQUIRE(tx->is_write);
    err = db_run(tx->db, statement, args, arg_count, &changed);
    return !err && changed == 0 ? ERR_CONFLICT : err;
}

enum err named_change(struct tx *tx, const struct db_statement *statement,
                      const struct db_value *args, size_t arg_count)
{
    int64_t changed = 0;
    enum err err;

    REQUIRE(tx->is_write);
    err = db_run(tx->db, statement, args, arg_count, &changed);
    return !err && changed == 0 ? ERR_NOT_FOUND : err;
}
