/* follower.c -- see follower.h. */
#include "gateway/follower_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/gateway_metrics.h"

#define LOOK_MS 5000  /* without a nudge */
#define AGAIN_MS 1000 /* after an error */
#define LEASE_US (60 * US_PER_SECOND)
#define RENEW_MS 20000
#define PROBE_MS 5000
#define CONNECT_MS 10000
#define IDLE_MS 4000 /* shorter than the 5 s after which Node's servers close */
#define HEADER_BYTES_MAX (64 * KIB)

static void look(struct follower *f);

/* ---- finding what nobody follows ---- */

static void rest(struct follower *f, int64_t ms)
{
    bool again = f->looks_again;

    f->is_looking = f->looks_again = false;
    if (!f->is_closed)
        timer_start(&f->look_timer, again ? 0 : ms);
}

static enum err lease_apply(struct tx *tx, struct store_work *work)
{
    struct follower *f = CONTAINER_OF(work, struct follower, look_work);

    for (size_t i = 0; i < f->found.count; i++) {
        struct intent *intent = &f->found.list[i];
        enum err err = intent_lease(tx, intent, f->config.node, tx->now_us + LEASE_US);

        if (err && err != ERR_CONFLICT)
            return err;
        intent->node = err ? STR_NONE : f->config.node;
    }
    return OK;
}

static void look_note(struct follower *f, enum err err)
{
    failure_log_note(&f->look_failures, loop_mono_ms(f->config.loop), err, LOG_ERROR, "gateway",
                     "webhooks of the upstream's runs could not be taken up");
}

static void lease_done(struct store_work *work, enum err err)
{
    struct follower *f = CONTAINER_OF(work, struct follower, look_work);

    look_note(f, err);
    for (size_t i = 0; !err && !f->is_closed && i < f->found.count; i++)
        if (!str_is_none(f->found.list[i].node) &&
            !map_find(&f->watches, f->found.list[i].intent_id))
            watch_new(f, &f->found.list[i]);
    metric_set(&gateway_open, 0, (int64_t)f->watches.count);
    rest(f, err ? AGAIN_MS : LOOK_MS);
}

static enum err look_apply(struct tx *tx, struct store_work *work)
{
    struct follower *f = CONTAINER_OF(work, struct follower, look_work);

    arena_reset(&f->arena);
    return intents_due(tx, (int64_t)(WATCHES_MAX - f->watches.count), &f->arena, &f->found);
}

static void look_done(struct store_work *work, enum err err)
{
    struct follower *f = CONTAINER_OF(work, struct follower, look_work);

    if (err || f->found.count == 0)
        look_note(f, err);
    if (err || f->found.count == 0 || f->is_closed) {
        rest(f, err ? AGAIN_MS : LOOK_MS);
        return;
    }
    work->apply = lease_apply;
    work->done = lease_done;
    work->class = STORE_OUTCOME;
    store_write(f->config.store, work);
}

/* What this node followed before its last end is nobody's now. */
static enum err release_apply(struct tx *tx, struct store_work *work)
{
    return intents_release(tx, CONTAINER_OF(work, struct follower, look_work)->config.node);
}

static void release_done(struct store_work *work, enum err err)
{
    struct follower *f = CONTAINER_OF(work, struct follower, look_work);

    f->is_released = !err;
    f->looks_again |= !err;
    rest(f, AGAIN_MS);
}

static void look(struct follower *f)
{
    struct store_work *work = &f->look_work;

    f->looks_again = f->is_looking;
    if (f->is_closed || f->is_looking || f->watches.count >= WATCHES_MAX)
        return;
    f->is_looking = true;
    work->reply_to = f->config.loop;
    work->class = STORE_OUTCOME;
    work->apply = f->is_released ? look_apply : release_apply;
    work->done = f->is_released ? look_done : release_done;
    if (f->is_released)
        store_read(f->config.store, work);
    else
        store_write(f->config.store, work);
}

static void on_look(struct timer *timer)
{
    look(CONTAINER_OF(timer, struct follower, look_timer));
}

static void on_nudge(void *context, struct str key)
{
    (void)key;
    look(context);
}

/* ---- the leases ---- */

static enum err renew_apply(struct tx *tx, struct store_work *work)
{
    struct follower *f = CONTAINER_OF(work, struct follower, renew_work);

    return intents_renew(tx, f->config.node, tx->now_us + LEASE_US);
}

static void renew_done(struct store_work *work, enum err err)
{
    struct follower *f = CONTAINER_OF(work, struct follower, renew_work);

    f->is_renewing = false;
    failure_log_note(&f->renew_failures, loop_mono_ms(f->config.loop), err, LOG_ERROR, "gateway",
                     "leases could not be renewed");
}

static void on_renew(struct timer *timer)
{
    struct follower *f = CONTAINER_OF(timer, struct follower, renew_timer);

    timer_start(&f->renew_timer, RENEW_MS);
    metric_set(&gateway_open, 0, (int64_t)f->watches.count);
    if (f->is_closed || f->is_renewing || f->watches.count == 0)
        return;
    f->is_renewing = true;
    f->renew_work.apply = renew_apply;
    f->renew_work.done = renew_done;
    f->renew_work.reply_to = f->config.loop;
    f->renew_work.class = STORE_OUTCOME;
    store_write(f->config.store, &f->renew_work);
}

/* ---- is it there? ---- */

static void saw(struct follower *f, bool is_up, const char *why)
{
    const struct upstream_state *state = f->config.state;
    bool was_known = atomic_load(&state->is_known), was_up = atomic_load(&state->is_up);

    if (is_up && !(was_known && was_up))
        log_info("gateway", "the upstream %.*s answers", STR_ARG(f->config.upstream->url));
    else if (!is_up && (!was_known || was_up))
        log_warn("gateway", "the upstream %.*s does not answer: %s",
                 STR_ARG(f->config.upstream->url), why);
    upstream_saw(f->config.state, is_up);
    metric_set(&gateway_up, 0, is_up);
}

static void probe_on_head(void *context, const struct fetch_head *head)
{
    saw(context, head->status < 500, "it answers with an error");
}

static void probe_on_body(void *context, struct str piece)
{
    (void)context;
    (void)piece;
}

static void probe_on_end(void *context, enum fetch_end end, const char *why)
{
    struct follower *f = context;

    f->probe = NULL;
    if (end == FETCH_UNREACHABLE || end == FETCH_LOST)
        saw(f, false, why);
    timer_start(&f->probe_timer, PROBE_MS);
}

static void on_probe(struct timer *timer)
{
    static const struct fetch_events events = {probe_on_head, probe_on_body, probe_on_end, NULL,
                                               NULL};
    struct follower *f = CONTAINER_OF(timer, struct follower, probe_timer);
    const struct upstream *upstream = f->config.upstream;
    const struct fetch_request request = {
        .method = STR("GET"),
        .target = f->probe_target,
        .headers = upstream->headers,
        .header_count = upstream->header_count,
        .all_ms = CONNECT_MS,
    };

    f->probe = fetch_start(f->client, &request, &events, f);
}

/* ---- hints ---- */

struct hint {
    struct message message;
    struct follower *follower;
    struct str intent_id, run_id;
    char texts[];
};

static void on_hint(struct message *message)
{
    struct hint *hint = CONTAINER_OF(message, struct hint, message);
    struct watch *watch = map_find(&hint->follower->watches, hint->intent_id);

    if (watch && !hint->follower->is_closed)
        watch_hint(watch, hint->run_id);
    mem_free(hint);
}

void follower_hint(struct follower *follower, struct str intent_id, struct str run_id)
{
    struct hint *hint = mem_alloc_zero(sizeof(*hint) + intent_id.len + run_id.len);
    char *at = hint->texts;

    hint->message.deliver = on_hint;
    hint->follower = follower;
    hint->intent_id = str_put(&at, intent_id);
    hint->run_id = str_put(&at, run_id);
    loop_post(follower->config.loop, &hint->message);
}

/* ---- the follower ---- */

struct follower *follower_new(const struct follower_config *config)
{
    struct follower *f = MEM_NEW(struct follower);

    f->config = *config;
    f->client = fetch_client_new(&(struct fetch_client_config){
        .loop = config->loop,
        .origin = config->upstream->origin,
        .tls = config->tls,
        .connect_ms = CONNECT_MS,
        .header_bytes_max = HEADER_BYTES_MAX,
        .idle_max = FETCHES_MAX,
        .idle_ms = IDLE_MS,
    });
    map_init(&f->watches);
    list_init(&f->waiting);
    arena_init(&f->arena);
    arena_init(&f->kept);
    f->probe_target = arena_printf(&f->kept, "%.*s/ok", STR_ARG(config->upstream->base));
    timer_init(&f->look_timer, config->loop, on_look);
    timer_init(&f->renew_timer, config->loop, on_renew);
    timer_init(&f->probe_timer, config->loop, on_probe);
    store_subscribe(config->store, TOPIC_INTENT, config->loop, on_nudge, f);
    timer_start(&f->renew_timer, RENEW_MS);
    timer_start(&f->probe_timer, 0);
    look(f);
    return f;
}

void follower_close(struct follower *f)
{
    size_t position = 0;
    struct str key;
    void *value;

    f->is_closed = true;
    timer_stop(&f->look_timer);
    timer_stop(&f->renew_timer);
    timer_stop(&f->probe_timer);
    while (map_next(&f->watches, &position, &key, &value)) {
        struct watch *watch = value;

        timer_stop(&watch->timer);
        if (watch->fetch)
            fetch_cancel(watch->fetch);
        watch->fetch = NULL;
    }
    if (f->probe)
        fetch_cancel(f->probe);
    f->probe = NULL;
    fetch_client_free(f->client);
    f->client = NULL;
}

void follower_free(struct follower *f)
{
    size_t position = 0;
    struct str key;
    void *value;

    if (!f)
        return;
    while (map_next(&f->watches, &position, &key, &value))
        watch_free(value);
    map_release(&f->watches);
    arena_release(&f->arena);
    arena_release(&f->kept);
    mem_free(f);
}
