/* Edit distance by rows. */
#include "base/nearest.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned min_of(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

unsigned nearest_distance(struct str a, struct str b)
{
    unsigned row[NEAREST_BYTES_MAX + 1];

    if (a.len > NEAREST_BYTES_MAX || b.len > NEAREST_BYTES_MAX)
        return NEAREST_FAR;
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 0; i < a.len; i++) {
        unsigned diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            unsigned changed = diagonal + (lower(a.data[i]) != lower(b.data[j]));

            diagonal = row[j + 1];
            row[j + 1] = min_of(changed, row[j] + 1, diagonal + 1);
        }
    }
    return row[b.len];
}
