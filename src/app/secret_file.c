/* The file of the sealing keys. */
#include "app/secret_file.h"

#include "crypto/secret.h"

struct secret_file secret_file_of(const struct config *config, struct disk *disk,
                                  struct arena *arena)
{
    if (config->secret_key_file)
        return (struct secret_file){.disk = disk, .path = config->secret_key_file};
    return (struct secret_file){
        .disk = disk,
        .path = arena_cstr(arena, arena_printf(arena, "%s/" SECRET_FILE, config->data_dir)),
        .is_own = true};
}

static enum err say(struct arena *arena, struct str *why, enum err err,
                    const struct secret_file *file, const char *words)
{
    *why = arena_printf(arena, "the file of secret keys %s %s", file->path, words);
    return err;
}

enum err secret_file_read(const struct secret_file *file, struct arena *arena,
                          struct keyring_keys *keys, struct str *why)
{
    const char *reason = NULL;
    struct buf text;
    enum err err;

    if (!file->disk->exists(file->disk, file->path))
        return say(arena, why, ERR_NOT_FOUND, file,
                   "does not exist; put it back, or name another with RUNBELL_SECRET_KEY_FILE");
    if (file->is_own && !file->disk->is_private(file->disk, file->path))
        return say(
            arena, why, ERR_DENIED, file,
            "can be read or changed by others than its owner; mend it with chmod 600, and if "
            "others may have read it, change the key: runbell secrets rotate");
    buf_init(&text, KEYRING_FILE_BYTES_MAX);
    err = disk_read_file(file->disk, file->path, &text);
    if (err)
        err = say(arena, why, err, file,
                  "cannot be read; it must belong to the user that the server runs as");
    else if ((err = keyring_keys_parse(buf_str(&text), keys, &reason)))
        err = say(arena, why, err, file,
                  arena_cstr(arena, arena_printf(arena, "is not one: %s", reason)));
    if (text.data)
        secret_wipe(text.data, text.cap);
    buf_release(&text);
    return err;
}

static const char *folder_of(const struct secret_file *file, struct arena *arena)
{
    const char *slash = strrchr(file->path, '/');

    if (!slash)
        return ".";
    return slash == file->path
               ? "/"
               : arena_cstr(arena, str_range(file->path, (size_t)(slash - file->path)));
}

enum err secret_file_write(const struct secret_file *file, struct arena *arena,
                           const struct keyring_keys *keys, struct str *why)
{
    const char *slash = strrchr(file->path, '/');
    struct buf text;
    enum err err;

    buf_init(&text, KEYRING_FILE_BYTES_MAX);
    (void)buf_reserve(&text, KEYRING_FILE_BYTES_MAX); /* so that it never moves, and can be wiped */
    keyring_keys_write(&text, keys);
    REQUIRE(!text.failed);
    err = disk_write_file(file->disk, folder_of(file, arena), slash ? slash + 1 : file->path,
                          buf_str(&text));
    secret_wipe(text.data, text.cap);
    buf_release(&text);
    return err ? say(arena, why, err, file, "cannot be written") : OK;
}

/* Of two processes that start in a new folder one makes the file; the other reads it. */
static enum err lock(const struct secret_file *file, struct arena *arena, int *fd, struct str *why)
{
    const char *path = arena_cstr(arena, arena_printf(arena, "%s.lock", file->path));
    enum err err = file->disk->lock(file->disk, path, fd);

    if (err)
        return say(arena, why, err, file,
                   err == ERR_CONFLICT ? "is being changed by another runbell; try again"
                                       : "cannot be locked: its folder cannot be written to");
    return OK;
}

static enum err make_first(void *context, struct keyring_keys *keys, struct arena *arena,
                           struct str *why)
{
    (void)context;
    (void)arena;
    (void)why;
    return keys->count ? OK : keyring_keys_add(keys);
}

enum err secret_file_change(const struct secret_file *file, struct arena *arena,
                            enum err (*change)(void *context, struct keyring_keys *keys,
                                               struct arena *arena, struct str *why),
                            void *context, struct str *why)
{
    struct keyring_keys keys = {.count = 0};
    int fd = -1;
    enum err err = lock(file, arena, &fd, why);

    if (err)
        return err;
    err = secret_file_read(file, arena, &keys, why);
    if (err == ERR_NOT_FOUND && file->is_own)
        err = OK; /* the first key of a new folder */
    if (!err)
        err = change(context, &keys, arena, why);
    if (!err)
        err = secret_file_write(file, arena, &keys, why);
    secret_wipe(&keys, sizeof(keys));
    file->disk->close(file->disk, fd);
    return err;
}

enum err secret_file_open(const struct secret_file *file, struct arena *arena,
                          struct keyring_keys *keys, struct str *why)
{
    struct disk *disk = file->disk;
    enum err err = OK;

    if (file->is_own && !disk->exists(disk, file->path)) {
        err = disk->open_dir(disk, folder_of(file, arena));
        if (err)
            return say(arena, why, err, file, "cannot be made: its folder cannot be made");
        err = secret_file_change(file, arena, make_first, NULL, why);
    }
    return err ? err : secret_file_read(file, arena, keys, why);
}
