/* text_diff.h -- what changed between two texts, line by line, in the unified form:
 *
 *   @@ -1,3 +1,3 @@
 *    a line that stayed
 *   -one that went
 *   +one that came
 *   \ No newline at end of file
 *
 * The shortest way from one to the other (Myers) as long as it is not longer than
 * TEXT_DIFF_STEPS_MAX; beyond that, or with more lines than TEXT_DIFF_LINES_MAX, what differs
 * between the common beginning and the common end is shown as replaced. Pure. */
#ifndef FORMAT_TEXT_DIFF_H
#define FORMAT_TEXT_DIFF_H

#include "base/buf.h"

#define TEXT_DIFF_STEPS_MAX 1000
#define TEXT_DIFF_LINES_MAX 100000

struct text_diff_count {
    size_t added, removed; /* lines */
};

/* Appends the hunks with up to `context` lines around each; nothing if the texts are the same. */
struct text_diff_count text_diff(struct buf *out, struct str before, struct str after,
                                 size_t context);

#endif
