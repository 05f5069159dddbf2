/* notify_listen.c -- hears the nudges of other nodes on PostgreSQL's channel and passes them on to
 * this process's subscribers. What our own writer sent has been delivered already. */
#include <unistd.h>

#include "base/mem.h"
#include "db/listener.h"
#include "store/store_priv.h"

/* Also how long store_close may take at most. */
#define WAIT_MS 200

struct listener_thread {
    struct store *store;
    struct db_listener *listener;
    struct actor *actor;
    struct message start;
    atomic_bool stopping;
};

static void look_everywhere(struct store *store)
{
    struct tx_note notes[TOPIC_COUNT];

    for (enum topic topic = 0; topic < TOPIC_COUNT; topic++)
        notes[topic] = (struct tx_note){.topic = topic, .key = STR_NONE};
    notes_deliver(store, notes, TOPIC_COUNT);
}

static void on_notice(void *context, const struct db_notice *notice)
{
    struct listener_thread *thread = context;
    struct str key = notice->payload, name;

    if (str_is_none(notice->payload)) {
        look_everywhere(thread->store);
        return;
    }
    if (notice->session_id == writer_session_id(thread->store->writer) ||
        !str_split(&key, ':', &name))
        return;
    for (enum topic topic = 0; topic < TOPIC_COUNT; topic++) {
        struct tx_note note = {.topic = topic, .key = key.len ? key : STR_NONE};

        if (str_eq(name, str_of(topic_name(topic))))
            notes_deliver(thread->store, &note, 1);
    }
}

static bool thread_step(void *context, struct message *batch)
{
    struct listener_thread *thread = context;

    (void)batch;
    if (atomic_load(&thread->stopping))
        return false;
    if (db_listener_wait(thread->listener, WAIT_MS, on_notice, thread))
        (void)usleep(WAIT_MS * 1000);
    return true;
}

static void start_deliver(struct message *message)
{
    (void)message;
}

struct listener_thread *listener_thread_new(struct store *store, struct db_listener *listener)
{
    struct listener_thread *thread = MEM_NEW(struct listener_thread);
    struct actor_config config = {.name = "listener", .step = thread_step, .context = thread};

    thread->store = store;
    thread->listener = listener;
    thread->start.deliver = start_deliver;
    thread->actor = world_actor_new(store->world, &config);
    actor_post(thread->actor, &thread->start);
    return thread;
}

void listener_thread_stop(struct listener_thread *thread)
{
    atomic_store(&thread->stopping, true);
    actor_stop(thread->actor);
    db_listener_free(thread->listener);
    mem_free(thread);
}
