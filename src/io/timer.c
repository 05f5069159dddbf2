/* timer.c -- timers and their heap; see timer_heap_priv.h for the order. */
#include "base/mem.h"
#include "io/io_priv.h"

void timer_heap_init(struct timer_heap *heap)
{
    *heap = (struct timer_heap){0};
}

void timer_heap_release(struct timer_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        heap->slots[i].timer->heap_index = 0;
    mem_free(heap->slots);
    *heap = (struct timer_heap){0};
}

static bool slot_before(const struct timer_slot *a, const struct timer_slot *b)
{
    return a->due_ms < b->due_ms || (a->due_ms == b->due_ms && a->sequence < b->sequence);
}

static void heap_set(struct timer_heap *heap, size_t index, struct timer_slot slot)
{
    heap->slots[index] = slot;
    slot.timer->heap_index = index + 1;
}

static void heap_up(struct timer_heap *heap, size_t index, struct timer_slot slot)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;

        if (!slot_before(&slot, &heap->slots[parent]))
            break;
        heap_set(heap, index, heap->slots[parent]);
        index = parent;
    }
    heap_set(heap, index, slot);
}

static void heap_down(struct timer_heap *heap, size_t index, struct timer_slot slot)
{
    for (;;) {
        size_t child = 2 * index + 1;

        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && slot_before(&heap->slots[child + 1], &heap->slots[child]))
            child++;
        if (!slot_before(&heap->slots[child], &slot))
            break;
        heap_set(heap, index, heap->slots[child]);
        index = child;
    }
    heap_set(heap, index, slot);
}

void timer_heap_put(struct timer_heap *heap, struct timer *timer)
{
    struct timer_slot slot = {timer->due_ms, heap->sequence++, timer};

    timer_heap_remove(heap, timer);
    if (heap->count == heap->cap) {
        heap->cap = heap->cap ? heap->cap * 2 : 16;
        heap->slots = mem_realloc(heap->slots, heap->cap * sizeof(*heap->slots));
    }
    heap_up(heap, heap->count++, slot);
}

void timer_heap_remove(struct timer_heap *heap, struct timer *timer)
{
    size_t index = timer->heap_index - 1;
    struct timer_slot last;

    if (timer->heap_index == 0)
        return;
    REQUIRE(index < heap->count && heap->slots[index].timer == timer);
    timer->heap_index = 0;
    last = heap->slots[--heap->count];
    if (last.timer == timer)
        return;
    if (index > 0 && slot_before(&last, &heap->slots[(index - 1) / 2]))
        heap_up(heap, index, last);
    else
        heap_down(heap, index, last);
}

struct timer *timer_heap_first(const struct timer_heap *heap)
{
    return heap->count ? heap->slots[0].timer : NULL;
}

void timer_heap_run(struct timer_heap *heap, int64_t now_ms)
{
    for (size_t left = heap->count; left > 0; left--) {
        struct timer *timer = timer_heap_first(heap);

        if (!timer || timer->due_ms > now_ms)
            break;
        timer_heap_remove(heap, timer);
        timer->on_fire(timer);
    }
}

void timer_init(struct timer *timer, struct loop *loop, void (*on_fire)(struct timer *timer))
{
    REQUIRE(timer->heap_index == 0);
    timer->loop = loop;
    timer->on_fire = on_fire;
    timer->due_ms = 0;
}

void timer_start(struct timer *timer, int64_t delay_ms)
{
    struct loop *loop = timer->loop;

    REQUIRE(loop && delay_ms >= 0);
    timer->due_ms = loop_mono_ms(loop) + delay_ms;
    timer_heap_put(&loop->timers, timer);
    loop->ops->timers_changed(loop);
}

void timer_stop(struct timer *timer)
{
    if (timer->heap_index)
        timer_heap_remove(&timer->loop->timers, timer);
}

bool timer_is_running(const struct timer *timer)
{
    return timer->heap_index != 0;
}
