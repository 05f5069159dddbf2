/* watch_end.c -- the write that ends an intent: its webhook into the outbox, or nothing at all. */
#include "gateway/follower_priv.h"

#include "gateway/gateway_metrics.h"
#include "store/outbox.h"

static enum gateway_end end_of(const struct watch *watch)
{
    if (watch->outcome.is_given_up)
        return GATEWAY_GIVEN_UP;
    return str_is_none(watch->outcome.run) ? GATEWAY_VANISHED : GATEWAY_TOLD;
}

static enum err webhook_add(struct tx *tx, const struct watch *watch)
{
    const struct intent *intent = &watch->intent;
    struct buf out;
    enum err err = ERR_LIMIT;

    buf_init(&out, ANSWER_BYTES_MAX);
    outcome_write(&out, tx->arena, intent, &watch->outcome, tx->now_us);
    if (!out.failed) {
        const struct outbox_event event = {
            .tenant = intent->tenant,
            .kind = STR("run"),
            .object_id = intent->run_id,
            .url = intent->url,
            .content_type = STR("application/json"),
            .body = buf_str(&out),
            .policy = watch->follower->config.policy,
            .ordering_key = intent->thread_id,
            .traceparent = intent->traceparent,
        };

        err = outbox_add(tx, &event, NULL);
    }
    buf_release(&out);
    return err;
}

enum err watch_end_apply(struct tx *tx, struct store_work *work)
{
    const struct watch *watch = CONTAINER_OF(work, struct watch, work);
    enum err err = intent_end(tx, &watch->intent);

    if (err || (err = webhook_add(tx, watch)))
        return err;
    gateway_count_end(tx, end_of(watch));
    return OK;
}
