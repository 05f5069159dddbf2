/* Heartbeats by one timer. */
#include "api/beats.h"

static void on_timer(struct timer *timer)
{
    struct beats *beats = CONTAINER_OF(timer, struct beats, timer);
    int64_t now_ms = loop_mono_ms(timer->loop);

    while (!list_is_empty(&beats->all)) {
        struct beat *beat = LIST_ITEM(beats->all.next, struct beat, node);

        if (beat->due_ms > now_ms) {
            timer_start(timer, beat->due_ms - now_ms);
            break;
        }
        list_remove(&beat->node);
        beats->on_silence(beat);
    }
}

void beats_init(struct beats *beats, struct loop *loop, void (*on_silence)(struct beat *beat))
{
    list_init(&beats->all);
    timer_init(&beats->timer, loop, on_timer);
    beats->on_silence = on_silence;
}

void beats_release(struct beats *beats)
{
    timer_stop(&beats->timer);
}

/* At the end, unless the wait was made shorter meanwhile. */
void beat_wait(struct beats *beats, struct beat *beat, int64_t wait_ms)
{
    struct list *place = &beats->all;

    if (beat->node.next)
        list_remove(&beat->node);
    beat->due_ms = loop_mono_ms(beats->timer.loop) + wait_ms;
    while (place->prev != &beats->all &&
           LIST_ITEM(place->prev, struct beat, node)->due_ms > beat->due_ms)
        place = place->prev;
    list_push(place, &beat->node);
    if (!timer_is_running(&beats->timer) || beats->timer.due_ms > beat->due_ms)
        timer_start(&beats->timer, wait_ms);
}

void beat_stop(struct beat *beat)
{
    if (beat->node.next)
        list_remove(&beat->node);
}
