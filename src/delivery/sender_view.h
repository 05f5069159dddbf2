/* sender_view.h -- what the sender knows of origins at this moment, for people.
 *
 * All of it is memory of this process: after a start nothing is known, with several servers each
 * has its own, and an origin that has nothing to send is soon forgotten. */
#ifndef DELIVERY_SENDER_VIEW_H
#define DELIVERY_SENDER_VIEW_H

#include "delivery/window.h"
#include "io/loop.h"

struct delivery;

struct origin_view {
    struct str origin; /* "https://host:443"; borrowed until `done` */
    bool is_known;     /* out, as all below */
    enum window_state state;
    unsigned width; /* how many requests may be in flight */
    unsigned in_flight;
    unsigned waiting;   /* claimed, until there is room */
    int64_t reopens_us; /* of a closed one, wall clock; 0: it is open */
};

struct sender_view {
    struct message message; /* the sender's until `done` */
    struct delivery *delivery;
    struct origin_view *origins;
    size_t count;
    struct loop *reply_to;
    void (*done)(struct sender_view *view); /* on reply_to */
};

/* Any thread, until delivery_stop has called back. The view is the caller's memory. */
void sender_look(struct delivery *delivery, struct sender_view *view);

#endif
