/* bundle.c -- trees to archives and archives to edits. */
#include "fleet/bundle.h"

#include "base/json.h"
#include "crypto/base64.h"
#include "crypto/sha256.h"
#include "fleet/agent_files.h"
#include "fleet/tools.h"
#include "format/file_path.h"

#define NAME_FALLBACK STR("agent")

/* ---- out ---- */

/* Spaces, what has a meaning in some shell or file system, and controls. */
static bool is_replaced(char c)
{
    return (unsigned char)c <= 0x20 || c == 0x7f || (c && strchr("/\\:*?\"<>|", c));
}

struct str bundle_file_name(struct arena *arena, struct str agent_name)
{
    char *text = arena_cstr(arena, agent_name);
    struct str base;

    for (size_t i = 0; i < agent_name.len; i++)
        if (is_replaced(text[i]))
            text[i] = '_';
    base = str_range(text, agent_name.len);
    if (base.len == 0 || str_eq(base, STR(".")) || str_eq(base, STR("..")))
        base = NAME_FALLBACK;
    return arena_printf(arena, "%.*s.zip", STR_ARG(base));
}

static struct zip_members members_of(struct arena *arena, const struct tree_files *files,
                                     const struct bundle_options *options)
{
    struct zip_members members = {.list = ARENA_ARRAY(arena, struct zip_member, files->count + 1),
                                  .count = files->count};

    for (size_t i = 0; i < files->count; i++) {
        const struct tree_file *file = &files->list[i];
        bool is_tools = str_eq(file_path_name(file->path), TOOLS_PATH);

        members.list[i].path = file->path;
        members.list[i].bytes = is_tools && !options->only_composite_keys
                                    ? tools_with_bare_keys(arena, file->content)
                                    : file->content;
    }
    return members;
}

enum err bundle_make(struct tx *tx, const struct fleet_agent *agent, int64_t version,
                     const struct bundle_options *options, struct arena *arena,
                     struct bundle *bundle)
{
    const struct tree_key key = {agent->tenant, agent->agent_id};
    struct tree_version found;
    struct tree_files files;
    struct zip_members members;
    struct sha256_text text;
    struct sha256 digest;
    struct buf out;
    enum err err = tree_version_get(tx, &key, version, tx->arena, &found);

    if (err || (err = tree_read(tx, &key, found.version, tx->arena, &files)))
        return err;
    members = members_of(tx->arena, &files, options);
    buf_init(&out, BUNDLE_BYTES_MAX);
    err = zip_pack(&out, &members);
    if (!err) {
        digest = sha256_of(buf_str(&out));
        *bundle = (struct bundle){.archive = arena_str(arena, buf_str(&out)),
                                  .sha256 = arena_str(arena, sha256_write(&digest, &text)),
                                  .file_name = bundle_file_name(arena, agent->name),
                                  .version = found.version,
                                  .commit_hash = arena_str(arena, found.commit_hash)};
    }
    buf_release(&out);
    return err;
}

/* ---- in ---- */

static bool has_prompt(const struct zip_members *members, struct str folder)
{
    for (size_t i = 0; i < members->count; i++) {
        struct str path = members->list[i].path;

        if (str_starts(path, folder) && str_eq(str_from(path, folder.len), PROMPT_PATH))
            return true;
    }
    return false;
}

/* The one folder that holds all files, with its slash; "" if they stand at the root. */
static struct str wrapping_folder(const struct zip_members *members)
{
    struct str first;

    if (members->count == 0 || has_prompt(members, STR("")))
        return STR("");
    first = members->list[0].path;
    first = str_first(first, file_path_first(first).len + 1);
    for (size_t i = 0; i < members->count; i++)
        if (!str_ends(first, STR("/")) || !str_starts(members->list[i].path, first))
            return STR("");
    return has_prompt(members, first) ? first : STR("");
}

enum err bundle_read(struct arena *arena, struct str archive, struct agent_edit *edit,
                     struct str *why)
{
    struct tree_change *changes;
    struct zip_members members;
    struct str folder;
    enum err err = zip_unpack(arena, archive, &agent_zip_limits, &members, why);

    if (err)
        return err;
    folder = wrapping_folder(&members);
    changes = ARENA_ARRAY(arena, struct tree_change, members.count + 1);
    for (size_t i = 0; i < members.count; i++)
        changes[i] =
            (struct tree_change){str_from(members.list[i].path, folder.len), members.list[i].bytes};
    *edit = (struct agent_edit){
        .changes = changes,
        .count = members.count,
        .replaces = true,
        .settings = {.triggers_paused = SETTING_UNSAID, .skips_memory_protection = SETTING_UNSAID},
    };
    return OK;
}

enum err bundle_of_payload(struct arena *arena, struct str body, struct str *archive,
                           struct str *why)
{
    const struct json *root, *files;
    struct str base64;
    size_t len = 0;
    char *bytes;

    *why = STR("the body must be a ZIP archive, or JSON with files.content_base64");
    if (json_parse(arena, str_trim(body), &root, NULL))
        return ERR_INVALID;
    files = json_get(root, "files");
    base64 = json_string(json_get(files, "content_base64"));
    if (str_is_none(base64) || !str_eq(json_string(json_get(files, "type")), STR("zip")))
        return ERR_INVALID;
    bytes = arena_alloc(arena, base64.len + 1);
    if (base64_decode(base64, bytes, base64.len, &len)) {
        *why = STR("files.content_base64 is not base64");
        return ERR_INVALID;
    }
    *archive = str_range(bytes, len);
    return OK;
}
