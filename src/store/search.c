/* Picks the statement of a search's order. */
#include "store/search.h"

const struct db_statement *search_statement(const struct search_order *orders, size_t count,
                                            struct str sort_by, bool ascending)
{
    const struct search_order *chosen = &orders[0];

    for (size_t i = 0; i < count; i++)
        if (str_eq(sort_by, str_of(orders[i].sort_by)))
            chosen = &orders[i];
    return ascending ? &chosen->ascending : &chosen->descending;
}
