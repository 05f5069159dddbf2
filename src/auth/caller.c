/* A caller's life, rate and streams. */
#include "auth/caller.h"

#include "base/mem.h"
#include "store/bucket.h"

struct caller *caller_new(void)
{
    struct caller *caller = MEM_NEW(struct caller);

    atomic_init(&caller->refs, 1);
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

/* ---- rate ---- */

static struct bucket bucket_of(const struct limits *limits)
{
    double per_s = limits->of[LIMIT_REQUESTS];
    int64_t burst = limit_of(limits, LIMIT_BURST);

    if (burst == 0)
        burst = (int64_t)(2 * per_s) > 0 ? (int64_t)(2 * per_s) : 1;
    return (struct bucket){per_s, burst < BUCKET_BURST_MAX ? burst : BUCKET_BURST_MAX};
}

static int64_t seconds_up(int64_t us)
{
    return us <= 0 ? 0 : (us + US_PER_SECOND - 1) / US_PER_SECOND;
}

static void state_fill(const struct bucket *bucket, int64_t full_us, int64_t now_us,
                       struct rate_state *state)
{
    int64_t wait_s = seconds_up(bucket_ready_us(bucket, full_us) - now_us);

    state->limit = bucket->burst;
    state->remaining = bucket_room(bucket, full_us, now_us, (unsigned)bucket->burst);
    state->reset_s = seconds_up(full_us - now_us);
    state->retry_s = wait_s > 0 ? wait_s : 1;
}

bool caller_take(struct caller *caller, const struct limits *limits, int64_t now_us,
                 struct rate_state *state)
{
    int64_t full_us = atomic_load_explicit(&caller->full_us, memory_order_relaxed), next_us;
    struct bucket bucket;

    *state = (struct rate_state){0};
    if (limits->of[LIMIT_REQUESTS] <= 0)
        return true;
    bucket = bucket_of(limits);
    do {
        if (bucket_room(&bucket, full_us, now_us, 1) == 0) {
            state_fill(&bucket, full_us, now_us, state);
            return false;
        }
        next_us = bucket_take(&bucket, full_us, now_us, 1);
    } while (!atomic_compare_exchange_weak_explicit(&caller->full_us, &full_us, next_us,
                                                    memory_order_relaxed, memory_order_relaxed));
    state_fill(&bucket, next_us, now_us, state);
    return true;
}

/* ---- streams ---- */

bool caller_stream_begin(struct caller *caller, const struct limits *limits)
{
    unsigned before = atomic_fetch_add_explicit(&caller->streams, 1, memory_order_relaxed);
    int64_t max = limit_of(limits, LIMIT_STREAMS);

    if (max == 0 || (int64_t)before < max)
        return true;
    caller_stream_end(caller);
    return false;
}

void caller_stream_end(struct caller *caller)
{
    atomic_fetch_sub_explicit(&caller->streams, 1, memory_order_relaxed);
}
