/* cut_vfs.h -- for tests: a SQLite VFS over another one that asks before every disk call. The test
 * lets it pass, makes it fail, or cuts the power of a simulated machine in between. */
#ifndef DB_CUT_VFS_H
#define DB_CUT_VFS_H

#include "base/str.h"

enum cut_call { CUT_OPEN, CUT_READ, CUT_WRITE, CUT_TRUNCATE, CUT_SYNC, CUT_DELETE };

struct cut_event {
    enum cut_call call;
    const char *path; /* NULL: a temporary file */
    int64_t offset;   /* of a write; the size a file is cut to */
    struct str bytes; /* of a write */
};

struct cut_vfs;

/* `base` NULL: the system's. `allows` false: the call fails with SQLite's I/O error; it runs on the
 * calling thread. Both names are static. */
struct cut_vfs *cut_vfs_add(const char *name, const char *base,
                            bool (*allows)(void *context, const struct cut_event *event),
                            void *context);
/* After all its connections are closed, or given up. */
void cut_vfs_remove(struct cut_vfs *vfs);

#endif
