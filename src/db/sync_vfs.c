/* sync_vfs.c -- the system's files, with one of their methods exchanged. */
#include "db/sync_vfs.h"

#include <sqlite3.h>
#include <threads.h>

#define NAME "runbell"

struct metric db_fsync_seconds = {
    .name = "runbell_fsync_seconds",
    .help = "Duration of one fsync of SQLite's files; with PostgreSQL the server's own affair.",
    .type = METRIC_HISTOGRAM,
    .is_time = true,
    .bounds = metric_bounds_disk,
};

/* Stands behind the system's own struct of a file. */
struct tail {
    sqlite3_io_methods methods; /* the system's, with our xSync */
    int (*sync)(sqlite3_file *file, int flags);
};

static sqlite3_vfs *base;
static sqlite3_vfs timed;
static once_flag once = ONCE_FLAG_INIT;

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

static size_t tail_at(void)
{
    size_t align = _Alignof(struct tail);

    return ((size_t)base->szOsFile + align - 1) / align * align;
}

static struct tail *tail_of(sqlite3_file *file)
{
    return (struct tail *)(void *)((char *)file + tail_at());
}

static int timed_sync(sqlite3_file *file, int flags)
{
    int64_t started_us = now_us();
    int code = tail_of(file)->sync(file, flags);

    metric_observe(&db_fsync_seconds, 0, now_us() - started_us);
    return code;
}

static int timed_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct tail *tail = tail_of(file);
    int code = base->xOpen(base, name, file, flags, out);

    (void)vfs;
    if (!file->pMethods) /* it could not be opened */
        return code;
    tail->methods = *file->pMethods;
    tail->sync = file->pMethods->xSync;
    tail->methods.xSync = timed_sync;
    file->pMethods = &tail->methods;
    return code;
}

static void add(void)
{
    base = sqlite3_vfs_find(NULL);
    REQUIRE(base);
    timed = *base;
    timed.pNext = NULL;
    timed.zName = NAME;
    timed.szOsFile = (int)(tail_at() + sizeof(struct tail));
    timed.xOpen = timed_open;
    REQUIRE(sqlite3_vfs_register(&timed, 0) == SQLITE_OK);
}

const char *sync_vfs_name(void)
{
    call_once(&once, add);
    return NAME;
}
