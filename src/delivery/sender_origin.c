/* Origins in memory: each is asleep until something may be sent, among the ready, or full.
 *
 *              timer, nudge, survey             claim_pump
 *   asleep ─────────────────────────▶ ready ──────────────▶ being claimed for
 *     ▲  ▲                              ▲                          │
 *     │  └── window closed, not due ────┤◀──── origin_consider ────┤
 *     └───────── nothing due            └── an attempt ended ◀── full
 */
#include "base/mem.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"

/* A wall clock may jump; so a far time is looked at again. */
#define SLEEP_MS_MAX (60 * MS_PER_SECOND)
#define FORGET_MS (60 * MS_PER_SECOND)
/* An origin that answers well and sooner than a commit matters has some claimed ahead, as many
 * times its window, so that commits are large and connections never idle. */
#define AHEAD_TIMES 3
#define AHEAD_ANSWERED_US (100 * US_PER_MS)

static void on_timer(struct timer *timer)
{
    struct origin *origin = CONTAINER_OF(timer, struct origin, timer);

    origin_consider(origin);
    claim_pump(origin->delivery);
}

static bool is_idle(const struct origin *origin)
{
    return origin->next_us[0] == 0 && origin->next_us[1] == 0 && origin->attempts == 0 &&
           origin->window.in_flight == 0 && !origin->is_claiming;
}

static void origin_free(struct origin *origin)
{
    timer_stop(&origin->timer);
    list_remove(&origin->ready);
    (void)map_remove(&origin->delivery->origins, origin->name);
    mem_free((void *)(uintptr_t)origin->name.data);
    mem_free(origin);
}

static struct str copy_of(struct str text)
{
    char *copy = mem_alloc(text.len + 1);

    memcpy(copy, text.data, text.len);
    return str_range(copy, text.len);
}

struct origin *origin_get(struct delivery *d, struct str name)
{
    const struct window_limits *limits = d->config.tuning.window;
    struct origin *origin = map_find(&d->origins, name);

    if (origin || d->origins.count >= ORIGINS_MAX)
        return origin;
    origin = MEM_NEW(struct origin);
    origin->delivery = d;
    origin->name = copy_of(name);
    window_init(&origin->window, limits);
    timer_init(&origin->timer, d->loop, on_timer);
    list_init(&origin->ready);
    list_init(&origin->waiting);
    origin->used_ms = loop_mono_ms(d->loop);
    (void)map_put(&d->origins, origin->name, origin);
    return origin;
}

void origin_hint(struct origin *origin, enum outbox_half half, int64_t next_us)
{
    int64_t *known_us = &origin->next_us[half];

    if (origin->is_claiming) /* what the claim finds may be older than this hint */
        origin->is_nudged = true;
    if (next_us > 0 && (*known_us == 0 || next_us < *known_us))
        *known_us = next_us;
}

static int64_t earliest_us(const struct origin *origin)
{
    int64_t fresh_us = origin->next_us[OUTBOX_FRESH], retry_us = origin->next_us[OUTBOX_RETRY];

    if (fresh_us == 0 || (retry_us != 0 && retry_us < fresh_us))
        return retry_us;
    return fresh_us;
}

static void sleep_for(struct origin *origin, int64_t ms)
{
    timer_start(&origin->timer, ms < SLEEP_MS_MAX ? ms : SLEEP_MS_MAX);
}

static unsigned ahead(const struct origin *origin)
{
    const struct window *window = &origin->window;

    if (window->state != WINDOW_OPEN || !window->is_proven ||
        origin->answered_us > AHEAD_ANSWERED_US)
        return 0;
    return window->width * AHEAD_TIMES;
}

unsigned origin_room(struct origin *origin)
{
    unsigned most_ahead = ahead(origin);
    unsigned total =
        window_room(&origin->window, loop_mono_ms(origin->delivery->loop)) + most_ahead;

    /* Not for a few: the next claim should be worth its commit. */
    if (origin->waiting_count > most_ahead / 2 || origin->waiting_count >= total)
        return 0;
    return total - origin->waiting_count;
}

void origin_pump(struct origin *origin)
{
    struct delivery *d = origin->delivery;
    bool is_running = d->phase == PHASE_RUNNING;
    unsigned most_ahead;

    while (is_running && origin->waiting_count > 0 &&
           window_room(&origin->window, loop_mono_ms(d->loop)) > 0)
        attempt_start(LIST_ITEM(origin->waiting.next, struct attempt, node));
    most_ahead = is_running ? ahead(origin) : 0;
    while (origin->waiting_count > most_ahead)
        attempt_give_back(LIST_ITEM(origin->waiting.prev, struct attempt, node));
}

void origins_give_back(struct delivery *d)
{
    size_t position = 0;
    struct str name;
    void *value;

    REQUIRE(d->phase != PHASE_RUNNING);
    while (map_next(&d->origins, &position, &name, &value))
        origin_pump(value);
}

void origin_consider(struct origin *origin)
{
    struct delivery *d = origin->delivery;
    int64_t due_us = earliest_us(origin), now_ms = loop_mono_ms(d->loop);
    int64_t wait_us = due_us - loop_wall_us(d->loop);

    timer_stop(&origin->timer);
    if (origin->is_claiming || due_us == 0)
        return;
    origin->used_ms = now_ms;
    if (wait_us > 0) {
        sleep_for(origin, (wait_us + US_PER_MS - 1) / US_PER_MS);
    } else if (now_ms < origin->rest_until_ms) {
        sleep_for(origin, origin->rest_until_ms - now_ms);
    } else if (origin->window.state == WINDOW_CLOSED && now_ms < origin->window.reopens_ms) {
        sleep_for(origin, origin->window.reopens_ms - now_ms);
    } else if (origin_room(origin) > 0 && list_is_empty(&origin->ready)) {
        list_push(&d->ready, &origin->ready);
        d->ready_count++;
    }
}

void origins_tidy(struct delivery *d)
{
    int64_t now_ms = loop_mono_ms(d->loop);
    struct origin *idle[64];
    size_t position = 0, count = 0;
    struct str name;
    void *value;

    while (count < ARRAY_LEN(idle) && map_next(&d->origins, &position, &name, &value)) {
        struct origin *origin = value;
        bool is_troubled = origin->window.state != WINDOW_OPEN || origin->window.failed_rounds > 0;
        int64_t keep_ms = is_troubled ? origin->window.limits->closed_ms_max : FORGET_MS;

        if (is_idle(origin) && list_is_empty(&origin->ready) && now_ms - origin->used_ms > keep_ms)
            idle[count++] = origin;
    }
    while (count > 0)
        origin_free(idle[--count]);
}

void origins_free(struct delivery *d)
{
    size_t position = 0;
    struct str name;
    void *value;

    while (map_next(&d->origins, &position, &name, &value)) {
        origin_free(value);
        position = 0;
    }
    map_release(&d->origins);
    list_init(&d->ready);
    d->ready_count = 0;
}
