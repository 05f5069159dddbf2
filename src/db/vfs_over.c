/* vfs_over.c -- see vfs_over.h. The base's methods get the base, for they look for themselves in
 * it. */
#include "db/vfs_over.h"

struct vfs_over *vfs_over_of(sqlite3_vfs *vfs)
{
    return CONTAINER_OF(vfs, struct vfs_over, vfs);
}

static int over_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    sqlite3_vfs *base = vfs_over_of(vfs)->base;

    return base->xDelete(base, name, sync_dir);
}

static int over_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    sqlite3_vfs *base = vfs_over_of(vfs)->base;

    return base->xAccess(base, name, flags, out);
}

static int over_full_path(sqlite3_vfs *vfs, const char *name, int bytes, char *out)
{
    sqlite3_vfs *base = vfs_over_of(vfs)->base;

    return base->xFullPathname(base, name, bytes, out);
}

static int over_randomness(sqlite3_vfs *vfs, int count, char *bytes)
{
    sqlite3_vfs *base = vfs_over_of(vfs)->base;

    return base->xRandomness(base, count, bytes);
}

static int over_sleep(sqlite3_vfs *vfs, int microseconds)
{
    sqlite3_vfs *base = vfs_over_of(vfs)->base;

    return base->xSleep(base, microseconds);
}

static int over_time(sqlite3_vfs *vfs, double *time)
{
    sqlite3_vfs *base = vfs_over_of(vfs)->base;

    return base->xCurrentTime(base, time);
}

static int over_last_error(sqlite3_vfs *vfs, int size, char *message)
{
    sqlite3_vfs *base = vfs_over_of(vfs)->base;

    return base->xGetLastError ? base->xGetLastError(base, size, message) : 0;
}

void vfs_over_init(struct vfs_over *over, const char *name, const char *base)
{
    over->base = sqlite3_vfs_find(base);
    REQUIRE(over->base);
    over->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = over->base->szOsFile,
        .mxPathname = over->base->mxPathname,
        .zName = name,
        .xDelete = over_delete,
        .xAccess = over_access,
        .xFullPathname = over_full_path,
        .xRandomness = over_randomness,
        .xSleep = over_sleep,
        .xCurrentTime = over_time,
        .xGetLastError = over_last_error,
    };
}
