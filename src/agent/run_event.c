/* Reference-counted events. */
#include "agent/run_event.h"

#include <stdatomic.h>

#include "base/mem.h"

struct counted_event {
    struct run_event event; /* first: a run_event is its counted_event */
    atomic_uint refs;
    char bytes[];
};

struct run_event *run_event_new(int64_t id, struct str name, struct str data)
{
    struct counted_event *counted = mem_alloc(sizeof(*counted) + name.len + data.len);

    if (name.len > 0)
        memcpy(counted->bytes, name.data, name.len);
    if (data.len > 0)
        memcpy(counted->bytes + name.len, data.data, data.len);
    counted->event.id = id;
    counted->event.name = str_range(counted->bytes, name.len);
    counted->event.data = str_range(counted->bytes + name.len, data.len);
    atomic_init(&counted->refs, 1);
    return &counted->event;
}

struct run_event *run_event_ref(struct run_event *event)
{
    atomic_fetch_add_explicit(&CONTAINER_OF(event, struct counted_event, event)->refs, 1,
                              memory_order_relaxed);
    return event;
}

void run_event_unref(struct run_event *event)
{
    struct counted_event *counted;

    if (!event)
        return;
    counted = CONTAINER_OF(event, struct counted_event, event);
    if (atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel) == 1)
        mem_free(counted);
}

size_t run_event_bytes(const struct run_event *event)
{
    return sizeof(struct counted_event) + event->name.len + event->data.len;
}
