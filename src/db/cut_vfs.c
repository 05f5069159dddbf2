/* cut_vfs.c -- every call of the VFS beneath, asked for first. For tests. */
#include "db/cut_vfs.h"

#include "base/mem.h"
#include "db/vfs_over.h"

struct cut_vfs {
    struct vfs_over over;
    bool (*allows)(void *context, const struct cut_event *event);
    void *context;
};

/* The base's file lies behind it. */
struct cut_file {
    sqlite3_file file;
    struct cut_vfs *vfs;
    const char *path; /* SQLite's, as long as the file is open */
};

static struct cut_vfs *vfs_of(sqlite3_vfs *vfs)
{
    return CONTAINER_OF(vfs_over_of(vfs), struct cut_vfs, over);
}

static struct cut_file *file_of(sqlite3_file *file)
{
    return CONTAINER_OF(file, struct cut_file, file);
}

static sqlite3_file *base_of(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)(file_of(file) + 1);
}

static bool allows(sqlite3_file *file, struct cut_event event)
{
    struct cut_vfs *vfs = file_of(file)->vfs;

    event.path = file_of(file)->path;
    return vfs->allows(vfs->context, &event);
}

static int cut_close(sqlite3_file *file)
{
    return base_of(file)->pMethods->xClose(base_of(file));
}

static int cut_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset)
{
    if (!allows(file, (struct cut_event){.call = CUT_READ, .offset = offset}))
        return SQLITE_IOERR_READ;
    return base_of(file)->pMethods->xRead(base_of(file), bytes, count, offset);
}

static int cut_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
    struct cut_event event = {
        .call = CUT_WRITE, .offset = offset, .bytes = str_range(bytes, (size_t)count)};

    if (!allows(file, event))
        return SQLITE_IOERR_WRITE;
    return base_of(file)->pMethods->xWrite(base_of(file), bytes, count, offset);
}

static int cut_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (!allows(file, (struct cut_event){.call = CUT_TRUNCATE, .offset = size}))
        return SQLITE_IOERR_TRUNCATE;
    return base_of(file)->pMethods->xTruncate(base_of(file), size);
}

static int cut_sync(sqlite3_file *file, int flags)
{
    if (!allows(file, (struct cut_event){.call = CUT_SYNC}))
        return SQLITE_IOERR_FSYNC;
    return base_of(file)->pMethods->xSync(base_of(file), flags);
}

static int cut_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return base_of(file)->pMethods->xFileSize(base_of(file), size);
}

static int cut_lock(sqlite3_file *file, int lock)
{
    return base_of(file)->pMethods->xLock(base_of(file), lock);
}

static int cut_unlock(sqlite3_file *file, int lock)
{
    return base_of(file)->pMethods->xUnlock(base_of(file), lock);
}

static int cut_check_lock(sqlite3_file *file, int *is_locked)
{
    return base_of(file)->pMethods->xCheckReservedLock(base_of(file), is_locked);
}

static int cut_control(sqlite3_file *file, int op, void *argument)
{
    return base_of(file)->pMethods->xFileControl(base_of(file), op, argument);
}

static int cut_sector_size(sqlite3_file *file)
{
    return base_of(file)->pMethods->xSectorSize(base_of(file));
}

static int cut_characteristics(sqlite3_file *file)
{
    return base_of(file)->pMethods->xDeviceCharacteristics(base_of(file));
}

static int cut_shm_map(sqlite3_file *file, int page, int bytes, int extend, void volatile **memory)
{
    return base_of(file)->pMethods->xShmMap(base_of(file), page, bytes, extend, memory);
}

static int cut_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return base_of(file)->pMethods->xShmLock(base_of(file), offset, count, flags);
}

static void cut_shm_barrier(sqlite3_file *file)
{
    base_of(file)->pMethods->xShmBarrier(base_of(file));
}

static int cut_shm_unmap(sqlite3_file *file, int remove)
{
    return base_of(file)->pMethods->xShmUnmap(base_of(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = cut_close,
    .xRead = cut_read,
    .xWrite = cut_write,
    .xTruncate = cut_truncate,
    .xSync = cut_sync,
    .xFileSize = cut_size,
    .xLock = cut_lock,
    .xUnlock = cut_unlock,
    .xCheckReservedLock = cut_check_lock,
    .xFileControl = cut_control,
    .xSectorSize = cut_sector_size,
    .xDeviceCharacteristics = cut_characteristics,
    .xShmMap = cut_shm_map,
    .xShmLock = cut_shm_lock,
    .xShmBarrier = cut_shm_barrier,
    .xShmUnmap = cut_shm_unmap,
};

static int cut_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct cut_vfs *cut = vfs_of(vfs);
    int code;

    file->pMethods = NULL;
    file_of(file)->vfs = cut;
    file_of(file)->path = name;
    if (!cut->allows(cut->context, &(struct cut_event){.call = CUT_OPEN, .path = name}))
        return SQLITE_CANTOPEN;
    code = cut->over.base->xOpen(cut->over.base, name, base_of(file), flags, out);
    if (code == SQLITE_OK)
        file->pMethods = &methods;
    return code;
}

static int cut_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    struct cut_vfs *cut = vfs_of(vfs);

    if (!cut->allows(cut->context, &(struct cut_event){.call = CUT_DELETE, .path = name}))
        return SQLITE_IOERR_DELETE;
    return cut->over.base->xDelete(cut->over.base, name, sync_dir);
}

struct cut_vfs *cut_vfs_add(const char *name, const char *base,
                            bool (*allows_call)(void *context, const struct cut_event *event),
                            void *context)
{
    struct cut_vfs *cut = MEM_NEW(struct cut_vfs);

    vfs_over_init(&cut->over, name, base);
    cut->over.vfs.szOsFile += (int)sizeof(struct cut_file);
    cut->over.vfs.xOpen = cut_open;
    cut->over.vfs.xDelete = cut_delete;
    cut->allows = allows_call;
    cut->context = context;
    REQUIRE(sqlite3_vfs_register(&cut->over.vfs, 0) == SQLITE_OK);
    return cut;
}

void cut_vfs_remove(struct cut_vfs *vfs)
{
    sqlite3_vfs_unregister(&vfs->over.vfs);
    mem_free(vfs);
}
