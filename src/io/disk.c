/* disk.c -- whole small files by the calls of a disk. */
#include "io/disk.h"

#include "base/mem.h"

#define PATH_BYTES_MAX 4096

enum err disk_write_file(struct disk *disk, const char *dir, const char *name, struct str bytes)
{
    char path[PATH_BYTES_MAX], temp[PATH_BYTES_MAX];
    bool temp_exists = false;
    enum err err = ERR_IO;
    int fd = -1;
    int len = snprintf(path, sizeof(path), "%s/%s", dir, name);
    int temp_len = snprintf(temp, sizeof(temp), "%s/%s.part", dir, name);

    if (len < 0 || temp_len < 0 || (size_t)temp_len >= sizeof(temp))
        return ERR_INVALID;
    fd = disk->create(disk, temp, false);
    if (fd < 0)
        goto out;
    temp_exists = true;
    err = disk->write(disk, fd, bytes);
    if (err)
        goto out;
    /* The bytes first, then the name: a name must never point at half a file. */
    err = disk->sync(disk, fd);
    if (err)
        goto out;
    err = disk->rename(disk, temp, path);
    if (err)
        goto out;
    temp_exists = false;
    err = disk->sync_dir(disk, dir);
out:
    if (fd >= 0)
        disk->close(disk, fd);
    if (temp_exists)
        (void)disk->remove(disk, temp);
    return err;
}

enum err disk_read_file(struct disk *disk, const char *path, struct buf *out)
{
    int fd = disk->open(disk, path);
    enum err err;

    if (fd < 0)
        return disk->exists(disk, path) ? ERR_IO : ERR_NOT_FOUND;
    err = disk->read_all(disk, fd, out);
    disk->close(disk, fd);
    return err;
}
