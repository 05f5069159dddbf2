/* outbox_claim_priv.h -- what a claim is about: outbox_claim.c says whose turn it is, outbox_due.c
 * reads what an endpoint has due. */
#ifndef STORE_OUTBOX_CLAIM_PRIV_H
#define STORE_OUTBOX_CLAIM_PRIV_H

#include "store/bucket.h"
#include "store/outbox_claim.h"

struct claiming {
    struct tx *tx;
    struct outbox_claim *claim;
    struct arena *arena;
    struct outbox_claimed *list;
    size_t count, bytes;
    size_t sending; /* so many of the list are in that state already */
    bool is_full;   /* of bytes */
};

/* An endpoint whose turn it is. */
struct waiting {
    struct str tenant, endpoint_id, kind, url, policy;
    struct bucket bucket; /* per_s 0: none */
    int64_t endpoint_no, in_flight_max, rest_until_us, full_us, secrets_version;
    int64_t fresh_us;                  /* its place in that line; 0: none */
    int64_t since_retry, since_replay; /* so many first tries went since */
    int64_t updated_us;                /* when it was last changed by hand */
    bool is_active, is_unwell, is_probing;
};

/* Puts up to `limit` of an endpoint on the list. *left_us: when the first of those left is due; 0:
 * there is none. */
enum err due_take(struct claiming *c, const struct waiting *e, enum outbox_line line,
                  unsigned limit, int64_t *left_us) MUST_USE;
/* The bodies of those on the list that did not come with their rows. */
enum err due_load_bodies(struct claiming *c) MUST_USE;

#endif
