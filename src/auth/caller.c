/* A caller's life. */
#include "auth/caller.h"

#include "base/mem.h"

struct caller *caller_new(void)
{
    struct caller *caller = MEM_NEW(struct caller);

    atomic_init(&caller->refs, 1);
    atomic_init(&caller->used_us, 0);
    return caller;
}

struct caller *caller_ref(struct caller *caller)
{
    atomic_fetch_add_explicit(&caller->refs, 1, memory_order_relaxed);
    return caller;
}

void caller_unref(struct caller *caller)
{
    if (caller && atomic_fetch_sub_explicit(&caller->refs, 1, memory_order_acq_rel) == 1)
        mem_free(caller);
}
