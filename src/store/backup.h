/* backup.h -- copies of an embedded store: store_backup (store.h) makes one, store_restore takes it
 * into use, store_compact makes one take the original's place.
 *
 * A copy is one SQLite file, checked before it gets its name. */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "io/world.h"

/* Checks the copy, and puts it into data_dir as its store. Never over another one: ERR_CONFLICT
 * when the folder has a store or is in use, ERR_INVALID when the copy is damaged, is not ours or is
 * newer than this program. *why (static memory) says which. For the command line: call it before
 * anything else runs. */
enum err store_restore(struct world *world, const char *data_dir, const char *backup_file,
                       const char **why) MUST_USE;

/* As store_backup, for the command line: of a folder whose store is closed, or open in another
 * process. */
enum err store_backup_dir(struct world *world, const char *data_dir, const char *path,
                          const char **why) MUST_USE;

/* Writes the store of a folder anew without its free pages, so that the disk gets their room back;
 * it must be closed everywhere. Takes as much free space as the store has afterwards. Killed at any
 * moment, the folder has the old store or the new one. For the command line. */
enum err store_compact(struct world *world, const char *data_dir, const char **why) MUST_USE;

#endif
