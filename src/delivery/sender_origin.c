/* Origins in memory: the window over all lanes of one, and the attempts that wait for room in it.
 */
#include "base/mem.h"
#include "delivery/delivery_metrics.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"

/* An origin that answers well and sooner than a commit matters has some claimed ahead, as many
 * times its window, so that commits are large and connections never idle. */
#define AHEAD_TIMES 16
#define AHEAD_ANSWERED_US (100 * US_PER_MS)

struct origin *origin_get(struct delivery *d, struct str name)
{
    struct origin *origin = map_find(&d->origins, name);
    char *copy;

    if (origin)
        return origin;
    copy = mem_alloc(name.len + 1);
    memcpy(copy, name.data, name.len);
    origin = MEM_NEW(struct origin);
    origin->delivery = d;
    origin->name = str_range(copy, name.len);
    window_init(&origin->window, d->config.tuning.window);
    list_init(&origin->lanes);
    list_init(&origin->full);
    list_init(&origin->waiting);
    origin->used_ms = loop_mono_ms(d->loop);
    (void)map_put(&d->origins, origin->name, origin);
    return origin;
}

void origin_free(struct origin *origin)
{
    REQUIRE(list_is_empty(&origin->lanes) && origin->attempts == 0);
    (void)map_remove(&origin->delivery->origins, origin->name);
    mem_free((void *)(uintptr_t)origin->name.data);
    mem_free(origin);
}

bool origin_is_idle(const struct origin *origin, bool in_a_crowd)
{
    bool is_troubled = origin->window.state != WINDOW_OPEN || origin->window.failed_rounds > 0;
    int64_t keep_ms = is_troubled && !in_a_crowd ? origin->window.limits->closed_ms_max : 0;

    return list_is_empty(&origin->lanes) && origin->attempts == 0 &&
           origin->window.in_flight == 0 &&
           loop_mono_ms(origin->delivery->loop) - origin->used_ms > keep_ms;
}

static unsigned ahead(const struct origin *origin)
{
    const struct window *window = &origin->window;

    if (window->state != WINDOW_OPEN || !window->is_proven ||
        origin->answered_us > AHEAD_ANSWERED_US)
        return 0;
    return window->width * AHEAD_TIMES;
}

/* Looking may let a probe out. */
static unsigned room_now(struct origin *origin)
{
    enum window_state before = origin->window.state;
    unsigned room = window_room(&origin->window, loop_mono_ms(origin->delivery->loop));

    delivery_count_breaker(before, origin->window.state);
    return room;
}

unsigned origin_room(struct origin *origin)
{
    unsigned most_ahead = ahead(origin), used = origin->waiting_count + origin->claiming;
    unsigned total = room_now(origin) + most_ahead;

    /* Not for a few: the next claim should be worth its commit. */
    if (origin->waiting_count > most_ahead / 2 || used >= total)
        return 0;
    return total - used;
}

/* Those that waited longest first; of a closed window all, to sleep until it opens. */
static void wake_full(struct origin *origin)
{
    bool is_closed = origin->window.state == WINDOW_CLOSED;
    const struct list *last = origin->full.prev;
    unsigned room = origin_room(origin);
    struct list *node = NULL;

    /* One that must go on waiting goes behind the last. */
    while (node != last && (is_closed || room-- > 0) && (node = list_pop(&origin->full)) != NULL) {
        struct lane *lane = LIST_ITEM(node, struct lane, node);

        lane->place = LANE_ASLEEP;
        lane_consider(lane);
    }
}

void origin_pump(struct origin *origin)
{
    struct delivery *d = origin->delivery;
    bool is_running = d->phase == PHASE_RUNNING;
    unsigned most_ahead;

    while (is_running && origin->waiting_count > 0 && room_now(origin) > 0)
        attempt_start(LIST_ITEM(origin->waiting.next, struct attempt, node));
    most_ahead = is_running ? ahead(origin) : 0;
    while (origin->waiting_count > most_ahead)
        attempt_give_back(LIST_ITEM(origin->waiting.prev, struct attempt, node));
    if (is_running)
        wake_full(origin);
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
