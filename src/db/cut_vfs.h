/* cut_vfs.h -- for tests: a SQLite VFS over another one that asks before every disk call. The test
 * lets it pass, makes it fail, or cuts the power of a simulated machine in between. */
#ifndef DB_CUT_VFS_H
#define DB_CUT_VFS_H

#include "base/base.h"

enum cut_call { CUT_OPEN, CUT_READ, CUT_WRITE, CUT_TRUNCATE, CUT_SYNC, CUT_DELETE };

struct cut_vfs;

/* `base` NULL: the system's. `allows` false: the call fails with SQLite's I/O error; it runs on the
 * calling thread. Both names are static. */
struct cut_vfs *cut_vfs_add(const char *name, const char *base,
                            bool (*allows)(void *context, enum cut_call call), void *context);
/* After all its connections are closed, or given up. */
void cut_vfs_remove(struct cut_vfs *vfs);

#endif
