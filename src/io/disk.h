/* disk.h -- the file system, as the few calls that durability needs.
 *
 * The real one is POSIX; the simulated one keeps for every file what has been synced and what has
 * not, and a simulated power cut keeps, drops or tears the rest. SQLite reaches the same simulated
 * disk through a VFS (sim_vfs.h). Descriptors are small integers of the disk's own. All calls may
 * block: they are for start-up, the writer and readers, never for a loop's turn. */
#ifndef IO_DISK_H
#define IO_DISK_H

#include "base/buf.h"

struct disk {
    enum err (*open_dir)(struct disk *disk,
                         const char *path); /* makes it, with parents, mode 0700 */
    int (*create)(struct disk *disk, const char *path,
                  bool exclusive);                    /* mode 0600; -1: see err below */
    int (*open)(struct disk *disk, const char *path); /* for reading; -1 */
    enum err (*write)(struct disk *disk, int fd, struct str bytes);
    /* At most `max` bytes from where the last reading ended; none: the end. */
    enum err (*read)(struct disk *disk, int fd, struct buf *out, size_t max);
    enum err (*read_all)(struct disk *disk, int fd,
                         struct buf *out); /* ERR_LIMIT past the buf's max */
    enum err (*sync)(struct disk *disk, int fd);
    void (*close)(struct disk *disk, int fd);
    enum err (*rename)(struct disk *disk, const char *from, const char *to);
    enum err (*remove)(struct disk *disk, const char *path);
    enum err (*sync_dir)(struct disk *disk, const char *path);
    bool (*exists)(struct disk *disk, const char *path);
    /* Can nobody but its owner read or change it? */
    bool (*is_private)(struct disk *disk, const char *path);
    /* An exclusive lock on a file that lives as long as the process; ERR_CONFLICT if another has
     * it. */
    enum err (*lock)(struct disk *disk, const char *path, int *fd);
};

/* Whole small files, durably: temp file, write, sync, rename, sync of the folder. */
enum err disk_write_file(struct disk *disk, const char *dir, const char *name,
                         struct str bytes) MUST_USE;
enum err disk_read_file(struct disk *disk, const char *path, struct buf *out) MUST_USE;

#endif
