/* A question to the sender's loop, and its answer. */
#include "delivery/sender_view.h"

#include "delivery/sender_priv.h"

static void look_at(struct delivery *d, struct origin_view *view)
{
    const struct origin *origin = map_find(&d->origins, view->origin);

    *view = (struct origin_view){.origin = view->origin, .is_known = origin != NULL};
    if (!origin)
        return;
    view->state = origin->window.state;
    view->width = origin->window.width;
    view->in_flight = origin->window.in_flight;
    view->waiting = origin->waiting_count;
    if (view->state == WINDOW_CLOSED)
        view->reopens_us =
            loop_wall_us(d->loop) + (origin->window.reopens_ms - loop_mono_ms(d->loop)) * US_PER_MS;
}

static void on_answer(struct message *message)
{
    struct sender_view *view = CONTAINER_OF(message, struct sender_view, message);

    view->done(view);
}

static void on_look(struct message *message)
{
    struct sender_view *view = CONTAINER_OF(message, struct sender_view, message);

    for (size_t i = 0; i < view->count; i++)
        look_at(view->delivery, &view->origins[i]);
    view->message.deliver = on_answer;
    loop_post(view->reply_to, &view->message);
}

void sender_look(struct delivery *d, struct sender_view *view)
{
    REQUIRE(view->reply_to && view->done);
    view->delivery = d;
    view->message.deliver = on_look;
    loop_post(d->loop, &view->message);
}
