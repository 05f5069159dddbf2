/* files.h -- the files of a thread: a folder that only the agent and its clients see, kept in the
 * state under "files" in the form of Deep Agents:
 *
 *   {"/notes.md": {"content": ["line", …], "created_at": …, "modified_at": …}}
 *
 * A bare text, or a text as content, is understood too. Pure; all in the arena. */
#ifndef NATIVE_FILES_H
#define NATIVE_FILES_H

#include "base/json.h"

#define FILES_MAX 1000
#define FILE_BYTES_MAX MIB
#define FILES_BYTES_MAX (8 * MIB)

struct file {
    struct str path; /* begins with '/' */
    struct str content;
    struct str created_at, modified_at; /* ISO; STR_NONE: unknown */
    bool is_dirty;                      /* written since it was loaded */
};

struct files {
    struct arena *arena;
    struct file *list;
    size_t count, room;
};

void files_init(struct files *files, struct arena *arena);
/* Over those there are; null removes one. What is no file is left out. */
void files_merge(struct files *files, struct str object);
void files_write(struct buf *out, const struct files *files);
/* NULL: there is none. */
struct file *files_find(const struct files *files, struct str path);
/* STR_NONE, or why it cannot be, for the model. */
struct str files_put(struct files *files, struct str path, struct str content, int64_t now_us);
/* "notes.md", "./notes.md" and "/notes.md" are the same. STR_NONE: leads outside. */
struct str files_path(struct arena *arena, struct str path);
/* "**" any path, "*" and "?" inside one name. */
bool glob_matches(struct str pattern, struct str path);

#endif
