/* vfs_over.h -- what every SQLite VFS has that lies over another one: the calls that it does not
 * change are the other's. For gather_vfs and cut_vfs. */
#ifndef DB_VFS_OVER_H
#define DB_VFS_OVER_H

#include <sqlite3.h>

#include "base/base.h"

struct vfs_over {
    sqlite3_vfs vfs; /* first: SQLite hands it back */
    sqlite3_vfs *base;
};

/* The owner then puts its xOpen into vfs, with the szOsFile that it needs, and what else it does in
 * its own way; and registers it. `base` is the name of a registered VFS that outlives this one,
 * NULL: the system's. `name` is kept. */
void vfs_over_init(struct vfs_over *over, const char *name, const char *base);
/* The one that SQLite hands back. */
struct vfs_over *vfs_over_of(sqlite3_vfs *vfs);

#endif
