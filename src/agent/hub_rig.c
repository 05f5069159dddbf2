/* hub_rig.c -- see hub_rig.h. */
#include "agent/hub_rig.h"

#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define NAMES_MAX (4 * MIB)
#define WAIT_S 10

/* ---- something done on a loop ---- */

struct errand {
    struct message message;
    void (*go)(void *context);
    void *context;
    sem_t is_done;
};

static void errand_deliver(struct message *message)
{
    struct errand *errand = CONTAINER_OF(message, struct errand, message);

    errand->go(errand->context);
    sem_post(&errand->is_done);
}

static void wait_for(sem_t *semaphore)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    assert_int_equal(sem_timedwait(semaphore, &until), 0);
}

static void do_on(struct loop *loop, void (*go)(void *context), void *context)
{
    struct errand errand = {.message.deliver = errand_deliver, .go = go, .context = context};

    sem_init(&errand.is_done, 0, 0);
    loop_post(loop, &errand.message);
    wait_for(&errand.is_done);
    sem_destroy(&errand.is_done);
}

/* ---- life ---- */

static void hub_make(struct hub_rig *rig)
{
    rig->loop = world_loop_new(rig->fixture.world, "hub");
    rig->hub = hub_new(rig->loop, rig->fixture.store, STR("node"));
    loop_start(rig->loop);
}

static void hub_stop(struct hub_rig *rig)
{
    fixture_stop(&rig->fixture);
    loop_stop(rig->loop);
    loop_free(rig->loop);
    hub_free(rig->hub);
}

int hub_rig_setup(void **state)
{
    struct hub_rig *rig = MEM_NEW(struct hub_rig);

    fixture_open(&rig->fixture, NULL);
    hub_make(rig);
    for (int i = 0; i < HUB_LOOPS; i++) {
        rig->loops[i] = world_loop_new(rig->fixture.world, "reader");
        loop_start(rig->loops[i]);
    }
    *state = rig;
    return 0;
}

int hub_rig_teardown(void **state)
{
    struct hub_rig *rig = *state;

    hub_stop(rig);
    for (int i = 0; i < HUB_LOOPS; i++) {
        loop_stop(rig->loops[i]);
        loop_free(rig->loops[i]);
    }
    fixture_close(&rig->fixture);
    mem_free(rig);
    return 0;
}

void hub_rig_restart(struct hub_rig *rig)
{
    hub_stop(rig);
    fixture_reopen(&rig->fixture);
    hub_make(rig);
}

/* ---- the dispatcher's side ---- */

struct act {
    struct hub_rig *rig;
    const struct run *run;
    int64_t first_id;
    size_t bytes;
    int count;
};

struct run hub_rig_run(const char *run_id, bool resumable)
{
    return (struct run){.tenant = HUB_TENANT,
                        .run_id = str_of(run_id),
                        .thread_id = STR("thread"),
                        .assistant_id = STR("a"),
                        .graph_id = STR("agent"),
                        .status = RUN_RUNNING,
                        .metadata = STR("{}"),
                        .kwargs = STR("{}"),
                        .multitask_strategy = STR("enqueue"),
                        .temporary = true, /* so that its result is its own */
                        .resumable = resumable,
                        .attempt = 1};
}

static void act_begin(void *context)
{
    struct act *act = context;

    hub_begin(act->rig->hub, act->run, act->first_id);
}

void hub_rig_begin(struct hub_rig *rig, const struct run *run, int64_t attempt, int64_t first_id)
{
    struct run copy = *run;
    struct act act = {.rig = rig, .run = &copy, .first_id = first_id};

    copy.attempt = attempt;
    do_on(rig->loop, act_begin, &act);
}

static void act_events(void *context)
{
    struct act *act = context;
    char *data = mem_alloc(act->bytes);

    memset(data, 'x', act->bytes);
    data[0] = data[act->bytes - 1] = '"';
    for (int i = 0; i < act->count; i++)
        hub_event(act->rig->hub, act->run->run_id, STR("values"), str_range(data, act->bytes));
    mem_free(data);
}

void hub_rig_event(struct hub_rig *rig, const struct run *run, size_t bytes)
{
    struct act act = {.rig = rig, .run = run, .bytes = bytes, .count = 1};

    do_on(rig->loop, act_events, &act);
}

void hub_rig_events(struct hub_rig *rig, const struct run *run, int count)
{
    struct act act = {.rig = rig, .run = run, .bytes = 8, .count = count};

    do_on(rig->loop, act_events, &act);
}

static void act_end(void *context)
{
    struct act *act = context;

    hub_end(act->rig->hub, act->run, STR("{\"end\":1}"));
}

void hub_rig_end(struct hub_rig *rig, struct run *run)
{
    struct act act = {.rig = rig, .run = run};

    run->status = RUN_SUCCESS;
    do_on(rig->loop, act_end, &act);
}

static void act_pause(void *context)
{
    struct act *act = context;

    hub_pause(act->rig->hub, act->run->run_id);
}

void hub_rig_pause(struct hub_rig *rig, const struct run *run)
{
    struct act act = {.rig = rig, .run = run};

    do_on(rig->loop, act_pause, &act);
}

/* ---- the store ---- */

struct row_work {
    struct store_work work;
    struct run run;
    int64_t count;
    sem_t is_done;
    enum err err;
};

static enum err insert_apply(struct tx *tx, struct store_work *work)
{
    return run_insert(tx, &CONTAINER_OF(work, struct row_work, work)->run);
}

static enum err end_apply(struct tx *tx, struct store_work *work)
{
    struct row_work *row = CONTAINER_OF(work, struct row_work, work);

    row->run.status = RUN_SUCCESS;
    row->run.attempt = 0; /* as inserted */
    row->run.result = STR("{\"end\":1}");
    row->run.ended_us = tx->now_us;
    tx_notify(tx, TOPIC_RUN_DONE, row->run.run_id);
    return run_end(tx, &row->run);
}

static enum err insert_events_apply(struct tx *tx, struct store_work *work)
{
    struct row_work *row = CONTAINER_OF(work, struct row_work, work);
    struct run_event_row *rows = ARENA_ARRAY(tx->arena, struct run_event_row, (size_t)row->count);

    for (int64_t i = 0; i < row->count; i++)
        rows[i] = (struct run_event_row){i, STR("values"), STR("{}")};
    return run_events_insert(tx, row->run.tenant, row->run.run_id, rows, (size_t)row->count);
}

static enum err count_apply(struct tx *tx, struct store_work *work)
{
    static const struct db_statement count = {
        "test_count_events", "SELECT COUNT(*) FROM run_events WHERE run_id = $1", NULL};
    struct row_work *row = CONTAINER_OF(work, struct row_work, work);
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &count, DB_ARGS(db_text(row->run.run_id)), &rows);

    if (err)
        return err;
    row->count = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

static void row_done(struct store_work *work, enum err err)
{
    struct row_work *row = CONTAINER_OF(work, struct row_work, work);

    row->err = err;
    sem_post(&row->is_done);
}

static void row_do(struct hub_rig *rig, struct row_work *row,
                   enum err (*apply)(struct tx *tx, struct store_work *work), bool reads)
{
    row->work.apply = apply;
    row->work.done = row_done;
    sem_init(&row->is_done, 0, 0);
    if (reads)
        store_read(rig->fixture.store, &row->work);
    else
        store_write(rig->fixture.store, &row->work);
    wait_for(&row->is_done);
    sem_destroy(&row->is_done);
    assert_int_equal(row->err, OK);
}

void hub_rig_insert(struct hub_rig *rig, struct run *run)
{
    struct row_work row = {.run = *run};

    row_do(rig, &row, insert_apply, false);
}

void hub_rig_end_row(struct hub_rig *rig, const struct run *run)
{
    struct row_work row = {.run = *run};

    row_do(rig, &row, end_apply, false);
}

void hub_rig_insert_events(struct hub_rig *rig, const struct run *run, int64_t count)
{
    struct row_work row = {.run = *run, .count = count};

    row_do(rig, &row, insert_events_apply, false);
}

void hub_rig_wait_stored(struct hub_rig *rig, const struct run *run, int64_t wanted)
{
    struct row_work row = {.run = *run};

    for (int i = 0; i < WAIT_S * 100; i++) {
        row_do(rig, &row, count_apply, true);
        if (row.count >= wanted)
            return;
        usleep(10000);
    }
    fail_msg("%lld of %lld events are stored", (long long)row.count, (long long)wanted);
}

/* ---- readers ---- */

static void on_events(void *context, struct run_event *const *events, size_t count)
{
    struct hearer *l = context;

    for (size_t i = 0; i < count; i++) {
        if (l->names.len < NAMES_MAX / 2)
            buf_addf(&l->names, "%.*s@%lld ", STR_ARG(events[i]->name), (long long)events[i]->id);
        l->in_order = l->in_order && events[i]->id > l->last_id;
        l->last_id = events[i]->id;
    }
    l->count += count;
    l->largest_batch = count > l->largest_batch ? count : l->largest_batch;
    if (l->closes) {
        run_reader_close(l->reader);
        l->reader = NULL;
    } else if (l->pulls) {
        run_reader_more(l->reader);
    }
    sem_post(&l->batches);
}

static void on_end(void *context, const struct run_reader_end *end)
{
    struct hearer *l = context;

    l->err = end->err;
    buf_addf(&l->end, "%.*s %.*s", STR_ARG(end->status), STR_ARG(end->result));
    sem_post(&l->ended);
}

static const struct run_reader_events reader_events = {on_events, on_end};

struct opening {
    struct hearer *hearer;
    struct hub_rig *rig;
    struct run_reader_config config;
};

static void act_open(void *context)
{
    struct opening *opening = context;

    opening->hearer->reader = run_reader_open(opening->rig->hub, &opening->config);
}

void hearer_open(struct hearer *l, struct hub_rig *rig, int loop, const char *run_id,
                 struct run_reader_config how)
{
    struct opening opening = {.hearer = l, .rig = rig, .config = how};

    l->loop = rig->loops[loop];
    l->last_id = -1;
    l->in_order = true;
    buf_init(&l->names, NAMES_MAX);
    buf_init(&l->end, MIB);
    sem_init(&l->batches, 0, 0);
    sem_init(&l->ended, 0, 0);
    opening.config.loop = l->loop;
    if (str_is_none(how.tenant))
        opening.config.tenant = HUB_TENANT;
    opening.config.run_id = str_of(run_id);
    opening.config.events = &reader_events;
    opening.config.context = l;
    do_on(l->loop, act_open, &opening);
}

static void act_more(void *context)
{
    run_reader_more(((struct hearer *)context)->reader);
}

void hearer_more(struct hearer *l)
{
    do_on(l->loop, act_more, l);
}

void hearer_wait_batch(struct hearer *l)
{
    wait_for(&l->batches);
}

void hearer_wait_end(struct hearer *l)
{
    wait_for(&l->ended);
}

static void act_nothing(void *context)
{
    (void)context;
}

bool hearer_has_batch(struct hearer *l, struct hub_rig *rig)
{
    do_on(rig->loop, act_nothing, NULL);
    do_on(l->loop, act_nothing, NULL);
    return sem_trywait(&l->batches) == 0;
}

static void act_close(void *context)
{
    struct hearer *l = context;

    if (l->reader)
        run_reader_close(l->reader);
    l->reader = NULL;
}

void hearer_close(struct hearer *l)
{
    do_on(l->loop, act_close, l);
}

/* An errand that holds its loop until it may go on, and then closes. */
struct late_close {
    struct errand errand;
    struct hearer *hearer;
    sem_t entered, may_close;
};

static void act_close_late(void *context)
{
    struct late_close *late = context;

    sem_post(&late->entered);
    while (sem_wait(&late->may_close))
        continue;
    act_close(late->hearer);
}

void hearer_close_late(struct hearer *h, struct hub_rig *rig, struct run *run, bool at_end)
{
    struct late_close late = {.errand.message.deliver = errand_deliver,
                              .errand.go = act_close_late,
                              .errand.context = &late,
                              .hearer = h};

    sem_init(&late.entered, 0, 0);
    sem_init(&late.may_close, 0, 0);
    sem_init(&late.errand.is_done, 0, 0);
    loop_post(h->loop, &late.errand.message);
    wait_for(&late.entered);
    if (at_end) /* what is sent now lies behind the errand */
        hub_rig_end(rig, run);
    else
        hub_rig_events(rig, run, 1);
    sem_post(&late.may_close);
    wait_for(&late.errand.is_done);
    sem_destroy(&late.entered);
    sem_destroy(&late.may_close);
    sem_destroy(&late.errand.is_done);
}

void hearer_release(struct hearer *l)
{
    sem_destroy(&l->batches);
    sem_destroy(&l->ended);
    buf_release(&l->names);
    buf_release(&l->end);
}
