/* The name of this node. */
#include "app/node.h"

#include "base/uuid.h"
#include "crypto/random.h"
#include "io/disk.h"

#define FILE_NAME "node"

enum err node_id_load(struct disk *disk, const char *data_dir, struct arena *arena, struct str *id,
                      const char **why)
{
    struct str path = arena_printf(arena, "%s/" FILE_NAME, data_dir);
    const char *path_text = arena_cstr(arena, path);
    struct uuid_text text;
    struct rng rng;
    struct buf out;
    enum err err = OK;

    buf_init(&out, KIB);
    *why = "the file \"node\" in the data folder cannot be read or written";
    if (disk->exists(disk, path_text)) {
        err = disk_read_file(disk, path_text, &out);
        *id = str_trim(arena_str(arena, buf_str(&out)));
        if (!err && !uuid_is_valid(*id))
            err = ERR_INVALID;
    } else {
        random_bytes(rng.state, sizeof(rng.state));
        *id = arena_str(arena, uuid_write(uuid_v4(&rng), &text));
        err = disk->open_dir(disk, data_dir);
        if (!err)
            err = disk_write_file(disk, data_dir, FILE_NAME, *id);
    }
    buf_release(&out);
    return err;
}
