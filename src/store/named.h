/* named.h -- what tables have in common whose rows have an id and a name, both theirs alone in
 * their tenant: datasets, annotation queues. */
#ifndef STORE_NAMED_H
#define STORE_NAMED_H

#include "store/store.h"

#define NAMED_BYTES_MAX 512 /* of a name */

/* Which of them a list asks for. */
struct named_filter {
    struct str tenant;
    struct str ids; /* JSON array of texts; STR_NONE: any; so below */
    struct str name;
    struct str name_contains; /* in any letter case */
    int64_t limit, offset;
};

/* Conditions of a search: $1 the tenant, $2 ids, $3 the name, $4 a part of it. */
#define NAMED_IS "tenant = $1 AND (CAST($3 AS TEXT) IS NULL OR name = $3)"
#define NAMED_IN_SQLITE(id)                                                                        \
    " AND (CAST($2 AS TEXT) IS NULL OR " id " IN (SELECT value FROM json_each($2)))"               \
    " AND (CAST($4 AS TEXT) IS NULL OR instr(LOWER(name), LOWER($4)) > 0)"
#define NAMED_IN_POSTGRES(id)                                                                      \
    " AND (CAST($2 AS TEXT) IS NULL OR " id                                                        \
    " IN (SELECT jsonb_array_elements_text(CAST($2 AS jsonb))))"                                   \
    " AND (CAST($4 AS TEXT) IS NULL OR strpos(LOWER(name), LOWER($4)) > 0)"
/* The newest first; both numbers are parameters: "$5", "$6". */
#define NAMED_PAGE(id, limit, offset)                                                              \
    " ORDER BY created_us DESC, " id " LIMIT CAST(" limit " AS BIGINT) OFFSET CAST(" offset        \
    " AS BIGINT)"

/* An INSERT … ON CONFLICT DO NOTHING. ERR_CONFLICT: it did nothing. */
enum err named_insert(struct tx *tx, const struct db_statement *statement,
                      const struct db_value *args, size_t arg_count) MUST_USE;
/* A statement about one row that must be there. ERR_NOT_FOUND: it touched none. */
enum err named_change(struct tx *tx, const struct db_statement *statement,
                      const struct db_value *args, size_t arg_count) MUST_USE;

#endif
