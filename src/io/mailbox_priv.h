/* mailbox_priv.h -- where messages from any thread wait for one receiver.
 *
 * A lock-free stack that is only ever taken whole: pushing is one compare-and-swap, taking one
 * exchange and a reversal, so the order of pushing is kept. The push that finds it empty is the one
 * that must wake the receiver; the others ride along. */
#ifndef IO_MAILBOX_PRIV_H
#define IO_MAILBOX_PRIV_H

#include <stdatomic.h>

#include "io/world.h"

struct mailbox {
    _Atomic(struct message *) newest;
};

/* True if the mailbox was empty. The message may be gone when this returns. */
static inline bool mailbox_push(struct mailbox *mailbox, struct message *message)
{
    struct message *newest = atomic_load_explicit(&mailbox->newest, memory_order_relaxed);

    do {
        message->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&mailbox->newest, &newest, message,
                                                    memory_order_release, memory_order_relaxed));
    return newest == NULL;
}

/* All that waits, oldest first, linked by `next`; NULL if none. */
static inline struct message *mailbox_take(struct mailbox *mailbox)
{
    struct message *newest = atomic_exchange_explicit(&mailbox->newest, NULL, memory_order_acquire);
    struct message *oldest = NULL;

    while (newest) {
        struct message *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static inline bool mailbox_is_empty(struct mailbox *mailbox)
{
    return atomic_load_explicit(&mailbox->newest, memory_order_relaxed) == NULL;
}

static inline void messages_deliver(struct message *oldest)
{
    while (oldest) {
        struct message *next = oldest->next;

        oldest->next = NULL;
        oldest->deliver(oldest);
        oldest = next;
    }
}

#endif
