/* The hub: logs of live and lately ended runs, and their readers. */
#include "agent/hub_priv.h"

#include "base/json.h"
#include "base/mem.h"

#define LOG_BYTES_MAX (16 * MIB)
#define BATCH_EVENTS_MAX 256
#define BATCH_BYTES_MAX (256 * KIB)
#define KEPT_MS 30000 /* an ended run's log, for clients that reconnect */
#define KEPT_RESUMABLE_MS 120000
#define ENDED_MAX 2000 /* such logs at once: beyond, the oldest without readers goes early */

/* ---- channels: one per run ---- */

static void on_channel_timer(struct timer *timer)
{
    struct channel *channel = CONTAINER_OF(timer, struct channel, timer);

    if (channel->state == CHANNEL_ENDED ||
        (channel->state == CHANNEL_WATCHED && list_is_empty(&channel->readers)))
        channel_free(channel);
    else
        channel_load(channel);
}

struct channel *channel_find(struct hub *hub, struct str run_id)
{
    return map_find(&hub->channels, run_id);
}

struct channel *channel_new(struct hub *hub, struct str tenant, struct str run_id, bool is_stored)
{
    struct channel *channel = MEM_NEW(struct channel);

    arena_init(&channel->arena);
    channel->hub = hub;
    channel->tenant = arena_str(&channel->arena, tenant);
    channel->run_id = arena_str(&channel->arena, run_id);
    run_log_init(&channel->log, LOG_BYTES_MAX, is_stored);
    list_init(&channel->readers);
    list_init(&channel->ended_node);
    timer_init(&channel->timer, hub->loop, on_channel_timer);
    map_put(&hub->channels, channel->run_id, channel);
    return channel;
}

static void ended_remove(struct channel *channel)
{
    if (list_is_empty(&channel->ended_node))
        return;
    list_remove(&channel->ended_node);
    channel->hub->ended_count--;
}

/* Many runs end within the time that a log is kept: then it is kept for less. */
static void ended_add(struct channel *channel)
{
    struct hub *hub = channel->hub;
    struct list *node;

    ended_remove(channel);
    node = hub->ended.next;
    list_push(&hub->ended, &channel->ended_node);
    hub->ended_count++;
    while (hub->ended_count > ENDED_MAX && node != &channel->ended_node) {
        struct channel *oldest = LIST_ITEM(node, struct channel, ended_node);

        node = node->next;
        if (list_is_empty(&oldest->readers))
            channel_free(oldest);
    }
}

/* Only without readers. While a lookup or a write is under way, its end frees it. */
void channel_free(struct channel *channel)
{
    if (!list_is_empty(&channel->readers)) {
        timer_start(&channel->timer, KEPT_MS);
        return;
    }
    timer_stop(&channel->timer);
    if (!channel->is_dropped)
        map_remove(&channel->hub->channels, channel->run_id);
    channel->is_dropped = true;
    ended_remove(channel);
    channel_take_back(channel);
    if (channel->works_open > 0)
        return;
    for (size_t i = 0; i < channel->unstored_count; i++)
        run_event_unref(channel->unstored[i]);
    run_log_release(&channel->log);
    run_event_unref(channel->result);
    arena_release(&channel->arena);
    mem_free(channel);
}

/* ---- serving readers ---- */

static void batch_deliver(struct message *message)
{
    struct reader_batch *batch = CONTAINER_OF(message, struct reader_batch, message);
    struct run_reader *reader = batch->reader;

    if (!reader->is_closed && batch->count > 0)
        reader->events->on_events(reader->context, batch->events, batch->count);
    if (!reader->is_closed && batch->is_end) {
        const struct run_reader_end end = {
            .err = batch->err,
            .status = batch->result ? batch->result->name : STR_NONE,
            .result = batch->result ? batch->result->data : STR_NONE,
        };

        reader->events->on_end(reader->context, &end);
    }
    for (size_t i = 0; i < batch->count; i++)
        run_event_unref(batch->events[i]);
    run_event_unref(batch->result);
    mem_free(batch);
}

static struct reader_batch *batch_new(struct run_reader *reader, size_t max)
{
    struct reader_batch *batch = mem_alloc_zero(sizeof(*batch) + max * sizeof(struct run_event *));

    batch->message.deliver = batch_deliver;
    batch->reader = reader;
    return batch;
}

static void batch_post(struct run_reader *reader, struct reader_batch *batch)
{
    reader->wants = false;
    loop_post(reader->loop, &batch->message);
}

void reader_end(struct run_reader *reader, enum err err)
{
    struct reader_batch *batch = batch_new(reader, 0);

    batch->is_end = true;
    batch->err = err;
    if (!err)
        batch->result = run_event_ref(reader->channel->result);
    reader->is_ended = true;
    batch_post(reader, batch);
}

static void reader_batch_send(struct run_reader *reader, struct reader_batch *batch)
{
    reader->cursor = batch->events[batch->count - 1]->id;
    batch_post(reader, batch);
}

/* Gives the reader what there is, if it wants something. */
void reader_serve(struct run_reader *reader)
{
    struct channel *channel = reader->channel;
    struct reader_batch *batch;

    if (!reader->wants || reader->is_ended || channel->state == CHANNEL_LOADING)
        return;
    if (!reader->only_end && run_log_has_gap(&channel->log, reader->cursor) &&
        (channel->is_stored || channel->is_elsewhere)) {
        channel_load_events(channel, reader);
        return;
    }
    if (!reader->only_end) {
        batch = batch_new(reader, BATCH_EVENTS_MAX);
        batch->count = run_log_read(&channel->log, reader->cursor, batch->events, BATCH_EVENTS_MAX,
                                    BATCH_BYTES_MAX);
        if (batch->count > 0) {
            reader_batch_send(reader, batch);
            return;
        }
        mem_free(batch);
    }
    if (channel->state == CHANNEL_ENDED)
        reader_end(reader, OK);
}

void channel_serve(struct channel *channel)
{
    struct list *node, *next;

    for (node = channel->readers.next; node != &channel->readers; node = next) {
        next = node->next;
        reader_serve(LIST_ITEM(node, struct run_reader, node));
    }
}

/* Events read from the store for a reader that lags behind the memory. */
void reader_give_rows(struct run_reader *reader, const struct run_event_row *rows, size_t count)
{
    struct reader_batch *batch = batch_new(reader, count);

    for (size_t i = 0; i < count; i++)
        batch->events[i] = run_event_new(rows[i].event_id, rows[i].event, rows[i].data);
    batch->count = count;
    reader_batch_send(reader, batch);
}

/* ---- the dispatcher's side ---- */

/* What the log has to know before the first event of an attempt. */
static void log_begin(struct channel *channel, const struct run *run, int64_t first_id)
{
    struct run_log *log = &channel->log;

    channel->is_lent = channel->is_lent || (!run->resumable && channel_is_followed(channel));
    channel->is_stored = run->resumable || channel->is_lent;
    if (!channel->is_stored)
        log->stored_to = INT64_MAX;
    else if (log->stored_to == INT64_MAX) /* a reader was here first, who did not know */
        log->stored_to = first_id - 1;
    if (channel->is_stored && log->next_id == 0) /* earlier attempts were another process's */
        log->dropped_to = first_id - 1;
    if (log->next_id < first_id)
        log->next_id = first_id;
}

void hub_begin(struct hub *hub, const struct run *run, int64_t first_id)
{
    struct channel *channel = channel_find(hub, run->run_id);
    struct json_writer json;
    struct buf out;

    if (!channel)
        channel = channel_new(hub, run->tenant, run->run_id, run->resumable);
    timer_stop(&channel->timer);
    ended_remove(channel);
    channel->state = CHANNEL_RUNNING;
    log_begin(channel, run, first_id);
    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "run_id", run->run_id);
    json_put_i64(&json, "attempt", run->attempt);
    json_end_object(&json);
    hub_event(hub, run->run_id, STR("metadata"), buf_str(&out));
    buf_release(&out);
}

void hub_event(struct hub *hub, struct str run_id, struct str name, struct str data)
{
    struct channel *channel = channel_find(hub, run_id);
    struct run_event *event;

    if (!channel || channel->state != CHANNEL_RUNNING)
        return;
    event = run_event_new(channel->log.next_id, name, data);
    if (channel->is_stored)
        channel_store(channel, event);
    run_log_add(&channel->log, event);
    channel_serve(channel);
}

void channel_end(struct channel *channel, struct str status, struct str result)
{
    if (channel->is_stored)
        channel_store_flush(channel);
    else if (channel->is_ending && channel_is_followed(channel))
        channel_lend(channel);
    channel->is_ending = false;
    channel->state = CHANNEL_ENDED;
    run_event_unref(channel->result);
    channel->result = run_event_new(0, status, str_is_none(result) ? STR("null") : result);
    timer_start(&channel->timer,
                channel->is_stored && !channel->is_lent ? KEPT_RESUMABLE_MS : KEPT_MS);
    ended_add(channel);
    channel_serve(channel);
}

void hub_end(struct hub *hub, const struct run *run, struct str result)
{
    struct channel *channel = channel_find(hub, run->run_id);

    if (channel && channel->state != CHANNEL_ENDED)
        channel_end(channel, run->status, result);
}

void hub_pause(struct hub *hub, struct str run_id)
{
    struct channel *channel = channel_find(hub, run_id);

    if (!channel || channel->state == CHANNEL_ENDED)
        return;
    channel->is_ending = false;
    channel->state = CHANNEL_WATCHED;
    timer_start(&channel->timer, WATCH_MS);
}

void channel_watch(struct channel *channel, int64_t again_ms)
{
    channel->state = CHANNEL_WATCHED;
    timer_start(&channel->timer, again_ms);
    channel_serve(channel);
}

static void on_run_done(void *context, struct str run_id)
{
    struct hub *hub = context;
    struct channel *channel = str_is_none(run_id) ? NULL : channel_find(hub, run_id);

    if (channel && channel->state == CHANNEL_WATCHED && !channel->has_asked)
        channel_load(channel);
}

struct hub *hub_new(struct loop *loop, struct store *store, struct str node)
{
    struct hub *hub = MEM_NEW(struct hub);

    hub->loop = loop;
    hub->store = store;
    hub->node = node;
    map_init(&hub->channels);
    list_init(&hub->ended);
    store_subscribe(store, TOPIC_RUN_DONE, loop, on_run_done, hub);
    hub_lend_init(hub);
    return hub;
}

void hub_leave_store(struct hub *hub)
{
    hub->is_stopped = true;
}

void hub_free(struct hub *hub)
{
    struct channel *all[64];
    size_t n;

    do {
        size_t position = 0;
        struct str key;
        void *value;

        for (n = 0; n < ARRAY_LEN(all) && map_next(&hub->channels, &position, &key, &value); n++)
            all[n] = value;
        for (size_t i = 0; i < n; i++) {
            list_init(&all[i]->readers);
            all[i]->works_open = 0;
            channel_free(all[i]);
        }
    } while (n > 0);
    map_release(&hub->channels);
    mem_free(hub);
}
