/* What is followed, by whom. */
#include "api/slots.h"

#include "base/list.h"
#include "base/mem.h"

#define PURSES_MAX 2

struct slots {
    struct loop *loop;
    struct timer timer;
    struct list taken;
};

struct slot {
    struct list node;
    struct http_exchange *exchange;
    struct caller *callers[PURSES_MAX];
    size_t count;
};

static bool has_ended(const struct slot *slot, int64_t now_us)
{
    for (size_t i = 0; i < slot->count; i++) {
        int64_t ends_us = atomic_load_explicit(&slot->callers[i]->ends_us, memory_order_relaxed);

        if (ends_us && ends_us <= now_us)
            return true;
    }
    return false;
}

static struct slot *find_ended(struct slots *slots, int64_t now_us)
{
    for (struct list *node = slots->taken.next; node != &slots->taken; node = node->next) {
        struct slot *slot = LIST_ITEM(node, struct slot, node);

        if (has_ended(slot, now_us))
            return slot;
    }
    return NULL;
}

/* A cut may end the exchange at once, and so its slot and others: each look begins anew. One whose
 * end is still to come is taken out, so that it is cut once. */
static void on_look(struct timer *timer)
{
    struct slots *slots = CONTAINER_OF(timer, struct slots, timer);
    int64_t now_us = loop_wall_us(slots->loop);
    struct slot *slot;

    while ((slot = find_ended(slots, now_us))) {
        list_remove(&slot->node);
        http_exchange_cut(slot->exchange);
    }
    if (!list_is_empty(&slots->taken))
        timer_start(&slots->timer, SLOTS_LOOK_MS);
}

static void give_back(struct slot *slot)
{
    for (size_t i = 0; i < slot->count; i++) {
        caller_stream_end(slot->callers[i]);
        caller_unref(slot->callers[i]);
    }
    mem_free(slot);
}

static void at_end(void *context)
{
    struct slot *slot = context;

    list_remove(&slot->node);
    give_back(slot);
}

struct slots *slots_new(struct loop *loop)
{
    struct slots *slots = MEM_NEW(struct slots);

    slots->loop = loop;
    list_init(&slots->taken);
    timer_init(&slots->timer, loop, on_look);
    return slots;
}

void slots_free(struct slots *slots)
{
    mem_free(slots);
}

enum err slot_take(struct slots *slots, struct http_exchange *exchange,
                   const struct purse *const *purses, size_t count, const struct purse **full)
{
    struct slot *slot;

    REQUIRE(count <= PURSES_MAX);
    if (count == 0)
        return OK;
    slot = MEM_NEW(struct slot);
    slot->exchange = exchange;
    for (size_t i = 0; i < count; i++) {
        if (!caller_stream_begin(purses[i]->caller, &purses[i]->limits)) {
            *full = purses[i];
            give_back(slot);
            return ERR_LIMIT;
        }
        slot->callers[slot->count++] = caller_ref(purses[i]->caller);
    }
    if (list_is_empty(&slots->taken))
        timer_start(&slots->timer, SLOTS_LOOK_MS);
    list_push(&slots->taken, &slot->node);
    http_exchange_at_end(exchange, at_end, slot);
    return OK;
}
