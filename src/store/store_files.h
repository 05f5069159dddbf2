/* store_files.h -- the files of a data folder, and its lock. */
#ifndef STORE_STORE_FILES_H
#define STORE_STORE_FILES_H

#include "io/world.h"

#define STORE_DB_FILE "runbell.db"
#define STORE_LOCK_FILE "lock"

/* "dir/name"; mem_free it. */
char *store_path(const char *dir, const char *name);
/* Makes the folder where it is missing and locks it for this process: ERR_CONFLICT if another has
 * it. */
enum err store_lock_dir(struct world *world, const char *dir, int *fd, const char **why) MUST_USE;

#endif
