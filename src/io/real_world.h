/* real_world.h -- the world as it is: threads, libuv, c-ares, POSIX files. */
#ifndef IO_REAL_WORLD_H
#define IO_REAL_WORLD_H

#include "io/world.h"

/* One per process; free after all loops and actors have ended. Ignores SIGPIPE. */
struct world *real_world_new(void);
void real_world_free(struct world *world);

#endif
