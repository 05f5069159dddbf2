/* Counts what is under way. */
#include "api/gate.h"

bool gate_enter(struct gate *gate, size_t bytes)
{
    size_t held = atomic_fetch_add(&gate->held_bytes, bytes);

    if (held == 0 || held + bytes <= gate->bytes_max)
        return true;
    gate_leave(gate, bytes);
    return false;
}

void gate_leave(struct gate *gate, size_t bytes)
{
    atomic_fetch_sub(&gate->held_bytes, bytes);
}
