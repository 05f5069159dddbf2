/* intents.h -- the table gateway_intents: webhooks that were taken out of requests to the upstream.
 *
 *   open ──intent_end──▶ (the outbox) and: the row goes, or ─▶ ended ──intent_delete──▶ gone
 *
 * An intent is committed before the request goes on, so a webhook that a client was promised is
 * never forgotten. It ends once: intent_end says ERR_CONFLICT to all but the first. `ended` is left
 * of one whose thread is still to be deleted at the upstream.
 *
 * A node follows those it has leased. */
#ifndef STORE_INTENTS_H
#define STORE_INTENTS_H

#include "store/store.h"

struct intent {
    struct str tenant;
    struct str intent_id; /* a UUID; stands in the run's metadata */
    struct str url;       /* of the webhook; has passed the URL checks */
    struct str thread_id;
    struct str run_id;       /* STR_NONE: not known yet */
    struct str assistant_id; /* as the client named it; STR_NONE: not at all */
    struct str traceparent;  /* STR_NONE: none */
    bool drops_thread;       /* it was made for this run alone */
    bool is_ended;
    int64_t created_us;
    struct str node; /* who follows it; STR_NONE: nobody yet */
    int64_t lease_until_us;
};

struct intents {
    struct intent *list; /* in the arena given */
    size_t count;
};

/* Nudges TOPIC_INTENT. */
enum err intent_insert(struct tx *tx, const struct intent *intent) MUST_USE;
/* ERR_NOT_FOUND. */
enum err intent_get(struct tx *tx, struct str tenant, struct str intent_id, struct arena *arena,
                    struct intent *intent) MUST_USE;
/* Which run it is of; harmless if it is gone. */
enum err intent_locate(struct tx *tx, struct str tenant, struct str intent_id,
                       struct str run_id) MUST_USE;
/* Harmless if it is gone. */
enum err intent_delete(struct tx *tx, struct str tenant, struct str intent_id) MUST_USE;
/* ERR_CONFLICT: it has ended already, or is gone. */
enum err intent_end(struct tx *tx, const struct intent *intent) MUST_USE;

/* Those whose lease is over, oldest first. */
enum err intents_due(struct tx *tx, int64_t limit, struct arena *arena,
                     struct intents *found) MUST_USE;
/* ERR_CONFLICT: another node was first. */
enum err intent_lease(struct tx *tx, const struct intent *intent, struct str node,
                      int64_t until_us) MUST_USE;
/* All of a node, as long as it is alive. */
enum err intents_renew(struct tx *tx, struct str node, int64_t until_us) MUST_USE;
/* At its start a node gives back what it followed before. */
enum err intents_release(struct tx *tx, struct str node) MUST_USE;
enum err intents_count(struct tx *tx, int64_t *open) MUST_USE;

#endif
