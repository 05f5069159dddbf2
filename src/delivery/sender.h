/* sender.h -- the actor that sends what stands in the outbox.
 *
 *   nudge, timer, start ──▶ survey ──▶ claim ──▶ attempts ──▶ settle ──▶ (due again | done | dead)
 *                          (a reader)  (one write for      (one write for all that ended
 *                                       all with room)      meanwhile)
 *
 * It lives on one loop and remembers origins, not deliveries: for each its window and when the next
 * of its deliveries falls due, both rebuilt from the store by a survey. At most `active_max`
 * deliveries and `bytes_max` of bodies are in memory. Origins take turns, so that none waits for
 * another; an origin that its window has closed costs nothing until it reopens. A bug or a crash
 * anywhere here loses time, never a delivery: the laws stand in README.md. */
#ifndef DELIVERY_SENDER_H
#define DELIVERY_SENDER_H

#include "delivery/policies.h"
#include "delivery/webhook_config.h"
#include "delivery/window.h"
#include "store/outbox_claim.h"

struct tls_client;
struct delivery;

/* Numbers that tests and benches change; 0 or NULL: the default. */
struct delivery_tuning {
    const struct window_limits *window;
    const struct policy *policy; /* instead of every row's own */
    size_t active_max;           /* 2048 */
    size_t bytes_max;            /* 64 MiB */
    size_t lanes_max;            /* 16384: destinations remembered, more than active_max */
    int64_t survey_ms;           /* 5 s: how long a lost nudge can delay */
    int64_t lease_ms;            /* 120 s: longer than any attempt may take */
    int64_t grace_ms;            /* 2 s: what a stop gives to attempts under way */
    int64_t share_ms;            /* 20 ms: so long outcomes wait for a claim, for one commit */
};

/* What is pointed to must outlive the delivery; strings are copied. */
struct delivery_config {
    struct world *world;
    struct store *store;
    struct loop *loop; /* NULL: a loop of its own */
    const struct egress_policy *egress;
    const struct http_proxy *proxy; /* http/client.h; borrowed; NULL: none */
    struct tls_client *tls;
    const struct webhook_config *webhooks; /* static headers and URL rules of kind "run" */
    const struct str *signing_secrets;     /* "whsec_…", "whsk_…"; the first is the newest */
    size_t secret_count;
    struct str node;       /* stable over restarts */
    struct str self_url;   /* "http://127.0.0.1:8123": where relative URLs go; STR_NONE: nowhere */
    struct str user_agent; /* STR_NONE: "Runbell/<version>" */
    struct outbox_rules rules;
    const struct policy_set *policies; /* NULL: the built-in ones */
    bool drops_answers;                /* keeps them only where somebody waits for one */
    struct delivery_tuning tuning;
};

/* Before config.loop runs, or on its thread. ERR_INVALID with *why: a secret, self_url, or a lease
 * that is shorter than an attempt may be. */
enum err delivery_start(const struct delivery_config *config, struct delivery **delivery,
                        const char **why) MUST_USE;
/* Any thread: other headers, rules and addresses, for attempts that start from now on. Both are
 * borrowed, and the old ones too until the end. */
void delivery_change(struct delivery *delivery, const struct webhook_config *webhooks,
                     const struct egress_policy *egress);
/* Any thread. Claims nothing more, waits `grace_ms` for what is under way, writes down what is
 * known, then calls back on the delivery's loop; what is still unknown is due again. The store must
 * still be open. */
void delivery_stop(struct delivery *delivery, void (*on_stopped)(void *context), void *context);
/* After on_stopped, or when its loop is dead, and after the store was closed (its nudges have
 * nowhere to go then). Not on a loop of its own. */
void delivery_free(struct delivery *delivery);

#endif
