/* What wait and join answer. */
#include "agent/run_result.h"

#include "base/json.h"

struct str run_result_error(struct arena *arena, struct str error)
{
    const struct str parts[] = {STR("{\"__error__\":"), error, STR("}")};

    return arena_concat(arena, parts, ARRAY_LEN(parts));
}

/* {"__interrupt__": [interrupt, …]} of what a run asked, task by task. */
static void question_put(struct buf *out, struct str interrupts)
{
    struct str key, list, item;
    const char *comma = "";
    size_t at = 0;

    buf_add_cstr(out, "{\"__interrupt__\":[");
    while (json_raw_next(interrupts, &at, &key, &list)) {
        size_t item_at = 0;

        while (list.data[0] == '[' && json_raw_next(list, &item_at, &key, &item)) {
            buf_add_cstr(out, comma);
            buf_add(out, item);
            comma = ",";
        }
    }
    buf_add_cstr(out, "]}");
}

/* The state with the question beside it. */
static struct str with_question(struct arena *arena, struct str values, struct str interrupts)
{
    struct buf question, merged;
    struct str result;

    buf_init(&question, interrupts.len + KIB);
    buf_init(&merged, values.len + interrupts.len + KIB);
    question_put(&question, interrupts);
    if (str_starts(values, STR("{")))
        json_merge(&merged, values, buf_str(&question));
    else
        buf_add(&merged, buf_str(&question));
    result = buf_keep(&merged, arena);
    buf_release(&question);
    return result;
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
    /* Only while it waits: behind an answer it would be asked again. */
    if (!err && !str_is_none(run->stopped) && !str_eq(run->stopped, STR("{}")) &&
        str_eq(run->stopped, thread.interrupts))
        *result = with_question(arena, thread.head_values, run->stopped);
    return err == ERR_NOT_FOUND ? OK : err;
}
