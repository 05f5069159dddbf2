/* call_wait.h -- the stages of a call, and calls that wait for something to become true in the
 * store. */
#ifndef API_CALL_WAIT_H
#define API_CALL_WAIT_H

#include "base/list.h"
#include "store/store.h"

struct call;

enum call_stage {
    CALL_REPLY,
    CALL_READ,
    CALL_WRITE,
    CALL_ASK,
    CALL_WAIT,
    CALL_STREAM,
    CALL_FEED,
    CALL_TAKE,
    CALL_PARK
};

/* A call that waits for something to become true in the store. */
struct call_wait {
    enum topic topic; /* TOPIC_DELIVERY_LOG or TOPIC_DELIVERY_DUE */
    struct str key;   /* of the nudges that matter; STR_NONE: all */
    int64_t timeout_ms;
};

/* call_wait.c's own. */
struct call_waiter {
    struct list node; /* of the net loop's; empty: it does not wait */
    struct call_wait wait;
    struct timer timer;
    int64_t until_ms; /* 0: it has not begun */
    bool is_reading, is_nudged, is_over;
    bool is_last; /* is_over as of the look under way: that is on another thread */
};

/* Runs `step` on a reader, now and after each nudge (a slow timer stands in for lost ones). A step
 * that asks for this again waits on, one that does not ends the waiting. When call_wait_is_over
 * (time is up, the client has left, the server stops) it runs for the last time: asking again then
 * is a bug. */
enum err call_then_wait(struct call *call, const struct call_wait *wait,
                        enum err (*step)(struct tx *tx, struct call *call));
bool call_wait_is_over(const struct call *call);

#endif
