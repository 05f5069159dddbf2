/* traces_turns.h -- the roots that a search visits, gathered by their conversation: for v1 and v2.
 */
#ifndef API_TRACES_TURNS_H
#define API_TRACES_TURNS_H

#include "trace/span_search.h"
#include "trace/thread_groups.h"

/* Zero but for arena and has_feedback (feedback_exists). */
struct traces_turns {
    struct arena *arena;
    bool has_feedback;
    bool has_groups;
    struct thread_groups groups;
    enum err err; /* of a visit */
};

struct span_visitor traces_turns_visitor(struct traces_turns *turns);
void traces_turns_release(struct traces_turns *turns);

/* What the first turn was asked (SPAN_INPUTS), or what the last one answered (SPAN_OUTPUTS), in
 * short; in the tx's arena. */
enum err traces_turns_preview(struct tx *tx, const struct thread_group *group,
                              enum span_field field, struct str *preview) MUST_USE;

#endif
