/* Lanes in memory: each is asleep until something may be sent, among the ready, or waits for room.
 *
 *              timer, nudge, survey             claim_pump
 *   asleep ─────────────────────────▶ ready ──────────────▶ claiming
 *     ▲  ▲                              ▲                          │
 *     │  └── window closed, not due ────┤◀──── lane_consider ──────┤
 *     └───────── nothing due            └── origin_pump ◀── full ◀─┘
 */
#include "base/mem.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"

/* A wall clock may jump; so a far time is looked at again. */
#define SLEEP_MS_MAX (60 * MS_PER_SECOND)
#define FORGET_MS (60 * MS_PER_SECOND)
/* What is due later than this, and than the next surveys, need not be remembered. */
#define FAR_MS (60 * MS_PER_SECOND)
#define FAR_SURVEYS 4
#define LOOKED_AT_MAX 64 /* for one that may be forgotten for another */

static void on_timer(struct timer *timer)
{
    struct lane *lane = CONTAINER_OF(timer, struct lane, timer);

    lane_consider(lane);
    claim_pump(lane->delivery);
}

static struct str copy_of(struct str text)
{
    char *copy = mem_alloc(text.len + 1);

    memcpy(copy, text.data, text.len);
    return str_range(copy, text.len);
}

static void leave_list(struct lane *lane)
{
    if (lane->place == LANE_READY)
        lane->delivery->ready_count--;
    if (lane->place == LANE_READY || lane->place == LANE_FULL) {
        list_remove(&lane->node);
        lane->place = LANE_ASLEEP;
    }
}

static void lane_free(struct lane *lane)
{
    REQUIRE(lane->place != LANE_CLAIMING);
    timer_stop(&lane->timer);
    leave_list(lane);
    list_remove(&lane->sibling);
    (void)map_remove(&lane->delivery->lanes, lane->name);
    mem_free((void *)(uintptr_t)lane->name.data);
    mem_free(lane);
}

static int64_t earliest_us(const struct lane *lane)
{
    int64_t earliest = 0;

    for (int line = 0; line < OUTBOX_LINES; line++)
        if (lane->next_us[line] && (earliest == 0 || lane->next_us[line] < earliest))
            earliest = lane->next_us[line];
    return earliest;
}

static bool is_far(const struct delivery *d, int64_t next_us)
{
    int64_t surveys_ms = FAR_SURVEYS * d->config.tuning.survey_ms;
    int64_t far_ms = surveys_ms > FAR_MS ? surveys_ms : FAR_MS;

    return next_us - store_now_us(d->config.store) > far_ms * US_PER_MS;
}

struct lane *lane_found(struct delivery *d, struct str name, int64_t next_us)
{
    struct lane *lane = map_find(&d->lanes, name);
    const struct origin *origin = map_find(&d->origins, outbox_lane_origin(name));
    bool is_closed = origin && origin->window.state == WINDOW_CLOSED &&
                     loop_mono_ms(d->loop) < origin->window.reopens_ms;

    return lane || is_closed || is_far(d, next_us) ? lane : lane_get(d, name, false);
}

/* Nothing of it is under way, and nothing has to be sent soon. */
static bool is_idle(const struct lane *lane)
{
    int64_t due_us = earliest_us(lane);

    return lane->attempts == 0 && lane->place == LANE_ASLEEP &&
           (due_us == 0 || is_far(lane->delivery, due_us));
}

static bool may_make_room(const struct lane *lane, bool is_fresh)
{
    if (lane->attempts > 0 || lane->place == LANE_CLAIMING)
        return false;
    if (lane->place == LANE_READY && !is_fresh)
        return false;
    return is_idle(lane) || !lane->origin->window.is_proven;
}

/* By chance, so that none is kept out for good, and nobody can choose who goes. */
static bool make_room(struct delivery *d, bool is_fresh)
{
    size_t position = rng_below(loop_rng(d->loop), d->lanes.cap);
    struct str name;
    void *value;

    for (int i = 0; i < LOOKED_AT_MAX; i++) {
        if (!map_next(&d->lanes, &position, &name, &value)) {
            position = 0;
            continue;
        }
        if (may_make_room(value, is_fresh)) {
            lane_free(value);
            return true;
        }
    }
    return false;
}

struct lane *lane_get(struct delivery *d, struct str name, bool is_fresh)
{
    struct lane *lane = map_find(&d->lanes, name);

    if (lane || (d->lanes.count >= d->config.tuning.lanes_max && !make_room(d, is_fresh)))
        return lane;
    lane = MEM_NEW(struct lane);
    lane->delivery = d;
    lane->name = copy_of(name);
    lane->origin = origin_get(d, outbox_lane_origin(name));
    timer_init(&lane->timer, d->loop, on_timer);
    list_init(&lane->node);
    list_push(&lane->origin->lanes, &lane->sibling);
    lane->used_ms = loop_mono_ms(d->loop);
    (void)map_put(&d->lanes, lane->name, lane);
    return lane;
}

void lane_hint(struct lane *lane, enum outbox_line line, int64_t next_us)
{
    int64_t *known_us = &lane->next_us[line];

    if (lane->place == LANE_CLAIMING) /* what the claim finds may be older than this hint */
        lane->is_nudged = true;
    if (next_us > 0 && (*known_us == 0 || next_us < *known_us))
        *known_us = next_us;
}

static void sleep_for(struct lane *lane, int64_t ms)
{
    timer_start(&lane->timer, ms < SLEEP_MS_MAX ? ms : SLEEP_MS_MAX);
}

void lane_consider(struct lane *lane)
{
    struct origin *origin = lane->origin;
    struct delivery *d = lane->delivery;
    int64_t due_us = earliest_us(lane), now_ms = loop_mono_ms(d->loop);
    int64_t wait_us = due_us - store_now_us(d->config.store);

    timer_stop(&lane->timer);
    if (lane->place == LANE_CLAIMING || due_us == 0)
        return;
    lane->used_ms = now_ms;
    if (wait_us > 0) {
        sleep_for(lane, (wait_us + US_PER_MS - 1) / US_PER_MS);
    } else if (now_ms < lane->rest_until_ms) {
        sleep_for(lane, lane->rest_until_ms - now_ms);
    } else if (origin->window.state == WINDOW_CLOSED && now_ms < origin->window.reopens_ms) {
        sleep_for(lane, origin->window.reopens_ms - now_ms);
    } else if (lane->place == LANE_ASLEEP && origin_room(origin) > 0) {
        lane->place = LANE_READY;
        list_push(&d->ready, &lane->node);
        d->ready_count++;
    } else if (lane->place == LANE_ASLEEP) {
        lane->place = LANE_FULL;
        list_push(&origin->full, &lane->node);
    }
}

/* Who goes while the map is walked: what the gap then holds is looked at next. */
static void tidy_lanes(struct delivery *d)
{
    int64_t now_ms = loop_mono_ms(d->loop);
    size_t position = 0;
    struct str name;
    void *value;

    while (map_next(&d->lanes, &position, &name, &value)) {
        struct lane *lane = value;

        if (!is_idle(lane) || (earliest_us(lane) == 0 && now_ms - lane->used_ms <= FORGET_MS))
            continue;
        lane_free(lane);
        position--;
    }
}

void lanes_tidy(struct delivery *d)
{
    bool is_crowd = d->origins.count > ORIGINS_MAX;
    size_t position = 0;
    struct str name;
    void *value;

    tidy_lanes(d);
    while (map_next(&d->origins, &position, &name, &value)) {
        if (!origin_is_idle(value, is_crowd))
            continue;
        origin_free(value);
        position--;
    }
}

void lanes_free(struct delivery *d)
{
    size_t position = 0;
    struct str name;
    void *value;

    for (; map_next(&d->lanes, &position, &name, &value); position--)
        lane_free(value);
    position = 0;
    for (; map_next(&d->origins, &position, &name, &value); position--)
        origin_free(value);
    list_init(&d->ready);
    d->ready_count = 0;
}
