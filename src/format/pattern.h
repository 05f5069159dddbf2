/* pattern.h -- regular expressions as users write them (\d, (?:…)), by POSIX' matcher.
 *
 * What a stranger may write is bounded, so that no pattern costs more memory or time than it is
 * worth: PATTERN_BYTES_MAX, no back references, and with PATTERN_MODEST few repetitions. */
#ifndef FORMAT_PATTERN_H
#define FORMAT_PATTERN_H

#include <regex.h>

#include "base/arena.h"

#define PATTERN_BYTES_MAX 4096
#define PATTERN_MODEST_BYTES_MAX 256
#define PATTERN_REPEAT_MAX 99 /* of a modest one: in {m,n}, of which it may have two */

enum pattern_kind {
    PATTERN_WHOLE = 1 << 0, /* the whole text has to match, not a part of it */
    PATTERN_MODEST = 1 << 1 /* written by a stranger */
};

/* ERR_INVALID: *why says what is wrong, in the arena. The caller frees it with regfree. */
enum err pattern_compile(regex_t *regex, struct str text, unsigned kind, struct arena *arena,
                         struct str *why) MUST_USE;

#endif
