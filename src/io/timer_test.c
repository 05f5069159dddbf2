/* timer_test.c -- the heap of timers against a plain list. */
#include "base/test.h"

#include "base/rng.h"
#include "io/loop.h"
#include "io/timer_heap_priv.h"

#define TIMERS 200

struct model {
    struct timer timer;
    uint64_t started; /* 0: not running */
};

static struct model models[TIMERS];
static uint64_t starts;
static int fired;

static struct model *model_first(void)
{
    struct model *first = NULL;

    for (size_t i = 0; i < TIMERS; i++) {
        struct model *m = &models[i];

        if (!m->started)
            continue;
        if (!first || m->timer.due_ms < first->timer.due_ms ||
            (m->timer.due_ms == first->timer.due_ms && m->started < first->started))
            first = m;
    }
    return first;
}

static void on_fire(struct timer *timer)
{
    struct model *model = CONTAINER_OF(timer, struct model, timer);

    assert_ptr_equal(model, model_first());
    assert_false(timer_is_running(timer));
    model->started = 0;
    fired++;
}

static void change_one(struct timer_heap *heap, struct rng *rng, int64_t now_ms)
{
    struct model *model = &models[rng_below(rng, TIMERS)];

    if (rng_below(rng, 4) == 0) {
        timer_heap_remove(heap, &model->timer);
        model->started = 0;
        return;
    }
    model->timer.due_ms = now_ms + (int64_t)rng_below(rng, 50);
    timer_heap_put(heap, &model->timer);
    model->started = ++starts;
}

static void the_heap_is_a_sorted_list(void **state UNUSED)
{
    struct timer_heap heap;
    struct rng rng;

    rng_seed(&rng, 42);
    timer_heap_init(&heap);
    for (size_t i = 0; i < TIMERS; i++)
        models[i].timer.on_fire = on_fire;
    for (int64_t now_ms = 0; now_ms < 2000; now_ms++) {
        for (int i = 0; i < 10; i++)
            change_one(&heap, &rng, now_ms);
        timer_heap_run(&heap, now_ms);
        assert_true(!model_first() || model_first()->timer.due_ms > now_ms);
        assert_true(!model_first() || timer_heap_first(&heap) == &model_first()->timer);
    }
    assert_true(fired > 1000);
    timer_heap_release(&heap);
    for (size_t i = 0; i < TIMERS; i++)
        assert_false(timer_is_running(&models[i].timer));
}

static struct timer_heap restless_heap;
static int restless_fired;

static void on_restless(struct timer *timer)
{
    restless_fired++;
    timer_heap_put(&restless_heap, timer);
}

static void a_restless_timer_waits_for_the_next_turn(void **state UNUSED)
{
    struct timer timer = {.on_fire = on_restless};

    timer_heap_init(&restless_heap);
    timer_heap_put(&restless_heap, &timer);
    timer_heap_run(&restless_heap, 10);
    assert_int_equal(restless_fired, 1);
    timer_heap_run(&restless_heap, 10);
    assert_int_equal(restless_fired, 2);
    timer_heap_release(&restless_heap);
}

static const struct CMUnitTest tests[] = {
    TEST("the heap fires like a list sorted by due time and start", the_heap_is_a_sorted_list),
    TEST("a timer that restarts itself at once waits for the next turn",
         a_restless_timer_waits_for_the_next_turn),
};

int main(void)
{
    return RUN_TESTS(tests);
}
