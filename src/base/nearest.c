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

#define BEGINNING_BYTES_MIN 3
#define LETTER 8      /* what a letter counts; what is missing behind a beginning counts less */
#define ALWAYS_NEAR 2 /* letters that may differ in a short word: two that were swapped */

static bool begins(struct str whole, struct str beginning)
{
    return beginning.len >= BEGINNING_BYTES_MIN && whole.len >= beginning.len &&
           str_eq_nocase(str_first(whole, beginning.len), beginning);
}

unsigned nearest_guess(struct str given, struct str known)
{
    size_t longer = given.len > known.len ? given.len : known.len;
    unsigned distance = nearest_distance(given, known);

    if (distance > 1 && (begins(known, given) || begins(given, known)))
        return LETTER + (distance < LETTER ? distance : LETTER - 1);
    if (distance >= longer || (distance > ALWAYS_NEAR && 2 * (size_t)distance > longer))
        return NEAREST_FAR;
    return LETTER * distance;
}
