/* header.h -- which HTTP header fields a user may add to a webhook request.
 *
 *   name  = 1*tchar                                       (RFC 9110, 5.6.2), ≤
 * HEADER_NAME_BYTES_MAX value = empty, or printable ASCII, blank and tab, without a blank at either
 * end, ≤ HEADER_VALUE_BYTES_MAX
 *
 * Line breaks, NUL and bytes above 0x7e are never part of a value, so no header can smuggle in a
 * second one. Pure: no allocation. */
#ifndef FORMAT_HEADER_H
#define FORMAT_HEADER_H

#include "base/str.h"

#define HEADER_NAME_BYTES_MAX 256
#define HEADER_VALUE_BYTES_MAX 8192

struct header_pair {
    struct str name, value;
};

bool header_name_is_valid(struct str name);
bool header_value_is_valid(struct str value);
/* What is wrong with the two, to be said behind the name; NULL: nothing. A value that is none is
 * wrong too. */
const char *header_problem(struct str name, struct str value);
/* Is it a field that the sender itself writes or that changes how the message is framed? In any
 * letter case. */
bool header_is_reserved(struct str name);

#endif
