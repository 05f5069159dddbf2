/* follower.h -- follows runs at the upstream whose webhooks were taken over, until each has ended;
 * then the webhook goes into the outbox, in the transaction that ends its intent.
 *
 *   nudge, timer ──▶ a read: intents that nobody follows ──▶ a write: leased ──▶ watches (watch.c)
 *
 * Everything that matters stands in the rows: whoever dies is followed by its next start, or by
 * another node when its lease is over. Lives on the main loop. */
#ifndef GATEWAY_FOLLOWER_H
#define GATEWAY_FOLLOWER_H

#include "gateway/upstream.h"
#include "store/store.h"

struct follower;

struct follower_config {
    struct loop *loop;
    struct store *store;
    const struct upstream *upstream; /* borrowed, so is the rest */
    struct upstream_state *state;    /* what it sees */
    struct tls_client *tls;
    struct str node;
    struct str policy; /* of the webhooks */
    bool error_is_text;
};

struct follower *follower_new(const struct follower_config *config);
/* Any thread: something may have become of this run. Which it is, if that is known, else "". */
void follower_hint(struct follower *follower, struct str intent_id, struct str run_id);
/* Writes nothing more: before the store is closed. */
void follower_close(struct follower *follower);
void follower_free(struct follower *follower); /* NULL is fine */

#endif
