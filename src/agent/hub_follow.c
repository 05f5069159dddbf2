/* hub_follow.c -- readers of a run that another node executes (hub_lend.c is that node's side).
 *
 *   the clients' node                                     the node that executes the run
 *   a reader of events, and the run is live elsewhere
 *      ── RUN_WATCH "run node tenant", every 2 s ──────▶  keeps what there is and what comes in
 *      ◀── RUN_EVENTS "run" after each commit ──────────  run_events, from its first event on
 *   reads the rows behind the last one it has
 *
 * The last events are in the commit that ends the run (hub_tail), so who sees the end finds them
 * all. Rows of a run that is not resumable go when its channel does; retention finds those of a
 * node that died. A node that hears of a run it does not know remembers for a while that it is
 * followed: it may be the one that starts it. Nudges may be lost: all is asked again by the timer
 * of the channel. */
#include "agent/hub_priv.h"

#include "agent/run_end.h"
#include "agent/run_result.h"
#include "base/mem.h"

#define FIRST_MS 30   /* one that may be about to start here */
#define ASKED_MS 5000 /* how long the events of one that has ended are waited for */
#define ENDED_LATELY_US (30 * US_PER_SECOND)

/* ---- notes to the other nodes ---- */

struct note {
    struct store_work work;
    enum topic topic;
    struct str key;
    char text[];
};

static enum err note_apply(struct tx *tx, struct store_work *work)
{
    struct note *note = CONTAINER_OF(work, struct note, work);

    tx_notify(tx, note->topic, note->key);
    return OK;
}

static void note_done(struct store_work *work, enum err err)
{
    (void)err; /* it is sent again */
    mem_free(CONTAINER_OF(work, struct note, work));
}

void hub_note(struct hub *hub, enum topic topic, const struct str *words, size_t count)
{
    struct note *note;
    size_t bytes = 0;
    char *at;

    if (hub->is_stopped)
        return;
    for (size_t i = 0; i < count; i++)
        bytes += words[i].len + 1;
    note = mem_alloc_zero(sizeof(*note) + bytes);
    at = note->text;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *at++ = ' ';
        (void)str_put(&at, words[i]);
    }
    note->topic = topic;
    note->key = str_range(note->text, (size_t)(at - note->text));
    note->work = (struct store_work){
        .apply = note_apply, .done = note_done, .reply_to = hub->loop, .class = STORE_REPLY};
    store_write(hub->store, &note->work);
}

/* ---- the clients' node ---- */

static bool has_event_readers(const struct channel *channel)
{
    const struct list *readers = &channel->readers;

    for (struct list *node = readers->next; node != readers; node = node->next)
        if (!LIST_ITEM(node, struct run_reader, node)->only_end)
            return true;
    return false;
}

static void watch_send(struct channel *channel)
{
    const struct str words[] = {channel->run_id, channel->hub->node, channel->tenant};

    hub_note(channel->hub, TOPIC_RUN_WATCH, words, ARRAY_LEN(words));
}

struct follow {
    struct store_work work;
    struct arena arena;
    struct channel *channel;
    int64_t after;
    struct run_event_rows rows;
};

static enum err follow_apply(struct tx *tx, struct store_work *work)
{
    struct follow *f = CONTAINER_OF(work, struct follow, work);
    const struct run of = {.tenant = f->channel->tenant, .run_id = f->channel->run_id};

    return run_events_list(tx, &of, f->after, &f->arena, &f->rows);
}

static void follow_done(struct store_work *work, enum err err)
{
    struct follow *f = CONTAINER_OF(work, struct follow, work);
    struct channel *channel = f->channel;
    bool is_ours = channel->state == CHANNEL_WATCHED && !channel->is_dropped;
    bool again = channel->is_poked || (!err && f->rows.count == RUN_EVENTS_READ_MAX);

    channel->is_following = false;
    channel->is_poked = false;
    for (size_t i = 0; !err && is_ours && i < f->rows.count; i++)
        run_log_add(&channel->log, run_event_new(f->rows.list[i].event_id, f->rows.list[i].event,
                                                 f->rows.list[i].data));
    channel->is_elsewhere = channel->is_elsewhere || f->rows.count > 0;
    if (is_ours)
        channel_serve(channel);
    if (is_ours && again && !err)
        channel_follow(channel);
    channel_work_close(channel);
    arena_release(&f->arena);
    mem_free(f);
}

/* Reads the rows behind those it has. */
void channel_follow(struct channel *channel)
{
    struct follow *f;

    channel->is_poked = channel->is_following;
    if (channel->is_following || channel->hub->is_stopped || !has_event_readers(channel))
        return;
    channel->is_following = true;
    channel->works_open++;
    f = MEM_NEW(struct follow);
    arena_init(&f->arena);
    f->channel = channel;
    f->after = channel->log.next_id - 1;
    f->work = (struct store_work){
        .apply = follow_apply, .done = follow_done, .reply_to = channel->hub->loop};
    store_read(channel->hub->store, &f->work);
}

int64_t channel_watch_live(struct channel *channel, const struct run *run)
{
    bool is_first = !channel->was_live;

    channel->was_live = true;
    if (list_is_empty(&channel->readers))
        return 0;
    if (!store_is_shared(channel->hub->store) || !has_event_readers(channel))
        return WATCH_MS;
    if (is_first && str_eq(run->status, RUN_PENDING))
        return FIRST_MS;
    watch_send(channel);
    channel_follow(channel);
    return WATCH_MS;
}

/* Does a new reader want what nobody has looked for yet? Of a channel that was only remembered, or
 * of one whose end was waited for and nothing else. */
bool channel_needs_look(const struct channel *channel, const struct run_reader *reader)
{
    if (channel->state == CHANNEL_WATCHED)
        return list_is_empty(&channel->readers);
    return channel->state == CHANNEL_ENDED && channel->is_elsewhere && !channel->has_asked &&
           !reader->only_end && reader->start != READER_LIVE &&
           store_is_shared(channel->hub->store);
}

/* Who comes too late for a run that was over in no time gets its events all the same, if the node
 * that executed it still has them. */
bool channel_ask_ended(struct channel *channel, const struct run *run, int64_t now_us)
{
    const struct list *readers = &channel->readers;
    bool is_wanted = false;

    for (struct list *node = readers->next; node != readers; node = node->next) {
        const struct run_reader *reader = LIST_ITEM(node, struct run_reader, node);

        is_wanted =
            is_wanted || (!reader->only_end && (reader->start != READER_LIVE || channel->was_live));
    }
    if (!is_wanted || !store_is_shared(channel->hub->store) || channel->has_asked)
        return false;
    channel->has_asked = true;
    if (channel->log.count > 0 || run->resumable || run->ended_us < now_us - ENDED_LATELY_US)
        return false;
    channel->state = CHANNEL_WATCHED;
    watch_send(channel);
    timer_start(&channel->timer, ASKED_MS);
    return true;
}

/* Its row is gone while clients followed it: it was rolled back, or deleted. */
void channel_end_removed(struct channel *channel)
{
    struct str error = run_error_json(&channel->arena, STR("UserRollback"),
                                      STR("The run was rolled back or deleted."));

    run_log_add(&channel->log, run_event_new(channel->log.next_id, STR("error"), error));
    channel_end(channel, RUN_INTERRUPTED, run_result_error(&channel->arena, error));
}

void hub_on_run_events(void *context, struct str run_id)
{
    struct hub *hub = context;
    struct channel *channel = str_is_none(run_id) ? NULL : channel_find(hub, run_id);

    if (!channel || channel->state != CHANNEL_WATCHED)
        return;
    if (channel->has_asked)
        channel_load(channel);
    else
        channel_follow(channel);
}
