/* key_refresh.h -- the wish that this process knows the keys as they stand committed now.
 *
 * Who has changed keys asks for it and answers its client only then: so a revoked key is let in no
 * more when the answer is out, and a new one is. */
#ifndef AUTH_KEY_REFRESH_H
#define AUTH_KEY_REFRESH_H

#include "io/loop.h"

/* Stands in what waits; the other side's until `done` runs on `reply_to`. */
struct key_refresh {
    struct message message;
    struct loop *reply_to;
    void (*done)(struct key_refresh *refresh);
    void *context; /* of whoever fulfils it */
    struct key_refresh *next;
};

#endif
