/* Renders operational events and puts them into the outbox. */
#include "store/outbox_notice.h"

#include "base/json.h"
#include "format/url.h"

#define NOTICE_BYTES_MAX (64 * KIB)

struct notice {
    struct buf out;
    struct json_writer json;
};

static struct json_writer *notice_begin(struct tx *tx, struct notice *notice, const char *type)
{
    struct json_writer *w = &notice->json;

    buf_init(&notice->out, NOTICE_BYTES_MAX);
    json_writer_init(w, &notice->out);
    json_begin_object(w);
    json_put_str(w, "type", str_of(type));
    json_put_time(w, "timestamp", tx->now_us);
    json_key(w, "data");
    json_begin_object(w);
    return w;
}

static enum err notice_end(struct tx *tx, const struct outbox_rules *rules, struct str tenant,
                           struct str object_id, struct notice *notice)
{
    struct outbox_event event = {.tenant = tenant,
                                 .kind = NOTICE_KIND,
                                 .object_id = object_id,
                                 .url = rules->notify_url,
                                 .content_type = STR("application/json"),
                                 .policy = rules->notify_policy,
                                 .class = DELIVERY_SYSTEM};
    enum err err = ERR_LIMIT;

    json_end_object(&notice->json);
    json_end_object(&notice->json);
    event.body = buf_str(&notice->out);
    if (!notice->out.failed)
        err = outbox_add(tx, &event, NULL);
    buf_release(&notice->out);
    return err;
}

enum err notice_of_endpoint(struct tx *tx, const struct outbox_rules *rules, const char *type,
                            const struct endpoint_row *endpoint)
{
    struct notice notice;
    struct json_writer *w;

    if (str_is_none(rules->notify_url) || str_eq(endpoint->kind, NOTICE_KIND))
        return OK;
    w = notice_begin(tx, &notice, type);
    json_put_str(w, "endpoint_id", endpoint->endpoint_id);
    json_put_str(w, "kind", endpoint->kind);
    json_put_str(w, "name", endpoint->name);
    url_mask_put(w, "url", endpoint->url);
    json_put_str(w, "state", endpoint_state_name(endpoint->state));
    json_put_str(w, "reason", endpoint->state_reason);
    json_put_time(w, "failing_since", endpoint->failing_since_us);
    return notice_end(tx, rules, endpoint->tenant, endpoint->endpoint_id, &notice);
}

enum err notice_of_delivery(struct tx *tx, const struct outbox_rules *rules,
                            const struct outbox_outcome *outcome)
{
    const struct outbox_claimed *row = outcome->row;
    struct notice notice;
    struct json_writer *w;

    if (str_is_none(rules->notify_url) || row->class == DELIVERY_SYSTEM)
        return OK;
    w = notice_begin(tx, &notice, NOTICE_DELIVERY_DEAD);
    json_put_i64(w, "delivery_id", row->delivery_id);
    json_put_str(w, "webhook_id", row->webhook_id);
    json_put_str(w, "kind", row->kind);
    json_put_str(w, "object_id", row->object_id);
    json_put_str(w, "endpoint_id", row->endpoint_id);
    url_mask_put(w, "url", row->url);
    json_put_i64(w, "attempts", row->attempts);
    json_put_str(w, "reason", outcome->reason);
    json_put_str(w, "last_result", outcome->result);
    if (outcome->status)
        json_put_i64(w, "last_status", outcome->status);
    else
        json_put_null(w, "last_status");
    return notice_end(tx, rules, row->tenant, row->object_id, &notice);
}
