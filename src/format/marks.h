/* marks.h -- a few bits that tell of a span which texts it may hold, so that most spans that do not
 * hold what is searched for are passed over without a look at their values.
 *
 * Each fact (a name, a tag, a thread, an example, a pair of the metadata) sets MARKS_PER_FACT of
 * 128 bits, chosen by a hash. A span has the bits of all its facts; what a filter demands has the
 * bits of the facts that every match has. Where a demanded bit is missing the span is no match;
 * where all are there it may be one. Bits are only ever added, so what a span said before it
 * changed its mind costs a look, never a match.
 *
 * Values are brought to one form, since 1, "1" and "1.0" may be equal to a filter, and so may true
 * and "True". Some keys are left out, because every span of a process has them and nobody searches
 * for them: they would only fill the bits.
 *
 * Stored: the hash never changes. Pure. */
#ifndef FORMAT_MARKS_H
#define FORMAT_MARKS_H

#include "base/json.h"
#include "base/uuid.h"

#define MARKS_PER_FACT 3

struct marks {
    uint64_t low, high;
};

#define MARKS_NONE ((struct marks){0, 0})
#define MARKS_ALL ((struct marks){UINT64_MAX, UINT64_MAX}) /* may hold anything */

enum marks_kind { MARKS_NAME, MARKS_TAG, MARKS_THREAD, MARKS_EXAMPLE, MARKS_TEXT, MARKS_NUMBER };

/* The bits of either; the bits of each. */
static inline struct marks marks_both(struct marks a, struct marks b)
{
    return (struct marks){a.low | b.low, a.high | b.high};
}

static inline struct marks marks_common(struct marks a, struct marks b)
{
    return (struct marks){a.low & b.low, a.high & b.high};
}

/* A fact of one text: name, tag, thread. */
struct marks marks_of(enum marks_kind kind, struct str text);
struct marks marks_of_example(struct uuid id);

/* The pair of a metadata key (nested ones joined with dots) and a value. */
struct marks marks_of_text(struct str key, struct str text);
struct marks marks_of_number(struct str key, double number);
bool marks_leave_out(struct str key);

#endif
