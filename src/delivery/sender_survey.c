/* Asks the store what is due where, page by page, and has what nobody sends any more made due.
 * Everything the sender remembers can be rebuilt from this. */
#include "base/log.h"
#include "delivery/delivery_metrics.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"

/* ---- survey: on a reader ---- */

static enum err survey_apply(struct tx *tx, struct store_work *work)
{
    struct survey_work *s = CONTAINER_OF(work, struct survey_work, work);
    enum err err;

    arena_reset(&s->arena);
    err = outbox_chores(tx, &s->chores);
    for (int line = 0; !err && line < OUTBOX_LINES; line++) {
        s->lines[line].count = 0;
        if (s->is_walking[line])
            err = outbox_survey(tx, &s->lines[line], &s->arena);
    }
    return err;
}

/* Where the next page of this line begins; false if this was the last. */
static bool next_page(struct survey_work *s, int line)
{
    struct outbox_survey *page = &s->lines[line];
    struct str last;

    s->is_walking[line] = s->is_walking[line] && page->count == page->limit;
    if (!s->is_walking[line])
        return false;
    last = page->found[page->count - 1].lane;
    s->is_walking[line] = last.len <= sizeof(s->names[line]);
    if (!s->is_walking[line])
        return false;
    memcpy(s->names[line], last.data, last.len);
    page->after = str_range(s->names[line], last.len);
    return true;
}

static void take_page(struct delivery *d, const struct outbox_survey *page)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct outbox_lane *found = &page->found[i];
        struct lane *lane = lane_found(d, found->lane, found->next_us);

        if (!lane)
            continue;
        lane_hint(lane, page->line, found->next_us);
        lane_consider(lane);
    }
}

static void do_chores(struct delivery *d, const struct outbox_chores *chores)
{
    int64_t now_us = store_now_us(d->config.store);

    if (chores->lease_until_us && chores->lease_until_us < now_us)
        recover_start(d, true);
    if (chores->is_moving || (chores->expires_us && chores->expires_us <= now_us))
        chores_start(d);
    if (chores->has_replays)
        replays_start(d);
}

static void survey_done(struct store_work *work, enum err err)
{
    struct survey_work *s = CONTAINER_OF(work, struct survey_work, work);
    struct delivery *d = s->delivery;
    bool is_more = false;

    s->is_busy = false;
    if (d->phase != PHASE_RUNNING) {
        stop_check(d);
        return;
    }
    failure_log_note(&s->failures, loop_mono_ms(d->loop), err, LOG_WARN, "delivery",
                     "the survey failed");
    for (int line = 0; !err && line < OUTBOX_LINES; line++) {
        take_page(d, &s->lines[line]);
        is_more = next_page(s, line) || is_more;
    }
    if (!err)
        do_chores(d, &s->chores);
    claim_pump(d);
    if (is_more) {
        s->is_busy = true;
        store_read(d->config.store, &s->work);
    } else if (s->is_wanted) {
        survey_start(d);
    } else {
        timer_start(&d->slow_timer, d->config.tuning.survey_ms);
    }
}

void survey_start(struct delivery *d)
{
    struct survey_work *s = &d->survey;

    s->is_wanted = s->is_busy;
    if (s->is_busy || d->phase != PHASE_RUNNING)
        return;
    lanes_tidy(d);
    if (d->active_count == 0 && !d->claim.is_busy) { /* idle: what was kept is given back */
        claim_release(&d->claim);
        attempts_forget(d);
    }
    store_tick(d->config.store);
    timer_stop(&d->slow_timer);
    s->is_busy = true;
    s->delivery = d;
    for (int line = 0; line < OUTBOX_LINES; line++) {
        s->lines[line] = (struct outbox_survey){
            .line = (enum outbox_line)line, .after = STR(""), .limit = SURVEY_PAGE};
        s->is_walking[line] = true;
    }
    s->work = (struct store_work){.apply = survey_apply, .done = survey_done, .reply_to = d->loop};
    store_read(d->config.store, &s->work);
}

/* ---- recover: on the writer ---- */

static enum err recover_apply(struct tx *tx, struct store_work *work)
{
    struct recover_work *r = CONTAINER_OF(work, struct recover_work, work);

    return outbox_recover(tx, r->by_lease ? STR_NONE : r->delivery->config.node, RECOVER_PAGE,
                          &r->count);
}

static void recovered(struct delivery *d)
{
    metric_set(&delivery_recovery_rows, 0, (int64_t)d->recovered_rows);
    metric_set(&delivery_recovery_seconds, 0, loop_mono_us(d->loop) - d->recovery_began_us);
    d->phase = PHASE_RUNNING;
    survey_start(d);
    census_start(d);
}

static void recover_done(struct store_work *work, enum err err)
{
    struct recover_work *r = CONTAINER_OF(work, struct recover_work, work);
    struct delivery *d = r->delivery;

    r->is_busy = false;
    if (d->phase == PHASE_STOPPING) {
        stop_check(d);
        return;
    }
    d->recovered_rows += err ? 0 : r->count;
    if (!err && r->count)
        log_info("delivery", "%zu deliveries whose outcome was lost are due again", r->count);
    failure_log_note(&r->failures, loop_mono_ms(d->loop), err, LOG_WARN, "delivery",
                     "recovery failed");
    if (err) {
        if (d->phase == PHASE_RECOVERING)
            timer_start(&d->recover_timer, RETRY_MS);
    } else if (r->count == RECOVER_PAGE) {
        recover_start(d, r->by_lease);
    } else if (d->phase == PHASE_RECOVERING) {
        recovered(d);
    }
}

void recover_start(struct delivery *d, bool by_lease)
{
    struct recover_work *r = &d->recover;

    if (r->is_busy)
        return;
    r->is_busy = true;
    r->delivery = d;
    r->by_lease = by_lease;
    r->work = (struct store_work){
        .apply = recover_apply, .done = recover_done, .reply_to = d->loop, .class = STORE_OUTCOME};
    store_write(d->config.store, &r->work);
}
