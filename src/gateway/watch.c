/* watch.c -- one run at the upstream, from its making to its webhook; the drawing stands in
 * follower_priv.h. */
#include "gateway/follower_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/gateway_metrics.h"

#define FETCH_MS 30000
#define PAUSE_MS_MIN 200
#define PAUSE_MS_MAX 15000
#define FAILED_MS_MIN 500
#define FAILED_MS_MAX 30000
#define HOT_MS 3000 /* after a hint it is looked at often */
#define HOT_PAUSE_MS 100
#define BUSY_LOOKS_MAX 5  /* a thread may be said to be busy for a moment after its run */
#define VANISHED_MS 10000 /* how long a run must be unknown before it counts as gone */
#define NEVER_MADE_MS (10 * 60 * MS_PER_SECOND)
#define GIVE_UP_MS (30 * 24 * 3600 * MS_PER_SECOND)
#define CLEAN_AFTER_MS 10000 /* whoever waits for the run still has to read it */
#define CLEAN_MS (24 * 3600 * MS_PER_SECOND)
#define TARGET_BYTES_MAX 1024
#define LIST_SIZE 100 /* runs of a thread among which its own is looked for */

static void write_start(struct watch *watch);
static void step_go(struct watch *watch, enum watch_step step);

static int64_t mono_ms(const struct watch *watch)
{
    return loop_mono_ms(watch->follower->config.loop);
}

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

static int64_t age_ms(const struct watch *watch)
{
    return (store_now_us(watch->follower->config.store) - watch->intent.created_us) / 1000;
}

/* ---- coming and going ---- */

void watch_free(struct watch *watch)
{
    timer_stop(&watch->timer);
    list_remove(&watch->node);
    if (watch->fetch)
        fetch_cancel(watch->fetch);
    buf_release(&watch->answer);
    arena_release(&watch->arena);
    arena_release(&watch->kept);
    mem_free(watch);
}

static void over(struct watch *watch)
{
    map_remove(&watch->follower->watches, watch->intent.intent_id);
    watch_free(watch);
}

static void again_in(struct watch *watch, int64_t ms)
{
    if (!watch->follower->is_closed)
        timer_start(&watch->timer, ms);
}

/* It goes on: the older it is, the longer it is left alone. */
static void again(struct watch *watch)
{
    bool is_hot = mono_ms(watch) < watch->hot_until_ms;

    again_in(watch, is_hot ? HOT_PAUSE_MS : clamp(age_ms(watch) / 10, PAUSE_MS_MIN, PAUSE_MS_MAX));
}

/* The upstream did not say what it should. */
static void failed(struct watch *watch, const char *why)
{
    int64_t now_ms = mono_ms(watch);

    if (!watch->failing_ms)
        watch->failing_ms = now_ms;
    log_debug("gateway", "the upstream was asked for run %.*s of thread %.*s in vain: %s",
              STR_ARG(watch->intent.run_id), STR_ARG(watch->intent.thread_id), why);
    if (watch->step == WATCH_CLEAN ? age_ms(watch) > CLEAN_MS : age_ms(watch) > GIVE_UP_MS) {
        watch->outcome.is_given_up = true;
        write_start(watch);
        return;
    }
    again_in(watch, clamp((now_ms - watch->failing_ms) / 5, FAILED_MS_MIN, FAILED_MS_MAX));
}

/* ---- the write that ends it ---- */

static enum err forget_apply(struct tx *tx, struct store_work *work)
{
    const struct watch *watch = CONTAINER_OF(work, struct watch, work);

    if (watch->step == WATCH_FIND)
        gateway_count_end(tx, GATEWAY_NEVER_MADE);
    return intent_delete(tx, watch->intent.tenant, watch->intent.intent_id);
}

static void write_done(struct store_work *work, enum err err)
{
    struct watch *watch = CONTAINER_OF(work, struct watch, work);
    bool was_end = watch->step == WATCH_WRITE;

    watch->is_writing = false;
    if (err && err != ERR_CONFLICT) {
        log_error("gateway", "the webhook of run %.*s could not be written: %s",
                  STR_ARG(watch->intent.run_id), err_name(err));
        again_in(watch, FAILED_MS_MAX);
        return;
    }
    if (err || !was_end || !watch->intent.drops_thread || watch->outcome.is_given_up) {
        over(watch);
        return;
    }
    watch->intent.is_ended = true;
    watch->failing_ms = watch->missing_ms = 0;
    watch->step = WATCH_CLEAN;
    again_in(watch, CLEAN_AFTER_MS);
}

static void write_work(struct watch *watch, enum err (*apply)(struct tx *, struct store_work *))
{
    watch->is_writing = true;
    watch->work.apply = apply;
    watch->work.done = write_done;
    watch->work.reply_to = watch->follower->config.loop;
    watch->work.class = STORE_OUTCOME;
    store_write(watch->follower->config.store, &watch->work);
}

/* No webhook: the run was never made, or all is done. */
static void forget(struct watch *watch)
{
    write_work(watch, forget_apply);
}

/* Without a run there is nothing to tell of. */
static void write_start(struct watch *watch)
{
    if (watch->step == WATCH_CLEAN || str_is_none(watch->intent.run_id)) {
        forget(watch);
        return;
    }
    watch->step = WATCH_WRITE;
    write_work(watch, watch_end_apply);
}

/* ---- what the upstream says ---- */

static struct str kept_answer(struct watch *watch)
{
    return arena_str(&watch->arena, buf_str(&watch->answer));
}

static void never_made(struct watch *watch)
{
    log_warn("gateway",
             "the upstream has no run for the webhook that was asked for at thread "
             "%.*s: none was made, and none is told of",
             STR_ARG(watch->intent.thread_id));
    forget(watch);
}

static enum err reread_apply(struct tx *tx, struct store_work *work)
{
    struct watch *watch = CONTAINER_OF(work, struct watch, work);

    return intent_get(tx, watch->intent.tenant, watch->intent.intent_id, &watch->arena,
                      &watch->reread);
}

static void reread_done(struct store_work *work, enum err err)
{
    struct watch *watch = CONTAINER_OF(work, struct watch, work);

    watch->is_writing = false;
    if (err == ERR_NOT_FOUND) { /* it was refused */
        over(watch);
    } else if (!err && !str_is_none(watch->reread.run_id)) {
        watch->intent.run_id = arena_str(&watch->kept, watch->reread.run_id);
        watch->missing_ms = 0;
        step_go(watch, WATCH_RUN);
    } else if (!err && age_ms(watch) > NEVER_MADE_MS) {
        never_made(watch);
    } else {
        again(watch);
    }
}

/* Not in the list: the row knows more perhaps, of what the answer has said meanwhile. */
static void reread(struct watch *watch)
{
    watch->is_writing = true;
    watch->work.apply = reread_apply;
    watch->work.done = reread_done;
    watch->work.reply_to = watch->follower->config.loop;
    store_read(watch->follower->config.store, &watch->work);
}

static void is_missing(struct watch *watch)
{
    int64_t now_ms = mono_ms(watch);

    if (!watch->missing_ms)
        watch->missing_ms = now_ms;
    if (watch->step == WATCH_FIND) {
        reread(watch);
    } else if (watch->step == WATCH_RUN && now_ms - watch->missing_ms >= VANISHED_MS) {
        watch->outcome.run = STR_NONE;
        write_start(watch);
    } else {
        again(watch);
    }
}

static void look_into_run(struct watch *watch)
{
    bool ended = false;

    if (outcome_has_ended(&watch->arena, watch->outcome.run, &ended)) {
        failed(watch, "that is no run");
    } else if (!ended) {
        step_go(watch, WATCH_RUN);
    } else {
        watch->busy_looks = 0;
        step_go(watch, WATCH_THREAD);
    }
}

static void found_run(struct watch *watch)
{
    struct str run = outcome_find(&watch->arena, kept_answer(watch), watch->intent.intent_id);
    struct str run_id = outcome_text(&watch->arena, run, "run_id");

    if (!outcome_id_is_plain(run_id)) {
        is_missing(watch);
        return;
    }
    watch->missing_ms = 0;
    watch->intent.run_id = arena_str(&watch->kept, run_id);
    watch->outcome.run = run;
    look_into_run(watch);
}

static void got_thread(struct watch *watch)
{
    struct str thread = watch->status == 200 ? kept_answer(watch) : STR_NONE;
    struct str status = outcome_text(&watch->arena, thread, "status");

    watch->outcome.thread = thread;
    if (str_eq(status, STR("busy")) && ++watch->busy_looks < BUSY_LOOKS_MAX) {
        again_in(watch, HOT_PAUSE_MS);
    } else if (str_eq(status, STR("interrupted"))) {
        step_go(watch, WATCH_STATE);
    } else {
        write_start(watch);
    }
}

static bool is_unknown(int status)
{
    return status == 404 || status == 410 || status == 422;
}

/* The answer is whole. */
static void answered(struct watch *watch)
{
    bool is_good = watch->status == 200, is_gone = is_unknown(watch->status);

    switch ((enum watch_step)watch->step) {
    case WATCH_FIND:
        if (is_good)
            found_run(watch);
        else
            is_gone ? is_missing(watch) : failed(watch, "it answers with an error");
        break;
    case WATCH_RUN:
        if (is_good) {
            watch->missing_ms = 0;
            watch->outcome.run = kept_answer(watch);
            look_into_run(watch);
        } else {
            is_gone ? is_missing(watch) : failed(watch, "it answers with an error");
        }
        break;
    case WATCH_THREAD:
        is_good || is_gone ? got_thread(watch) : failed(watch, "it answers with an error");
        break;
    case WATCH_STATE:
        if (is_good)
            watch->outcome.state = kept_answer(watch);
        is_good || is_gone ? write_start(watch) : failed(watch, "it answers with an error");
        break;
    case WATCH_CLEAN:
        watch->status / 100 == 2 || is_gone ? forget(watch)
                                            : failed(watch, "it answers with an error");
        break;
    case WATCH_WRITE:
        break;
    }
}

/* ---- one request ---- */

static void next_in_line(struct follower *f)
{
    struct list *node = f->is_closed ? NULL : list_pop(&f->waiting);

    if (node)
        watch_fetch(LIST_ITEM(node, struct watch, node));
}

static void on_head(void *context, const struct fetch_head *head)
{
    struct watch *watch = context;

    watch->status = head->status;
}

static void on_body(void *context, struct str piece)
{
    struct watch *watch = context;

    buf_add(&watch->answer, piece);
}

static void on_end(void *context, enum fetch_end end, const char *why)
{
    struct watch *watch = context;
    struct follower *f = watch->follower;

    watch->fetch = NULL;
    f->fetch_count--;
    if (end != FETCH_DONE) {
        failed(watch, why);
    } else if (watch->answer.failed) {
        failed(watch, "its answer is too large");
    } else {
        if (watch->status < 500)
            watch->failing_ms = 0;
        answered(watch);
    }
    next_in_line(f);
}

/* What was kept of the run and its thread stays until the write. */
static struct str target_of(struct watch *watch)
{
    const struct intent *intent = &watch->intent;
    struct str base = watch->follower->config.upstream->base;

    switch ((enum watch_step)watch->step) {
    case WATCH_FIND:
        return arena_printf(&watch->arena, "%.*s/threads/%.*s/runs?limit=%d", STR_ARG(base),
                            STR_ARG(intent->thread_id), LIST_SIZE);
    case WATCH_RUN:
        return arena_printf(&watch->arena, "%.*s/threads/%.*s/runs/%.*s", STR_ARG(base),
                            STR_ARG(intent->thread_id), STR_ARG(intent->run_id));
    case WATCH_STATE:
        return arena_printf(&watch->arena, "%.*s/threads/%.*s/state", STR_ARG(base),
                            STR_ARG(intent->thread_id));
    case WATCH_THREAD:
    case WATCH_CLEAN:
    case WATCH_WRITE:
    default:
        return arena_printf(&watch->arena, "%.*s/threads/%.*s", STR_ARG(base),
                            STR_ARG(intent->thread_id));
    }
}

void watch_fetch(struct watch *watch)
{
    static const struct fetch_events events = {on_head, on_body, on_end, NULL, NULL};
    struct follower *f = watch->follower;
    const struct upstream *upstream = f->config.upstream;

    timer_stop(&watch->timer);
    if (f->is_closed)
        return;
    if (f->fetch_count >= FETCHES_MAX) {
        list_push(&f->waiting, &watch->node);
        return;
    }
    f->fetch_count++;
    if (watch->step == WATCH_FIND || watch->step == WATCH_RUN || watch->step == WATCH_CLEAN) {
        watch->outcome = (struct outcome){.error_is_text = f->config.error_is_text};
        arena_reset(&watch->arena);
    }
    buf_clear(&watch->answer);
    watch->fetch =
        fetch_start(f->client,
                    &(struct fetch_request){
                        .method = watch->step == WATCH_CLEAN ? STR("DELETE") : STR("GET"),
                        .target = target_of(watch),
                        .headers = upstream->headers,
                        .header_count = upstream->header_count,
                        .all_ms = FETCH_MS,
                    },
                    &events, watch);
}

/* A run that goes on is left alone for a while; all else is asked at once. */
static void step_go(struct watch *watch, enum watch_step step)
{
    watch->step = (uint8_t)step;
    if (step == WATCH_RUN)
        again(watch);
    else
        watch_fetch(watch);
}

static void on_timer(struct timer *timer)
{
    struct watch *watch = CONTAINER_OF(timer, struct watch, timer);

    if (watch->step == WATCH_WRITE)
        write_start(watch);
    else
        watch_fetch(watch);
}

void watch_hint(struct watch *watch, struct str run_id)
{
    if (str_is_none(watch->intent.run_id) && !str_is_empty(run_id) && !watch->is_writing) {
        watch->intent.run_id = arena_str(&watch->kept, run_id);
        if (watch->step == WATCH_FIND && !watch->fetch)
            watch->step = WATCH_RUN;
    }
    if (watch->step == WATCH_CLEAN)
        return;
    watch->hot_until_ms = mono_ms(watch) + HOT_MS;
    if (timer_is_running(&watch->timer) && !watch->failing_ms)
        timer_start(&watch->timer, 0);
}

void watch_new(struct follower *f, const struct intent *intent)
{
    struct watch *watch = MEM_NEW(struct watch);

    watch->follower = f;
    list_init(&watch->node);
    arena_init(&watch->kept);
    arena_init(&watch->arena);
    buf_init(&watch->answer, ANSWER_BYTES_MAX);
    timer_init(&watch->timer, f->config.loop, on_timer);
    watch->intent = *intent;
    watch->intent.tenant = arena_str(&watch->kept, intent->tenant);
    watch->intent.intent_id = arena_str(&watch->kept, intent->intent_id);
    watch->intent.url = arena_str(&watch->kept, intent->url);
    watch->intent.thread_id = arena_str(&watch->kept, intent->thread_id);
    watch->intent.run_id = arena_str(&watch->kept, intent->run_id);
    watch->intent.assistant_id = arena_str(&watch->kept, intent->assistant_id);
    watch->intent.traceparent = arena_str(&watch->kept, intent->traceparent);
    map_put(&f->watches, watch->intent.intent_id, watch);
    watch->step = (uint8_t)(intent->is_ended              ? WATCH_CLEAN
                            : str_is_none(intent->run_id) ? WATCH_FIND
                                                          : WATCH_RUN);
    watch_fetch(watch);
}
