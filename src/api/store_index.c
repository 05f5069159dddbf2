/* Vectors for calls. */
#include "api/store_index.h"

#define PATHS_MAX 64

enum err store_index_read(struct call *call, bool *wanted, struct str *paths)
{
    const struct json *index = json_get(call->body, "index"), *path;
    struct json_iter iter = json_iter(index);
    bool is_right = json_type(index) == JSON_ARRAY && json_count(index) <= PATHS_MAX;

    *wanted = true;
    *paths = STR_NONE;
    if (json_is_absent(index))
        return OK;
    if (json_type(index) == JSON_BOOL && !json_bool(index, true)) {
        *wanted = false;
        return OK;
    }
    while (is_right && json_next(&iter, NULL, &path))
        is_right = !str_is_empty(json_string(path));
    if (!is_right) {
        call_fail(call, 422,
                  "index: must be false, null, or an array of at most %d paths like [\"title\"]",
                  PATHS_MAX);
        return ERR_INVALID;
    }
    *paths = json_raw(call->body_text, STR("index"));
    return OK;
}

enum err store_index_ask(struct call *call, struct embedding *embedding, call_step then)
{
    call->ask = (struct dispatch_ask){.ask = embedding_ask(embedding)};
    return call_then_ask(call, then);
}

enum err store_index_take(struct call *call, struct embedding *embedding)
{
    struct str why = STR_NONE;
    enum err err =
        embedding_answer(embedding, call->ask_err, call->ask_answer, call->ask_state, &why);

    if (err)
        call_fail(call,
                  err == ERR_AGAIN   ? 503
                  : err == ERR_LIMIT ? 413
                                     : 500,
                  "%.*s", STR_ARG(why));
    return err;
}
