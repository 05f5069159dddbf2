/* receiver.h -- a host that gets webhooks, in any mood: it answers well, slowly, wrongly, with
 * garbage, halfway, or not at all, until it is healed. It keeps every whole request it has read. */
#ifndef APP_SIM_RECEIVER_H
#define APP_SIM_RECEIVER_H

#include "app/sim/trial.h"

/* One whole request, before it is answered. */
struct copy {
    struct str target; /* of the request line */
    struct str webhook_id;
    int64_t attempt;       /* its number; 0: not told */
    int64_t retry_after_s; /* what a busy answer says */
    struct str body;
};

enum mood {
    MOOD_GOOD,         /* 200, 204 */
    MOOD_SERVER_ERROR, /* 500, 502 */
    MOOD_BUSY,         /* 429, 503, with Retry-After */
    MOOD_SILENT,       /* it never answers */
    MOOD_SLOW,         /* byte by byte */
    MOOD_GARBAGE,      /* not HTTP */
    MOOD_HALF,         /* half a head, then the end */
    MOOD_CLOSES,       /* the end, without a word */
    MOOD_RESETS,
    MOOD_GONE,    /* 410 */
    MOOD_REJECTS, /* 404 */
    MOOD_COUNT
};

struct receiver {
    struct trial *trial;
    unsigned moods;   /* which it may have: a bit for each; it draws one for every request */
    unsigned good_of; /* it is good so many times out of ten */
    bool is_healed;
    /* May be NULL; says how it goes on; called before the answer. */
    void (*on_copy)(void *context, const struct copy *copy, enum mood mood);
    void *context;
};

/* The moods in which a later try may do better. */
#define MOODS_PASSING (((1u << MOOD_GONE) - 1) & ~(1u << MOOD_GOOD))

/* Listens outside from now on; the struct must live as long as the trial. */
void receiver_open(struct receiver *receiver, struct address at);

#endif
