/* sim_vfs.c -- SQLite's files on the simulated disk: opening, reading, writing, and the
 * registration.
 *
 * A file of a machine that crashed answers every call with an I/O error. As on the usual Linux file
 * systems, the first sync of a new file makes its name durable too. */
#include "io/sim_vfs.h"

#include <sqlite3.h>

#include "base/mem.h"
#include "io/sim_vfs_priv.h"

#define PATH_BYTES_MAX 512
#define JULIAN_EPOCH_MS INT64_C(210866760000000)

/* ---- files ---- */

static int vfs_close(sqlite3_file *base)
{
    struct vfs_file *file = vfs_file_of(base);

    if (!vfs_is_stale(file)) {
        vfs_unlock(base, SQLITE_LOCK_NONE);
        vfs_shm_unmap(base, 0);
        if (file->deletes && file->path)
            (void)sim_disk_remove(file->disk, file->path);
        sim_disk_unhold(file->inode);
    }
    mem_free(file->path);
    return SQLITE_OK;
}

static int vfs_read(sqlite3_file *base, void *to, int wanted, sqlite3_int64 offset)
{
    struct vfs_file *file = vfs_file_of(base);
    const struct sim_image *seen;
    size_t at = (size_t)offset, len = (size_t)wanted, got = 0;

    if (vfs_is_stale(file) || sim_disk_gate(file->disk, false) != GATE_OPEN)
        return SQLITE_IOERR_READ;
    seen = &file->inode->seen;
    if (at < seen->len)
        got = seen->len - at < len ? seen->len - at : len;
    if (got)
        memcpy(to, seen->bytes + at, got);
    if (got == len)
        return SQLITE_OK;
    memset((char *)to + got, 0, len - got);
    return SQLITE_IOERR_SHORT_READ;
}

static int vfs_write(sqlite3_file *base, const void *from, int len, sqlite3_int64 offset)
{
    struct vfs_file *file = vfs_file_of(base);
    struct str bytes = {from, (size_t)len};

    if (vfs_is_stale(file) || sim_disk_write(file->disk, file->inode, (size_t)offset, bytes))
        return SQLITE_IOERR_WRITE;
    return SQLITE_OK;
}

static int vfs_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct vfs_file *file = vfs_file_of(base);

    if (vfs_is_stale(file) || sim_disk_truncate(file->disk, file->inode, (size_t)size))
        return SQLITE_IOERR_TRUNCATE;
    return SQLITE_OK;
}

static int vfs_sync(sqlite3_file *base, int flags UNUSED)
{
    struct vfs_file *file = vfs_file_of(base);

    if (vfs_is_stale(file) || sim_disk_sync(file->disk, file->inode))
        return SQLITE_IOERR_FSYNC;
    if (file->name_is_new && sim_disk_sync_dir(file->disk, sim_disk_dir_of(file->path)))
        return SQLITE_IOERR_DIR_FSYNC;
    file->name_is_new = false;
    return SQLITE_OK;
}

static int vfs_file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct vfs_file *file = vfs_file_of(base);

    if (vfs_is_stale(file))
        return SQLITE_IOERR_FSTAT;
    *size = (sqlite3_int64)file->inode->seen.len;
    return SQLITE_OK;
}

static int vfs_file_control(sqlite3_file *base UNUSED, int what UNUSED, void *argument UNUSED)
{
    return SQLITE_NOTFOUND;
}

static int vfs_sector_size(sqlite3_file *base UNUSED)
{
    return (int)SECTOR_BYTES;
}

static int vfs_characteristics(sqlite3_file *base UNUSED)
{
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods vfs_methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_file_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = vfs_file_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

/* ---- the file system ---- */

static struct sim *vfs_sim(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
                    int *flags_out)
{
    struct vfs_file *file = vfs_file_of(base);
    struct sim_disk *disk = vfs_sim(vfs)->disk;
    bool created = false;
    char temporary[40];

    *file = (struct vfs_file){.disk = disk, .epoch = disk->epoch};
    file->deletes = flags & SQLITE_OPEN_DELETEONCLOSE;
    if (!path) {
        snprintf(temporary, sizeof(temporary), "/sqlite-%llu",
                 (unsigned long long)++disk->temporary);
        path = temporary;
    }
    file->inode = sim_disk_hold(disk, path, flags & SQLITE_OPEN_CREATE,
                                flags & SQLITE_OPEN_EXCLUSIVE, &created);
    if (!file->inode)
        return SQLITE_CANTOPEN;
    file->path = mem_alloc(strlen(path) + 1);
    memcpy(file->path, path, strlen(path) + 1);
    file->name_is_new = created && !file->deletes;
    file->base.pMethods = &vfs_methods;
    if (flags_out)
        *flags_out = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
    struct sim_disk *disk = vfs_sim(vfs)->disk;
    enum err err = sim_disk_remove(disk, path);

    if (err == ERR_NOT_FOUND)
        return SQLITE_IOERR_DELETE_NOENT;
    if (err)
        return SQLITE_IOERR_DELETE;
    if (sync_dir && sim_disk_sync_dir(disk, sim_disk_dir_of(path)))
        return SQLITE_IOERR_DIR_FSYNC;
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
    struct sim_inode *inode = map_find(&vfs_sim(vfs)->disk->seen, str_of(path));

    *result = inode && (flags != SQLITE_ACCESS_EXISTS || inode->seen.len > 0);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs UNUSED, const char *path, int room, char *full)
{
    size_t len = strlen(path) + 1;

    if (len > (size_t)room)
        return SQLITE_CANTOPEN;
    memcpy(full, path, len);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *bytes)
{
    rng_bytes(&vfs_sim(vfs)->rng, bytes, (size_t)len);
    return len;
}

static int vfs_sleep(sqlite3_vfs *vfs UNUSED, int micros)
{
    return micros;
}

static int vfs_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *julian_ms)
{
    *julian_ms = JULIAN_EPOCH_MS + sim_wall_us(vfs_sim(vfs)) / US_PER_MS;
    return SQLITE_OK;
}

static int vfs_time_days(sqlite3_vfs *vfs, double *julian_days)
{
    sqlite3_int64 julian_ms;

    (void)vfs_time_ms(vfs, &julian_ms);
    *julian_days = (double)julian_ms / 86400000.0;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs UNUSED, int room UNUSED, char *text UNUSED)
{
    return 0;
}

/* It becomes the default, and SQLite's own randomness starts anew: it is taken from the default. */
void sim_vfs_add(struct sim *sim, const char *name)
{
    sqlite3_vfs *vfs = MEM_NEW(sqlite3_vfs);

    *vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct vfs_file),
        .mxPathname = PATH_BYTES_MAX,
        .zName = name,
        .pAppData = sim,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time_days,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time_ms,
    };
    REQUIRE(sqlite3_vfs_register(vfs, 1) == SQLITE_OK);
    sqlite3_randomness(0, NULL);
}

void sim_vfs_remove(const char *name)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(name);

    REQUIRE(vfs && vfs->xOpen == vfs_open);
    sqlite3_vfs_unregister(vfs);
    sqlite3_randomness(0, NULL);
    mem_free(vfs);
}
