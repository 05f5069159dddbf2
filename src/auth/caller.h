/* caller.h -- what is noted about a key while it is used, by all threads, over all changes of the
 * set of keys. */
#ifndef AUTH_CALLER_H
#define AUTH_CALLER_H

#include <stdatomic.h>

#include "base/base.h"

struct caller {
    atomic_uint refs;
    _Atomic int64_t used_us; /* when it last called; 0: not since the start */
};

struct caller *caller_new(void); /* one reference */
struct caller *caller_ref(struct caller *caller);
void caller_unref(struct caller *caller); /* NULL is fine */

#endif
