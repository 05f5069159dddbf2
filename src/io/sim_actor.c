/* sim_actor.c -- an actor as turns of the simulator.
 *
 * The first message sets the next turn a random while ahead; what comes until then forms its batch.
 */
#include "base/mem.h"
#include "io/sim_priv.h"

#define TURN_US 40

struct sim_actor {
    struct actor base;
    struct sim *sim;
    struct list in_sim;
    struct actor_config config;
    struct mailbox mailbox;
    struct sim_event turn;
    bool outside, dead;
};

static struct sim_actor *actor_of(struct actor *actor)
{
    return CONTAINER_OF(actor, struct sim_actor, base);
}

static bool actor_step(struct sim_actor *actor)
{
    return actor->config.step(actor->config.context, mailbox_take(&actor->mailbox));
}

static void actor_turn(struct sim_event *event)
{
    struct sim_actor *actor = CONTAINER_OF(event, struct sim_actor, turn);
    bool again = actor_step(actor);

    if (actor->dead)
        return;
    if (again || !mailbox_is_empty(&actor->mailbox))
        sim_event_put(actor->sim, &actor->turn, sim_delay_us(actor->sim, TURN_US));
}

struct actor *sim_actor_new(struct world *base, const struct actor_config *config)
{
    struct sim_world *world = CONTAINER_OF(base, struct sim_world, base);
    struct sim *sim = world->sim;
    struct sim_actor *actor = sim_alloc(sim, sizeof(*actor));

    actor->base.world = base;
    actor->sim = sim;
    actor->config = *config;
    actor->outside = world->outside;
    sim_event_init(&actor->turn, NULL, config->name, ++sim->object_id, actor_turn);
    actor->turn.outside = world->outside;
    list_push(&sim->actors, &actor->in_sim);
    return &actor->base;
}

void sim_actor_post(struct actor *base, struct message *message)
{
    struct sim_actor *actor = actor_of(base);

    if (actor->dead) {
        sim_bury(message);
        return;
    }
    if (mailbox_push(&actor->mailbox, message) && !sim_event_is_queued(&actor->turn))
        sim_event_put(actor->sim, &actor->turn, sim_delay_us(actor->sim, TURN_US));
}

void sim_actor_stop(struct actor *base)
{
    struct sim_actor *actor = actor_of(base);
    bool again = sim_event_is_queued(&actor->turn);

    if (actor->dead)
        return;
    sim_event_remove(actor->sim, &actor->turn);
    while (!actor->dead && (again || !mailbox_is_empty(&actor->mailbox)))
        again = actor_step(actor);
    if (!actor->dead && actor->config.on_stop)
        actor->config.on_stop(actor->config.context);
    if (actor->dead)
        return;
    list_remove(&actor->in_sim);
    sim_event_remove(actor->sim, &actor->turn);
    sim_release(actor);
}

void sim_actors_kill(struct sim *sim)
{
    for (struct list *node = sim->actors.next, *next; node != &sim->actors; node = next) {
        struct sim_actor *actor = LIST_ITEM(node, struct sim_actor, in_sim);

        next = node->next;
        if (sim_spares(sim, actor->outside))
            continue;
        actor->dead = true;
        list_remove(&actor->in_sim);
        sim_event_remove(sim, &actor->turn);
        sim_bury(actor->config.context);
        sim_bury(mailbox_take(&actor->mailbox));
    }
}
