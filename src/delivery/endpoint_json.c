/* The shapes of endpoint_json.h. */
#include "delivery/endpoint_json.h"

#include "format/url.h"

static void put_positive(struct json_writer *w, const char *key, int64_t value)
{
    if (value > 0)
        json_put_i64(w, key, value);
    else
        json_put_null(w, key);
}

static void put_told(struct json_writer *w, const struct policy_set *policies,
                     const struct endpoint_row *e)
{
    json_put_str(w, "name", e->name);
    json_put_str(w, "policy",
                 str_is_none(e->policy) ? policies_for_kind(policies, e->kind) : e->policy);
    json_put_str(w, "own_policy", e->policy);
    if (e->rate_limit > 0) {
        json_key(w, "rate_limit");
        json_double_out(w, e->rate_limit);
    } else {
        json_put_null(w, "rate_limit");
    }
    put_positive(w, "rate_burst", e->rate_burst);
    put_positive(w, "in_flight_max", e->in_flight_max);
    json_put_str(w, "ordering", e->is_fifo ? STR("fifo") : STR("none"));
    put_positive(w, "expires_after_s", e->expires_after_s);
}

static struct str health_of(const struct endpoint_row *e, int64_t now_us)
{
    if (e->rest_until_us > now_us)
        return STR("resting");
    return e->failing_since_us ? STR("failing") : STR("well");
}

static void put_backlog(struct json_writer *w, const struct endpoint_backlog *backlog,
                        bool is_hidden)
{
    json_key(w, "backlog");
    json_begin_object(w);
    json_put_i64(w, "due", backlog->due);
    json_put_i64(w, "sending", backlog->sending);
    json_put_i64(w, "held", backlog->held);
    json_put_time(w, "next_attempt_at", delivery_view_time(is_hidden, backlog->next_us));
    json_end_object(w);
}

static void put_sender(struct json_writer *w, const struct origin_view *view)
{
    static const char *const breakers[] = {
        [WINDOW_OPEN] = "closed", [WINDOW_CLOSED] = "open", [WINDOW_PROBING] = "half_open"};

    if (!view) {
        json_put_null(w, "sender");
        return;
    }
    json_key(w, "sender");
    json_begin_object(w);
    json_put_str(w, "breaker", str_of(breakers[view->state]));
    json_put_i64(w, "concurrency", view->width);
    json_put_i64(w, "in_flight", view->in_flight);
    json_put_i64(w, "waiting", view->waiting);
    json_put_time(w, "reopens_at", view->reopens_us);
    json_end_object(w);
}

void endpoint_json_out(struct json_writer *w, const struct endpoint_teller *teller,
                       const struct endpoint_row *e, const struct endpoint_backlog *backlog,
                       const struct origin_view *view)
{
    int64_t rests_until_us = e->rest_until_us > teller->now_us ? e->rest_until_us : 0;
    bool is_hidden = !teller->told.has_network;

    json_begin_object(w);
    json_put_str(w, "endpoint_id", e->endpoint_id);
    json_put_str(w, "kind", e->kind);
    url_mask_put(w, "url", e->url);
    json_put_str(w, "origin", e->origin);
    put_told(w, teller->policies, e);
    json_put_str(w, "state", endpoint_state_name(e->state));
    json_put_str(w, "state_reason", e->state_reason);
    json_put_time(w, "state_since", e->state_since_us);
    json_put_str(w, "health", health_of(e, teller->now_us));
    json_put_time(w, "failing_since", delivery_view_time(is_hidden, e->failing_since_us));
    json_put_i64(w, "failures", e->failures);
    json_put_time(w, "resting_until", delivery_view_time(is_hidden, rests_until_us));
    json_put_i64(w, "last_sequence", e->next_sequence - 1);
    json_put_time(w, "created_at", e->created_us);
    json_put_time(w, "updated_at", e->updated_us);
    if (backlog)
        put_backlog(w, backlog, is_hidden);
    put_sender(w, is_hidden ? NULL : view);
    json_end_object(w);
}
