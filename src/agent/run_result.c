/* What wait and join answer. */
#include "agent/run_result.h"

struct str run_result_error(struct arena *arena, struct str error)
{
    const struct str parts[] = {STR("{\"__error__\":"), error, STR("}")};

    return arena_concat(arena, parts, ARRAY_LEN(parts));
}

enum err run_result(struct tx *tx, const struct run *run, struct arena *arena, struct str *result)
{
    struct thread thread;
    enum err err;

    *result = STR("null");
    if (!str_is_none(run->error)) {
        *result = run_result_error(arena, run->error);
        return OK;
    }
    if (!str_is_none(run->result)) {
        *result = run->result;
        return OK;
    }
    err = thread_get(tx, run->tenant, run->thread_id, arena, &thread);
    if (!err && !str_is_none(thread.head_values))
        *result = thread.head_values;
    return err == ERR_NOT_FOUND ? OK : err;
}
