/* The hub's lookups in the store, and the storing of resumable runs' events. */
#include "agent/hub_priv.h"

#include "agent/run_result.h"
#include "base/mem.h"

/* ---- looking up a run ---- */

struct lookup {
    struct store_work work;
    struct arena arena;
    struct channel *channel;
    struct run run;
    struct str result;
    int64_t now_us;
};

static enum err lookup_apply(struct tx *tx, struct store_work *work)
{
    struct lookup *lookup = CONTAINER_OF(work, struct lookup, work);
    struct channel *channel = lookup->channel;
    enum err err =
        run_get(tx, channel->tenant, STR_NONE, channel->run_id, &lookup->arena, &lookup->run);

    lookup->now_us = tx->now_us;
    if (err || run_status_is_live(lookup->run.status))
        return err;
    return run_result(tx, &lookup->run, &lookup->arena, &lookup->result);
}

/* The run ended while nobody here looked: readers get what was stored. */
static void ended_take(struct lookup *lookup)
{
    struct channel *channel = lookup->channel;
    struct list *node;

    channel->is_stored = lookup->run.resumable;
    channel->is_elsewhere = true;
    channel->log.stored_to = INT64_MAX;
    channel->log.dropped_to = INT64_MAX - 1; /* what events there are, readers get from the store */
    for (node = channel->readers.next; node != &channel->readers; node = node->next) {
        struct run_reader *reader = LIST_ITEM(node, struct run_reader, node);

        if (reader->start == READER_LIVE && channel->state == CHANNEL_LOADING)
            reader->cursor = INT64_MAX;
    }
    channel_end(channel, lookup->run.status, lookup->result);
}

static void not_found(struct channel *channel, enum err err)
{
    struct list *node;

    while ((node = list_pop(&channel->readers))) {
        struct run_reader *reader = LIST_ITEM(node, struct run_reader, node);

        reader->channel = NULL;
        reader_end(reader, err);
    }
    channel_free(channel);
}

/* Events that came while any work was under way have waited for its end. */
void channel_work_close(struct channel *channel)
{
    channel->works_open--;
    if (channel->is_dropped)
        channel_free(channel);
    else if (channel->works_open == 0)
        channel_store_flush(channel);
}

static void lookup_done(struct store_work *work, enum err err)
{
    struct lookup *lookup = CONTAINER_OF(work, struct lookup, work);
    struct channel *channel = lookup->channel;
    bool is_ours = channel->state == CHANNEL_LOADING || channel->state == CHANNEL_WATCHED;

    channel->is_loading = false;
    if (is_ours && !channel->is_dropped) {
        if (err == ERR_NOT_FOUND && channel->was_live)
            channel_end_removed(channel);
        else if (err == ERR_NOT_FOUND)
            not_found(channel, err);
        else if (err)
            channel_watch(channel, WATCH_MS);
        else if (run_status_is_live(lookup->run.status))
            channel_watch(channel, channel_watch_live(channel, &lookup->run));
        else if (!channel_ask_ended(channel, &lookup->run, lookup->now_us))
            ended_take(lookup);
    }
    channel_work_close(channel);
    arena_release(&lookup->arena);
    mem_free(lookup);
}

void channel_load(struct channel *channel)
{
    struct lookup *lookup;

    if (channel->is_loading || channel->hub->is_stopped)
        return;
    channel->is_loading = true;
    channel->works_open++;
    lookup = MEM_NEW(struct lookup);
    arena_init(&lookup->arena);
    lookup->channel = channel;
    lookup->work.apply = lookup_apply;
    lookup->work.done = lookup_done;
    lookup->work.reply_to = channel->hub->loop;
    store_read(channel->hub->store, &lookup->work);
}

/* ---- a reader behind the memory ---- */

struct catch_up {
    struct store_work work;
    struct arena arena;
    struct channel *channel;
    struct run_reader *reader;
    uint64_t reader_number; /* the pointer may be another reader's by then */
    int64_t after;
    struct run_event_rows rows;
};

static enum err catch_up_apply(struct tx *tx, struct store_work *work)
{
    struct catch_up *c = CONTAINER_OF(work, struct catch_up, work);

    const struct run of = {.tenant = c->channel->tenant, .run_id = c->channel->run_id};

    return run_events_list(tx, &of, c->after, &c->arena, &c->rows);
}

static bool is_attached(const struct catch_up *c)
{
    const struct list *readers = &c->channel->readers;

    for (struct list *node = readers->next; node != readers; node = node->next)
        if (LIST_ITEM(node, struct run_reader, node) == c->reader)
            return c->reader->number == c->reader_number;
    return false;
}

static void caught_up(struct catch_up *c, enum err err)
{
    c->reader->wants = true;
    if (err) {
        reader_end(c->reader, err); /* it may come again with the last id it has seen */
    } else if (c->rows.count > 0) {
        reader_give_rows(c->reader, c->rows.list, c->rows.count);
    } else { /* that was all, or retention took them: go on with what is in memory */
        c->reader->cursor = c->channel->log.dropped_to;
        reader_serve(c->reader);
    }
}

static void catch_up_done(struct store_work *work, enum err err)
{
    struct catch_up *c = CONTAINER_OF(work, struct catch_up, work);

    if (is_attached(c))
        caught_up(c, err);
    channel_work_close(c->channel);
    arena_release(&c->arena);
    mem_free(c);
}

void channel_load_events(struct channel *channel, struct run_reader *reader)
{
    struct catch_up *c = MEM_NEW(struct catch_up);

    arena_init(&c->arena);
    c->channel = channel;
    c->reader = reader;
    c->reader_number = reader->number;
    c->after = reader->cursor;
    c->work.apply = catch_up_apply;
    c->work.done = catch_up_done;
    c->work.reply_to = channel->hub->loop;
    reader->wants = false;
    channel->works_open++;
    store_read(channel->hub->store, &c->work);
}

/* ---- storing ---- */

struct event_write {
    struct store_work work;
    struct channel *channel;
    bool is_followed; /* on other nodes */
    size_t count;
    struct run_event *events[];
};

static enum err event_write_apply(struct tx *tx, struct store_work *work)
{
    struct event_write *w = CONTAINER_OF(work, struct event_write, work);
    struct run_event_row *rows = ARENA_ARRAY(tx->arena, struct run_event_row, w->count);

    for (size_t i = 0; i < w->count; i++)
        rows[i] = (struct run_event_row){w->events[i]->id, w->events[i]->name, w->events[i]->data};
    if (w->is_followed)
        tx_notify(tx, TOPIC_RUN_EVENTS, w->channel->run_id);
    return run_events_insert(tx, w->channel->tenant, w->channel->run_id, rows, w->count);
}

static void event_write_done(struct store_work *work, enum err err)
{
    struct event_write *w = CONTAINER_OF(work, struct event_write, work);
    struct run_log *log = &w->channel->log;

    if (!err && log->stored_to < w->events[w->count - 1]->id)
        log->stored_to = w->events[w->count - 1]->id;
    for (size_t i = 0; i < w->count; i++)
        run_event_unref(w->events[i]);
    channel_work_close(w->channel);
    mem_free(w);
}

void channel_store_events(struct channel *channel, struct run_event *const *events, size_t count)
{
    struct event_write *w = mem_alloc_zero(sizeof(*w) + count * sizeof(struct run_event *));

    REQUIRE(count > 0);
    w->channel = channel;
    w->is_followed = channel_is_followed(channel);
    w->count = count;
    memcpy(w->events, events, count * sizeof(struct run_event *));
    w->work.apply = event_write_apply;
    w->work.done = event_write_done;
    w->work.reply_to = channel->hub->loop;
    w->work.class = STORE_EVENT;
    channel->works_open++;
    store_write(channel->hub->store, &w->work);
}

void channel_store_flush(struct channel *channel)
{
    size_t count = channel->unstored_count;

    channel->unstored_count = 0;
    if (count > 0)
        channel_store_events(channel, channel->unstored, count);
}

/* One write is under way at a time; what comes meanwhile goes with the next, or when the batch is
 * full. */
void channel_store(struct channel *channel, struct run_event *event)
{
    channel->unstored[channel->unstored_count++] = run_event_ref(event);
    if (channel->unstored_count == UNSTORED_MAX || channel->works_open == 0)
        channel_store_flush(channel);
}
