/* Writes down what became of the attempts that ended, all that wait in one write, if possible in
 * one commit with the next claim: outcomes wait for it a moment, unless somebody waits for them. As
 * long as it is not committed they stay in memory and count against the active set: a slow store
 * slows the sending down. */
#include "base/log.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"

static enum err settle_apply(struct tx *tx, struct store_work *work)
{
    struct settle_work *s = CONTAINER_OF(work, struct settle_work, work);

    return outbox_settle(tx, &s->delivery->config.rules, s->outcomes, s->count);
}

static void report(const struct attempt *a)
{
    const struct outbox_outcome *outcome = &a->outcome;

    if (outcome->to == DELIVERY_DEAD)
        log_warn("delivery", "gave up %.*s to %.*s after %d attempts: %.*s (%.*s, status %d)",
                 STR_ARG(a->row.webhook_id), STR_ARG(a->origin->name), (int)a->row.attempts,
                 STR_ARG(outcome->reason), STR_ARG(outcome->result), (int)outcome->status);
    else
        log_debug("delivery", "%.*s to %.*s, attempt %d: %.*s", STR_ARG(a->row.webhook_id),
                  STR_ARG(a->origin->name), (int)a->row.attempts, STR_ARG(outcome->result));
}

/* Its end makes room for the next one of its endpoint. */
static bool is_waited_for(const struct attempt *a)
{
    return a->row.is_limited || !str_is_none(a->row.ordering_key);
}

static void settled(struct attempt *a)
{
    if (!a->outcome.is_untried)
        report(a);
    if (a->outcome.to == DELIVERY_DUE)
        lane_hint(a->lane, outbox_line_of(a->row.class, a->row.attempts - a->outcome.is_untried),
                  a->outcome.next_us);
    else if (is_waited_for(a))
        lane_hint(a->lane, OUTBOX_FRESH,
                  store_now_us(a->delivery->config.store)); /* the next one */
    if (a->delivery->phase == PHASE_RUNNING)
        lane_consider(a->lane);
    attempt_free(a);
}

/* What the store will never take, it will never take again: then without what is only for the log.
 */
static bool is_about_content(enum err err)
{
    return err != ERR_AGAIN && err != ERR_IO;
}

static void note(struct settle_work *s, enum err err)
{
    failure_log_note(&s->failures, loop_mono_ms(s->delivery->loop), err, LOG_WARN, "delivery",
                     "outcomes could not be written and are kept");
}

static void put_back(struct settle_work *s, enum err err)
{
    struct delivery *d = s->delivery;

    if (is_about_content(err) && s->care == SETTLE_SINGLE) {
        log_error("delivery", "the outcome of %.*s cannot be written (%s); it is sent again later",
                  STR_ARG(s->attempts[0]->row.webhook_id), err_name(err));
        attempt_free(s->attempts[0]);
        s->count = 0;
    } else if (is_about_content(err)) {
        log_warn("delivery", "%zu outcomes could not be written (%s); they are kept", s->count,
                 err_name(err));
        s->care++;
    } else {
        note(s, err);
    }
    for (size_t i = s->count; i > 0; i--)
        list_push_front(&d->ended, &s->attempts[i - 1]->node);
    d->ended_count += s->count;
    timer_start(&d->settle_timer, RETRY_MS);
}

static void settle_done(struct store_work *work, enum err err)
{
    struct settle_work *s = CONTAINER_OF(work, struct settle_work, work);
    struct delivery *d = s->delivery;

    s->is_busy = false;
    if (err && d->phase == PHASE_RUNNING) {
        put_back(s, err);
        return;
    }
    if (!err)
        note(s, OK);
    else
        log_warn("delivery", "%zu outcomes are lost with this stop: they are sent again", s->count);
    for (size_t i = 0; i < s->count; i++) {
        if (err)
            attempt_free(s->attempts[i]);
        else
            settled(s->attempts[i]);
    }
    if (list_is_empty(&d->ended))
        s->care = SETTLE_WHOLE;
    settle_pump(d);
    claim_pump(d);
    stop_check(d);
}

void settle_add(struct attempt *a)
{
    struct delivery *d = a->delivery;

    list_remove(&a->node);
    list_push(&d->ended, &a->node);
    d->ended_count++;
    d->settle.is_urgent = d->settle.is_urgent || is_waited_for(a);
}

/* Others are still being sent, and there is room for more: a claim or more outcomes will come. */
static bool can_wait(const struct delivery *d)
{
    const struct delivery_tuning *tuning = &d->config.tuning;

    return d->phase == PHASE_RUNNING && !d->settle.is_urgent && d->settle.care == SETTLE_WHOLE &&
           !list_is_empty(&d->sending) && d->ended_count < SETTLE_MAX &&
           d->active_count < tuning->active_max && d->active_bytes < tuning->bytes_max;
}

void settle_pump(struct delivery *d)
{
    if (list_is_empty(&d->ended) || !can_wait(d))
        settle_now(d);
    else if (!timer_is_running(&d->share_timer))
        timer_start(&d->share_timer, d->config.tuning.share_ms);
}

struct store_work *settle_begin(struct delivery *d)
{
    struct settle_work *s = &d->settle;
    size_t max = s->care == SETTLE_SINGLE ? 1 : SETTLE_MAX;

    if (s->is_busy || list_is_empty(&d->ended) || timer_is_running(&d->settle_timer))
        return NULL;
    timer_stop(&d->share_timer);
    for (s->count = 0; s->count < max && !list_is_empty(&d->ended); s->count++) {
        struct attempt *a = LIST_ITEM(list_pop(&d->ended), struct attempt, node);

        s->attempts[s->count] = a;
        s->outcomes[s->count] = a->outcome;
        if (s->care != SETTLE_WHOLE) {
            s->outcomes[s->count].detail = STR_NONE;
            s->outcomes[s->count].excerpt = STR_NONE;
            s->outcomes[s->count].response_type = STR_NONE;
        }
    }
    d->ended_count -= s->count;
    s->is_urgent = s->is_urgent && d->ended_count > 0;
    s->is_busy = true;
    s->delivery = d;
    s->work = (struct store_work){
        .apply = settle_apply, .done = settle_done, .reply_to = d->loop, .class = STORE_OUTCOME};
    return &s->work;
}

void settle_now(struct delivery *d)
{
    struct store_work *work = settle_begin(d);

    if (work)
        store_write(d->config.store, work);
}
