/* real_world.c -- the real world's table. */
#include "io/real_world.h"

#include <signal.h>

#include "base/mem.h"
#include "io/real_priv.h"

static const struct world_ops real_world_ops = {
    .loop_new = real_loop_new,
    .actor_new = real_actor_new,
    .actor_post = real_actor_post,
    .actor_stop = real_actor_stop,
    .listen_open = real_listen_open,
    .listen_close = real_listen_close,
    .has_address = real_has_address,
};

struct world *real_world_new(void)
{
    struct world *world = MEM_NEW(struct world);

    REQUIRE(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    REQUIRE(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
    world->ops = &real_world_ops;
    world->disk = real_disk_new();
    return world;
}

void real_world_free(struct world *world)
{
    real_disk_free(world->disk);
    ares_library_cleanup();
    mem_free(world);
}
