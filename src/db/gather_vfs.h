/* gather_vfs.h -- a SQLite VFS over another one, whose writes to the log leave together.
 *
 * SQLite writes each frame of its log in two calls, one for its head of 24 bytes and one for its
 * page. Here they are kept, as long as they follow each other, and handed on in one call: when
 * enough of them are there, with the last frame of a commit, before a sync, and before anybody
 * reads, measures or cuts that file. So all that a commit has published stands in the file when it
 * is published, and the order of writes and syncs is what SQLite asked for. An error of a kept
 * write is told by the call that hands it on; what was kept is dropped then, for SQLite takes the
 * transaction back and writes its frames anew. All files but the log are the base's own.
 *
 * For one connection and its thread. */
#ifndef DB_GATHER_VFS_H
#define DB_GATHER_VFS_H

struct gather_vfs;

/* `base` is the name of a registered VFS that outlives this one. */
struct gather_vfs *gather_vfs_new(const char *base);
/* For sqlite3_open_v2. */
const char *gather_vfs_name(const struct gather_vfs *vfs);
/* After its connection is closed. */
void gather_vfs_free(struct gather_vfs *vfs);

#endif
