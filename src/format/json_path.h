/* json_path.h -- "values.messages[-1].content": a way into JSON text, as clients write it.
 *
 * Names between dots, and positions in brackets; a negative one counts from the end. Pure: the text
 * is walked, not parsed, and what is found is a piece of it. */
#ifndef FORMAT_JSON_PATH_H
#define FORMAT_JSON_PATH_H

#include "base/str.h"

#define JSON_PATH_STEPS_MAX 32

/* One step of a path: a name, or a position. */
struct json_path_step {
    struct str name; /* STR_NONE: it is a position */
    int64_t index;
};

struct json_path {
    struct json_path_step steps[JSON_PATH_STEPS_MAX];
    size_t count;
};

/* Borrows the text. ERR_INVALID with *why in words. */
enum err json_path_parse(struct str text, struct json_path *path, const char **why) MUST_USE;
/* The value at the path's steps from `first` on, inside valid JSON text; STR_NONE: there is none.
 */
struct str json_path_find(const struct json_path *path, size_t first, struct str json_text);

#endif
