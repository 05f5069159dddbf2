/* slots.h -- connections that follow something, counted for whoever holds them, and ended when
 * the key that opened them does.
 *
 * A slot is taken at the head of a request whose route follows (ROUTE_FOLLOWS), and is given back
 * when its exchange is over, whatever became of it. A timer looks for those whose key was revoked
 * or has expired, and cuts them off. One of each net loop. */
#ifndef API_SLOTS_H
#define API_SLOTS_H

#include "auth/principal.h"
#include "http/server.h"

#define SLOTS_LOOK_MS 1000

struct slots;
struct slots *slots_new(struct loop *loop);
void slots_free(struct slots *slots); /* none is taken any more */
/* For all purses, or none (no purses, no slot): then *full is the one that has no place left, and
 * ERR_LIMIT is returned.
 */
enum err slot_take(struct slots *slots, struct http_exchange *exchange,
                   const struct purse *const *purses, size_t count,
                   const struct purse **full) MUST_USE;

#endif
