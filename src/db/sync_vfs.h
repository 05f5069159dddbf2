/* sync_vfs.h -- how long the disk takes to make writes durable, measured where SQLite asks for it.
 *
 * A VFS that is the system's in all but one call: xSync is timed into db_fsync_seconds. Registered
 * at its first use, for as long as the process lives. Any thread. */
#ifndef DB_SYNC_VFS_H
#define DB_SYNC_VFS_H

#include "base/metrics.h"

extern struct metric db_fsync_seconds;

/* Its name for sqlite3_open_v2. */
const char *sync_vfs_name(void);

#endif
