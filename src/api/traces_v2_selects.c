/* traces_v2_selects.c -- what is selected of runs, turns and conversations, and loaded for it. */
#include "api/traces_v2_priv.h"
#include "trace/span_json_v2.h"

enum err traces_v2_fill(struct tx *tx, uint64_t select, struct arena *arena, struct span *span)
{
    struct feedback_rows rows;
    enum err err = traces_fill(tx, span_v2_needs(select), arena, span);

    if (!err && select & span_v2_select(STR("SHARE_URL")))
        err = traces_share_fill(tx, arena, span);
    if (!err && select & span_v2_select(STR("IS_IN_DATASET")))
        err = traces_dataset_fill(tx, span);
    if (err || !span_v2_wants_feedback(select))
        return err;
    err = feedback_of_span(tx, span->row.tenant, span->row.span_id, arena, &rows);
    if (!err)
        span->feedback_stats = traces_feedback_stats(&rows, FEEDBACK_STATS_V2, arena);
    return err;
}

static enum err select_add(struct call *call, traces_v2_bit bit, struct str name, uint64_t *select)
{
    uint64_t found = bit(name);

    if (!found) {
        call_fail(call, 422, "selects: there is no field %.*s", STR_ARG(str_first(name, 60)));
        return ERR_INVALID;
    }
    *select |= found;
    return OK;
}

enum err traces_v2_body_selects(struct call *call, traces_v2_bit bit, uint64_t *select)
{
    const struct json *names = json_get(call->body, "selects"), *name;
    struct json_iter iter = json_iter(names);
    enum err err = OK;

    *select = 0;
    if (!json_is_absent(names) && json_type(names) != JSON_ARRAY) {
        call_fail(call, 422, "selects: must be an array of names");
        return ERR_INVALID;
    }
    while (!err && json_next(&iter, NULL, &name))
        err = select_add(call, bit, json_string(name), select);
    return err;
}

/* selects=A&selects=B, selects=A,B or selects[]=A */
enum err traces_v2_query_selects(struct call *call, traces_v2_bit bit, uint64_t *select)
{
    static const char *const keys[] = {"selects", "selects[]"};
    struct str list, name;
    enum err err = OK;

    *select = 0;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        for (size_t at = 0; !err && query_next(&call->query, keys[i], &at, &list);)
            while (!err && str_split(&list, ',', &name))
                err = select_add(call, bit, name, select);
    return err;
}
