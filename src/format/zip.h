/* zip.h -- a tree of files as a ZIP archive, and back. The only includer of libzip.
 *
 * Writing gives the same bytes for the same files: entries sorted by path, one fixed time
 * (1980-01-01), mode 0644, deflate, no extra fields. Reading trusts nothing: entries that are no
 * plain files, unknown methods, encryption, paths that file_path_check refuses, paths that collide,
 * and archives that grow beyond the limits are refused as a whole, in words. */
#ifndef FORMAT_ZIP_H
#define FORMAT_ZIP_H

#include "base/arena.h"
#include "base/buf.h"

struct zip_member {
    struct str path;
    struct str bytes;
};

struct zip_members {
    struct zip_member *list; /* sorted by path */
    size_t count;
};

struct zip_limits {
    size_t archive_bytes_max;
    size_t files_max;
    size_t bytes_max; /* of all files, unpacked */
    size_t ratio_max; /* unpacked to packed, beyond the first 64 KiB */
};

/* Appends the archive. Paths must have passed file_path_check and not collide. ERR_LIMIT: it does
 * not fit into `out`; ERR_IO: the library failed. */
enum err zip_pack(struct buf *out, const struct zip_members *members) MUST_USE;

/* All files, in the arena; folders are implied by paths, `__MACOSX/` and `.DS_Store` are left out.
 * ERR_INVALID (not an archive, or one that is refused) and ERR_LIMIT with *why in the arena. */
enum err zip_unpack(struct arena *arena, struct str archive, const struct zip_limits *limits,
                    struct zip_members *members, struct str *why) MUST_USE;

/* Sorts by path. False: two of them collide; they are *a and *b. */
bool zip_members_sort(struct zip_members *members, struct str *a, struct str *b);

#endif
