/* Follows the runs of a thread. */
#include "agent/thread_follow.h"

#include "auth/filter.h"
#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

#define LOOK_MS 30000 /* nudges may be lost */

/* Those that follow the same thread. */
struct group {
    struct list members;
};

struct thread_follows {
    struct store *store;
    struct map groups; /* thread id → struct group */
};

enum follow_state { FOLLOW_LOOKING, FOLLOW_READING, FOLLOW_WAITING, FOLLOW_FAILED };

struct thread_follow {
    struct list node; /* in its group */
    struct thread_follows *follows;
    struct thread_follow_config config;
    enum follow_state state;
    bool is_closed;  /* while a lookup is under way: its end frees it */
    bool is_poked;   /* a nudge came while it was looking */
    bool is_started; /* it has found its first run, or that there is none */
    bool wants;      /* thread_follow_more was called and nothing has come yet */
    struct timer timer;
    struct arena arena; /* config's strings */
    struct run_reader *reader;
    /* the run it reads, or has read */
    struct arena run_arena;
    struct run run;
    bool has_ended; /* the lookup is of how it ended, too */
    /* the lookup */
    struct store_work work;
    struct arena found_arena;
    enum err found;
    struct run next;
    struct follow_end end;
};

static void look(struct thread_follow *follow);

/* ---- the lookup ---- */

/* How the run ended that was being read. */
static enum err end_find(struct tx *tx, struct thread_follow *f)
{
    struct run ended;
    enum err err = run_get(tx, f->config.tenant, STR_NONE, f->run.run_id, &f->found_arena, &ended);

    f->end =
        (struct follow_end){.status = RUN_INTERRUPTED, .error = STR_NONE, .ended_us = tx->now_us};
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    f->end.status = ended.status;
    f->end.error = ended.error;
    f->end.ended_us = ended.ended_us;
    f->end.is_waiting = !str_is_none(ended.stopped);
    f->end.interrupts = ended.stopped;
    return OK;
}

static enum err first_find(struct tx *tx, struct thread_follow *f)
{
    const struct run_filter of = {
        .tenant = f->config.tenant, .thread_id = f->config.thread_id, .limit = 1};
    struct runs runs;
    enum err err = run_list_live(tx, of.tenant, of.thread_id, 1, &f->found_arena, &runs);

    if (!err && runs.count == 0)
        err = run_list(tx, &of, &f->found_arena, &runs);
    if (err)
        return err;
    if (runs.count == 0)
        return ERR_NOT_FOUND;
    f->next = runs.list[0];
    return OK;
}

static enum err next_find(struct tx *tx, struct thread_follow *f)
{
    const struct run_filter of = {.tenant = f->config.tenant, .thread_id = f->config.thread_id};
    int64_t from = f->is_started ? f->run.position + 1 : f->config.position;

    if (!f->is_started && f->config.position < 0)
        return first_find(tx, f);
    return run_from(tx, &of, from, &f->found_arena, &f->next);
}

static enum err look_apply(struct tx *tx, struct store_work *work)
{
    struct thread_follow *f = CONTAINER_OF(work, struct thread_follow, work);
    struct thread thread;
    enum err err = thread_get(tx, f->config.tenant, f->config.thread_id, &f->found_arena, &thread);

    if (err == ERR_NOT_FOUND && f->config.waits_for_thread) {
        f->found = ERR_NOT_FOUND;
        return OK;
    }
    if (!err && !auth_filter_admits(f->config.admitted, thread.metadata))
        return ERR_NOT_FOUND;
    if (err || (f->has_ended && (err = end_find(tx, f))))
        return err;
    f->found = next_find(tx, f);
    return f->found == ERR_NOT_FOUND ? OK : f->found;
}

/* ---- reading a run ---- */

static void on_events(void *context, struct run_event *const *events, size_t count)
{
    struct thread_follow *f = context;

    f->wants = false;
    f->config.events->on_events(f->config.context, events, count);
}

static void on_end(void *context, const struct run_reader_end *end)
{
    struct thread_follow *f = context;

    (void)end; /* what the row says counts */
    run_reader_close(f->reader);
    f->reader = NULL;
    f->has_ended = true;
    look(f);
}

static const struct run_reader_events reader_events = {on_events, on_end};

static void run_keep(struct thread_follow *f)
{
    arena_reset(&f->run_arena);
    f->run = f->next;
    f->run.run_id = arena_str(&f->run_arena, f->next.run_id);
    f->run.graph_id = arena_str(&f->run_arena, f->next.graph_id);
    f->run.status = arena_str(&f->run_arena, f->next.status);
}

static void read_start(struct thread_follow *f)
{
    f->state = FOLLOW_READING;
    f->is_started = true;
    run_keep(f);
    f->config.events->on_run(f->config.context, &f->next);
    f->reader = run_reader_open(f->config.hub, &(struct run_reader_config){
                                                   .loop = f->config.loop,
                                                   .tenant = f->config.tenant,
                                                   .run_id = f->run.run_id,
                                                   .start = READER_ALL,
                                                   .events = &reader_events,
                                                   .context = f,
                                               });
}

/* ---- what the lookup found ---- */

static void follow_free(struct thread_follow *f)
{
    arena_release(&f->arena);
    arena_release(&f->run_arena);
    arena_release(&f->found_arena);
    mem_free(f);
}

static void wait_for_run(struct thread_follow *f)
{
    f->state = FOLLOW_WAITING;
    f->is_started = f->is_started || f->config.position >= 0;
    if (!f->run.run_id.data)
        f->run.position = f->config.position - 1;
    timer_start(&f->timer, f->is_poked ? 0 : LOOK_MS);
    f->is_poked = false;
}

static void look_done(struct store_work *work, enum err err)
{
    struct thread_follow *f = CONTAINER_OF(work, struct thread_follow, work);

    if (f->is_closed) {
        follow_free(f);
        return;
    }
    if (err) {
        f->state = FOLLOW_FAILED;
        f->config.events->on_fail(f->config.context, err);
        return;
    }
    if (f->has_ended)
        f->config.events->on_run_end(f->config.context, &f->end);
    f->has_ended = false;
    if (f->is_closed)
        follow_free(f);
    else if (f->found == ERR_NOT_FOUND)
        wait_for_run(f);
    else
        read_start(f);
}

static void look(struct thread_follow *f)
{
    f->state = FOLLOW_LOOKING;
    f->is_poked = false;
    timer_stop(&f->timer);
    arena_reset(&f->found_arena);
    f->work.apply = look_apply;
    f->work.done = look_done;
    f->work.reply_to = f->config.loop;
    store_read(f->config.store, &f->work);
}

static void on_timer(struct timer *timer)
{
    look(CONTAINER_OF(timer, struct thread_follow, timer));
}

/* ---- nudges ---- */

static void poke(struct thread_follow *f)
{
    if (f->state == FOLLOW_WAITING)
        look(f);
    else
        f->is_poked = true;
}

static void group_poke(struct group *group)
{
    struct list *node;

    for (node = group->members.next; node != &group->members; node = node->next)
        poke(LIST_ITEM(node, struct thread_follow, node));
}

static void on_pending(void *context, struct str thread_id)
{
    struct thread_follows *follows = context;
    struct group *group = str_is_none(thread_id) ? NULL : map_find(&follows->groups, thread_id);
    size_t position = 0;
    struct str key;
    void *value;

    if (group)
        group_poke(group);
    while (str_is_none(thread_id) && map_next(&follows->groups, &position, &key, &value))
        group_poke(value);
}

struct thread_follows *thread_follows_new(struct store *store, struct loop *loop)
{
    struct thread_follows *follows = MEM_NEW(struct thread_follows);

    follows->store = store;
    map_init(&follows->groups);
    store_subscribe(store, TOPIC_RUN_PENDING, loop, on_pending, follows);
    return follows;
}

void thread_follows_free(struct thread_follows *follows)
{
    map_release(&follows->groups);
    mem_free(follows);
}

/* ---- open and close ---- */

static struct group *group_of(struct thread_follows *follows, struct str thread_id)
{
    struct group *group = map_find(&follows->groups, thread_id);

    if (!group) {
        group = MEM_NEW(struct group);
        list_init(&group->members);
        map_put(&follows->groups, thread_id, group);
    }
    return group;
}

struct thread_follow *thread_follow_open(struct thread_follows *follows,
                                         const struct thread_follow_config *config)
{
    struct thread_follow *f = MEM_NEW(struct thread_follow);

    arena_init(&f->arena);
    arena_init(&f->run_arena);
    arena_init(&f->found_arena);
    f->follows = follows;
    f->config = *config;
    f->config.tenant = arena_str(&f->arena, config->tenant);
    f->config.thread_id = arena_str(&f->arena, config->thread_id);
    f->config.admitted = arena_str(&f->arena, config->admitted);
    timer_init(&f->timer, config->loop, on_timer);
    list_push(&group_of(follows, f->config.thread_id)->members, &f->node);
    look(f);
    return f;
}

void thread_follow_more(struct thread_follow *f)
{
    if (f->state != FOLLOW_READING || f->wants || !f->reader)
        return;
    f->wants = true;
    run_reader_more(f->reader);
}

void thread_follow_close(struct thread_follow *f)
{
    struct group *group = map_find(&f->follows->groups, f->config.thread_id);

    list_remove(&f->node);
    if (list_is_empty(&group->members)) {
        map_remove(&f->follows->groups, f->config.thread_id);
        mem_free(group);
    }
    timer_stop(&f->timer);
    if (f->reader)
        run_reader_close(f->reader);
    f->reader = NULL;
    f->is_closed = true;
    if (f->state != FOLLOW_LOOKING)
        follow_free(f);
}
