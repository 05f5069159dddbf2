/* sender_lanes_priv.h -- what the sender remembers of destinations: origins, and their lanes.
 *
 * An origin (scheme, host, port) has the window and the attempts that wait for it; a lane, one
 * tenant's part of it, knows when there is something to claim. Both can be thrown away at any
 * moment: a survey of the store makes them anew. */
#ifndef DELIVERY_SENDER_LANES_PRIV_H
#define DELIVERY_SENDER_LANES_PRIV_H

#include "base/list.h"
#include "delivery/window.h"
#include "io/loop.h"
#include "store/outbox_claim.h"

#define LANES_MAX 16384
#define ORIGINS_MAX (4 * LANES_MAX) /* beyond it their troubles are forgotten too */

struct delivery;

/* Scheme, host and port: the window, and what is claimed ahead of it. */
struct origin {
    struct delivery *delivery;
    struct str name; /* owned */
    struct window window;
    struct list lanes;   /* all of it */
    struct list full;    /* lanes that wait for room in the window */
    struct list waiting; /* attempts claimed ahead, until the window has room */
    unsigned waiting_count;
    unsigned claiming;   /* places that the claim under way may take */
    unsigned attempts;   /* in memory: sending or to be settled */
    int64_t answered_us; /* how long its last answer took */
    int64_t used_ms;
};

enum lane_place { LANE_ASLEEP, LANE_READY, LANE_FULL, LANE_CLAIMING };

/* One tenant's part of an origin that has, or lately had, something to be sent. */
struct lane {
    struct delivery *delivery;
    struct origin *origin;
    struct str name;     /* owned */
    struct list sibling; /* in origin->lanes */
    struct list node;    /* in delivery->ready or origin->full, by its place */
    enum lane_place place;
    int64_t next_us[OUTBOX_LINES]; /* when to look, as far as is known; 0: nothing there */
    struct timer timer;            /* runs until it may be claimed for */
    unsigned attempts;             /* in memory */
    bool is_nudged;                /* while it was being claimed for */
    unsigned turns;                /* with few places the lines take turns */
    int64_t rest_until_ms;
    int64_t used_ms;
};

/* ---- sender_lane.c ---- */
/* When there are too many, any other is forgotten for it that has no attempt under way, and is not
 * one whose origin is well and that has something to send; nor, unless this one is_fresh, one that
 * is ready. NULL: there was none such. Whatever is forgotten a survey finds again. */
struct lane *lane_get(struct delivery *d, struct str name, bool is_fresh);
/* Of a survey. NULL also if the next survey finds it early enough. */
struct lane *lane_found(struct delivery *d, struct str name, int64_t next_us);
/* Something in this line may have to be looked at, at next_us. */
void lane_hint(struct lane *lane, enum outbox_line line, int64_t next_us);
/* Puts it where it belongs: among the ready, to sleep until a time, to wait for room, or nowhere
 * until an attempt ends. */
void lane_consider(struct lane *lane);
/* Forgets those that have nothing to send soon and nothing to remember. */
void lanes_tidy(struct delivery *d);
void lanes_free(struct delivery *d);

/* ---- sender_origin.c ---- */
struct origin *origin_get(struct delivery *d, struct str name);
void origin_free(struct origin *origin);
/* Has it nobody, and nothing to remember? In a crowd trouble is not remembered. */
bool origin_is_idle(const struct origin *origin, bool in_a_crowd);
/* How many more may be claimed for it now. */
unsigned origin_room(struct origin *origin);
/* Starts what waits and has room; gives back what should not wait here any more; lets lanes that
 * wait for room try again. */
void origin_pump(struct origin *origin);
void origins_give_back(struct delivery *d);

#endif
