/* target_memo.h -- the verdicts of target.h on URLs that were asked about a moment ago.
 *
 * Thousands of attempts a second go to the same few URLs, and what is said of a URL depends on its
 * text, the rules and the egress policy alone. So a verdict that lets pass is remembered, for a
 * second at most: no longer than the policy itself takes to hear of a new address of this machine.
 * Refusals are not: each is counted, and worded anew. The addresses are vetted by the client at
 * each connection as ever.
 *
 * A memo that has come to TARGET_MEMO_BYTES_MAX begins anew. Who changes what rules or policy point
 * to says so by target_memo_forget. One thread. */
#ifndef DELIVERY_TARGET_MEMO_H
#define DELIVERY_TARGET_MEMO_H

#include "base/map.h"
#include "delivery/target.h"

#define TARGET_MEMO_BYTES_MAX MIB

struct target_memo {
    struct map known; /* URL → what was said of it, in the arena */
    struct arena arena;
    int64_t until_ms;
};

void target_memo_init(struct target_memo *memo);
void target_memo_release(struct target_memo *memo);
void target_memo_forget(struct target_memo *memo);

struct target_question {
    const struct target_rules *rules;
    const struct egress_policy *egress;
    struct str text;
    int64_t now_ms; /* monotonic */
};

/* target_check, remembered: what it gives is the arena's or static. */
enum err target_memo_check(struct target_memo *memo, const struct target_question *question,
                           struct arena *arena, struct url *url, struct str *why) MUST_USE;

#endif
