/* request_headers.h -- the headers of one attempt.
 *
 *   the user's          of langgraph.json (runs) and the endpoint's own, which win
 *   User-Agent          unless the user has set it
 *   Content-Type
 *   webhook-id          stable over all attempts and resends
 *   webhook-timestamp   of this attempt, and so is
 *   webhook-signature   by the endpoint's keys, then the server's, the newest first
 *   webhook-attempt     1, 2, …
 *   webhook-sequence    rises by one with each delivery of its endpoint
 *   traceparent         carried on, or made of the webhook-id; the span is this attempt
 *
 * OAuth's Authorization is the client's (http/oauth.c). Pure but for the keys, which hold a keyed
 * state: one thread at a time. */
#ifndef DELIVERY_REQUEST_HEADERS_H
#define DELIVERY_REQUEST_HEADERS_H

#include "crypto/webhook_signature.h"
#include "http/server.h"
#include "store/outbox_claim.h"
#include "store/secrets.h"

/* The signing keys of an endpoint, opened. */
struct signing_keys {
    struct webhook_key list[WEBHOOK_KEYS_MAX];
    size_t count;
};

/* Of its secrets; what is no signing key is left out. */
void signing_keys_open(struct signing_keys *keys, const struct secrets *secrets);
void signing_keys_release(struct signing_keys *keys);

struct request_headers_input {
    const struct outbox_claimed *row;
    int64_t timestamp_s;
    struct str user_agent;
    const struct http_header *fixed; /* of the configuration */
    size_t fixed_count;
    const struct secrets *secrets; /* the endpoint's; NULL: none */
    struct signing_keys *own;      /* NULL: none */
    struct signing_keys *server;   /* NULL: none */
};

/* In the arena; values borrow the input. */
void request_headers_make(const struct request_headers_input *input, struct arena *arena,
                          const struct http_header **headers, size_t *count);

#endif
