/* hub_lend.c -- a run's events in the store, for readers on other nodes (hub_follow.c). */
#include "agent/hub_priv.h"
#include "base/mem.h"

#define FOLLOWED_MS 10000 /* how long a watch is remembered */

bool channel_is_followed(const struct channel *channel)
{
    return channel->followed_until_ms > loop_mono_ms(channel->hub->loop);
}

/* What there is goes in one piece: of a run that has ended others see all or nothing. */
void channel_lend(struct channel *channel)
{
    size_t max = channel->log.count + 1;
    struct run_event **events = mem_alloc(max * sizeof(struct run_event *));
    size_t count = run_log_read(&channel->log, -1, events, max, SIZE_MAX);

    channel->is_stored = true;
    channel->is_lent = true;
    channel->log.stored_to = -1;
    channel_store_events(channel, events, count);
    mem_free(events);
}

/* The run may start here: a channel without readers knows that it is followed. */
static void remember(struct hub *hub, struct str tenant, struct str run_id)
{
    struct channel *channel = channel_new(hub, tenant, run_id, false);

    channel->state = CHANNEL_WATCHED;
    channel->followed_until_ms = loop_mono_ms(hub->loop) + FOLLOWED_MS;
    timer_start(&channel->timer, FOLLOWED_MS);
}

static void on_run_watch(void *context, struct str key)
{
    struct hub *hub = context;
    struct channel *channel;
    struct str run_id, node, tenant = key;

    if (str_is_none(key) || !str_split(&tenant, ' ', &run_id) || !str_split(&tenant, ' ', &node) ||
        str_eq(node, hub->node))
        return;
    channel = channel_find(hub, run_id);
    if (!channel) {
        remember(hub, tenant, run_id);
        return;
    }
    channel->followed_until_ms = loop_mono_ms(hub->loop) + FOLLOWED_MS;
    if (channel->is_ending ||
        (channel->state != CHANNEL_RUNNING && channel->state != CHANNEL_ENDED))
        return;
    if (!channel->is_stored && channel->log.count > 0)
        channel_lend(channel);
    else if (channel->state == CHANNEL_ENDED && channel->works_open == 0)
        hub_note(hub, TOPIC_RUN_EVENTS, &channel->run_id, 1);
}

void hub_tail(struct hub *hub, struct str run_id, struct arena *arena, struct run_tail *tail)
{
    struct channel *channel = channel_find(hub, run_id);
    struct run_event **events;

    *tail = (struct run_tail){.count = 0};
    if (!channel)
        return;
    channel->is_ending = true;
    if (!channel->is_stored)
        return;
    events = ARENA_ARRAY(arena, struct run_event *, channel->log.count + 1);
    tail->is_stored = true;
    tail->next_id = channel->log.next_id;
    tail->count = run_log_read(&channel->log, channel->log.stored_to, events,
                               channel->log.count + 1, SIZE_MAX);
    tail->rows = ARENA_ARRAY(arena, struct run_event_row, tail->count + 1);
    for (size_t i = 0; i < tail->count; i++) {
        tail->rows[i] = (struct run_event_row){events[i]->id, events[i]->name, events[i]->data};
        run_event_unref(events[i]); /* the log keeps it until it is stored */
    }
}

/* ---- when nobody can ask for them any more ---- */

struct removal {
    struct store_work work;
    struct str tenant, run_id;
    char texts[];
};

static enum err removal_apply(struct tx *tx, struct store_work *work)
{
    struct removal *removal = CONTAINER_OF(work, struct removal, work);

    return run_events_delete(tx, removal->tenant, removal->run_id);
}

static void removal_done(struct store_work *work, enum err err)
{
    (void)err; /* then retention does it */
    mem_free(CONTAINER_OF(work, struct removal, work));
}

void channel_take_back(struct channel *channel)
{
    struct removal *removal;
    char *at;

    if (!channel->is_lent || channel->state != CHANNEL_ENDED || channel->hub->is_stopped)
        return;
    channel->is_lent = false;
    removal = mem_alloc_zero(sizeof(*removal) + channel->tenant.len + channel->run_id.len);
    at = removal->texts;
    removal->tenant = str_put(&at, channel->tenant);
    removal->run_id = str_put(&at, channel->run_id);
    removal->work = (struct store_work){.apply = removal_apply,
                                        .done = removal_done,
                                        .reply_to = channel->hub->loop,
                                        .class = STORE_BULK};
    store_write(channel->hub->store, &removal->work);
}

void hub_lend_init(struct hub *hub)
{
    if (!store_is_shared(hub->store))
        return;
    store_subscribe(hub->store, TOPIC_RUN_WATCH, hub->loop, on_run_watch, hub);
    store_subscribe(hub->store, TOPIC_RUN_EVENTS, hub->loop, hub_on_run_events, hub);
}
