/* One worker process: greeting, asks and answers, pings, and its end. */
#include "worker/worker.h"

#include <signal.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/stream.h"

#define PINGS_MISSED_MAX 3
#define PROTOCOL_VERSION 1

struct worker_ask {
    struct list node; /* in worker->asks */
    struct worker *worker;
    int64_t id;
    struct timer timeout;
    void (*on_answer)(void *context, enum err err, const struct frame *answer);
    void *context;
};

struct worker {
    struct loop *loop;
    const char *name;
    enum worker_state state;
    struct process *process;
    struct stream *channel;
    struct frame_reader reader;
    struct arena send_arena; /* of one worker_send */
    struct list asks;
    int64_t last_id;
    struct str init;
    struct timer watch; /* loading: the deadline; ready: the next ping; stopping: the kill */
    int64_t ping_interval_ms;
    unsigned pings_open;
    bool is_stopping;
    bool is_exited;
    const char *why; /* of its end */
    const struct worker_events *events;
    void *context;
};

enum err worker_error(struct str code)
{
    static const struct {
        const char *code;
        enum err err;
    } codes[] = {
        {"invalid", ERR_INVALID}, {"not_found", ERR_NOT_FOUND}, {"conflict", ERR_CONFLICT},
        {"too_large", ERR_LIMIT}, {"unavailable", ERR_AGAIN},
    };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (str_eq(code, str_of(codes[i].code)))
            return codes[i].err;
    return ERR_IO;
}

static void ask_finish(struct worker_ask *ask, enum err err, const struct frame *answer)
{
    list_remove(&ask->node);
    timer_stop(&ask->timeout);
    ask->on_answer(ask->context, err, answer);
    mem_free(ask);
}

static void worker_release(struct worker *worker)
{
    timer_stop(&worker->watch);
    if (worker->channel)
        stream_close(worker->channel, true);
    if (worker->process)
        process_free(worker->process);
    frame_reader_release(&worker->reader);
    arena_release(&worker->send_arena);
    mem_free(worker);
}

/* The end, once the process has exited: open asks fail, the owner hears of it, all is freed. */
static void worker_end(struct worker *worker)
{
    struct list *node;

    worker->state = WORKER_GONE;
    while ((node = worker->asks.next) != &worker->asks)
        ask_finish(LIST_ITEM(node, struct worker_ask, node), ERR_AGAIN, NULL);
    worker->events->on_gone(worker->context, worker, worker->why ? worker->why : "it ended");
    worker_release(worker);
}

void worker_kill(struct worker *worker, const char *why)
{
    if (!worker->why)
        worker->why = why;
    if (!worker->is_exited)
        process_kill(worker->process, SIGKILL);
}

static void on_process_exit(void *context, int code)
{
    struct worker *worker = context;

    worker->is_exited = true;
    if (!worker->why) {
        if (code < 0)
            worker->why = "it was killed by a signal";
        else
            worker->why = worker->is_stopping ? "it was stopped" : "it exited by itself";
    }
    worker_end(worker);
}

static void on_line(void *context, struct str line)
{
    struct worker *worker = context;

    log_info("worker", "%s[%d]: %.*s", worker->name, process_id(worker->process), STR_ARG(line));
}

/* ---- greeting ---- */

static void init_send(struct worker *worker)
{
    struct frame_writer frame;

    frame_writer_begin(&frame, "init");
    if (!str_is_empty(worker->init)) {
        buf_add_char(&frame.header, ',');
        buf_add(&frame.header, worker->init);
    }
    if (worker_send(worker, &frame))
        worker_kill(worker, "its configuration is too large");
}

static void greet(struct worker *worker, const struct frame *frame)
{
    if (str_eq(frame->type, STR("hello")) && worker->state == WORKER_STARTING) {
        if (json_i64(json_get(frame->header, "proto"), 0) != PROTOCOL_VERSION) {
            worker_kill(worker, "it speaks another version of the protocol");
            return;
        }
        worker->state = WORKER_LOADING;
        init_send(worker);
    } else if (str_eq(frame->type, STR("load_error")) && worker->state == WORKER_LOADING) {
        const struct json *error = json_get(frame->header, "error");

        struct str graph_id = json_string(json_get(frame->header, "graph_id"));

        worker->events->on_load_error(
            worker->context, worker,
            str_is_none(graph_id) ? json_string(json_get(frame->header, "part"))
                                  : arena_printf(frame->arena, "graph \"%.*s\"", STR_ARG(graph_id)),
            json_string(json_get(error, "message")));
    } else if (str_eq(frame->type, STR("ready")) && worker->state == WORKER_LOADING) {
        worker->state = WORKER_READY;
        timer_stop(&worker->watch);
        if (worker->ping_interval_ms > 0)
            timer_start(&worker->watch, worker->ping_interval_ms);
        worker->events->on_ready(worker->context, worker, frame);
    } else {
        worker_kill(worker, worker->state == WORKER_READY
                                ? "it greeted twice"
                                : "it sent something before it was ready");
    }
}

static bool is_greeting(struct str type)
{
    return str_eq(type, STR("hello")) || str_eq(type, STR("load_error")) ||
           str_eq(type, STR("ready"));
}

/* ---- frames ---- */

static void on_reply(struct worker *worker, const struct frame *frame)
{
    int64_t re = json_i64(json_get(frame->header, "re"), 0);

    for (struct list *node = worker->asks.next; node != &worker->asks; node = node->next) {
        struct worker_ask *ask = LIST_ITEM(node, struct worker_ask, node);
        const struct json *error;

        if (ask->id != re)
            continue;
        if (json_bool(json_get(frame->header, "ok"), false)) {
            ask_finish(ask, OK, frame);
            return;
        }
        error = json_get(frame->header, "error");
        ask_finish(ask, worker_error(json_string(json_get(error, "code"))), frame);
        return;
    }
}

static bool on_frame(void *context, const struct frame *frame)
{
    struct worker *worker = context;

    if (worker->why) /* it is being killed: what it says no longer counts */
        return false;
    if (str_eq(frame->type, STR("reply")))
        on_reply(worker, frame);
    else if (worker->state != WORKER_READY || is_greeting(frame->type))
        greet(worker, frame);
    else
        worker->events->on_frame(worker->context, worker, frame);
    return true;
}

static void on_read(void *context, struct str bytes)
{
    struct worker *worker = context;
    const char *why;

    if (worker->why)
        return;
    if (frame_reader_feed(&worker->reader, bytes, on_frame, worker, &why)) {
        log_error("worker", "%s[%d] broke the protocol: %s", worker->name,
                  process_id(worker->process), why);
        worker_kill(worker, "it broke the protocol");
    }
}

static void on_end(void *context, enum stream_end end, const char *why)
{
    struct worker *worker = context;

    (void)end;
    (void)why;
    /* The exit follows; a child that closed its channel but lives on is of no use. */
    if (!worker->is_exited)
        process_kill(worker->process, SIGKILL);
}

static const struct stream_events channel_events = {on_read, on_end, NULL};

/* ---- watching ---- */

static void on_pong(void *context, enum err err, const struct frame *answer)
{
    struct worker *worker = context;

    (void)answer;
    if (!err)
        worker->pings_open = 0;
}

static void ping(struct worker *worker)
{
    struct frame_writer frame;

    if (worker->pings_open >= PINGS_MISSED_MAX) {
        worker_kill(worker, "it did not answer pings");
        return;
    }
    worker->pings_open++;
    frame_writer_begin(&frame, "ping");
    worker_ask(worker, &frame, worker->ping_interval_ms * PINGS_MISSED_MAX, on_pong, worker);
    timer_start(&worker->watch, worker->ping_interval_ms);
}

static void on_watch(struct timer *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, watch);

    if (worker->is_stopping)
        worker_kill(worker, "it did not stop in time");
    else if (worker->state != WORKER_READY)
        worker_kill(worker, "it did not finish loading in time");
    else
        ping(worker);
}

/* ---- the owner's calls ---- */

enum err worker_start(const struct worker_config *config, struct worker **out, const char **why)
{
    struct worker *worker = MEM_NEW(struct worker);
    struct process_config process = {config->argv, config->env,     config->cwd,
                                     on_line,      on_process_exit, worker};
    enum err err;

    worker->loop = config->loop;
    worker->name = config->name;
    worker->init = config->init;
    worker->ping_interval_ms = config->ping_interval_ms;
    worker->events = config->events;
    worker->context = config->context;
    list_init(&worker->asks);
    frame_reader_init(&worker->reader);
    arena_init(&worker->send_arena);
    timer_init(&worker->watch, config->loop, on_watch);
    err = loop_spawn(config->loop, &process, &worker->process, &worker->channel, why);
    if (err) {
        worker_release(worker);
        return err;
    }
    stream_set_events(worker->channel, &channel_events, worker);
    stream_start(worker->channel);
    timer_start(&worker->watch, config->load_timeout_ms);
    *out = worker;
    return OK;
}

enum worker_state worker_state(const struct worker *worker)
{
    return worker->state;
}

int worker_process_id(const struct worker *worker)
{
    return process_id(worker->process);
}

enum err worker_send(struct worker *worker, struct frame_writer *frame)
{
    struct str *parts;
    size_t count;
    enum err err = frame_writer_end(frame, &worker->send_arena, &parts, &count);

    if (!err && worker->state != WORKER_GONE)
        stream_write(worker->channel, parts, count);
    frame_writer_release(frame);
    arena_reset(&worker->send_arena);
    return err;
}

size_t worker_pending_bytes(const struct worker *worker)
{
    return stream_pending_bytes(worker->channel);
}

static void on_ask_timeout(struct timer *timer)
{
    ask_finish(CONTAINER_OF(timer, struct worker_ask, timeout), ERR_AGAIN, NULL);
}

struct worker_ask *worker_ask(struct worker *worker, struct frame_writer *frame, int64_t timeout_ms,
                              void (*on_answer)(void *context, enum err err,
                                                const struct frame *answer),
                              void *context)
{
    struct worker_ask *ask = MEM_NEW(struct worker_ask);

    ask->worker = worker;
    ask->id = ++worker->last_id;
    ask->on_answer = on_answer;
    ask->context = context;
    list_push(&worker->asks, &ask->node);
    timer_init(&ask->timeout, worker->loop, on_ask_timeout);
    json_put_i64(&frame->json, "id", ask->id);
    /* Too large to send: answered like a timeout, but at once (never from inside this call). */
    timer_start(&ask->timeout, worker_send(worker, frame) ? 0 : timeout_ms);
    return ask;
}

void worker_ask_cancel(struct worker_ask *ask)
{
    list_remove(&ask->node);
    timer_stop(&ask->timeout);
    mem_free(ask);
}

static void on_shutdown_answer(void *context, enum err err, const struct frame *answer)
{
    (void)context;
    (void)err;
    (void)answer;
}

void worker_stop(struct worker *worker, int64_t grace_ms)
{
    struct frame_writer frame;

    worker->is_stopping = true;
    timer_start(&worker->watch, grace_ms);
    if (worker->state != WORKER_READY) {
        worker_kill(worker, "it was stopped while loading");
        return;
    }
    frame_writer_begin(&frame, "shutdown");
    worker_ask(worker, &frame, grace_ms, on_shutdown_answer, NULL);
}

void worker_free(struct worker *worker)
{
    struct list *node;

    while ((node = list_pop(&worker->asks))) {
        struct worker_ask *ask = LIST_ITEM(node, struct worker_ask, node);

        timer_stop(&ask->timeout);
        mem_free(ask);
    }
    worker_release(worker);
}
