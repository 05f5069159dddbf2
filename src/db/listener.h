/* listener.h -- a PostgreSQL connection that only listens to one channel.
 *
 * It connects at the first wait and again after each loss; what is sent meanwhile is lost, which
 * the listener is told. */
#ifndef DB_LISTENER_H
#define DB_LISTENER_H

#include "base/str.h"

struct db_listener;

struct db_notice {
    struct str payload; /* borrowed; STR_NONE: notices may have been lost, look everywhere */
    int session_id;     /* of the sender: db_session_id */
};

struct db_listener *db_listener_new(const char *url, const char *channel);
/* Waits at most timeout_ms for notices and hands over each. ERR_AGAIN: no connection now; wait a
 * little. */
enum err db_listener_wait(struct db_listener *listener, int timeout_ms,
                          void (*on_notice)(void *context, const struct db_notice *notice),
                          void *context) MUST_USE;
void db_listener_free(struct db_listener *listener);

#endif
