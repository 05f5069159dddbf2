/* file_path.h -- paths inside a tree of files that strangers send: "skills/research/SKILL.md".
 *
 * Relative, in UTF-8, with "/" between segments, at most 255 bytes. What could name something
 * outside the tree, or two things on one file system and one on another, is refused: "..", ".",
 * empty segments, a leading "/", "\", ":" , control characters, segments that end with a blank or a
 * dot. Pure. */
#ifndef FORMAT_FILE_PATH_H
#define FORMAT_FILE_PATH_H

#include "base/str.h"

#define FILE_PATH_BYTES_MAX 255
#define FILE_PATH_DEPTH_MAX 16

/* ERR_INVALID with *why in words ("has a segment .."). */
enum err file_path_check(struct str path, const char **why) MUST_USE;

/* The order of an archive: bytewise. */
int file_path_compare(struct str a, struct str b);
/* Could they not stand side by side in one folder tree? The same path in any letter case (ASCII),
 * or one is a folder of the other. */
bool file_path_collides(struct str a, struct str b);
/* The part up to the first "/", or all of it. */
struct str file_path_first(struct str path);
/* The part behind the last "/", or all of it. */
struct str file_path_name(struct str path);

#endif
