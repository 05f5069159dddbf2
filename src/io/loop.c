/* loop.c -- the face of a loop: calls go through its table. */
#include "io/loop.h"

#include "io/io_priv.h"

void loop_start(struct loop *loop)
{
    loop->ops->start(loop);
}

void loop_run(struct loop *loop)
{
    loop->ops->run(loop);
}

void loop_stop(struct loop *loop)
{
    loop->ops->stop(loop);
}

void loop_free(struct loop *loop)
{
    if (loop)
        loop->ops->free(loop);
}

int64_t loop_mono_ms(struct loop *loop)
{
    return loop->ops->mono_ms(loop);
}

int64_t loop_mono_us(struct loop *loop)
{
    return loop->ops->mono_us(loop);
}

int64_t loop_wall_us(struct loop *loop)
{
    return loop->ops->wall_us(loop);
}

struct rng *loop_rng(struct loop *loop)
{
    return &loop->rng;
}

void loop_post(struct loop *loop, struct message *message)
{
    REQUIRE(message->deliver);
    loop->ops->post(loop, message);
}

struct listener *loop_listen(struct loop *loop, const struct listener_config *config)
{
    REQUIRE(config->socket && config->on_accept);
    return loop->ops->listen(loop, config);
}

void listener_pause(struct listener *listener)
{
    listener->loop->ops->listener_pause(listener);
}

void listener_resume(struct listener *listener)
{
    listener->loop->ops->listener_resume(listener);
}

void listener_close(struct listener *listener)
{
    listener->loop->ops->listener_close(listener);
}

struct connecting *loop_connect(struct loop *loop, struct address to, connected_fn *on_connected,
                                void *context)
{
    REQUIRE(to.family != ADDRESS_NONE && on_connected);
    return loop->ops->connect(loop, &to, on_connected, context);
}

void connecting_cancel(struct connecting *connecting)
{
    connecting->loop->ops->connecting_cancel(connecting);
}

struct dns_query *loop_resolve(struct loop *loop, struct str host, int64_t timeout_ms,
                               resolved_fn *on_done, void *context)
{
    REQUIRE(on_done && timeout_ms >= 0);
    return loop->ops->resolve(loop, host, timeout_ms, on_done, context);
}

void dns_query_cancel(struct dns_query *query)
{
    query->loop->ops->query_cancel(query);
}

enum err loop_spawn(struct loop *loop, const struct process_config *config,
                    struct process **process, struct stream **channel, const char **why)
{
    REQUIRE(config->argv && config->argv[0]);
    return loop->ops->spawn(loop, config, process, channel, why);
}

void process_kill(struct process *process, int signal)
{
    process->loop->ops->process_kill(process, signal);
}

int process_id(const struct process *process)
{
    return process->id;
}

void process_free(struct process *process)
{
    if (process)
        process->loop->ops->process_free(process);
}

void loop_on_signal(struct loop *loop, int signal, signal_fn *on_signal, void *context)
{
    loop->ops->on_signal(loop, signal, on_signal, context);
}
