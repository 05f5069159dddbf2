/* delivery_feed.h -- what happened to deliveries, in the order of commits: made, tried, ended. Who
 * follows the log reads on from the position it has reached and misses nothing, also with several
 * nodes on one database. What is older than FEED_AGE_US or beyond the last FEED_ROWS_MAX goes.
 *
 * A change holds what the delivery was then; the delivery itself is read as it is now. Changes of
 * one transaction stand together in few rows, so that telling costs next to nothing while nobody
 * listens: a row is `count` changes, the last of which has the row's position. */
#ifndef STORE_DELIVERY_FEED_H
#define STORE_DELIVERY_FEED_H

#include "store/outbox_query.h"

#define FEED_AGE_US (3 * 24 * 3600 * US_PER_SECOND)
#define FEED_ROWS_MAX 2000000
#define FEED_READ_MAX 500 /* changes, or up to FEED_ROW_MAX more */
#define FEED_ROW_MAX 250

struct delivery_change {
    int64_t delivery_id;
    int64_t attempt_id;        /* the one that ended; 0: none, it was made, held, cancelled … */
    enum delivery_state state; /* now */
};

struct feed_row {
    int64_t position;
    int64_t at_us;
    enum delivery_state state; /* then */
    struct delivery_row delivery;
    bool has_attempt;
    struct attempt_row attempt;
};

/* Adds them and nudges TOPIC_DELIVERY_LOG. */
enum err delivery_feed_add(struct tx *tx, const struct delivery_change *changes,
                           size_t count) MUST_USE;
enum err delivery_feed_last(struct tx *tx, int64_t *position) MUST_USE;
struct feed_page {
    int64_t position; /* in: read behind it; out: read up to it */
    struct feed_row *found;
    size_t count;
    bool more; /* there may be others behind it */
};

/* The changes of deliveries that pass the filter (its text, times, before_id and limit are not
 * asked); looks at FEED_READ_MAX at a time. */
enum err delivery_feed_read(struct tx *tx, const struct delivery_filter *filter,
                            struct arena *arena, struct feed_page *page) MUST_USE;
/* Deletes at most `limit` old rows. */
enum err delivery_feed_trim(struct tx *tx, int64_t limit, int64_t *deleted) MUST_USE;

#endif
