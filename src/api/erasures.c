/* /v1/erasures: what is to be gone for good, of the log of deliveries; and a closed workspace as a
 * whole. Each is a job in the store (store/erasures.h). */
#include "api/route.h"

#include "agent/thread_remove.h"
#include "store/erasures.h"
#include "store/workspaces.h"

static void erasure_out(struct json_writer *w, const struct erasure_row *row)
{
    json_begin_object(w);
    json_put_str(w, "erasure_id", row->erasure_id);
    json_put_str(w, "workspace_id", row->tenant);
    json_put_str(w, "scope", erasure_scope_name(row->scope));
    json_put_str(w, "state", erasure_state_name(row->state));
    json_put_i64(w, "rows", row->rows);
    json_put_time(w, "created_at", row->created_us);
    json_put_time(w, "ended_at", row->ended_us);
    json_end_object(w);
}

/* ---- making one ---- */

/* A thread goes at once, with its runs and checkpoints; what is left of it goes by the job. */
static enum err create_apply(struct tx *tx, struct call *call)
{
    struct erasure_row row = *(const struct erasure_row *)call->data;
    enum err err = OK;

    if (row.scope == ERASURE_THREAD)
        err = thread_remove(tx, call->setup->agent, row.tenant, row.subject);
    if (!err || err == ERR_NOT_FOUND)
        err = erasure_add(tx, &row);
    if (!err)
        erasure_out(call_json(call, 201), &row);
    return err;
}

static enum err create_prepare(struct call *call)
{
    struct erasure_row *row = ARENA_NEW(call->arena, struct erasure_row);
    static const struct {
        const char *key;
        enum erasure_scope scope;
    } subjects[] = {{"object_id", ERASURE_OBJECT},
                    {"thread_id", ERASURE_THREAD},
                    {"ordering_key", ERASURE_ORDERING_KEY}};
    size_t given = 0;
    enum err err = call_body_object(call);

    for (size_t i = 0; !err && i < ARRAY_LEN(subjects); i++) {
        struct str text = STR_NONE;

        err = call_get_text(call, subjects[i].key, &text);
        if (err || str_is_empty(text))
            continue;
        row->scope = subjects[i].scope;
        row->subject = text;
        given++;
    }
    if (err)
        return err;
    if (given != 1)
        return call_fail(
            call, 422,
            "object_id, thread_id, ordering_key: one of them must be given: what is to "
            "be erased");
    if (row->subject.len > ERASURE_SUBJECT_BYTES_MAX)
        return call_fail(call, 422,
                         "object_id, thread_id, ordering_key: must have at most %d bytes",
                         ERASURE_SUBJECT_BYTES_MAX);
    row->tenant = call->principal.tenant;
    row->erasure_id = call_new_id(call);
    call->data = row;
    return call_then_write(call, create_apply);
}

static enum err workspace_apply(struct tx *tx, struct call *call)
{
    struct erasure_row row = {.tenant = call->params[0],
                              .erasure_id = call_new_id(call),
                              .scope = ERASURE_WORKSPACE,
                              .subject = STR_NONE};
    struct workspace workspace;
    enum err err = workspace_get(tx, row.tenant, call->arena, &workspace);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "there is no workspace %.*s",
                         STR_ARG(str_first(row.tenant, WORKSPACE_ID_BYTES_MAX)));
    if (!err && workspace.closed_us == 0)
        return call_fail(call, 409,
                         "the workspace is open: close it first (DELETE), then erase what is in "
                         "it");
    if (!err)
        err = erasure_add(tx, &row);
    if (!err)
        erasure_out(call_json(call, 201), &row);
    return err;
}

static enum err workspace_prepare(struct call *call)
{
    return call_then_write(call, workspace_apply);
}

/* ---- looking ---- */

/* Who opens all workspaces sees theirs, also of those that are gone. */
static struct str whose(const struct call *call)
{
    return call->principal.opens_all ? STR_NONE : call->principal.tenant;
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    const int64_t *limit = call->data;
    struct erasure_row *found;
    struct json_writer *w;
    size_t count;
    enum err err = erasure_list(tx, whose(call), *limit, call->arena, &found, &count);

    if (err)
        return err;
    w = call_json(call, 200);
    json_begin_object(w);
    json_key(w, "erasures");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++)
        erasure_out(w, &found[i]);
    json_end_array(w);
    json_end_object(w);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    int64_t *limit = ARENA_NEW(call->arena, int64_t);
    enum err err;

    *limit = 50;
    if ((err = call_query_int(call, "limit", 1, ERASURES_LIST_MAX, limit)))
        return err;
    call->data = limit;
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct erasure_row row;
    enum err err = erasure_get(tx, whose(call), call->params[0], call->arena, &row);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "there is no erasure %.*s",
                         STR_ARG(str_first(call->params[0], 64)));
    if (!err)
        erasure_out(call_json(call, 200), &row);
    return err;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

static const struct route routes[] = {
    {HTTP_POST, "/v1/erasures", create_prepare, PERMIT_ADMIN, 0,
     "Erase for good the deliveries of an object or an ordering key: bodies, attempts, rows"},
    {HTTP_GET, "/v1/erasures", list_prepare, PERMIT_ADMIN, 0, "List erasures; newest first"},
    {HTTP_GET, "/v1/erasures/{erasure_id}", get_prepare, PERMIT_ADMIN, 0, "How far an erasure is"},
    {HTTP_POST, "/v1/workspaces/{workspace_id}/erase", workspace_prepare, PERMIT_ADMIN,
     ROUTE_SERVER, "Erase for good everything of a closed workspace"},
};

const struct route_list routes_erasures = {routes, ARRAY_LEN(routes)};
