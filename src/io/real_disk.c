/* real_disk.c -- the disk as POSIX has it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/disk.h"
#include "io/real_priv.h"

#define PATH_BYTES_MAX 4096
#define READ_STEP_BYTES (64 * KIB)

static enum err disk_failed(const char *what, const char *path)
{
    int error = errno;

    log_error("io", "%s %s: %s", what, path, strerror(error));
    if (error == ENOENT)
        return ERR_NOT_FOUND;
    if (error == ENOSPC || error == EDQUOT)
        return ERR_AGAIN; /* there may be room later */
    return error == EACCES || error == EPERM || error == EROFS ? ERR_DENIED : ERR_IO;
}

static enum err real_open_dir(struct disk *disk UNUSED, const char *path)
{
    char part[PATH_BYTES_MAX];
    struct stat stat_of_dir;
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(part))
        return ERR_INVALID;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST && errno != EISDIR)
            return disk_failed("make folder", part);
        part[i] = path[i];
    }
    if (stat(path, &stat_of_dir) != 0)
        return disk_failed("open folder", path);
    if (S_ISDIR(stat_of_dir.st_mode))
        return OK;
    errno = ENOTDIR;
    return disk_failed("open folder", path);
}

static int real_create(struct disk *disk UNUSED, const char *path, bool exclusive)
{
    int flags = O_RDWR | O_CREAT | O_CLOEXEC | (exclusive ? O_EXCL : O_TRUNC);
    int fd = open(path, flags, 0600);

    if (fd < 0 && !(exclusive && errno == EEXIST))
        (void)disk_failed("create", path);
    return fd;
}

static int real_open(struct disk *disk UNUSED, const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

static enum err real_write(struct disk *disk UNUSED, int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.data, bytes.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return disk_failed("write", "file");
        bytes.data += written;
        bytes.len -= (size_t)written;
    }
    return OK;
}

static enum err real_read(struct disk *disk UNUSED, int fd, struct buf *out, size_t max)
{
    char *to = buf_reserve(out, max);
    ssize_t count;

    if (!to)
        return ERR_LIMIT;
    do
        count = read(fd, to, max);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return disk_failed("read", "file");
    buf_added(out, (size_t)count);
    return OK;
}

static enum err real_read_all(struct disk *disk UNUSED, int fd, struct buf *out)
{
    struct stat file;
    size_t step = READ_STEP_BYTES;

    if (fstat(fd, &file) == 0 && file.st_size >= 0 && (uint64_t)file.st_size < step)
        step = (size_t)file.st_size + 1;
    for (;;) {
        size_t room = out->max - out->len;
        char extra;
        char *to = room ? buf_reserve(out, room < step ? room : step) : &extra;
        ssize_t count;

        do
            count = read(fd, to, room ? (room < step ? room : step) : 1);
        while (count < 0 && errno == EINTR);
        if (count < 0)
            return disk_failed("read", "file");
        if (count == 0)
            return OK;
        if (!room)
            return ERR_LIMIT;
        buf_added(out, (size_t)count);
    }
}

static enum err real_sync(struct disk *disk UNUSED, int fd)
{
    return fdatasync(fd) == 0 ? OK : disk_failed("sync", "file");
}

static void real_close(struct disk *disk UNUSED, int fd)
{
    close(fd);
}

static enum err real_rename(struct disk *disk UNUSED, const char *from, const char *to)
{
    return rename(from, to) == 0 ? OK : disk_failed("rename", from);
}

static enum err real_remove(struct disk *disk UNUSED, const char *path)
{
    if (unlink(path) == 0)
        return OK;
    return errno == ENOENT ? ERR_NOT_FOUND : disk_failed("remove", path);
}

static enum err real_sync_dir(struct disk *disk UNUSED, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = OK;

    if (fd < 0)
        return disk_failed("open folder", path);
    if (fsync(fd) != 0)
        err = disk_failed("sync folder", path);
    close(fd);
    return err;
}

static bool real_exists(struct disk *disk UNUSED, const char *path)
{
    return access(path, F_OK) == 0;
}

static bool real_is_private(struct disk *disk UNUSED, const char *path)
{
    struct stat found;

    return stat(path, &found) == 0 && (found.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

/* flock, not fcntl: closing some other descriptor of the file must not drop it. */
static enum err real_lock(struct disk *disk UNUSED, const char *path, int *fd)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (file < 0)
        return disk_failed("open", path);
    if (flock(file, LOCK_EX | LOCK_NB) == 0) {
        *fd = file;
        return OK;
    }
    enum err err = errno == EWOULDBLOCK ? ERR_CONFLICT : disk_failed("lock", path);
    close(file);
    return err;
}

static const struct disk real_disk = {
    .open_dir = real_open_dir,
    .create = real_create,
    .open = real_open,
    .write = real_write,
    .read = real_read,
    .read_all = real_read_all,
    .sync = real_sync,
    .close = real_close,
    .rename = real_rename,
    .remove = real_remove,
    .sync_dir = real_sync_dir,
    .exists = real_exists,
    .is_private = real_is_private,
    .lock = real_lock,
};

struct disk *real_disk_new(void)
{
    struct disk *disk = MEM_NEW(struct disk);

    *disk = real_disk;
    return disk;
}

void real_disk_free(struct disk *disk)
{
    mem_free(disk);
}
