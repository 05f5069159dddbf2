/* window.h -- how many requests one origin may have in flight, and when it gets none.
 *
 *              a round of successes: width + 1 (up to width_max)
 *                                 ┌──┐
 *   window_init ──▶ open(width) ──┴──┘── dead_after failed rounds ──▶ closed(reopens_ms)
 *                    ▲   first failure of a round: width / 2               │      ▲
 *                    │                                                    time    │ it failed:
 *                    └────────────── it succeeded ──── probing(width 1) ◀──┘      │ twice as long
 *                                                          └──────────────────────┘
 *
 * A round is as many failures as the window was wide when the round began, so a wide window is not
 * closed by one burst. Bad news acts at the start of its round, good news at the end, and a
 * window that is hardly used does not grow.
 *
 * Pure arithmetic: no clock, no allocation, no I/O. The caller passes the time. */
#ifndef DELIVERY_WINDOW_H
#define DELIVERY_WINDOW_H

#include "base/base.h"

struct window_limits {
    unsigned width_start; /* width of a new window, and of one whose probe succeeded */
    unsigned width_max;
    unsigned dead_after;   /* failed rounds without any success in between, before it closes */
    int64_t closed_ms;     /* how long it stays closed the first time */
    int64_t closed_ms_max; /* doubled after each failed probe, up to this */
};

extern const struct window_limits window_limits_default; /* 16, 64, 6, 5 s, 5 min */

enum window_state { WINDOW_OPEN, WINDOW_CLOSED, WINDOW_PROBING };

struct window {
    const struct window_limits *limits;
    enum window_state state;
    unsigned width;         /* 0 = closed */
    unsigned in_flight;     /* begun and not yet ended */
    unsigned credit;        /* successes since the last change of width */
    unsigned round_width;   /* how many failures make the present round */
    unsigned round_failed;  /* so many has it */
    unsigned failed_rounds; /* since the last success */
    int64_t closed_ms;      /* of the next closing */
    int64_t reopens_ms;
    bool is_proven; /* its last result was a success */
};

void window_init(struct window *w, const struct window_limits *limits);

/* How many more requests may start now? A closed window whose time has come lets one probe out. */
unsigned window_room(struct window *w, int64_t now_ms);
/* Counts one as started; there must be room. */
void window_begin(struct window *w);

/* Each request that has begun ends by exactly one of these three. */

/* The origin answered, if only with a 4xx: that says something about the message. */
void window_succeeded(struct window *w);
/* Only for what says something about the origin: unreachable, TLS, timeout, busy, 5xx. */
void window_failed(struct window *w, int64_t now_ms);
/* Nothing was learnt: it was never sent. */
void window_ended(struct window *w);

#endif
