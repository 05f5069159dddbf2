/* header_text.h -- values of headers where they stand in JSON.
 *
 * They are bytes, and nobody knows what those mean; so each is one character, from U+0000 to
 * U+00FF, as in WSGI, ASGI and the Fetch standard. */
#ifndef FORMAT_HEADER_TEXT_H
#define FORMAT_HEADER_TEXT_H

#include "base/arena.h"

/* In the arena if it differs. */
struct str header_text_of(struct arena *arena, struct str value);
/* Back again, in the arena, without blanks at its ends. ERR_INVALID: a character that is none of
 * those, or that may not stand in a value. */
enum err header_text_read(struct arena *arena, struct str text, struct str *value) MUST_USE;

#endif
