/* sim_vfs_lock.c -- SQLite's locks and its shared memory on the simulated disk: one process, plain
 * counters. */
#include "base/mem.h"
#include "io/sim_vfs_priv.h"

/* ---- locks on the file ---- */

int vfs_lock(sqlite3_file *base, int level)
{
    struct vfs_file *file = vfs_file_of(base);
    struct sim_inode *inode = file->inode;

    if (vfs_is_stale(file))
        return SQLITE_IOERR_LOCK;
    if (file->level >= level)
        return SQLITE_OK;
    if (inode->pending_by && inode->pending_by != file)
        return SQLITE_BUSY;
    if (level == SQLITE_LOCK_SHARED) {
        inode->shared++;
        file->level = SQLITE_LOCK_SHARED;
        return SQLITE_OK;
    }
    if (inode->reserved_by && inode->reserved_by != file)
        return SQLITE_BUSY;
    if (level == SQLITE_LOCK_RESERVED) {
        inode->reserved_by = file;
        file->level = SQLITE_LOCK_RESERVED;
        return SQLITE_OK;
    }
    inode->pending_by = file;
    file->level = SQLITE_LOCK_PENDING;
    if (inode->shared > 1)
        return SQLITE_BUSY;
    file->level = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

int vfs_unlock(sqlite3_file *base, int level)
{
    struct vfs_file *file = vfs_file_of(base);
    struct sim_inode *inode = file->inode;

    if (vfs_is_stale(file) || file->level <= level)
        return SQLITE_OK;
    if (inode->pending_by == file)
        inode->pending_by = NULL;
    if (inode->reserved_by == file)
        inode->reserved_by = NULL;
    if (level == SQLITE_LOCK_NONE)
        inode->shared--;
    file->level = level;
    return SQLITE_OK;
}

int vfs_check_reserved(sqlite3_file *base, int *result)
{
    const struct vfs_file *file = vfs_file_of(base);

    if (vfs_is_stale(file))
        return SQLITE_IOERR_CHECKRESERVEDLOCK;
    *result = file->inode->reserved_by || file->inode->pending_by;
    return SQLITE_OK;
}

/* ---- shared memory ---- */

int vfs_shm_map(sqlite3_file *base, int index, int bytes, int extend, void volatile **memory)
{
    struct vfs_file *file = vfs_file_of(base);
    struct sim_shm *shm;

    *memory = NULL;
    if (vfs_is_stale(file))
        return SQLITE_IOERR_SHMMAP;
    shm = &file->inode->shm;
    if (!file->shm_mapped)
        shm->users++;
    file->shm_mapped = true;
    if ((size_t)index >= shm->count && !extend)
        return SQLITE_OK;
    while ((size_t)index >= shm->count) {
        shm->regions = mem_realloc(shm->regions, (shm->count + 1) * sizeof(void *));
        shm->regions[shm->count++] = sim_alloc(file->disk->sim, (size_t)bytes);
    }
    *memory = shm->regions[index];
    return SQLITE_OK;
}

static void shm_release(struct vfs_file *file, unsigned mask)
{
    struct sim_shm *shm = &file->inode->shm;

    for (unsigned i = 0; i < SHM_LOCKS; i++) {
        unsigned bit = 1U << i & mask;

        if (bit & file->shm_exclusive)
            shm->exclusive[i] = false;
        if (bit & file->shm_shared)
            shm->shared[i]--;
    }
    file->shm_exclusive &= ~mask;
    file->shm_shared &= ~mask;
}

static bool shm_admits(const struct vfs_file *file, unsigned mask, bool exclusive)
{
    const struct sim_shm *shm = &file->inode->shm;

    for (unsigned i = 0; i < SHM_LOCKS; i++) {
        bool own = file->shm_shared >> i & 1U;

        if (!(mask >> i & 1U))
            continue;
        if (shm->exclusive[i] && !(file->shm_exclusive >> i & 1U))
            return false;
        if (exclusive && shm->shared[i] > (own ? 1U : 0U))
            return false;
    }
    return true;
}

int vfs_shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    struct vfs_file *file = vfs_file_of(base);
    unsigned mask = ((1U << count) - 1) << first;
    bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;

    if (vfs_is_stale(file))
        return SQLITE_IOERR_SHMLOCK;
    if (flags & SQLITE_SHM_UNLOCK) {
        shm_release(file, mask);
        return SQLITE_OK;
    }
    if (!shm_admits(file, mask, exclusive))
        return SQLITE_BUSY;
    for (unsigned i = 0; i < SHM_LOCKS; i++) {
        unsigned bit = 1U << i & mask;

        if (bit && exclusive)
            file->inode->shm.exclusive[i] = true;
        else if (bit && !(file->shm_shared & bit))
            file->inode->shm.shared[i]++;
    }
    if (exclusive)
        file->shm_exclusive |= mask;
    else
        file->shm_shared |= mask;
    return SQLITE_OK;
}

void vfs_shm_barrier(sqlite3_file *base UNUSED)
{
}

int vfs_shm_unmap(sqlite3_file *base, int deletes UNUSED)
{
    struct vfs_file *file = vfs_file_of(base);
    struct sim_shm *shm;

    if (vfs_is_stale(file) || !file->shm_mapped)
        return SQLITE_OK;
    shm = &file->inode->shm;
    shm_release(file, ~0U);
    file->shm_mapped = false;
    if (--shm->users > 0)
        return SQLITE_OK;
    for (size_t i = 0; i < shm->count; i++)
        sim_release(shm->regions[i]);
    mem_free(shm->regions);
    *shm = (struct sim_shm){0};
    return SQLITE_OK;
}
