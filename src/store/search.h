/* search.h -- statement families for searches that may be sorted by one of several columns.
 *
 * An index is used only if the ORDER BY is part of the text, so each order is a statement of its
 * own; this macro writes the family. `N` is the name, `BODY` everything before ORDER BY. The
 * parameters $1 and $2 of the family are the limit and the offset. */
#ifndef STORE_SEARCH_H
#define STORE_SEARCH_H

#include "db/db.h"

struct search_order {
    const char *sort_by; /* as the API names it */
    struct db_statement descending, ascending;
};

#define SEARCH_TAIL(column, direction, key)                                                        \
    " ORDER BY " column " " direction ", " key " " direction                                       \
    " LIMIT CAST($1 AS BIGINT) OFFSET CAST($2 AS BIGINT)"

#define SEARCH_ORDER(N, SORT_BY, COLUMN, KEY, SQLITE, POSTGRES)                                    \
    {                                                                                              \
        SORT_BY,                                                                                   \
            {N "_by_" SORT_BY "_desc", SQLITE SEARCH_TAIL(COLUMN, "DESC", KEY),                    \
             POSTGRES SEARCH_TAIL(COLUMN, "DESC", KEY)},                                           \
        {                                                                                          \
            N "_by_" SORT_BY "_asc", SQLITE SEARCH_TAIL(COLUMN, "ASC", KEY),                       \
                POSTGRES SEARCH_TAIL(COLUMN, "ASC", KEY)                                           \
        }                                                                                          \
    }

/* Do the metadata contain one of the objects of the JSON array in this parameter? NULL: no matter.
 * It is what an auth handler lets the caller see (auth/filter.h). */
#define SQLITE_ADMITS(param)                                                                       \
    " AND (CAST(" param " AS TEXT) IS NULL OR json_contains_any(metadata, " param "))"
#define POSTGRES_ADMITS(param)                                                                     \
    " AND (CAST(" param " AS TEXT) IS NULL OR metadata::jsonb @> ANY"                              \
    " (SELECT jsonb_array_elements(CAST(" param " AS jsonb))))"

/* The statement for `sort_by`; the first order if it is unknown or STR_NONE. */
const struct db_statement *search_statement(const struct search_order *orders, size_t count,
                                            struct str sort_by, bool ascending);

#endif
