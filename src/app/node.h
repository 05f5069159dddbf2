/* node.h -- the name of this node: made once, kept in the data folder, the same after every
 * restart. */
#ifndef APP_NODE_H
#define APP_NODE_H

#include "base/arena.h"

struct disk;

/* *id lives in the arena. */
enum err node_id_load(struct disk *disk, const char *data_dir, struct arena *arena, struct str *id,
                      const char **why) MUST_USE;

#endif
