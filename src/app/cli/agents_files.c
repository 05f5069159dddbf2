/* Folders and archives of agents. Paths from archives have passed file_path_check. */
#include "app/cli/agents_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fleet/agent_files.h"
#include "format/file_path.h"

#define PATH_BYTES_MAX 4096
#define ARCHIVE_BYTES_MAX (32 * MIB)
#define DEPTH_MAX FILE_PATH_DEPTH_MAX

/* ---- one file ---- */

static int file_read(const struct session *session, const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    bool failed = !file;

    while (!failed && !feof(file)) {
        char *room = buf_reserve(out, 64 * KIB);

        if (!room)
            break;
        buf_added(out, fread(room, 1, 64 * KIB, file));
        failed = ferror(file) != 0;
    }
    if (file)
        fclose(file);
    if (failed)
        return session_fail(session, "%s: %s", path, strerror(errno));
    if (out->failed)
        return session_fail(session, "%s: larger than an agent may be", path);
    return CLI_OK;
}

int agents_write(const struct session *session, const char *path, struct str bytes)
{
    bool is_standard = strcmp(path, "-") == 0;
    FILE *file = is_standard ? stdout : fopen(path, "wb");
    bool failed = !file || fwrite(bytes.data, 1, bytes.len, file) != bytes.len;

    if (file && !is_standard && fclose(file) != 0)
        failed = true;
    return failed ? session_fail(session, "%s: %s", path, strerror(errno)) : CLI_OK;
}

/* ---- packing ---- */

struct packing {
    const struct session *session;
    struct arena *arena;
    struct zip_members members;
};

static int pack_file(struct packing *packing, const char *path, struct str name)
{
    struct zip_member *member = &packing->members.list[packing->members.count];
    const char *why = "";
    struct buf bytes;
    int code;

    if (packing->members.count == TREE_FILES_MAX)
        return session_fail(packing->session, "an agent has at most %d files", TREE_FILES_MAX);
    if (file_path_check(name, &why))
        return session_fail(packing->session, "%s: %s", path, why);
    buf_init(&bytes, TREE_BYTES_MAX);
    code = file_read(packing->session, path, &bytes);
    *member = (struct zip_member){name, arena_str(packing->arena, buf_str(&bytes))};
    packing->members.count += code == CLI_OK;
    buf_release(&bytes);
    return code;
}

static int pack_folder(struct packing *packing, const char *folder, struct str prefix, int depth)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int code = CLI_OK;

    if (!dir)
        return session_fail(packing->session, "%s: %s", folder, strerror(errno));
    while (code == CLI_OK && (entry = readdir(dir))) {
        struct str name = arena_printf(packing->arena, "%.*s%s", STR_ARG(prefix), entry->d_name);
        const char *path = arena_cstr(packing->arena,
                                      arena_printf(packing->arena, "%s/%s", folder, entry->d_name));
        struct stat about;

        if (entry->d_name[0] == '.' || lstat(path, &about) != 0)
            continue;
        if (S_ISREG(about.st_mode))
            code = pack_file(packing, path, name);
        else if (S_ISDIR(about.st_mode) && depth < DEPTH_MAX)
            code = pack_folder(packing, path, arena_printf(packing->arena, "%.*s/", STR_ARG(name)),
                               depth + 1);
        else
            code = session_fail(packing->session, "%s: is neither a file nor a folder", path);
    }
    closedir(dir);
    return code;
}

static int pack(const struct session *session, const char *folder, struct buf *archive)
{
    struct arena arena;
    struct packing packing = {.session = session, .arena = &arena};
    struct str a, b;
    int code;

    arena_init(&arena);
    packing.members.list = ARENA_ARRAY(&arena, struct zip_member, TREE_FILES_MAX + 1);
    code = pack_folder(&packing, folder, STR(""), 0);
    if (code == CLI_OK && !zip_members_sort(&packing.members, &a, &b))
        code = session_fail(session, "%.*s and %.*s cannot stand side by side", STR_ARG(a),
                            STR_ARG(b));
    if (code == CLI_OK && zip_pack(archive, &packing.members))
        code = session_fail(session, "%s: could not be packed", folder);
    arena_release(&arena);
    return code;
}

int agents_read(const struct session *session, const char *path, struct buf *archive)
{
    struct stat about;

    if (stat(path, &about) != 0)
        return session_fail(session, "%s: %s", path, strerror(errno));
    return S_ISDIR(about.st_mode) ? pack(session, path, archive)
                                  : file_read(session, path, archive);
}

/* ---- unpacking ---- */

/* All folders on the way to a file. */
static int make_folders(const struct session *session, char *path)
{
    for (char *c = path + 1; *c; c++) {
        bool failed;

        if (*c != '/')
            continue;
        *c = '\0';
        failed = mkdir(path, 0777) != 0 && errno != EEXIST;
        if (failed)
            return session_fail(session, "%s: %s", path, strerror(errno));
        *c = '/';
    }
    return CLI_OK;
}

int agents_members(const struct session *session, struct arena *arena, struct str archive,
                   struct zip_members *members)
{
    struct str why = STR_NONE;

    if (zip_unpack(arena, archive, &agent_zip_limits, members, &why))
        return session_fail(session, "the archive: %.*s", STR_ARG(why));
    return CLI_OK;
}

int agents_unpack(const struct session *session, const struct zip_members *members,
                  const char *folder)
{
    struct arena arena;
    int code = CLI_OK;

    arena_init(&arena);
    for (size_t i = 0; code == CLI_OK && i < members->count; i++) {
        const struct zip_member *member = &members->list[i];
        char *path =
            arena_cstr(&arena, arena_printf(&arena, "%s/%.*s", folder, STR_ARG(member->path)));

        code = make_folders(session, path);
        if (code == CLI_OK)
            code = agents_write(session, path, member->bytes);
    }
    arena_release(&arena);
    return code;
}
