/* gate.h -- how much of the tracing API's input may be under way at once, in all net threads.
 *
 * Who comes when there is too much is told at the head of the request, before the body is taken:
 * 429 with Retry-After, which all clients of the tracing API obey (without it they drop what they
 * have). */
#ifndef API_GATE_H
#define API_GATE_H

#include <stdatomic.h>

#include "base/base.h"

struct gate {
    atomic_size_t held_bytes;
    size_t bytes_max;
};

/* About what a body will take in memory. A request alone is always admitted. */
bool gate_enter(struct gate *gate, size_t bytes);
void gate_leave(struct gate *gate, size_t bytes);

#endif
