/* From the runs of a thread to the events of its subscriptions. */
#include "agent/protocol_feed.h"

#include "base/list.h"
#include "base/mem.h"

#define SUBSCRIPTIONS_MAX 256 /* of one connection */
#define EVENT_BYTES_MAX (128 * MIB)
#define KEPT_BYTES_MAX (64 * KIB) /* of the scratch buffers, between events */

struct subscription {
    struct list node;
    struct arena arena;
    struct str id;
    struct protocol_filter filter;
    int64_t cursor; /* it has had everything up to here */
};

/* An interrupt that the run under way has told of. */
struct input {
    struct input *next;
    struct str name, params;
};

struct protocol_feed {
    struct protocol_feed_config config;
    struct arena arena;
    struct thread_follow *follow; /* NULL: no subscription yet, or it has failed */
    struct list subscriptions;
    size_t count;
    struct buf event, params; /* scratch */
    /* the run under way */
    bool has_run;
    int64_t position;
    int64_t started_us, ended_us; /* 0: not yet when it was looked up */
    struct arena run_arena;
    struct str graph_name;
    struct str error; /* of its event `error`: the message as JSON text */
    struct input *inputs, **inputs_end;
};

/* ---- one event ---- */

static bool is_wanted(struct protocol_feed *feed, int64_t seq, struct str name)
{
    struct list *node;
    bool wanted = false;

    for (node = feed->subscriptions.next; node != &feed->subscriptions; node = node->next) {
        struct subscription *s = LIST_ITEM(node, struct subscription, node);

        if (seq <= s->cursor)
            continue;
        s->cursor = seq;
        wanted |= protocol_filter_admits(&s->filter, name);
    }
    return wanted;
}

static void tell(struct protocol_feed *feed, int64_t seq, struct str name, struct str params)
{
    struct str text;

    if (!is_wanted(feed, seq, name))
        return;
    buf_clear(&feed->event);
    protocol_event_write(&feed->event, seq, name, params);
    if (feed->event.failed)
        return;
    text = buf_str(&feed->event);
    feed->config.events->on_event(feed->config.context, protocol_method(name), seq, text);
}

static int64_t now_ms(const struct protocol_feed *feed)
{
    return loop_wall_us(feed->config.loop) / US_PER_MS;
}

static void tell_lifecycle(struct protocol_feed *feed, int64_t seq, const char *event,
                           struct str error, int64_t at_ms)
{
    buf_clear(&feed->params);
    protocol_lifecycle_write(&feed->params,
                             &(struct protocol_lifecycle){event, feed->graph_name, error, at_ms});
    tell(feed, seq, PROTOCOL_LIFECYCLE, buf_str(&feed->params));
}

/* ---- the events of a run ---- */

static void input_keep(struct protocol_feed *feed, const struct run_event *event)
{
    struct input *input = ARENA_NEW(&feed->run_arena, struct input);

    input->name = arena_str(&feed->run_arena, event->name);
    input->params = arena_str(&feed->run_arena, event->data);
    *feed->inputs_end = input;
    feed->inputs_end = &input->next;
}

static void inputs_forget(struct protocol_feed *feed)
{
    feed->inputs = NULL;
    feed->inputs_end = &feed->inputs;
}

/* An attempt begins: what an earlier one asked does not count. */
static void attempt_begin(struct protocol_feed *feed, int64_t seq)
{
    inputs_forget(feed);
    feed->error = STR_NONE;
    tell_lifecycle(feed, seq, "running", STR_NONE,
                   feed->started_us > 0 ? feed->started_us / US_PER_MS : now_ms(feed));
}

/* Of a run that does not speak the protocol: its states. Of one that is over nobody knows when they
 * were: before its end. */
static void legacy_tell(struct protocol_feed *feed, int64_t seq, const struct run_event *event)
{
    bool is_object = event->data.len > 0 && event->data.data[0] == '{';

    if (!str_eq(event->name, STR("values")) ||
        (is_object && !str_is_none(json_raw(event->data, STR("__interrupt__")))))
        return;
    buf_clear(&feed->params);
    protocol_params_write(
        &feed->params, feed->ended_us > 0 ? feed->ended_us / US_PER_MS : now_ms(feed), event->data);
    tell(feed, seq, STR("@values"), buf_str(&feed->params));
}

static void event_take(struct protocol_feed *feed, const struct run_event *event)
{
    int64_t seq = protocol_seq(feed->position, event->id);

    if (str_eq(event->name, STR("metadata")))
        attempt_begin(feed, seq);
    else if (str_eq(event->name, STR("error")))
        feed->error = arena_str(&feed->run_arena, event->data);
    else if (!str_starts(event->name, STR("@")))
        legacy_tell(feed, seq, event);
    else if (str_eq(str_first(event->name, str_find_char(event->name, '|')), PROTOCOL_INPUT))
        input_keep(feed, event);
    else
        tell(feed, seq, event->name, event->data);
}

static void flush(struct protocol_feed *feed)
{
    if (feed->event.cap > KEPT_BYTES_MAX)
        buf_release(&feed->event);
    if (feed->params.cap > KEPT_BYTES_MAX)
        buf_release(&feed->params);
    if (feed->config.events->on_flush(feed->config.context))
        protocol_feed_more(feed);
}

static void on_run(void *context, const struct run *run)
{
    struct protocol_feed *feed = context;

    arena_reset(&feed->run_arena);
    feed->has_run = true;
    feed->position = run->position;
    feed->started_us = run->started_us;
    feed->ended_us = run->ended_us;
    feed->graph_name = arena_str(&feed->run_arena, run->graph_id);
    feed->error = STR_NONE;
    inputs_forget(feed);
}

static void on_events(void *context, struct run_event *const *events, size_t count)
{
    struct protocol_feed *feed = context;

    for (size_t i = 0; i < count; i++)
        event_take(feed, events[i]);
    flush(feed);
}

/* ---- its end ---- */

/* Interrupts as the run's row has them: for a run whose own events are no longer there. */
static void inputs_from_end(struct protocol_feed *feed, const struct follow_end *end)
{
    struct str interrupts = end->interrupts, key, list, item;
    size_t at = 0, index = 0;

    while (!str_is_empty(interrupts) && json_raw_next(interrupts, &at, &key, &list)) {
        size_t item_at = 0;

        while (list.data[0] == '[' && json_raw_next(list, &item_at, &key, &item)) {
            if (item.data[0] != '{')
                continue;
            buf_clear(&feed->params);
            protocol_input_write(&feed->params, end->ended_us / US_PER_MS, item);
            tell(feed, protocol_seq_tail(feed->position, (int64_t)index++), PROTOCOL_INPUT,
                 buf_str(&feed->params));
        }
    }
}

static void inputs_tell(struct protocol_feed *feed, const struct follow_end *end)
{
    int64_t index = 0;

    if (!feed->inputs)
        inputs_from_end(feed, end);
    for (const struct input *input = feed->inputs; input; input = input->next)
        tell(feed, protocol_seq_tail(feed->position, index++), input->name, input->params);
}

static struct str error_text(struct protocol_feed *feed, const struct follow_end *end)
{
    struct str error = str_is_none(end->error) ? feed->error : end->error;
    const struct json *parsed;
    struct str message;

    if (str_is_none(error) || json_parse(&feed->run_arena, error, &parsed, NULL))
        return STR("the run failed");
    message = json_string(json_get(parsed, "message"));
    return str_is_none(message) ? STR("the run failed") : message;
}

static void on_run_end(void *context, const struct follow_end *end)
{
    struct protocol_feed *feed = context;
    int64_t seq = protocol_seq_end(feed->position), at_ms = end->ended_us / US_PER_MS;

    if (end->is_waiting)
        inputs_tell(feed, end);
    if (str_eq(end->status, RUN_SUCCESS))
        tell_lifecycle(feed, seq, end->is_waiting ? "interrupted" : "completed", STR_NONE, at_ms);
    else if (str_eq(end->status, RUN_INTERRUPTED))
        tell_lifecycle(feed, seq, "interrupted", STR_NONE, at_ms);
    else
        tell_lifecycle(feed, seq, "failed", error_text(feed, end), at_ms);
    flush(feed);
}

static void on_fail(void *context, enum err err)
{
    struct protocol_feed *feed = context;

    thread_follow_close(feed->follow);
    feed->follow = NULL;
    feed->config.events->on_fail(feed->config.context, err);
}

static const struct thread_follow_events follow_events = {on_run, on_events, on_run_end, on_fail};

/* ---- subscriptions ---- */

/* From the run that is being told, or from the one that `since` lies in. */
static void follow_start(struct protocol_feed *feed, int64_t since)
{
    int64_t position = feed->has_run ? feed->position : -1;

    if (since >= 0 && (position < 0 || protocol_seq_position(since) < position))
        position = protocol_seq_position(since);
    if (feed->follow)
        thread_follow_close(feed->follow);
    feed->follow = thread_follow_open(feed->config.follows,
                                      &(struct thread_follow_config){
                                          .loop = feed->config.loop,
                                          .store = feed->config.store,
                                          .hub = feed->config.hub,
                                          .tenant = feed->config.tenant,
                                          .thread_id = feed->config.thread_id,
                                          .admitted = feed->config.admitted,
                                          .position = position,
                                          .waits_for_thread = feed->config.waits_for_thread,
                                          .events = &follow_events,
                                          .context = feed,
                                      });
}

enum err protocol_feed_subscribe(struct protocol_feed *feed, struct str id, struct arena *arena,
                                 const struct protocol_filter *filter)
{
    struct subscription *s;

    if (feed->count == SUBSCRIPTIONS_MAX)
        return ERR_LIMIT;
    s = MEM_NEW(struct subscription);
    s->arena = *arena;
    s->id = arena_str(&s->arena, id);
    s->filter = *filter;
    s->cursor = filter->since;
    list_push(&feed->subscriptions, &s->node);
    feed->count++;
    follow_start(feed, filter->since);
    return OK;
}

static void subscription_free(struct protocol_feed *feed, struct subscription *s)
{
    list_remove(&s->node);
    feed->count--;
    arena_release(&s->arena);
    mem_free(s);
}

bool protocol_feed_unsubscribe(struct protocol_feed *feed, struct str id)
{
    struct list *node;

    for (node = feed->subscriptions.next; node != &feed->subscriptions; node = node->next) {
        struct subscription *s = LIST_ITEM(node, struct subscription, node);

        if (str_eq(s->id, id)) {
            subscription_free(feed, s);
            return true;
        }
    }
    return false;
}

/* ---- life ---- */

struct protocol_feed *protocol_feed_new(const struct protocol_feed_config *config)
{
    struct protocol_feed *feed = MEM_NEW(struct protocol_feed);

    arena_init(&feed->arena);
    arena_init(&feed->run_arena);
    buf_init(&feed->event, EVENT_BYTES_MAX);
    buf_init(&feed->params, EVENT_BYTES_MAX);
    list_init(&feed->subscriptions);
    inputs_forget(feed);
    feed->config = *config;
    feed->config.tenant = arena_str(&feed->arena, config->tenant);
    feed->config.thread_id = arena_str(&feed->arena, config->thread_id);
    feed->config.admitted = arena_str(&feed->arena, config->admitted);
    return feed;
}

void protocol_feed_more(struct protocol_feed *feed)
{
    if (feed->follow)
        thread_follow_more(feed->follow);
}

void protocol_feed_free(struct protocol_feed *feed)
{
    while (!list_is_empty(&feed->subscriptions))
        subscription_free(feed, LIST_ITEM(feed->subscriptions.next, struct subscription, node));
    if (feed->follow)
        thread_follow_close(feed->follow);
    arena_release(&feed->arena);
    arena_release(&feed->run_arena);
    buf_release(&feed->event);
    buf_release(&feed->params);
    mem_free(feed);
}
