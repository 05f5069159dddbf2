/* The shapes of delivery_json.h. */
#include "delivery/delivery_json.h"

#include "delivery/classify.h"
#include "format/url.h"

#define HIDDEN_RESULT STR("unreachable")
#define HIDDEN_WORDS STR("there was no answer from the receiver")
#define HIDDEN_GRAIN_US (60 * US_PER_SECOND)

bool delivery_view_hides(struct delivery_view view, struct str result, int64_t status)
{
    if (view.has_network || status != 0 || str_is_none(result))
        return false;
    switch (result_parse(result)) {
    case RESULT_UNREACHABLE:
    case RESULT_TLS:
    case RESULT_TIMEOUT:
    case RESULT_REFUSED:
    case RESULT_SERVER_ERROR: /* what answered did not speak HTTP */
        return true;
    case RESULT_DELIVERED:
    case RESULT_BUSY:
    case RESULT_REJECTED:
    case RESULT_GONE:
    case RESULT_UNKNOWN:
    case RESULT_COUNT:
        break;
    }
    return false;
}

int64_t delivery_view_time(bool is_hidden, int64_t at_us)
{
    return is_hidden ? (at_us + HIDDEN_GRAIN_US - 1) / HIDDEN_GRAIN_US * HIDDEN_GRAIN_US : at_us;
}

static void put_i64_or_null(struct json_writer *w, const char *key, int64_t value, int64_t none)
{
    if (value == none)
        json_put_null(w, key);
    else
        json_put_i64(w, key, value);
}

/* The result in a sentence. */
static void put_message(struct json_writer *w, const char *key, struct str result, int64_t status,
                        bool is_hidden)
{
    struct result_words words;

    json_put_str(w, key,
                 is_hidden             ? HIDDEN_WORDS
                 : str_is_none(result) ? STR_NONE
                                       : result_write_words(result_parse(result), status, &words));
}

/* Why it waits or is dead, where the last attempt's end says it: a policy that does not try again
 * gives the result itself as the reason. */
static struct str reason_of(const struct delivery_row *delivery, bool is_hidden)
{
    struct str reason = delivery->state_reason;

    if (!is_hidden || str_is_none(reason))
        return reason;
    if (delivery->state == DELIVERY_DUE || delivery->state == DELIVERY_SENDING)
        return HIDDEN_RESULT;
    return result_parse(reason) != RESULT_UNKNOWN || str_eq(reason, STR("exhausted"))
               ? HIDDEN_RESULT
               : reason;
}

static void put_members(struct json_writer *w, struct delivery_view view,
                        const struct delivery_row *delivery)
{
    bool is_hidden = delivery_view_hides(view, delivery->last_result, delivery->last_status);

    json_put_i64(w, "delivery_id", delivery->delivery_id);
    json_put_str(w, "webhook_id", delivery->webhook_id);
    json_put_str(w, "kind", delivery->kind);
    json_put_str(w, "object_id", delivery->object_id);
    json_put_str(w, "endpoint_id", delivery->endpoint_id);
    url_mask_put(w, "url", delivery->url);
    json_put_str(w, "origin", delivery->origin);
    json_put_str(w, "policy", delivery->policy);
    json_put_str(w, "state", delivery_state_name(delivery->state));
    json_put_str(w, "state_reason", reason_of(delivery, is_hidden));
    json_put_i64(w, "attempts", delivery->attempts);
    json_put_time(w, "next_attempt_at", delivery_view_time(is_hidden, delivery->next_us));
    json_put_time(w, "created_at", delivery->created_us);
    json_put_time(w, "updated_at", delivery_view_time(is_hidden, delivery->updated_us));
    json_put_time(w, "ended_at", delivery_view_time(is_hidden, delivery->ended_us));
    put_i64_or_null(w, "resend_of", delivery->resend_of, 0);
    json_put_str(w, "replay_id", delivery->replay_id);
    json_put_bool(w, "cancelled",
                  delivery->is_cancelled || (delivery->state == DELIVERY_DEAD &&
                                             str_eq(delivery->state_reason, STR("cancelled"))));
    json_put_str(w, "last_result", is_hidden ? HIDDEN_RESULT : delivery->last_result);
    put_i64_or_null(w, "last_status", delivery->last_status, 0);
    put_message(w, "last_message", delivery->last_result, delivery->last_status, is_hidden);
    json_put_str(w, "content_type", delivery->content_type);
    json_put_i64(w, "body_bytes", delivery->body_bytes);
}

void delivery_json_out(struct json_writer *w, struct delivery_view view,
                       const struct delivery_row *delivery)
{
    json_begin_object(w);
    put_members(w, view, delivery);
    json_end_object(w);
}

static void put_phases(struct json_writer *w, const struct attempt_row *attempt, bool is_hidden)
{
    const struct {
        const char *name;
        int64_t us;
    } phases[] = {{"dns", attempt->dns_us},
                  {"connect", attempt->connect_us},
                  {"tls", attempt->tls_us},
                  {"first_byte", attempt->first_byte_us},
                  {"total", attempt->total_us}};

    json_key(w, "phases_us");
    json_begin_object(w);
    for (size_t i = 0; i < ARRAY_LEN(phases); i++)
        put_i64_or_null(w, phases[i].name, is_hidden ? -1 : phases[i].us, -1);
    json_end_object(w);
}

void delivery_json_out_attempt(struct json_writer *w, struct delivery_view view,
                               const struct attempt_row *attempt)
{
    bool is_hidden = delivery_view_hides(view, attempt->result, attempt->status);

    json_begin_object(w);
    json_put_i64(w, "attempt_id", attempt->attempt_id);
    json_put_i64(w, "number", attempt->number);
    /* An attempt begins so long after the end of the one before. */
    json_put_time(w, "started_at", delivery_view_time(is_hidden, attempt->started_us));
    json_put_time(w, "ended_at", delivery_view_time(is_hidden, attempt->ended_us));
    json_put_str(w, "result", is_hidden ? HIDDEN_RESULT : attempt->result);
    put_message(w, "message", attempt->result, attempt->status, is_hidden);
    put_i64_or_null(w, "status", attempt->status, 0);
    json_put_str(w, "detail", is_hidden ? STR_NONE : attempt->detail);
    json_put_str(w, "address", is_hidden ? STR_NONE : attempt->address);
    put_phases(w, attempt, is_hidden);
    json_put_str(w, "response_type", view.has_answers ? attempt->response_type : STR_NONE);
    json_put_str(w, "response_excerpt",
                 view.has_answers && !is_hidden ? attempt->excerpt : STR_NONE);
    json_end_object(w);
}

static void put_attempts(struct json_writer *w, const char *key, struct delivery_view view,
                         const struct attempt_row *attempts, size_t count)
{
    json_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < count; i++)
        delivery_json_out_attempt(w, view, &attempts[i]);
    json_end_array(w);
}

void delivery_json_out_with_attempts(struct json_writer *w, struct delivery_view view,
                                     const struct delivery_row *delivery,
                                     const struct attempt_row *attempts, size_t count)
{
    json_begin_object(w);
    put_members(w, view, delivery);
    put_attempts(w, "attempt_log", view, attempts, count);
    json_end_object(w);
}

void delivery_json_out_attempts(struct json_writer *w, struct delivery_view view,
                                const struct attempt_row *attempts, size_t count)
{
    json_begin_object(w);
    put_attempts(w, "attempts", view, attempts, count);
    json_end_object(w);
}

void delivery_json_out_page(struct json_writer *w, struct delivery_view view,
                            const struct delivery_page *page)
{
    json_begin_object(w);
    json_key(w, "deliveries");
    json_begin_array(w);
    for (size_t i = 0; i < page->count; i++)
        delivery_json_out(w, view, &page->found[i]);
    json_end_array(w);
    put_i64_or_null(w, "next_before", page->next, 0);
    json_end_object(w);
}

void delivery_json_out_change(struct json_writer *w, struct delivery_view view,
                              const struct feed_row *row)
{
    bool is_hidden =
        row->has_attempt && delivery_view_hides(view, row->attempt.result, row->attempt.status);

    json_begin_object(w);
    json_put_i64(w, "position", row->position);
    json_put_time(w, "at", delivery_view_time(is_hidden, row->at_us));
    json_put_str(w, "state", delivery_state_name(row->state));
    json_key(w, "delivery");
    delivery_json_out(w, view, &row->delivery);
    json_key(w, "attempt");
    if (row->has_attempt)
        delivery_json_out_attempt(w, view, &row->attempt);
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
