/* embed.h -- the worker programs that are part of the binary, unpacked into the data folder at
 * start.
 *
 * Each program has a folder of its own whose name ends with a digest of all its files, so programs
 * of different versions of the server stand beside each other. What is there already is compared,
 * not trusted: a file that was cut or changed is written again. tools/embed makes the tables. */
#ifndef APP_EMBED_H
#define APP_EMBED_H

#include "base/arena.h"

struct disk;

enum embed_kind { EMBED_PYTHON, EMBED_JS };

/* Writes the program's files to <data_dir>/workers/<name>-<digest>/ unless they are there already;
 * *entry is the path of what to start (main.py, main.mjs), in the arena. On an error *why is
 * static. */
enum err embed_unpack(struct disk *disk, const char *data_dir, enum embed_kind kind,
                      struct arena *arena, const char **entry, const char **why) MUST_USE;

#endif
