/* env_file.h -- the .env file that `env` of langgraph.json may name.
 *
 *   line  = ["export "] NAME "=" value [" #" comment] | "#" comment | blank
 *   value = unquoted, blanks at its ends cut off
 *         | "…" with \n \r \t \" \\ \$, over several lines | '…' byte for byte, over several lines
 *
 * The last of several equal names wins. ${NAME} is not replaced. Pure. */
#ifndef APP_ENV_FILE_H
#define APP_ENV_FILE_H

#include "base/arena.h"

#define ENV_VARIABLES_MAX 10000

struct env_variable {
    struct str name;
    struct str value;
};

/* *list lives in the arena, its texts there or in `text`. ERR_INVALID or ERR_LIMIT: *line (from 1)
 * and *why (static, never a value) say where and what. */
enum err env_file_parse(struct arena *arena, struct str text, struct env_variable **list,
                        size_t *count, size_t *line, const char **why) MUST_USE;
/* A letter or '_', then letters, digits and '_'. */
bool env_name_is_valid(struct str name);

#endif
