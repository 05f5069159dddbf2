/* zip.c -- archives through libzip, in memory. */
#include "format/zip.h"

#include <stdlib.h>
#include <zip.h>

#include "format/file_path.h"

#define MODE_FILE 0100644u
#define MODE_TYPE 0170000u
#define MODE_REGULAR 0100000u
#define DOS_1980_01_01 ((0 << 9) | (1 << 5) | 1)
#define RATIO_FREE_BYTES (64 * KIB)
#define LEVEL 9

/* ---- order ---- */

static int compare(const void *a, const void *b)
{
    const struct zip_member *left = a, *right = b;

    return file_path_compare(left->path, right->path);
}

bool zip_members_sort(struct zip_members *members, struct str *a, struct str *b)
{
    if (members->count > 1)
        qsort(members->list, members->count, sizeof(*members->list), compare);
    for (size_t i = 0; i < members->count; i++) {
        for (size_t j = i + 1; j < members->count; j++) {
            if (!file_path_collides(members->list[i].path, members->list[j].path))
                continue;
            *a = members->list[i].path;
            *b = members->list[j].path;
            return false;
        }
    }
    return true;
}

/* ---- writing ---- */

static enum err add_member(zip_t *archive, struct arena *arena, const struct zip_member *member)
{
    zip_source_t *source = zip_source_buffer(archive, member->bytes.data, member->bytes.len, 0);
    const char *path = arena_cstr(arena, member->path);
    zip_int64_t at;

    if (!source)
        return ERR_IO;
    at = zip_file_add(archive, path, source, ZIP_FL_ENC_UTF_8);
    if (at < 0) {
        zip_source_free(source);
        return ERR_IO;
    }
    if (zip_set_file_compression(archive, (zip_uint64_t)at, ZIP_CM_DEFLATE, LEVEL) ||
        zip_file_set_dostime(archive, (zip_uint64_t)at, 0, DOS_1980_01_01, 0) ||
        zip_file_set_external_attributes(archive, (zip_uint64_t)at, 0, ZIP_OPSYS_UNIX,
                                         MODE_FILE << 16))
        return ERR_IO;
    return OK;
}

static enum err copy_source(zip_source_t *source, struct buf *out)
{
    zip_stat_t stat;
    zip_int64_t got = 0;
    char *room;

    if (zip_source_open(source))
        return ERR_IO;
    if (!zip_source_stat(source, &stat) && stat.valid & ZIP_STAT_SIZE &&
        (room = buf_reserve(out, stat.size))) {
        got = zip_source_read(source, room, stat.size);
        if (got == (zip_int64_t)stat.size)
            buf_added(out, stat.size);
        else
            got = -1;
    }
    zip_source_close(source);
    return got > 0 ? OK : out->failed ? ERR_LIMIT : ERR_IO;
}

/* An archive without members is no file at all for libzip; this is the whole of it. */
static enum err pack_nothing(struct buf *out)
{
    static const char end[22] = {'P', 'K', 5, 6};

    buf_add(out, str_range(end, sizeof(end)));
    return out->failed ? ERR_LIMIT : OK;
}

static enum err pack_into(zip_source_t *whole, const struct zip_members *members)
{
    struct arena names;
    zip_t *archive;
    enum err err = OK;

    archive = zip_open_from_source(whole, ZIP_TRUNCATE, NULL);
    if (!archive)
        return ERR_IO;
    zip_source_keep(whole); /* the archive frees one reference */
    arena_init(&names);
    for (size_t i = 0; !err && i < members->count; i++)
        err = add_member(archive, &names, &members->list[i]);
    if (!err && zip_close(archive))
        err = ERR_IO;
    if (err)
        zip_discard(archive);
    arena_release(&names);
    return err;
}

enum err zip_pack(struct buf *out, const struct zip_members *members)
{
    struct zip_member *list;
    struct zip_members sorted = {.count = members->count};
    struct str a, b;
    struct arena arena;
    zip_source_t *whole;
    enum err err;

    if (members->count == 0)
        return pack_nothing(out);
    arena_init(&arena);
    list = ARENA_ARRAY(&arena, struct zip_member, members->count);
    memcpy(list, members->list, members->count * sizeof(*list));
    sorted.list = list;
    REQUIRE(zip_members_sort(&sorted, &a, &b));
    whole = zip_source_buffer_create(NULL, 0, 0, NULL);
    err = whole ? pack_into(whole, &sorted) : ERR_IO;
    if (!err)
        err = copy_source(whole, out);
    zip_source_free(whole);
    arena_release(&arena);
    return err;
}

/* ---- reading ---- */

struct unpack {
    struct arena *arena;
    zip_t *archive;
    const struct zip_limits *limits;
    size_t archive_bytes;
    size_t bytes;
    struct zip_members *members;
    struct str *why;
};

static enum err refuse(struct unpack *u, enum err err, struct str name, const char *words)
{
    *u->why = arena_printf(u->arena, "%.*s %s", STR_ARG(str_first(name, 300)), words);
    return err;
}

static bool is_ignored(struct str path)
{
    return str_starts(path, STR("__MACOSX/")) || str_eq(file_path_name(path), STR(".DS_Store"));
}

static enum err check_kind(struct unpack *u, zip_uint64_t index, const zip_stat_t *stat,
                           struct str path)
{
    zip_uint8_t made_by = 0;
    zip_uint32_t attributes = 0;
    unsigned type;

    if (stat->valid & ZIP_STAT_ENCRYPTION_METHOD && stat->encryption_method != ZIP_EM_NONE)
        return refuse(u, ERR_INVALID, path, "is encrypted");
    if (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE)
        return refuse(u, ERR_INVALID, path, "is packed by a method other than store and deflate");
    if (zip_file_get_external_attributes(u->archive, index, 0, &made_by, &attributes))
        return refuse(u, ERR_INVALID, path, "cannot be read");
    type = attributes >> 16 & MODE_TYPE;
    if (made_by == ZIP_OPSYS_UNIX && type != 0 && type != MODE_REGULAR)
        return refuse(u, ERR_INVALID, path, "is not a plain file (a link or a device)");
    return OK;
}

/* Room for what it says it holds and not a byte more: what it says is not believed. */
static enum err read_member(struct unpack *u, zip_uint64_t index, zip_uint64_t size,
                            struct str path)
{
    struct zip_member *member = &u->members->list[u->members->count];
    zip_file_t *file = zip_fopen_index(u->archive, index, 0);
    char *bytes = arena_alloc(u->arena, (size_t)size + 1);
    zip_int64_t got;
    bool is_whole;

    if (!file)
        return refuse(u, ERR_INVALID, path, "cannot be read");
    got = zip_fread(file, bytes, size + 1);
    is_whole = got >= 0 && (zip_uint64_t)got == size;
    /* The checksum is compared when the end is reached. */
    if (is_whole && size > 0)
        is_whole = zip_fread(file, bytes + size, 1) == 0;
    if (zip_fclose(file) || !is_whole)
        return refuse(u, ERR_INVALID, path, "is damaged");
    member->path = path;
    member->bytes = str_range(bytes, (size_t)size);
    u->bytes += (size_t)size;
    u->members->count++;
    return OK;
}

static enum err check_size(struct unpack *u, zip_uint64_t size, struct str path)
{
    size_t total;

    if (size > u->limits->bytes_max || u->bytes + size > u->limits->bytes_max)
        return refuse(u, ERR_LIMIT, path, "makes the archive too large when it is unpacked");
    total = u->bytes + (size_t)size;
    if (total > RATIO_FREE_BYTES && total / u->limits->ratio_max > u->archive_bytes)
        return refuse(u, ERR_LIMIT, path, "is packed suspiciously well");
    return OK;
}

static enum err unpack_one(struct unpack *u, zip_uint64_t index)
{
    const char *wrong;
    zip_stat_t stat;
    struct str path;
    enum err err;

    if (zip_stat_index(u->archive, index, ZIP_FL_ENC_RAW, &stat) || !(stat.valid & ZIP_STAT_NAME) ||
        !(stat.valid & ZIP_STAT_SIZE) || !(stat.valid & ZIP_STAT_COMP_METHOD))
        return refuse(u, ERR_INVALID, STR("an entry"), "cannot be read");
    path = arena_str(u->arena, str_of(stat.name));
    if (is_ignored(path))
        return OK;
    if (str_ends(path, STR("/")) && stat.size == 0)
        return OK; /* a folder: its files name it */
    if (file_path_check(path, &wrong))
        return refuse(u, ERR_INVALID, path, wrong);
    if ((err = check_kind(u, index, &stat, path)) || (err = check_size(u, stat.size, path)))
        return err;
    return read_member(u, index, stat.size, path);
}

static enum err unpack_all(struct unpack *u)
{
    zip_int64_t count = zip_get_num_entries(u->archive, 0);
    struct str a, b;
    enum err err = OK;

    /* Folders and what is left out may come on top. */
    if (count < 0 || (size_t)count > 2 * u->limits->files_max)
        return refuse(u, ERR_LIMIT, STR("the archive"), "has too many files");
    u->members->list = ARENA_ARRAY(u->arena, struct zip_member, (size_t)count + 1);
    for (zip_int64_t i = 0; !err && i < count; i++)
        err = unpack_one(u, (zip_uint64_t)i);
    if (err)
        return err;
    if (u->members->count > u->limits->files_max)
        return refuse(u, ERR_LIMIT, STR("the archive"), "has too many files");
    if (zip_members_sort(u->members, &a, &b))
        return OK;
    *u->why = arena_printf(u->arena, "%.*s and %.*s cannot stand in one folder tree", STR_ARG(a),
                           STR_ARG(b));
    return ERR_INVALID;
}

enum err zip_unpack(struct arena *arena, struct str archive, const struct zip_limits *limits,
                    struct zip_members *members, struct str *why)
{
    struct zip_members found = {0};
    struct unpack u = {.arena = arena,
                       .limits = limits,
                       .archive_bytes = archive.len,
                       .members = &found,
                       .why = why};
    zip_source_t *source;
    enum err err;

    if (archive.len > limits->archive_bytes_max)
        return refuse(&u, ERR_LIMIT, STR("the archive"), "is too large");
    /* For libzip no bytes at all are an archive too. */
    source = archive.len ? zip_source_buffer_create(archive.data, archive.len, 0, NULL) : NULL;
    u.archive = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, NULL) : NULL;
    if (!u.archive) {
        zip_source_free(source);
        return refuse(&u, ERR_INVALID, STR("the body"), "is not a ZIP archive, or a damaged one");
    }
    err = unpack_all(&u);
    zip_discard(u.archive);
    if (!err)
        *members = found;
    return err;
}
