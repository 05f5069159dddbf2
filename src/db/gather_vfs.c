/* gather_vfs.c -- the log's writes, kept until they are worth a call. */
#include "db/gather_vfs.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "db/vfs_over.h"

/* SQLite on Unix takes less than 128 KiB in one call. */
#define KEPT_BYTES_MAX (120 * KIB)
/* The log's format: 4 bytes into the head of a frame stands the size of the database in pages, if
 * the frame is the last of a commit; else 0. */
#define FRAME_HEAD_BYTES 24
#define SIZE_AT 4
#define SIZE_BYTES 4

struct gather_vfs {
    struct vfs_over over;
    char name[32];
};

/* Stands behind the base's struct of a log. */
struct gathered {
    sqlite3_io_methods methods; /* the base's, with ours in some places */
    const sqlite3_io_methods *base;
    unsigned char *bytes; /* the kept ones; NULL: none were written yet */
    size_t count;
    sqlite3_int64 offset; /* of the first */
    bool ends_commit;     /* the frame whose page comes next */
};

static size_t gathered_at(const sqlite3_vfs *base)
{
    size_t align = _Alignof(struct gathered);

    return ((size_t)base->szOsFile + align - 1) / align * align;
}

/* ---- the log ---- */

/* The base's methods find the base's struct at the file's address; ours are behind it, as far as
 * its pMethods are ours. */
static struct gathered *gathered_of(sqlite3_file *file)
{
    return (struct gathered *)(uintptr_t)file->pMethods;
}

static int hand_on(sqlite3_file *file)
{
    struct gathered *g = gathered_of(file);
    size_t count = g->count;

    g->count = 0;
    return count ? g->base->xWrite(file, g->bytes, (int)count, g->offset) : SQLITE_OK;
}

/* The page behind a head that ends a commit completes it. */
static bool completes_commit(struct gathered *g, const unsigned char *bytes, size_t count)
{
    static const unsigned char no_size[SIZE_BYTES];
    bool is_head = count == FRAME_HEAD_BYTES, completes = g->ends_commit && !is_head;

    g->ends_commit = is_head && memcmp(bytes + SIZE_AT, no_size, SIZE_BYTES) != 0;
    return completes;
}

static int log_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
    struct gathered *g = gathered_of(file);
    size_t size = (size_t)count;
    bool follows = offset == g->offset + (sqlite3_int64)g->count;
    int code = SQLITE_OK;

    if (g->count && (!follows || g->count + size > KEPT_BYTES_MAX))
        code = hand_on(file);
    if (code != SQLITE_OK)
        return code;
    if (size > KEPT_BYTES_MAX)
        return g->base->xWrite(file, bytes, count, offset);
    if (!g->bytes)
        g->bytes = mem_alloc(KEPT_BYTES_MAX);
    if (g->count == 0)
        g->offset = offset;
    memcpy(g->bytes + g->count, bytes, size);
    g->count += size;
    return completes_commit(g, bytes, size) ? hand_on(file) : SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset)
{
    int code = hand_on(file);

    return code == SQLITE_OK ? gathered_of(file)->base->xRead(file, bytes, count, offset) : code;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = hand_on(file);

    return code == SQLITE_OK ? gathered_of(file)->base->xTruncate(file, size) : code;
}

static int log_sync(sqlite3_file *file, int flags)
{
    int code = hand_on(file);

    return code == SQLITE_OK ? gathered_of(file)->base->xSync(file, flags) : code;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int code = hand_on(file);

    return code == SQLITE_OK ? gathered_of(file)->base->xFileSize(file, size) : code;
}

static int log_close(sqlite3_file *file)
{
    struct gathered *g = gathered_of(file);
    int code = hand_on(file), closed;

    mem_free(g->bytes);
    closed = g->base->xClose(file);
    return code == SQLITE_OK ? closed : code;
}

static int gather_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    sqlite3_vfs *base = vfs_over_of(vfs)->base;
    struct gathered *g = (struct gathered *)(void *)((char *)file + gathered_at(base));
    int code = base->xOpen(base, name, file, flags, out);

    if (!file->pMethods || !(flags & SQLITE_OPEN_WAL))
        return code;
    *g = (struct gathered){.methods = *file->pMethods, .base = file->pMethods};
    g->methods.xClose = log_close;
    g->methods.xRead = log_read;
    g->methods.xWrite = log_write;
    g->methods.xTruncate = log_truncate;
    g->methods.xSync = log_sync;
    g->methods.xFileSize = log_size;
    file->pMethods = &g->methods;
    return code;
}

/* ---- life ---- */

struct gather_vfs *gather_vfs_new(const char *base)
{
    static atomic_uint count;
    struct gather_vfs *gather = MEM_NEW(struct gather_vfs);

    snprintf(gather->name, sizeof(gather->name), "gather-%u", atomic_fetch_add(&count, 1));
    vfs_over_init(&gather->over, gather->name, base);
    gather->over.vfs.szOsFile = (int)(gathered_at(gather->over.base) + sizeof(struct gathered));
    gather->over.vfs.xOpen = gather_open;
    REQUIRE(sqlite3_vfs_register(&gather->over.vfs, 0) == SQLITE_OK);
    return gather;
}

const char *gather_vfs_name(const struct gather_vfs *vfs)
{
    return vfs->name;
}

void gather_vfs_free(struct gather_vfs *vfs)
{
    if (!vfs)
        return;
    sqlite3_vfs_unregister(&vfs->over.vfs);
    mem_free(vfs);
}
