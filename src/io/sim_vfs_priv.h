/* sim_vfs_priv.h -- SQLite's files on the simulated disk, shared by the two halves of the VFS. */
#ifndef IO_SIM_VFS_PRIV_H
#define IO_SIM_VFS_PRIV_H

#include <sqlite3.h>

#include "io/sim_disk_priv.h"

struct vfs_file {
    sqlite3_file base;
    struct sim_disk *disk;
    struct sim_inode *inode;
    uint64_t epoch; /* of the machine that opened it */
    char *path;
    int level; /* SQLITE_LOCK_… */
    bool deletes;
    bool name_is_new;
    bool shm_mapped;
    unsigned shm_shared, shm_exclusive; /* bit masks of the slots this file holds */
};

static inline struct vfs_file *vfs_file_of(sqlite3_file *file)
{
    return CONTAINER_OF(file, struct vfs_file, base);
}

static inline bool vfs_is_stale(const struct vfs_file *file)
{
    return file->epoch != file->disk->epoch || file->disk->sim->dark;
}

/* ---- sim_vfs_lock.c ---- */

int vfs_lock(sqlite3_file *base, int level);
int vfs_unlock(sqlite3_file *base, int level);
int vfs_check_reserved(sqlite3_file *base, int *result);
int vfs_shm_map(sqlite3_file *base, int index, int bytes, int extend, void volatile **memory);
int vfs_shm_lock(sqlite3_file *base, int first, int count, int flags);
void vfs_shm_barrier(sqlite3_file *base);
int vfs_shm_unmap(sqlite3_file *base, int deletes);

#endif
