/* Unpacks a worker program. */
#include "app/embed.h"

#include "app/embed_priv.h"
#include "io/disk.h"

static bool is_there(struct disk *disk, const char *path, struct str bytes)
{
    struct buf found;
    bool is_same = false;

    if (!disk->exists(disk, path))
        return false;
    buf_init(&found, bytes.len + 1);
    is_same = !disk_read_file(disk, path, &found) && str_eq(buf_str(&found), bytes);
    buf_release(&found);
    return is_same;
}

static enum err unpack_file(struct disk *disk, struct str root, const struct embedded_file *file,
                            struct arena *arena)
{
    struct str bytes = {(const char *)file->bytes, file->len};
    const char *folder = arena_cstr(arena, arena_printf(arena, "%.*s%s%s", STR_ARG(root),
                                                        file->folder[0] ? "/" : "", file->folder));
    struct str path = arena_printf(arena, "%s/%s", folder, file->name);
    enum err err;

    if (is_there(disk, arena_cstr(arena, path), bytes))
        return OK;
    err = disk->open_dir(disk, folder);
    return err ? err : disk_write_file(disk, folder, file->name, bytes);
}

enum err embed_unpack(struct disk *disk, const char *data_dir, enum embed_kind kind,
                      struct arena *arena, const char **entry, const char **why)
{
    const struct embedded_program *program = kind == EMBED_PYTHON ? &embedded_python : &embedded_js;
    struct str root =
        arena_printf(arena, "%s/workers/%s-%s", data_dir, program->name, program->digest);
    enum err err = OK;

    for (size_t i = 0; !err && i < program->count; i++)
        err = unpack_file(disk, root, &program->files[i], arena);
    if (err) {
        *why =
            "the worker programs cannot be written to the folder \"workers\" in the data folder; "
            "the log says more";
        return err;
    }
    *entry = arena_cstr(arena, arena_printf(arena, "%.*s/%s", STR_ARG(root), program->entry));
    return OK;
}
