/* The arithmetic of window.h. */
#include "delivery/window.h"

const struct window_limits window_limits_default = {
    .width_start = 16,
    .width_max = 64,
    .dead_after = 6, /* 32 failures in a row: several endpoints may share an origin, and one of them
                        be well */
    .closed_ms = 5 * MS_PER_SECOND,
    .closed_ms_max = 300 * MS_PER_SECOND,
};

static void open_with(struct window *w, unsigned width)
{
    w->state = WINDOW_OPEN;
    w->width = width;
    w->credit = 0;
    w->round_width = 0;
    w->round_failed = 0;
    w->failed_rounds = 0;
    w->closed_ms = w->limits->closed_ms;
    w->reopens_ms = 0;
}

static void close_until(struct window *w, int64_t now_ms)
{
    w->state = WINDOW_CLOSED;
    w->width = 0;
    w->reopens_ms = now_ms + w->closed_ms;
    w->closed_ms =
        w->closed_ms * 2 < w->limits->closed_ms_max ? w->closed_ms * 2 : w->limits->closed_ms_max;
}

void window_init(struct window *w, const struct window_limits *limits)
{
    REQUIRE(limits->width_start >= 1 && limits->width_max >= limits->width_start);
    REQUIRE(limits->dead_after >= 1 && limits->closed_ms >= 1);
    REQUIRE(limits->closed_ms_max >= limits->closed_ms);
    *w = (struct window){.limits = limits};
    open_with(w, limits->width_start);
}

unsigned window_room(struct window *w, int64_t now_ms)
{
    if (w->state == WINDOW_CLOSED && now_ms >= w->reopens_ms) {
        w->state = WINDOW_PROBING;
        w->width = 1;
    }
    return w->in_flight < w->width ? w->width - w->in_flight : 0;
}

void window_begin(struct window *w)
{
    REQUIRE(w->in_flight < w->width);
    w->in_flight++;
}

void window_ended(struct window *w)
{
    REQUIRE(w->in_flight > 0);
    w->in_flight--;
}

void window_succeeded(struct window *w)
{
    /* Half of it in use is enough: claims come in batches, so it is seldom full at this moment. */
    bool is_used = w->in_flight * 2 >= w->width;

    window_ended(w);
    w->is_proven = true;
    if (w->state != WINDOW_OPEN) {
        open_with(w, w->limits->width_start);
        return;
    }
    w->failed_rounds = 0;
    w->closed_ms = w->limits->closed_ms;
    if (w->width == w->limits->width_max || !is_used || ++w->credit < w->width)
        return;
    w->width++;
    w->credit = 0;
}

/* Of an open window. */
static void count_failure(struct window *w, int64_t now_ms)
{
    if (w->round_failed == 0) {
        w->round_width = w->width;
        w->width = w->width > 1 ? w->width / 2 : 1;
        w->credit = 0;
    }
    if (++w->round_failed < w->round_width)
        return;
    w->round_failed = 0;
    if (++w->failed_rounds >= w->limits->dead_after)
        close_until(w, now_ms);
}

void window_failed(struct window *w, int64_t now_ms)
{
    window_ended(w);
    w->is_proven = false;
    if (w->state == WINDOW_OPEN)
        count_failure(w, now_ms);
    else if (w->state == WINDOW_PROBING)
        close_until(w, now_ms);
    /* Closed: one that was under way when it closed tells nothing new. */
}
