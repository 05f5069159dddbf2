/* caller.h -- what is noted about a key, a workspace or an address while it is used: by all
 * threads, without a lock, over all changes of the set of keys.
 *
 * The rate is a token bucket in one number (store/bucket.h), exact on this node. It is forgotten at
 * a restart, which gives everybody a full bucket. */
#ifndef AUTH_CALLER_H
#define AUTH_CALLER_H

#include <stdatomic.h>

#include "auth/limits.h"

struct caller {
    atomic_uint refs;
    atomic_uint streams;     /* open now */
    _Atomic int64_t used_us; /* when it last called; 0: not since the start */
    _Atomic int64_t full_us; /* when its bucket is full again */
    _Atomic int64_t ends_us; /* nothing is open beyond; 0: no end */
};

struct caller *caller_new(void); /* one reference */
struct caller *caller_ref(struct caller *caller);
void caller_unref(struct caller *caller); /* NULL is fine */

struct rate_state {
    int64_t limit;     /* of the bucket; 0: there is none */
    int64_t remaining; /* how many may go now */
    int64_t reset_s;   /* until the bucket is full */
    int64_t retry_s;   /* refused: until the next may go, at least 1 */
};

/* One request. False: too many. */
bool caller_take(struct caller *caller, const struct limits *limits, int64_t now_us,
                 struct rate_state *state);
/* One stream; false: there are as many as may be. Each is given back. */
bool caller_stream_begin(struct caller *caller, const struct limits *limits);
void caller_stream_end(struct caller *caller);

#endif
