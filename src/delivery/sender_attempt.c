/* One attempt: how it begins, and what its answer means for the delivery and for the origin. */
#include "base/log.h"
#include "base/mem.h"
#include "delivery/delivery_metrics.h"
#include "delivery/sender_priv.h"
#include "format/header.h"
#include "io/loop.h"

#define EXCERPT_BYTES_MAX (4 * KIB)
#define RESPONSE_TYPE_BYTES_MAX 256
#define SPARE_MAX 256                             /* attempts that are kept to be used again */
#define UNREADABLE_SILENT_MS (60 * MS_PER_SECOND) /* between two lines of the log */

/* ---- coming and going ---- */

static const struct policy *policy_of(const struct delivery *d, const struct outbox_claimed *row)
{
    static const struct policy_set built_in;
    const struct policy_set *set = d->config.policies ? d->config.policies : &built_in;
    const struct policy *policy = d->config.tuning.policy;

    if (!policy)
        policy = policies_find(set, row->policy);
    return policy ? policy : policy_find(policies_for_kind(set, row->kind));
}

static struct attempt *attempt_new(struct delivery *d)
{
    struct list *node = list_pop(&d->spare);
    struct attempt *a;

    if (!node) {
        a = MEM_NEW(struct attempt);
        arena_init_keeping(&a->arena, ROW_KEPT_BYTES);
        return a;
    }
    d->spare_count--;
    a = LIST_ITEM(node, struct attempt, node);
    *a = (struct attempt){.arena = a->arena};
    return a;
}

void attempt_add(struct lane *lane, const struct outbox_claimed *row, struct arena *row_arena,
                 int64_t lease_ends_ms)
{
    struct origin *origin = lane->origin;
    struct delivery *d = origin->delivery;
    struct attempt *a = attempt_new(d);
    struct arena empty = a->arena;

    a->arena = *row_arena;
    *row_arena = empty;
    list_init(&a->node);
    a->delivery = d;
    a->origin = origin;
    a->lane = lane;
    a->row = *row;
    outbox_claimed_own_secrets(&a->row, &a->arena);
    a->policy = policy_of(d, row);
    a->lease_ends_ms = lease_ends_ms;
    a->outcome = (struct outbox_outcome){.row = &a->row,
                                         .dns_us = -1,
                                         .connect_us = -1,
                                         .tls_us = -1,
                                         .first_byte_us = -1,
                                         .total_us = -1};
    lane->attempts++;
    origin->attempts++;
    d->active_count++;
    d->active_bytes += row->body.len;
    list_push(&origin->waiting, &a->node);
    origin->waiting_count++;
}

void attempt_free(struct attempt *a)
{
    struct delivery *d = a->delivery;

    REQUIRE(a->http == NULL && a->origin->attempts > 0 && d->active_count > 0);
    a->origin->attempts--;
    a->origin->used_ms = loop_mono_ms(d->loop);
    a->lane->attempts--;
    d->active_count--;
    d->active_bytes -= a->row.body.len;
    list_remove(&a->node);
    attempt_forget_secrets(a);
    if (d->spare_count < SPARE_MAX) {
        arena_reset(&a->arena);
        list_push_front(&d->spare, &a->node);
        d->spare_count++;
        return;
    }
    arena_release(&a->arena);
    mem_free(a);
}

void attempts_forget(struct delivery *d)
{
    struct list *node;

    while ((node = list_pop(&d->spare)) != NULL) {
        struct attempt *a = LIST_ITEM(node, struct attempt, node);

        arena_release(&a->arena);
        mem_free(a);
    }
    d->spare_count = 0;
}

/* ---- the outcome ---- */

static enum endpoint_news news_of(enum attempt_result result)
{
    if (result == RESULT_DELIVERED)
        return ENDPOINT_WELL;
    if (result == RESULT_GONE)
        return ENDPOINT_GONE;
    return classify_origin(result) == ORIGIN_UNTRIED ? ENDPOINT_NO_NEWS : ENDPOINT_FAILED;
}

static void decide(struct attempt *a, enum attempt_result result, int status,
                   struct str retry_after)
{
    struct loop *loop = a->delivery->loop;
    struct outbox_outcome *outcome = &a->outcome;
    struct schedule_input input = {.result = result,
                                   .status = status,
                                   .attempts = a->row.attempts,
                                   .retry_after = retry_after,
                                   .created_us = a->row.created_us,
                                   .now_us = store_now_us(a->delivery->config.store)};
    int64_t delay_us = 0;

    outcome->result = result_name(result);
    outcome->status = status;
    outcome->ended_us = input.now_us;
    outcome->news = news_of(result);
    outcome->is_hard = classify_origin(result) == ORIGIN_FAILED;
    outcome->rest_until_us = schedule_rest_until(a->policy, &input);
    switch (schedule_next(a->policy, &input, loop_rng(loop), &delay_us, &outcome->reason)) {
    case VERDICT_DONE:
        outcome->to = DELIVERY_DONE;
        break;
    case VERDICT_AGAIN:
        outcome->to = DELIVERY_DUE;
        outcome->next_us = input.now_us + delay_us;
        outcome->reason = outcome->result;
        if (a->row.expires_us && outcome->next_us >= a->row.expires_us) {
            outcome->to = DELIVERY_DEAD;
            outcome->reason = STR("expired");
        }
        break;
    case VERDICT_DEAD:
        outcome->to = DELIVERY_DEAD;
        break;
    }
}

static void tell_window(struct attempt *a, enum attempt_result result)
{
    struct window *window = &a->origin->window;
    int64_t now_ms = loop_mono_ms(a->delivery->loop);
    enum window_state before = window->state;

    switch (classify_origin(result)) {
    case ORIGIN_ANSWERED:
        window_succeeded(window);
        break;
    case ORIGIN_FAILED:
        window_failed(window, now_ms);
        break;
    case ORIGIN_UNTRIED:
        window_ended(window);
        break;
    }
    delivery_count_breaker(before, window->state);
    if (before != WINDOW_CLOSED && window->state == WINDOW_CLOSED)
        log_warn("delivery", "%.*s fails: nothing is sent to it for %d s", STR_ARG(a->origin->name),
                 (int)((window->reopens_ms - now_ms) / MS_PER_SECOND));
    if (before == WINDOW_PROBING && window->state == WINDOW_OPEN)
        log_info("delivery", "%.*s answers again", STR_ARG(a->origin->name));
}

static void keep_body(struct attempt *a, const struct http_result *answer)
{
    size_t kept = a->policy->answer_bytes_max ? a->policy->answer_bytes_max : EXCERPT_BYTES_MAX;
    struct str type = http_header_find(answer->headers, answer->header_count, "content-type");

    if (a->delivery->config.drops_answers && !a->policy->answer_bytes_max)
        return;
    if (header_value_is_valid(type) && type.len <= RESPONSE_TYPE_BYTES_MAX)
        a->outcome.response_type = arena_str(&a->arena, type);
    if (answer->body.len)
        a->outcome.excerpt = arena_str(&a->arena, str_first(answer->body, kept));
}

static void keep_answer(struct attempt *a, const struct http_result *answer)
{
    struct outbox_outcome *outcome = &a->outcome;
    const char *detail = answer->rule ? answer->rule : answer->why;
    struct address_text text;

    if (answer->outcome != HTTP_ANSWERED || !outcome->status)
        outcome->detail = arena_str(&a->arena, str_of(detail));
    if (answer->address.family != ADDRESS_NONE)
        outcome->address = arena_str(&a->arena, address_write(&answer->address, &text));
    outcome->dns_us = answer->phases.dns_us;
    outcome->connect_us = answer->phases.connect_us;
    outcome->tls_us = answer->phases.tls_us;
    outcome->first_byte_us = answer->phases.first_byte_us;
    outcome->total_us = answer->phases.total_us;
    keep_body(a, answer);
}

static void on_done(void *context, const struct http_result *answer)
{
    struct attempt *a = context;
    struct delivery *d = a->delivery;
    enum attempt_result result = classify(answer);

    a->http = NULL;
    delivery_count_attempt(answer, a->row.due_us, a->started_us);
    decide(a, result, answer->outcome == HTTP_ANSWERED ? answer->status : 0,
           http_header_find(answer->headers, answer->header_count, "Retry-After"));
    keep_answer(a, answer);
    tell_window(a, result);
    a->origin->answered_us = answer->phases.total_us;
    settle_add(a);
    origin_pump(a->origin);
    settle_pump(d);
    claim_pump(d);
    stop_check(d);
}

/* ---- the request ---- */

/* Its secrets cannot be opened: not tried, and not lost. Its endpoint is locked when this is
 * written down, so that all of it is held until the key is back. */
static void put_off(struct attempt *a)
{
    struct delivery *d = a->delivery;
    int64_t now_ms = loop_mono_ms(d->loop);

    if (now_ms >= d->unreadable_silent_ms) {
        d->unreadable_silent_ms = now_ms + UNREADABLE_SILENT_MS;
        log_error("delivery", "the webhook %.*s waits, and others may too: %.*s",
                  STR_ARG(a->row.webhook_id), STR_ARG(a->row.secrets_why));
    }
    a->outcome.is_untried = a->outcome.is_locked = true;
    a->outcome.to = DELIVERY_DUE;
    a->outcome.next_us = store_now_us(d->config.store);
    settle_add(a);
}

static void refuse(struct attempt *a, struct str why)
{
    metric_add(&delivery_attempts, RESULT_REFUSED, 1);
    decide(a, RESULT_REFUSED, 0, STR_NONE);
    a->outcome.detail = why;
    tell_window(a, RESULT_REFUSED);
    settle_add(a);
}

static void leave_waiting(struct attempt *a)
{
    REQUIRE(a->origin->waiting_count > 0);
    list_remove(&a->node);
    a->origin->waiting_count--;
}

/* Would its lease end while it is under way? Then somebody else would send it too. */
static bool is_too_late(const struct attempt *a)
{
    const struct http_budget *budget = &a->policy->budget;

    return loop_mono_ms(a->delivery->loop) + budget->total_ms + budget->body_ms + SETTLE_MS >
           a->lease_ends_ms;
}

void attempt_start(struct attempt *a)
{
    struct http_client_request request = {.method = STR("POST"),
                                          .body = a->row.body,
                                          .budget = a->policy->budget,
                                          .reuse = policy_reuse(a->policy, a->row.attempts)};
    struct str why = STR_NONE;
    struct http_client *client;

    if (is_too_late(a)) {
        attempt_give_back(a);
        return;
    }
    leave_waiting(a);
    if (!str_is_none(a->row.secrets_why)) {
        put_off(a);
        return;
    }
    client = attempt_request(a, &request, &why);
    window_begin(&a->origin->window);
    if (!client) {
        refuse(a, why);
        return;
    }
    list_push(&a->delivery->sending, &a->node);
    a->started_us = store_now_us(a->delivery->config.store);
    a->http = http_client_send(client, &request, on_done, a);
}

void attempt_give_back(struct attempt *a)
{
    leave_waiting(a);
    a->outcome.is_untried = true;
    a->outcome.to = DELIVERY_DUE;
    a->outcome.next_us = store_now_us(a->delivery->config.store);
    settle_add(a);
}

void attempt_cut(struct attempt *a)
{
    REQUIRE(a->http);
    http_send_cancel(a->http);
    a->http = NULL;
    metric_add(&delivery_attempts, RESULT_UNKNOWN, 1);
    decide(a, RESULT_UNKNOWN, 0, STR_NONE);
    window_ended(&a->origin->window);
    settle_add(a);
}
