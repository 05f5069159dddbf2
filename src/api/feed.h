/* feed.h -- clients that follow rows as they are added: SSE from a position, for as long as they
 * stay.
 *
 *   nudge, or slow timer ──▶ read behind the cursor (a reader) ──▶ write ──▶ more? read again
 *                                                                    └─ the network is full: on
 * drain
 *
 * A source reads; the rest is here: heartbeats, back-pressure, clients that leave, the end of the
 * server. The id of each event is the position behind it, so a client goes on with Last-Event-ID.
 */
#ifndef API_FEED_H
#define API_FEED_H

#include "api/call.h"

#define FEED_BYTES_MAX (4 * MIB) /* of one reading */

struct feed {
    struct str tenant;
    struct str key; /* whose nudges concern it */
    int64_t cursor; /* what is at or before it has been sent */

    /* Of a reading; cleared before. */
    struct arena arena;
    struct buf out; /* SSE */
    int64_t next_cursor;
    bool more; /* there may be more right away */
};

struct feed_source {
    enum topic topic;
    /* On a reader, and maybe twice: writes what stands behind the cursor into out, next_cursor and
     * more, and nothing else. An error is tried again later; ERR_NOT_FOUND ends the stream. */
    enum err (*read)(struct tx *tx, struct feed *feed);
};

/* Ends a step: the reply is a stream. `key` is copied. */
enum err call_then_feed(struct call *call, const struct feed_source *source, struct str key,
                        int64_t cursor);
/* From Last-Event-ID, or the query parameter `after`; else `fallback`. */
enum err call_get_cursor(struct call *call, int64_t fallback, int64_t *cursor) MUST_USE;

#endif
