/* real_actor.c -- an actor as a thread that sleeps on its mailbox.
 *
 * Posting is lock-free; only the post that finds the mailbox empty takes the lock, to wake the
 * thread. The thread looks at the mailbox once more under that lock before it sleeps, so no wake-up
 * is lost. */
#include <sched.h>

#include "base/mem.h"
#include "io/real_priv.h"

struct real_actor {
    struct actor base;
    struct actor_config config;
    struct mailbox mailbox;
    atomic_uint posting; /* threads inside actor_post */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop_asked; /* under the lock */
};

static struct real_actor *actor_of(struct actor *actor)
{
    return CONTAINER_OF(actor, struct real_actor, base);
}

/* False when the actor is to end: asked to, and nothing is left. */
static bool actor_sleep(struct real_actor *actor)
{
    bool goes_on;

    pthread_mutex_lock(&actor->lock);
    while (mailbox_is_empty(&actor->mailbox) && !actor->stop_asked)
        pthread_cond_wait(&actor->wake, &actor->lock);
    goes_on = !mailbox_is_empty(&actor->mailbox);
    pthread_mutex_unlock(&actor->lock);
    return goes_on;
}

static void *actor_main(void *argument)
{
    struct real_actor *actor = argument;
    const struct actor_config *config = &actor->config;
    bool again = false;

    while (again || actor_sleep(actor))
        again = config->step(config->context, mailbox_take(&actor->mailbox));
    if (config->on_stop)
        config->on_stop(config->context);
    return NULL;
}

struct actor *real_actor_new(struct world *world, const struct actor_config *config)
{
    struct real_actor *actor = MEM_NEW(struct real_actor);

    actor->base.world = world;
    actor->config = *config;
    REQUIRE(pthread_mutex_init(&actor->lock, NULL) == 0);
    REQUIRE(pthread_cond_init(&actor->wake, NULL) == 0);
    REQUIRE(pthread_create(&actor->thread, NULL, actor_main, actor) == 0);
    if (config->name)
        (void)pthread_setname_np(actor->thread, config->name);
    return &actor->base;
}

static void actor_wake(struct real_actor *actor)
{
    pthread_mutex_lock(&actor->lock);
    pthread_cond_signal(&actor->wake);
    pthread_mutex_unlock(&actor->lock);
}

void real_actor_post(struct actor *base, struct message *message)
{
    struct real_actor *actor = actor_of(base);

    atomic_fetch_add(&actor->posting, 1);
    if (mailbox_push(&actor->mailbox, message))
        actor_wake(actor);
    atomic_fetch_sub(&actor->posting, 1);
}

void real_actor_stop(struct actor *base)
{
    struct real_actor *actor = actor_of(base);

    REQUIRE(!pthread_equal(pthread_self(), actor->thread));
    pthread_mutex_lock(&actor->lock);
    actor->stop_asked = true;
    pthread_cond_signal(&actor->wake);
    pthread_mutex_unlock(&actor->lock);
    REQUIRE(pthread_join(actor->thread, NULL) == 0);
    /* A sender may still be between its push and the end of actor_post. */
    while (atomic_load(&actor->posting))
        sched_yield();
    pthread_cond_destroy(&actor->wake);
    pthread_mutex_destroy(&actor->lock);
    mem_free(actor);
}
