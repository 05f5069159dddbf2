/* The shapes of delivery_json.h. */
#include "delivery/delivery_json.h"

#include "delivery/classify.h"
#include "format/url.h"

static void put_i64_or_null(struct json_writer *w, const char *key, int64_t value, int64_t none)
{
    if (value == none)
        json_put_null(w, key);
    else
        json_put_i64(w, key, value);
}

/* The result in a sentence. */
static void put_message(struct json_writer *w, const char *key, struct str result, int64_t status)
{
    struct result_words words;

    json_put_str(w, key,
                 str_is_none(result) ? STR_NONE
                                     : result_write_words(result_parse(result), status, &words));
}

static void put_members(struct json_writer *w, const struct delivery_row *delivery)
{
    json_put_i64(w, "delivery_id", delivery->delivery_id);
    json_put_str(w, "webhook_id", delivery->webhook_id);
    json_put_str(w, "kind", delivery->kind);
    json_put_str(w, "object_id", delivery->object_id);
    json_put_str(w, "endpoint_id", delivery->endpoint_id);
    url_mask_put(w, "url", delivery->url);
    json_put_str(w, "origin", delivery->origin);
    json_put_str(w, "policy", delivery->policy);
    json_put_str(w, "state", delivery_state_name(delivery->state));
    json_put_str(w, "state_reason", delivery->state_reason);
    json_put_i64(w, "attempts", delivery->attempts);
    json_put_time(w, "next_attempt_at", delivery->next_us);
    json_put_time(w, "created_at", delivery->created_us);
    json_put_time(w, "updated_at", delivery->updated_us);
    json_put_time(w, "ended_at", delivery->ended_us);
    put_i64_or_null(w, "resend_of", delivery->resend_of, 0);
    json_put_str(w, "replay_id", delivery->replay_id);
    json_put_bool(w, "cancelled",
                  delivery->is_cancelled || (delivery->state == DELIVERY_DEAD &&
                                             str_eq(delivery->state_reason, STR("cancelled"))));
    json_put_str(w, "last_result", delivery->last_result);
    put_i64_or_null(w, "last_status", delivery->last_status, 0);
    put_message(w, "last_message", delivery->last_result, delivery->last_status);
    json_put_str(w, "content_type", delivery->content_type);
    json_put_i64(w, "body_bytes", delivery->body_bytes);
}

void delivery_json_out(struct json_writer *w, const struct delivery_row *delivery)
{
    json_begin_object(w);
    put_members(w, delivery);
    json_end_object(w);
}

static void put_phases(struct json_writer *w, const struct attempt_row *attempt)
{
    json_key(w, "phases_us");
    json_begin_object(w);
    put_i64_or_null(w, "dns", attempt->dns_us, -1);
    put_i64_or_null(w, "connect", attempt->connect_us, -1);
    put_i64_or_null(w, "tls", attempt->tls_us, -1);
    put_i64_or_null(w, "first_byte", attempt->first_byte_us, -1);
    put_i64_or_null(w, "total", attempt->total_us, -1);
    json_end_object(w);
}

void delivery_json_out_attempt(struct json_writer *w, const struct attempt_row *attempt)
{
    json_begin_object(w);
    json_put_i64(w, "attempt_id", attempt->attempt_id);
    json_put_i64(w, "number", attempt->number);
    json_put_time(w, "started_at", attempt->started_us);
    json_put_time(w, "ended_at", attempt->ended_us);
    json_put_str(w, "result", attempt->result);
    put_message(w, "message", attempt->result, attempt->status);
    put_i64_or_null(w, "status", attempt->status, 0);
    json_put_str(w, "detail", attempt->detail);
    json_put_str(w, "address", attempt->address);
    put_phases(w, attempt);
    json_put_str(w, "response_type", attempt->response_type);
    json_put_str(w, "response_excerpt", attempt->excerpt);
    json_end_object(w);
}

void delivery_json_out_with_attempts(struct json_writer *w, const struct delivery_row *delivery,
                                     const struct attempt_row *attempts, size_t count)
{
    json_begin_object(w);
    put_members(w, delivery);
    json_key(w, "attempt_log");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++)
        delivery_json_out_attempt(w, &attempts[i]);
    json_end_array(w);
    json_end_object(w);
}

void delivery_json_out_page(struct json_writer *w, const struct delivery_page *page)
{
    json_begin_object(w);
    json_key(w, "deliveries");
    json_begin_array(w);
    for (size_t i = 0; i < page->count; i++)
        delivery_json_out(w, &page->found[i]);
    json_end_array(w);
    put_i64_or_null(w, "next_before", page->next, 0);
    json_end_object(w);
}

void delivery_json_out_change(struct json_writer *w, const struct feed_row *row)
{
    json_begin_object(w);
    json_put_i64(w, "position", row->position);
    json_put_time(w, "at", row->at_us);
    json_put_str(w, "state", delivery_state_name(row->state));
    json_key(w, "delivery");
    delivery_json_out(w, &row->delivery);
    json_key(w, "attempt");
    if (row->has_attempt)
        delivery_json_out_attempt(w, &row->attempt);
    else
        json_null_out(w);
    json_end_object(w);
}

struct str delivery_json_verdict(const struct delivery_row *delivery)
{
    switch (delivery->state) {
    case DELIVERY_DONE:
        return STR("the receiver has it");
    case DELIVERY_DEAD:
        return STR("it did not arrive; the attempt says why");
    case DELIVERY_HELD:
        return STR("it is held, because its endpoint is not active: resume the endpoint first");
    case DELIVERY_DUE:
        return STR("it waits to be sent; the log will tell");
    case DELIVERY_SENDING:
        return STR("the receiver has not answered yet; the log will tell");
    case DELIVERY_STATE_COUNT:
        break;
    }
    return STR_NONE;
}
