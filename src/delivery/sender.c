/* The sender's life: start, nudges, stop. */
#include "delivery/sender.h"

#include "base/log.h"
#include "base/mem.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"

#define ACTIVE_MAX 2048
#define BYTES_MAX (64 * MIB)
#define SURVEY_MS (5 * MS_PER_SECOND)
#define LEASE_MS (120 * MS_PER_SECOND)
#define GRACE_MS (2 * MS_PER_SECOND)
#define SHARE_MS 20

/* ---- events ---- */

static void on_nudge(void *context, struct str key)
{
    struct delivery *d = context;
    struct lane *lane;

    if (d->phase != PHASE_RUNNING)
        return;
    lane = str_is_none(key) ? NULL : lane_get(d, key, true);
    if (!lane) {
        survey_start(d);
        return;
    }
    lane_hint(lane, OUTBOX_FRESH, store_now_us(d->config.store));
    lane_consider(lane);
    claim_pump(d);
}

static void on_slow_timer(struct timer *timer)
{
    survey_start(CONTAINER_OF(timer, struct delivery, slow_timer));
}

static void on_recover_timer(struct timer *timer)
{
    struct delivery *d = CONTAINER_OF(timer, struct delivery, recover_timer);

    if (d->recovery_began_us == 0)
        d->recovery_began_us = loop_mono_us(d->loop);
    recover_start(d, false);
}

static void on_chores_timer(struct timer *timer)
{
    chores_start(CONTAINER_OF(timer, struct delivery, chores_timer));
}

static void on_replays_timer(struct timer *timer)
{
    replays_start(CONTAINER_OF(timer, struct delivery, replays_timer));
}

static void on_replay(void *context, struct str key)
{
    (void)key;
    replays_start(context);
}

static void on_census_timer(struct timer *timer)
{
    census_start(CONTAINER_OF(timer, struct delivery, census_timer));
}

static void on_settle_timer(struct timer *timer)
{
    settle_pump(CONTAINER_OF(timer, struct delivery, settle_timer));
}

static void on_share_timer(struct timer *timer)
{
    settle_now(CONTAINER_OF(timer, struct delivery, share_timer));
}

/* ---- stop ---- */

static void on_grace_timer(struct timer *timer)
{
    struct delivery *d = CONTAINER_OF(timer, struct delivery, grace_timer);

    while (!list_is_empty(&d->sending))
        attempt_cut(LIST_ITEM(d->sending.next, struct attempt, node));
    settle_pump(d);
    stop_check(d);
}

static void stop_now(struct delivery *d)
{
    d->phase = PHASE_STOPPED;
    timer_stop(&d->grace_timer);
    lanes_free(d);
    http_client_free(d->client);
    if (d->self_client)
        http_client_free(d->self_client);
    d->client = d->self_client = NULL;
    if (d->on_stopped)
        d->on_stopped(d->stopped_context);
}

void stop_check(struct delivery *d)
{
    if (d->phase != PHASE_STOPPING)
        return;
    if (d->survey.is_busy || d->recover.is_busy || d->chores.is_busy || d->replays.is_busy ||
        d->census.is_busy || d->claim.is_busy || d->settle.is_busy)
        return;
    if (list_is_empty(&d->sending) && list_is_empty(&d->ended))
        stop_now(d);
}

static void on_stop(struct message *message)
{
    struct delivery *d = CONTAINER_OF(message, struct delivery, stop_message);

    REQUIRE(d->phase < PHASE_STOPPING);
    d->phase = PHASE_STOPPING;
    timer_stop(&d->slow_timer);
    timer_stop(&d->recover_timer);
    timer_stop(&d->chores_timer);
    timer_stop(&d->replays_timer);
    timer_stop(&d->census_timer);
    timer_stop(&d->settle_timer);
    timer_stop(&d->share_timer);
    timer_start(&d->grace_timer, d->config.tuning.grace_ms);
    origins_give_back(d);
    settle_pump(d);
    stop_check(d);
}

void delivery_stop(struct delivery *d, void (*on_stopped)(void *context), void *context)
{
    d->on_stopped = on_stopped;
    d->stopped_context = context;
    d->stop_message.deliver = on_stop;
    loop_post(d->loop, &d->stop_message);
}

/* ---- start ---- */

static enum err init_keys(struct delivery *d, const struct delivery_config *config,
                          const char **why)
{
    if (config->secret_count > WEBHOOK_KEYS_MAX) {
        *why = "there are too many signing secrets";
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < config->secret_count; i++) {
        enum err err = webhook_key_init(&d->keys.list[i], config->signing_secrets[i], why);

        if (err)
            return err;
        d->keys.count++;
    }
    return OK;
}

static enum err init_self(struct delivery *d, const struct delivery_config *config,
                          const char **why)
{
    if (str_is_none(config->self_url))
        return OK;
    d->has_self = true;
    return url_parse(&d->arena, arena_str(&d->arena, config->self_url), &d->self, why);
}

/* Else two could send one delivery at the same time. */
static enum err check_lease(const struct delivery *d, const char **why)
{
    static const struct policy_set built_in;
    const struct policy *only = d->config.tuning.policy;
    int64_t attempt_ms =
        policies_attempt_ms_max(d->config.policies ? d->config.policies : &built_in);

    if (only)
        attempt_ms = only->budget.total_ms + only->budget.body_ms;
    if (d->config.tuning.lease_ms > attempt_ms + SETTLE_MS)
        return OK;
    *why = "runbell.delivery.lease_s must be longer than the longest timeout_s of a policy, by 5 s "
           "at least";
    return ERR_INVALID;
}

static void init_tuning(struct delivery_tuning *tuning)
{
    tuning->window = tuning->window ? tuning->window : &window_limits_default;
    tuning->active_max = tuning->active_max ? tuning->active_max : ACTIVE_MAX;
    tuning->bytes_max = tuning->bytes_max ? tuning->bytes_max : BYTES_MAX;
    tuning->lanes_max = tuning->lanes_max ? tuning->lanes_max : LANES_MAX;
    tuning->survey_ms = tuning->survey_ms ? tuning->survey_ms : SURVEY_MS;
    tuning->lease_ms = tuning->lease_ms ? tuning->lease_ms : LEASE_MS;
    tuning->grace_ms = tuning->grace_ms ? tuning->grace_ms : GRACE_MS;
    tuning->share_ms = tuning->share_ms ? tuning->share_ms : SHARE_MS;
}

static struct http_client *client_new(struct delivery *d, const struct egress_policy *policy,
                                      const struct http_proxy *proxy)
{
    struct http_client_config config = {.loop = d->loop,
                                        .policy = policy,
                                        .proxy = proxy,
                                        .tls = d->config.tls,
                                        .response_header_bytes_max = 16 * KIB,
                                        .response_body_bytes_max = 64 * KIB,
                                        .idle_connections_max = 256,
                                        .idle_ms = 30 * MS_PER_SECOND};

    return http_client_new(&config);
}

static void init_clients(struct delivery *d)
{
    d->client = client_new(d, d->config.egress, d->config.proxy);
    if (!d->has_self)
        return;
    /* The one host this client is ever given is our own. */
    d->self_egress.dev = true;
    d->self_client = client_new(d, &d->self_egress, NULL);
}

static void init_timers(struct delivery *d)
{
    timer_init(&d->slow_timer, d->loop, on_slow_timer);
    timer_init(&d->recover_timer, d->loop, on_recover_timer);
    timer_init(&d->chores_timer, d->loop, on_chores_timer);
    timer_init(&d->replays_timer, d->loop, on_replays_timer);
    timer_init(&d->census_timer, d->loop, on_census_timer);
    timer_init(&d->settle_timer, d->loop, on_settle_timer);
    timer_init(&d->share_timer, d->loop, on_share_timer);
    timer_init(&d->grace_timer, d->loop, on_grace_timer);
}

static struct delivery *delivery_new(const struct delivery_config *config)
{
    struct delivery *d = MEM_NEW(struct delivery);

    arena_init(&d->arena);
    claim_init(&d->claim);
    arena_init(&d->survey.arena);
    arena_init(&d->replays.arena);
    arena_init(&d->census.arenas[0]);
    arena_init(&d->census.arenas[1]);
    target_memo_init(&d->targets);
    map_init(&d->origins);
    map_init(&d->lanes);
    list_init(&d->ready);
    list_init(&d->sending);
    list_init(&d->ended);
    list_init(&d->spare);
    d->config = *config;
    d->config.node = arena_str(&d->arena, config->node);
    d->config.user_agent = config->user_agent.data ? arena_str(&d->arena, config->user_agent)
                                                   : STR("Runbell/" RUNBELL_VERSION);
    init_tuning(&d->config.tuning);
    return d;
}

enum err delivery_start(const struct delivery_config *config, struct delivery **delivery,
                        const char **why)
{
    struct delivery *d;
    enum err err;

    REQUIRE(config->world && config->store && config->egress && config->node.len > 0);
    d = delivery_new(config);
    err = init_keys(d, config, why);
    if (!err)
        err = init_self(d, config, why);
    if (!err)
        err = check_lease(d, why);
    if (err) {
        delivery_free(d);
        return err;
    }
    d->owns_loop = config->loop == NULL;
    d->loop = config->loop ? config->loop : world_loop_new(config->world, "sender");
    init_timers(d);
    init_clients(d);
    store_subscribe(config->store, TOPIC_DELIVERY_DUE, d->loop, on_nudge, d);
    store_subscribe(config->store, TOPIC_REPLAY, d->loop, on_replay, d);
    timer_start(&d->recover_timer, 0);
    if (d->owns_loop)
        loop_start(d->loop);
    *delivery = d;
    return OK;
}

struct change {
    struct message message;
    struct delivery *delivery;
    const struct webhook_config *webhooks;
    const struct egress_policy *egress;
};

static void on_change(struct message *message)
{
    struct change *change = CONTAINER_OF(message, struct change, message);
    struct delivery *d = change->delivery;

    d->config.webhooks = change->webhooks;
    d->config.egress = change->egress;
    target_memo_forget(&d->targets);
    if (d->client) /* not after the stop */
        http_client_set_policy(d->client, change->egress);
    mem_free(change);
}

void delivery_change(struct delivery *d, const struct webhook_config *webhooks,
                     const struct egress_policy *egress)
{
    struct change *change = MEM_NEW(struct change);

    *change = (struct change){{NULL, on_change}, d, webhooks, egress};
    loop_post(d->loop, &change->message);
}

void delivery_free(struct delivery *d)
{
    if (!d)
        return;
    if (d->owns_loop && d->loop) {
        loop_stop(d->loop);
        loop_free(d->loop);
    }
    attempts_forget(d);
    signing_keys_release(&d->keys);
    claim_release(&d->claim);
    arena_release(&d->survey.arena);
    arena_release(&d->replays.arena);
    arena_release(&d->census.arenas[0]);
    arena_release(&d->census.arenas[1]);
    map_release(&d->lanes);
    map_release(&d->origins);
    target_memo_release(&d->targets);
    arena_release(&d->arena);
    mem_free(d);
}
