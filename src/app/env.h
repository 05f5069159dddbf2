/* env.h -- environment variables: those of the process, and those that `env` of langgraph.json
 * adds.
 *
 * For webhook templates and workers the file's win, as in LangGraph's own server; for settings of
 * the server itself (RUNBELL_…) the process's win, so that an operator can override a project. */
#ifndef APP_ENV_H
#define APP_ENV_H

#include "app/env_file.h"

struct env {
    const char *const *process; /* "NAME=value", NULL-terminated; NULL: none */
    const struct env_variable *added;
    size_t added_count;
};

/* STR_NONE if it is not set. */
struct str env_find(const struct env *env, struct str name);         /* added first */
struct str env_find_process(const struct env *env, struct str name); /* the process first */

/* What a worker gets: both, without the names that `is_ours` claims, and then `extra`
 * ("NAME=value", NULL-terminated), which win. NULL-terminated, in the arena. */
const char *const *env_for_workers(const struct env *env, bool (*is_ours)(struct str name),
                                   const char *const *extra, struct arena *arena);

#endif
