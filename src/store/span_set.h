/* span_set.h -- the spans that one spans_apply works with: read together, changed in memory,
 * written together. So a batch costs a few round trips to the database, not several for each span.
 *
 *   span_set_load   rows by their ids, in one question; of those that are not there, what else a
 *                   new span wants to know (`asked`)
 *   span_set_get    one by one, from memory or the store
 *   span_set_mark   the row was changed in memory
 *   span_set_flush  all that was marked goes to the store; what was asked about its parents is
 * asked again when needed
 *
 * What is asked stands as of the asking: whoever adds children counts them himself until the flush.
 * Who changes rows behind its back flushes first and then forgets. Entries live in the tx's arena.
 */
#ifndef STORE_SPAN_SET_H
#define STORE_SPAN_SET_H

#include "base/map.h"
#include "store/span_usage.h"
#include "store/span_values.h"

enum span_set_write { SPAN_SET_NOTHING, SPAN_SET_TAIL, SPAN_SET_ROW, SPAN_SET_INSERT };

struct span_set_entry {
    struct span_row row; /* only its span_id, if not is_there */
    bool is_there;       /* in the store, or marked to be */
    int64_t
        ended_seq; /* of the change that is to be written and ended it; 0: it did not (alerts.h) */
    enum span_set_write write;
    bool has_left; /* in the store it is still below another parent than its row says */
    struct uuid left;
    struct span_set_entry *next_marked;
    struct span_set_entry *next; /* of all */
    /* Of one that is not there. */
    bool is_asked;
    struct span_totals below; /* what the children in the store say */
    bool has_orphans;         /* children that wait for it */
    bool has_feedback;        /* feedback that waits for it */
    bool is_alias_asked;      /* is it another's alias? then by_alias knows */
};

struct span_set {
    struct tx *tx;
    struct str tenant;
    struct map by_id, by_alias;
    struct map deleted; /* traces that were deleted a short while ago */
    struct span_set_entry *first;
    struct span_set_entry *marked, **last_marked;
    size_t marked_count;
    struct map awaited; /* whom children wait for that were marked since the last flush */
    struct span_packs packs;
};

void span_set_init(struct span_set *set, struct tx *tx, struct str tenant);
void span_set_release(struct span_set *set);

enum span_set_ask {
    SPAN_SET_ROWS,     /* nothing else */
    SPAN_SET_NEW_ONES, /* below, has_orphans, has_feedback */
    SPAN_SET_PARENTS,  /* whose alias it is */
};

enum err span_set_load(struct span_set *set, const struct uuid *ids, size_t count,
                       enum span_set_ask ask) MUST_USE;
/* Also of one that is not there. */
enum err span_set_get(struct span_set *set, const struct uuid *span_id,
                      struct span_set_entry **entry) MUST_USE;
/* What a new span wants to know; the caller has flushed, or the entry was loaded so. */
enum err span_set_ask(struct span_set *set, struct span_set_entry *entry) MUST_USE;
/* By its id, else by its alias; NULL: neither. */
enum err span_set_parent(struct span_set *set, const struct uuid *id,
                         struct span_set_entry **entry) MUST_USE;

/* Which of these traces were deleted; whether one was; it is to be there again. */
enum err span_set_load_deleted(struct span_set *set, const struct uuid *traces,
                               size_t count) MUST_USE;
bool span_set_is_deleted(const struct span_set *set, const struct uuid *trace_id);
enum err span_set_undelete(struct span_set *set, const struct uuid *trace_id) MUST_USE;

/* Does a child that was marked since the last flush wait for it? */
bool span_set_is_awaited(const struct span_set *set, const struct uuid *id);

/* `was` NULL: it is new. */
void span_set_mark(struct span_set *set, struct span_set_entry *entry, const struct span_row *was);
enum err span_set_flush(struct span_set *set) MUST_USE;
/* For span_set_flush: only the rows, as they are marked. */
enum err span_set_write_marked(struct span_set *set) MUST_USE;
/* The rows of this trace, which were changed behind its back; after a flush. */
void span_set_forget(struct span_set *set, const struct uuid *trace_id);

#endif
