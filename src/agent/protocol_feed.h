/* protocol_feed.h -- what a client that follows a thread by the event streaming protocol gets: the
 * events of the thread's runs, numbered, in order, those that one of its subscriptions asks for.
 *
 * One feed per connection. A new subscription starts the way through the run under way (or the last
 * one) anew, so that it gets what came before it; the others skip what they have had. So all that a
 * client gets stands in one order: the end of a run never overtakes what the run said.
 *
 * The server's own: the root's lifecycle (running; completed, failed or interrupted once that is
 * committed), and input.requested, which is told when the run has ended, because only then it can
 * be answered. Of a run that does not speak this protocol (started by the ordinary API) the states
 * are told besides. */
#ifndef AGENT_PROTOCOL_FEED_H
#define AGENT_PROTOCOL_FEED_H

#include "agent/protocol.h"
#include "agent/thread_follow.h"

struct protocol_feed_events {
    /* `event`: the whole event as JSON; `method` and `seq` for a stream that names them. Borrowed.
     */
    void (*on_event)(void *context, struct str method, int64_t seq, struct str event);
    /* After some events: send them. Returns whether there is room for more; if not,
     * protocol_feed_more says when. */
    bool (*on_flush)(void *context);
    /* The thread is gone. The feed must still be freed. */
    void (*on_fail)(void *context, enum err err);
};

struct protocol_feed_config {
    struct thread_follows *follows;
    struct loop *loop;
    struct store *store;
    struct hub *hub;
    struct str tenant, thread_id;
    struct str admitted; /* as of thread_follow.h */
    bool waits_for_thread;
    const struct protocol_feed_events *events;
    void *context;
};

struct protocol_feed;

struct protocol_feed *protocol_feed_new(const struct protocol_feed_config *config);
void protocol_feed_free(struct protocol_feed *feed);
void protocol_feed_more(struct protocol_feed *feed);
/* `filter` must live in `arena`, which the feed takes over. ERR_LIMIT: too many. */
enum err protocol_feed_subscribe(struct protocol_feed *feed, struct str id, struct arena *arena,
                                 const struct protocol_filter *filter) MUST_USE;
/* False: there is none with this id. */
bool protocol_feed_unsubscribe(struct protocol_feed *feed, struct str id);

#endif
