/* Clients that follow a thread: the events of all its runs, one run after the other.
 *
 *   look (a reader) ──found──▶ follow the run (the hub) ──its end──▶ look again
 *         └─ nothing: wait for a nudge, or the next heartbeat
 *
 * The id of an event is the instant at which its run started and the event's id within the run, so
 * ids rise over all runs of a thread: they execute one at a time. "…-done" stands behind the last
 * event of a run, "…-state" at a state. */
#include "api/call_priv.h"

#include "api/threads_priv.h"
#include "auth/filter.h"
#include "base/list.h"
#include "base/mem.h"
#include "format/sse.h"
#include "store/run_order.h"

#define PENDING_BYTES_MAX (256 * KIB)
#define SSE_BATCH_MAX (64 * MIB)
#define BUSY_LOOK_MS 200 /* while a run is about to start */

enum thread_mode { MODE_RUN = 1, MODE_LIFECYCLE = 2, MODE_STATE = 4 };

/* Where a client begins. */
struct thread_cursor {
    bool from_now;            /* with what runs now */
    int64_t run_us;           /* runs that started after this */
    int64_t state_us;         /* states that are newer than this */
    int64_t part_us, part_id; /* of the run that started then, events after this one; 0: none */
};

struct thread_stream {
    struct list node;
    const struct api_setup *setup;
    struct http_exchange *exchange; /* NULL: ended while a reader had the look */
    struct store_work work;
    struct timer heartbeat, next_look;
    struct run_reader *reader; /* NULL: no run is followed */
    struct arena arena;        /* tenant and thread */
    struct str tenant, thread_id;
    struct str admitted; /* as of thread_follow.h */
    unsigned modes;
    struct thread_cursor cursor;
    bool is_looking, look_again, wants_more;
    /* what a look has found; cleared before */
    struct arena found_arena;
    struct run run; /* run_id STR_NONE: none */
    struct str state;
    int64_t found_state_us;
    bool is_busy;
};

struct api_threads {
    struct list all;
    bool is_subscribed;
};

struct api_threads *api_threads_new(void)
{
    struct api_threads *threads = MEM_NEW(struct api_threads);

    list_init(&threads->all);
    return threads;
}

void api_threads_free(struct api_threads *threads)
{
    mem_free(threads);
}

static void stream_free(struct thread_stream *s)
{
    arena_release(&s->arena);
    arena_release(&s->found_arena);
    mem_free(s);
}

/* Takes it off the loop; the exchange is the caller's to end. */
static struct http_exchange *stream_end(struct thread_stream *s)
{
    struct http_exchange *exchange = s->exchange;

    s->exchange = NULL;
    timer_stop(&s->heartbeat);
    timer_stop(&s->next_look);
    list_remove(&s->node);
    if (s->reader)
        run_reader_close(s->reader);
    if (!s->is_looking)
        stream_free(s);
    return exchange;
}

void api_threads_drain(struct api_threads *threads)
{
    while (!list_is_empty(&threads->all))
        http_break(stream_end(LIST_ITEM(threads->all.next, struct thread_stream, node)));
}

/* ---- writing ---- */

static void event_write(struct thread_stream *s, struct str name, struct str data, struct str id)
{
    const struct sse_event event = {name, data, id};
    struct buf out;

    buf_init(&out, SSE_BATCH_MAX);
    sse_write(&out, &event);
    http_write(s->exchange, buf_str(&out));
    buf_release(&out);
    timer_start(&s->heartbeat, s->setup->heartbeat_ms);
}

static void state_write(struct thread_stream *s)
{
    char id[32];
    int len = snprintf(id, sizeof(id), "%lld-state", (long long)s->found_state_us);

    s->cursor.state_us = s->found_state_us;
    event_write(s, STR("state_update"), s->state, str_range(id, (size_t)len));
}

static bool is_wanted(const struct thread_stream *s, struct str name)
{
    if (s->modes & MODE_RUN)
        return true;
    return s->modes & MODE_LIFECYCLE &&
           (str_eq(name, STR("metadata")) || str_eq(name, STR("error")));
}

static void pull(struct thread_stream *s)
{
    if (!s->reader || !s->wants_more || http_pending_bytes(s->exchange) > PENDING_BYTES_MAX)
        return;
    s->wants_more = false;
    run_reader_more(s->reader);
}

static void on_events(void *context, struct run_event *const *events, size_t count)
{
    struct thread_stream *s = context;

    for (size_t i = 0; i < count; i++) {
        char id[48];
        int len = snprintf(id, sizeof(id), "%lld-%lld", (long long)s->run.started_us,
                           (long long)events[i]->id);

        if (is_wanted(s, events[i]->name))
            event_write(s, events[i]->name, events[i]->data, str_range(id, (size_t)len));
    }
    s->wants_more = true;
    pull(s);
}

static void look(struct thread_stream *s);

static void on_end(void *context, const struct run_reader_end *end)
{
    struct thread_stream *s = context;
    struct json_writer json;
    char id[32];
    int len = snprintf(id, sizeof(id), "%lld-done", (long long)s->run.started_us);
    struct buf out;

    if (s->modes & (MODE_RUN | MODE_LIFECYCLE)) {
        buf_init(&out, 4 * KIB);
        json_writer_init(&json, &out);
        json_begin_object(&json);
        json_put_str(&json, "run_id", s->run.run_id);
        json_put_str(&json, "status", end->status);
        json_end_object(&json);
        event_write(s, STR("run_done"), buf_str(&out), str_range(id, (size_t)len));
        buf_release(&out);
    }
    s->cursor.run_us = s->run.started_us;
    run_reader_close(s->reader);
    s->reader = NULL;
    look(s);
}

static const struct run_reader_events reader_events = {on_events, on_end};

/* ---- looking ---- */

static struct str state_of(const struct thread *thread, struct arena *arena)
{
    struct str values = str_is_none(thread->head_values) ? STR("null") : thread->head_values;

    if (!str_is_none(thread->head_state))
        return arena_str(arena, thread->head_state);
    return arena_printf(arena, "{\"values\":%.*s}", STR_ARG(values));
}

/* Without a place to begin at: what runs now, and all that comes. */
static enum err begin_now(struct tx *tx, struct thread_stream *s, const struct thread *thread,
                          struct thread_cursor *cursor)
{
    struct runs live;
    enum err err = run_list_live(tx, s->tenant, s->thread_id, 1, tx->arena, &live);

    cursor->from_now = false;
    cursor->state_us = thread->state_updated_us;
    if (err)
        return err;
    if (live.count > 0 && live.list[0].started_us) {
        cursor->run_us = live.list[0].started_us - 1;
        return OK;
    }
    return run_last_started(tx, thread, &cursor->run_us);
}

static enum err look_apply(struct tx *tx, struct store_work *work)
{
    struct thread_stream *s = CONTAINER_OF(work, struct thread_stream, work);
    struct thread_cursor cursor = s->cursor;
    struct thread thread;
    enum err err = thread_get(tx, s->tenant, s->thread_id, tx->arena, &thread);

    arena_reset(&s->found_arena);
    s->run.run_id = STR_NONE;
    s->state = STR_NONE;
    if (!err && !auth_filter_admits(s->admitted, thread.metadata))
        err = ERR_NOT_FOUND;
    if (err || (cursor.from_now && (err = begin_now(tx, s, &thread, &cursor))))
        return err;
    s->is_busy = str_eq(thread.status, THREAD_BUSY);
    if (s->modes & MODE_STATE && thread.state_updated_us > cursor.state_us) {
        s->state = state_of(&thread, &s->found_arena);
        s->found_state_us = thread.state_updated_us;
    }
    s->cursor = cursor;
    err = run_get_started(tx, &thread, cursor.run_us, &s->found_arena, &s->run);
    if (err == ERR_NOT_FOUND)
        s->run.run_id = STR_NONE;
    return err == ERR_NOT_FOUND ? OK : err;
}

static void follow(struct thread_stream *s)
{
    bool is_part = s->run.started_us == s->cursor.part_us;
    const struct run_reader_config config = {
        .loop = http_exchange_loop(s->exchange),
        .tenant = s->tenant,
        .run_id = s->run.run_id,
        .start = is_part ? READER_AFTER : READER_ALL,
        .after_id = is_part ? s->cursor.part_id : 0,
        .only_end = !(s->modes & (MODE_RUN | MODE_LIFECYCLE)),
        .events = &reader_events,
        .context = s,
    };

    s->reader = run_reader_open(s->setup->hub, &config);
}

static void look_done(struct store_work *work, enum err err)
{
    struct thread_stream *s = CONTAINER_OF(work, struct thread_stream, work);

    s->is_looking = false;
    if (!s->exchange) {
        stream_free(s);
        return;
    }
    if (err == ERR_NOT_FOUND) { /* the thread was deleted */
        http_end(stream_end(s));
        return;
    }
    if (err) /* the slow look comes */
        return;
    if (!str_is_none(s->state))
        state_write(s);
    if (!str_is_none(s->run.run_id))
        follow(s);
    else if (s->look_again)
        look(s);
    else if (s->is_busy)
        timer_start(&s->next_look, BUSY_LOOK_MS);
}

/* Nothing is looked for while a run is followed: its end looks. */
static void look(struct thread_stream *s)
{
    s->look_again = true;
    if (s->is_looking || s->reader)
        return;
    s->look_again = false;
    s->is_looking = true;
    timer_stop(&s->next_look);
    s->work.apply = look_apply;
    s->work.done = look_done;
    s->work.reply_to = http_exchange_loop(s->exchange);
    store_read(s->setup->store, &s->work);
}

static void on_next_look(struct timer *timer)
{
    look(CONTAINER_OF(timer, struct thread_stream, next_look));
}

static void on_nudge(void *context, struct str thread_id)
{
    struct list *all = &((struct api_threads *)context)->all;

    for (struct list *node = all->next; node != all; node = node->next) {
        struct thread_stream *s = LIST_ITEM(node, struct thread_stream, node);

        if (str_is_none(thread_id) || str_eq(thread_id, s->thread_id))
            look(s);
    }
}

static void on_heartbeat(struct timer *timer)
{
    struct thread_stream *s = CONTAINER_OF(timer, struct thread_stream, heartbeat);
    struct buf out;

    timer_start(&s->heartbeat, s->setup->heartbeat_ms);
    buf_init(&out, KIB);
    sse_write_heartbeat(&out);
    http_write(s->exchange, buf_str(&out));
    buf_release(&out);
    look(s);
}

static void on_drain(struct http_exchange *exchange)
{
    pull(http_exchange_data(exchange));
}

static void on_gone(struct http_exchange *exchange)
{
    http_end(stream_end(http_exchange_data(exchange)));
}

/* ---- the start ---- */

struct thread_stream_call {
    unsigned modes;
    struct thread_cursor cursor;
};

static void thread_stream_start(struct call *call)
{
    const struct thread_stream_call *wanted = call->data;
    struct thread_stream *s = MEM_NEW(struct thread_stream);
    struct api_threads *threads = api_threads(call->api);
    struct http_exchange *exchange = call->exchange;
    struct loop *loop = http_exchange_loop(exchange);

    arena_init(&s->arena);
    arena_init(&s->found_arena);
    s->setup = call->setup;
    s->exchange = exchange;
    s->tenant = arena_str(&s->arena, call->principal.tenant);
    s->thread_id = arena_str(&s->arena, call->params[0]);
    s->admitted = arena_str(&s->arena, call->access.filters[ACCESS_OF_THREADS]);
    s->modes = wanted->modes;
    s->cursor = wanted->cursor;
    list_push(&threads->all, &s->node);
    timer_init(&s->heartbeat, loop, on_heartbeat);
    timer_start(&s->heartbeat, s->setup->heartbeat_ms);
    timer_init(&s->next_look, loop, on_next_look);
    http_exchange_set_data(exchange, s);
    http_exchange_on_gone(exchange, on_gone);
    http_exchange_on_drain(exchange, on_drain);
    call_begin(call, STR("text/event-stream"));
    if (!threads->is_subscribed)
        store_subscribe(s->setup->store, TOPIC_RUN_PENDING, loop, on_nudge, threads);
    threads->is_subscribed = true;
    call_free(call);
    http_exchange_shed(exchange);
    if (http_exchange_is_gone(exchange))
        on_gone(exchange);
    else
        look(s);
}

static enum err modes_read(struct call *call, unsigned *modes)
{
    static const char *const words[] = {"run_modes", "lifecycle", "state_update"};
    const struct json *names = NULL;
    enum err err;

    if ((err = search_query_names(call, "stream_mode", &names)) ||
        (!names && (err = search_query_names(call, "stream_modes", &names))))
        return err;
    *modes = names ? 0 : MODE_RUN;
    for (size_t i = 0; i < json_count(names); i++) {
        struct str name = json_string(json_item(names, i));
        size_t k = 0;

        while (k < ARRAY_LEN(words) && !str_eq(name, str_of(words[k])))
            k++;
        if (k == ARRAY_LEN(words)) {
            call_fail(call, 422, "stream_mode: must be run_modes, lifecycle or state_update");
            return ERR_INVALID;
        }
        *modes |= 1u << k;
    }
    return OK;
}

/* "-" is the beginning; "N-M", "N-done", "N-state" are ids of this stream. */
static enum err cursor_read(struct call *call, struct thread_cursor *cursor)
{
    struct str id =
        http_header_find(call->request->headers, call->request->header_count, "last-event-id");
    struct str instant = str_first(id, str_find_char(id, '-')),
               part = str_from(id, instant.len + 1);
    int64_t us, event;

    *cursor = (struct thread_cursor){.from_now = str_is_empty(id)};
    if (str_is_empty(id) || str_eq(id, STR("-")) || str_eq(id, STR("-1")) || str_eq(id, STR("0-0")))
        return OK;
    if (!str_to_i64(instant, &us) && us > 0) {
        *cursor = (struct thread_cursor){.run_us = us, .state_us = us};
        if (str_eq(part, STR("done")) || str_eq(part, STR("state")))
            return OK;
        if (!str_to_i64(part, &event) && event >= 0) {
            *cursor = (struct thread_cursor){
                .run_us = us - 1, .state_us = us, .part_us = us, .part_id = event};
            return OK;
        }
    }
    call_fail(call, 422, "Last-Event-ID: must be the id of an event of this stream, or -");
    return ERR_INVALID;
}

static enum err check_apply(struct tx *tx, struct call *call)
{
    struct thread thread;
    enum err err = thread_get(tx, call->principal.tenant, call->params[0], call->arena, &thread);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Thread with ID %.*s not found", STR_ARG(call->params[0]));
    return err ? err : call_then_take(call, thread_stream_start);
}

enum err thread_stream_prepare(struct call *call)
{
    struct thread_stream_call *wanted = ARENA_NEW(call->arena, struct thread_stream_call);
    enum err err;

    call->data = wanted;
    if ((err = call_param_uuid(call, 0, "thread_id")) || (err = modes_read(call, &wanted->modes)) ||
        (err = cursor_read(call, &wanted->cursor)))
        return err;
    return call_then_read(call, check_apply);
}
