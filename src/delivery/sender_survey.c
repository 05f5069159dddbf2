/* Asks the store what is due where, page by page, and has what nobody sends any more made due.
 * Everything the sender remembers can be rebuilt from this. */
#include "base/log.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"

/* ---- survey: on a reader ---- */

static enum err survey_apply(struct tx *tx, struct store_work *work)
{
    struct survey_work *s = CONTAINER_OF(work, struct survey_work, work);
    enum err err;

    arena_reset(&s->arena);
    err = outbox_first_lease(tx, &s->lease_ends_us);
    for (int half = 0; !err && half < 2; half++) {
        s->halves[half].count = 0;
        if (s->is_walking[half])
            err = outbox_survey(tx, &s->halves[half], &s->arena);
    }
    return err;
}

/* Where the next page of this half begins; false if this was the last. */
static bool next_page(struct survey_work *s, int half)
{
    struct outbox_survey *page = &s->halves[half];
    struct str last;

    s->is_walking[half] = s->is_walking[half] && page->count == page->limit;
    if (!s->is_walking[half])
        return false;
    last = page->found[page->count - 1].origin;
    s->is_walking[half] = last.len <= sizeof(s->names[half]);
    if (!s->is_walking[half])
        return false;
    memcpy(s->names[half], last.data, last.len);
    page->after = str_range(s->names[half], last.len);
    return true;
}

static void take_page(struct delivery *d, const struct outbox_survey *page)
{
    for (size_t i = 0; i < page->count; i++) {
        struct origin *origin = origin_get(d, page->found[i].origin);

        if (!origin)
            continue;
        origin_hint(origin, page->half, page->found[i].next_us);
        origin_consider(origin);
    }
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
    if (err)
        log_warn("delivery", "the survey failed (%s); it is repeated", err_name(err));
    for (int half = 0; !err && half < 2; half++) {
        take_page(d, &s->halves[half]);
        is_more = next_page(s, half) || is_more;
    }
    if (!err && s->lease_ends_us && s->lease_ends_us < loop_wall_us(d->loop))
        recover_start(d, true);
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
    origins_tidy(d);
    timer_stop(&d->slow_timer);
    s->is_busy = true;
    s->delivery = d;
    for (int half = 0; half < 2; half++) {
        s->halves[half] = (struct outbox_survey){
            .half = (enum outbox_half)half, .after = STR(""), .limit = SURVEY_PAGE};
        s->is_walking[half] = true;
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

static void recover_done(struct store_work *work, enum err err)
{
    struct recover_work *r = CONTAINER_OF(work, struct recover_work, work);
    struct delivery *d = r->delivery;

    r->is_busy = false;
    if (d->phase == PHASE_STOPPING) {
        stop_check(d);
        return;
    }
    if (!err && r->count)
        log_info("delivery", "%zu deliveries whose outcome was lost are due again", r->count);
    if (err) {
        log_warn("delivery", "recovery failed (%s); it is repeated", err_name(err));
        if (d->phase == PHASE_RECOVERING)
            timer_start(&d->recover_timer, RETRY_MS);
    } else if (r->count == RECOVER_PAGE) {
        recover_start(d, r->by_lease);
    } else if (d->phase == PHASE_RECOVERING) {
        d->phase = PHASE_RUNNING;
        survey_start(d);
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
