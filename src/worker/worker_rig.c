/* worker_rig.c -- see worker_rig.h. */
#include "worker/worker_rig.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/real_world.h"

#define STEPS_MAX 16

void rig_hear(struct rig *rig, const char *what, struct str detail)
{
    buf_addf(&rig->heard, "%s%s%.*s;", what, detail.len ? " " : "", STR_ARG(detail));
}

static void on_guard(struct timer *timer)
{
    struct rig *rig = CONTAINER_OF(timer, struct rig, guard);

    rig->is_late = true;
    loop_stop(rig->loop);
}

static void on_later_fire(struct timer *timer)
{
    struct rig *rig = CONTAINER_OF(timer, struct rig, later);

    rig->on_later(rig);
}

void rig_later(struct rig *rig, int64_t delay_ms, void (*what)(struct rig *rig))
{
    rig->on_later = what;
    timer_start(&rig->later, delay_ms);
}

static void on_log(void *context, struct str line)
{
    struct rig *rig = context;

    buf_add(&rig->lines, line);
    buf_add_char(&rig->lines, '\n');
}

/* A loop that was stopped does not run again: each run has its own. */
static void loop_make(struct rig *rig)
{
    rig->loop = world_loop_new(rig->world, "test");
    timer_init(&rig->guard, rig->loop, on_guard);
    timer_init(&rig->later, rig->loop, on_later_fire);
    timer_start(&rig->guard, GUARD_MS);
}

int rig_setup(void **state)
{
    struct rig *rig = MEM_NEW(struct rig);

    rig->world = real_world_new();
    rig->load_timeout_ms = GUARD_MS;
    buf_init(&rig->heard, MIB);
    buf_init(&rig->lines, MIB);
    loop_make(rig);
    log_set_sink(on_log, rig);
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;

    log_set_sink(NULL, NULL);
    loop_free(rig->loop);
    real_world_free(rig->world);
    buf_release(&rig->heard);
    buf_release(&rig->lines);
    mem_free(rig);
    return 0;
}

/* ---- the owner ---- */

static void on_frame(void *context, struct worker *worker, const struct frame *frame)
{
    struct rig *rig = context;

    assert_ptr_equal(worker, rig->worker);
    rig_hear(rig, "frame", frame->type);
    if (frame->blob_count > 0)
        rig_hear(rig, "blob", frame_blob(frame, 0));
    if (str_eq(frame->type, STR("kill_me")))
        worker_kill(worker, "it asked for it");
}

static void on_load_error(void *context, struct worker *worker, struct str graph_id,
                          struct str message)
{
    struct rig *rig = context;

    assert_int_equal(worker_state(worker), WORKER_LOADING);
    rig_hear(rig, "load_error", graph_id);
    rig_hear(rig, "because", message);
}

static void on_ready(void *context, struct worker *worker, const struct frame *ready)
{
    struct rig *rig = context;

    assert_int_equal(worker_state(worker), WORKER_READY);
    assert_true(worker_process_id(worker) > 0);
    assert_int_equal(json_count(json_get(ready->header, "graphs")), 1);
    rig_hear(rig, "ready", STR_NONE);
    if (rig->on_ready)
        rig->on_ready(rig);
}

static void on_gone(void *context, struct worker *worker, const char *why)
{
    struct rig *rig = context;

    assert_ptr_equal(worker, rig->worker);
    assert_int_equal(worker_state(worker), WORKER_GONE);
    rig->worker = NULL;
    rig_hear(rig, "gone:", str_of(why));
    loop_stop(rig->loop);
}

static const struct worker_events events = {on_frame, on_load_error, on_ready, on_gone};

/* Starts the child with these steps (separated by spaces). */
enum err rig_start(struct rig *rig, const char *program, const char *steps, const char **why)
{
    const char *argv[STEPS_MAX] = {program};
    struct str rest = str_of(steps), step;
    struct worker_config config = {.loop = rig->loop,
                                   .name = "test",
                                   .argv = argv,
                                   .init = rig->init,
                                   .load_timeout_ms = rig->load_timeout_ms,
                                   .ping_interval_ms = rig->ping_interval_ms,
                                   .events = &events,
                                   .context = rig};
    struct arena arena;
    enum err err;

    arena_init(&arena);
    for (size_t i = 1; str_split(&rest, ' ', &step); i++) {
        assert_true(i + 1 < STEPS_MAX);
        argv[i] = arena_cstr(&arena, step);
    }
    err = worker_start(&config, &rig->worker, why);
    arena_release(&arena);
    return err;
}

void rig_on_answer(void *context, enum err err, const struct frame *answer)
{
    struct rig *rig = context;

    rig_hear(rig, err_name(err), answer ? frame_blob(answer, 0) : STR("-"));
    /* Nobody is told of an answer that has not come. */
    assert_true(answer || err == ERR_AGAIN);
}

struct worker_ask *rig_ask(struct rig *rig, const char *type, int64_t timeout_ms)
{
    struct frame_writer frame;

    frame_writer_begin(&frame, type);
    return worker_ask(rig->worker, &frame, timeout_ms, rig_on_answer, rig);
}

struct str rig_run(struct rig *rig, const char *steps)
{
    const char *why = "";

    buf_clear(&rig->heard);
    assert_int_equal(rig_start(rig, TEST_CHILD, steps, &why), OK);
    assert_int_equal(worker_state(rig->worker), WORKER_STARTING);
    loop_run(rig->loop);
    if (rig->is_late)
        print_error("%s: heard %.*s\n", steps, STR_ARG(buf_str(&rig->heard)));
    assert_false(rig->is_late);
    loop_free(rig->loop);
    loop_make(rig);
    return buf_str(&rig->heard);
}
