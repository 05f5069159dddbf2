/* agent_files.c -- what must hold of an agent's files, alone and together. */
#include "fleet/agent_files.h"

#include <stdlib.h>

#include "fleet/settings.h"
#include "fleet/skill.h"
#include "fleet/tools.h"
#include "format/file_path.h"
#include "format/frontmatter.h"

#define SUBAGENT_NAME_MAX 64

const struct zip_limits agent_zip_limits = {
    .archive_bytes_max = TREE_BYTES_MAX + MIB,
    .files_max = TREE_FILES_MAX,
    .bytes_max = TREE_BYTES_MAX,
    .ratio_max = 200,
};

static enum err refuse(struct arena *arena, struct str *why, struct str path, const char *words)
{
    *why = arena_printf(arena, "%.*s %s", STR_ARG(path), words);
    return ERR_INVALID;
}

/* "skills/x/SKILL.md": segment 0 is "skills". STR_NONE: there are not so many. */
static struct str segment(struct str path, size_t index)
{
    struct str piece = STR_NONE;

    for (size_t i = 0; i <= index; i++)
        if (!str_split(&path, '/', &piece))
            return STR_NONE;
    return piece;
}

/* How many segments belong to the agent the file is of: 0 at the root, 2 in subagents/<name>/. */
static size_t depth_of_agent(struct str path)
{
    return str_starts(path, STR("subagents/")) ? 2 : 0;
}

/* ---- one file ---- */

static enum err check_json_size(struct arena *arena, const struct tree_file *file, struct str *why)
{
    if (file->content.len <= AGENT_JSON_BYTES_MAX)
        return OK;
    return refuse(arena, why, file->path, "is larger than 256 KiB");
}

static enum err check_subagent_prompt(struct arena *arena, struct str text, struct str *why)
{
    struct frontmatter *front = ARENA_NEW(arena, struct frontmatter);
    static const char *const texts[] = {"description", "model_id"};
    enum err err = frontmatter_parse(arena, text, front, why);

    for (size_t i = 0; !err && i < ARRAY_LEN(texts); i++) {
        const struct frontmatter_entry *entry = frontmatter_find(front, texts[i]);

        if (!entry || entry->kind == FRONTMATTER_TEXT)
            continue;
        *why = arena_printf(arena, "must have a text for its %s", texts[i]);
        err = ERR_INVALID;
    }
    return err;
}

/* By what the file is; *why without the path. */
static enum err check_content(struct arena *arena, const struct tree_file *file, struct str *why)
{
    size_t depth = depth_of_agent(file->path);
    struct str first = segment(file->path, depth), third = segment(file->path, depth + 2);
    bool is_last = str_is_none(segment(file->path, depth + 1));
    struct agent_settings settings;
    struct tool_entries tools;
    struct skill skill;

    if (is_last && str_eq(first, PROMPT_PATH)) {
        *why = STR("must be UTF-8");
        if (!str_is_utf8(file->content))
            return ERR_INVALID;
        return depth ? check_subagent_prompt(arena, file->content, why) : OK;
    }
    if (is_last && str_eq(first, TOOLS_PATH))
        return tools_parse(arena, file->content, &tools, why);
    if (is_last && str_eq(first, SETTINGS_PATH))
        return settings_read(arena, file->content, &settings, why);
    if (str_eq(first, STR("skills")) && str_eq(third, STR("SKILL.md")) &&
        str_is_none(segment(file->path, depth + 3)))
        return skill_parse(arena, segment(file->path, depth + 1), file->content, &skill, why);
    return OK;
}

static enum err check_file(struct arena *arena, const struct tree_file *file, struct str *why)
{
    struct str name = file_path_name(file->path);
    const char *wrong;
    enum err err;

    if (file_path_check(file->path, &wrong))
        return refuse(arena, why, file->path, wrong);
    if (str_is_none(file->content))
        return OK;
    if ((str_eq(name, TOOLS_PATH) || str_eq(name, SETTINGS_PATH)) &&
        (err = check_json_size(arena, file, why)))
        return err;
    if (!(err = check_content(arena, file, why)))
        return OK;
    *why = arena_printf(arena, "%.*s %.*s", STR_ARG(file->path), STR_ARG(*why));
    return err;
}

/* ---- all together ---- */

static bool subagent_name_is_valid(struct str name)
{
    if (name.len == 0 || name.len > SUBAGENT_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return true;
}

/* The file that a folder must have, such as "skills/x" its SKILL.md. */
static enum err check_has(struct arena *arena, const struct tree_files *files, struct str folder,
                          const char *name, struct str *why)
{
    struct str path = arena_printf(arena, "%.*s/%s", STR_ARG(folder), name);

    if (tree_files_find(files, path))
        return OK;
    *why = arena_printf(arena, "%.*s must have a %s", STR_ARG(folder), name);
    return ERR_INVALID;
}

/* The path's first `count` segments. */
static struct str folder_of(struct str path, size_t count)
{
    struct str end = segment(path, count - 1);

    return str_first(path, (size_t)(end.data + end.len - path.data));
}

static enum err check_skill_folder(struct arena *arena, const struct tree_files *files,
                                   struct str path, size_t depth, struct str *why)
{
    if (!str_eq(segment(path, depth), STR("skills")))
        return OK;
    if (str_is_none(segment(path, depth + 2)))
        return refuse(arena, why, path, "must stand in a skill's folder, with its SKILL.md");
    if (!skill_name_is_valid(segment(path, depth + 1)))
        return refuse(arena, why, path,
                      "stands in a folder that is no skill's name: 1 to 64 lower-case letters, "
                      "digits and single hyphens inside");
    return check_has(arena, files, folder_of(path, depth + 2), "SKILL.md", why);
}

static enum err check_place(struct arena *arena, const struct tree_files *files, struct str path,
                            struct str *why)
{
    size_t depth = depth_of_agent(path);
    enum err err = OK;

    if (depth) {
        if (str_is_none(segment(path, 2)))
            return refuse(arena, why, path, "must stand in a sub-agent's folder");
        if (!subagent_name_is_valid(segment(path, 1)))
            return refuse(arena, why, path,
                          "stands in a folder that is no sub-agent's name: 1 to 64 letters, "
                          "digits, _ and -");
        err = check_has(arena, files, folder_of(path, 2), "AGENTS.md", why);
    }
    return err ? err : check_skill_folder(arena, files, path, depth, why);
}

static enum err check_collisions(struct arena *arena, const struct tree_files *files,
                                 struct str *why)
{
    for (size_t i = 0; i < files->count; i++) {
        for (size_t j = i + 1; j < files->count; j++) {
            if (!file_path_collides(files->list[i].path, files->list[j].path))
                continue;
            *why = arena_printf(arena, "%.*s and %.*s cannot stand in one folder tree",
                                STR_ARG(files->list[i].path), STR_ARG(files->list[j].path));
            return ERR_INVALID;
        }
    }
    return OK;
}

static enum err check_sizes(const struct tree_files *files, struct str *why)
{
    int64_t sum = 0;

    for (size_t i = 0; i < files->count; i++)
        sum += files->list[i].bytes;
    if (files->count <= TREE_FILES_MAX && sum <= (int64_t)TREE_BYTES_MAX)
        return OK;
    *why = STR("an agent may have at most 1000 files of 10 MiB together");
    return ERR_LIMIT;
}

enum err agent_files_check(struct arena *arena, const struct tree_files *files, struct str *why)
{
    enum err err = check_sizes(files, why);

    for (size_t i = 0; !err && i < files->count; i++)
        err = check_file(arena, &files->list[i], why);
    if (err || (err = check_collisions(arena, files, why)))
        return err;
    if (!tree_files_find(files, PROMPT_PATH)) {
        *why = STR("AGENTS.md, the agent's instructions, must be there");
        return ERR_INVALID;
    }
    for (size_t i = 0; !err && i < files->count; i++)
        err = check_place(arena, files, files->list[i].path, why);
    return err;
}

/* ---- changes ---- */

static int by_path(const void *a, const void *b)
{
    const struct tree_file *left = a, *right = b;

    return str_compare(left->path, right->path);
}

struct tree_files agent_files_after(struct arena *arena, const struct tree_files *files,
                                    const struct tree_change *changes, size_t count)
{
    struct tree_files after = {.list =
                                   ARENA_ARRAY(arena, struct tree_file, files->count + count + 1)};

    for (size_t i = 0; i < files->count; i++) {
        struct tree_file *to = &after.list[after.count];

        if (tree_change_find(changes, count, files->list[i].path) < count)
            continue;
        *to = files->list[i];
        to->content = STR_NONE;
        after.count++;
    }
    for (size_t i = 0; i < count; i++)
        if (!str_is_none(changes[i].content))
            after.list[after.count++] = (struct tree_file){.path = changes[i].path,
                                                           .bytes = (int64_t)changes[i].content.len,
                                                           .content = changes[i].content};
    qsort(after.list, after.count, sizeof(*after.list), by_path);
    return after;
}
