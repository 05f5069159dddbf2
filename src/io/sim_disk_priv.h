/* sim_disk_priv.h -- the simulated disk: what is seen, what is durable, and the changes between the
 * two.
 *
 * A file (inode) has its bytes as everybody sees them and as the platter has them, and in order the
 * writes that separate the two; sync moves them over. Names work the same way: a folder's new,
 * removed and renamed names are durable after sync_dir only. A power cut lets a random part of the
 * unsynced writes through, whole or torn at 512-byte sectors, and of each folder's unsynced names a
 * random first part, in order. */
#ifndef IO_SIM_DISK_PRIV_H
#define IO_SIM_DISK_PRIV_H

#include "base/map.h"
#include "io/sim_priv.h"

#define SECTOR_BYTES ((size_t)512)
#define SHM_LOCKS 8

struct sim_image {
    char *bytes;
    size_t len, cap;
};

/* SQLite's locks on a file, and its shared memory: both vanish with the machine. */
struct sim_shm {
    void **regions;
    size_t count;
    unsigned users;
    unsigned shared[SHM_LOCKS];
    bool exclusive[SHM_LOCKS];
};

struct sim_inode {
    struct list in_disk;
    struct sim_image seen, durable;
    struct list unsynced; /* sim_write.in_inode, oldest first */
    unsigned refs;        /* names, pending names and handles */
    unsigned handles;     /* of these refs, those that a crash takes away */
    unsigned shared;      /* SQLite's SHARED locks and above */
    const void *reserved_by, *pending_by;
    struct sim_shm shm;
};

struct sim_disk {
    struct disk base;
    struct sim *sim;
    struct list inodes;
    struct map seen, durable; /* path -> struct sim_inode */
    struct map dirs;          /* path -> anything */
    struct list names;        /* sim_name_change.in_disk, oldest first */
    struct sim_handle *handles;
    size_t handle_count;
    uint64_t epoch;     /* machines so far */
    size_t calls_left;  /* changes until the power fails; 0: it does not */
    uint64_t temporary; /* names given */
};

enum sim_gate { GATE_OPEN, GATE_FAILS, GATE_CUTS };

/* ---- sim_file.c: inodes ---- */

struct sim_inode *sim_inode_new(struct sim_disk *disk);
void sim_inode_unref(struct sim_inode *inode);
void sim_inode_write(struct sim_inode *inode, size_t offset, struct str bytes);
void sim_inode_truncate(struct sim_inode *inode, size_t len);
void sim_inode_sync(struct sim_inode *inode);
void sim_inode_crash(struct sim *sim, struct sim_inode *inode);
/* New shared memory and no locks, for the next machine. The old regions stay: the dead may look at
 * them. */
void sim_inode_forget_locks(struct sim_inode *inode);

/* ---- sim_disk.c: the calls of disk and VFS ---- */

/* Draws a fault; counts down to the power cut. */
enum sim_gate sim_disk_gate(struct sim_disk *disk, bool changes);
/* A new handle's reference to the file; NULL if it cannot be had. */
struct sim_inode *sim_disk_hold(struct sim_disk *disk, const char *path, bool create,
                                bool exclusive, bool *created);
void sim_disk_unhold(struct sim_inode *inode);
enum err sim_disk_write(struct sim_disk *disk, struct sim_inode *inode, size_t offset,
                        struct str bytes);
enum err sim_disk_truncate(struct sim_disk *disk, struct sim_inode *inode, size_t len);
enum err sim_disk_sync(struct sim_disk *disk, struct sim_inode *inode);
enum err sim_disk_remove(struct sim_disk *disk, const char *path);
enum err sim_disk_sync_dir(struct sim_disk *disk, struct str dir);
struct str sim_disk_dir_of(const char *path);

#endif
