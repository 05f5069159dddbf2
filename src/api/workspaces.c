/* /v1/workspaces: the tenants of this server. What one has, no other sees. */
#include "api/route.h"

#include "auth/key_life.h"

static void workspace_out(struct json_writer *json, const struct workspace *workspace)
{
    struct uuid_text text;

    json_begin_object(json);
    json_put_str(json, "workspace_id", workspace->tenant);
    json_put_str(json, "tenant_id", workspace_uuid(workspace->tenant, &text));
    json_put_str(json, "name", workspace->name);
    json_put_raw(json, "limits", str_is_none(workspace->limits) ? STR("{}") : workspace->limits);
    json_put_time(json, "created_at", workspace->created_us);
    json_put_time(json, "updated_at", workspace->updated_us);
    json_end_object(json);
}

static bool opens(const struct call *call, struct str tenant)
{
    const struct api_key_row *key = call->principal.key;
    const struct api_key_row wanted = {.workspaces = &tenant, .workspace_count = 1};

    if (call->principal.opens_all)
        return true;
    return key ? api_key_covers(key, &wanted) : str_eq(tenant, call->principal.tenant);
}

static enum err missing(struct call *call)
{
    call_fail(call, 404, "there is no workspace %.*s",
              STR_ARG(str_first(call->params[0], WORKSPACE_ID_BYTES_MAX)));
    return ERR_NOT_FOUND;
}

static enum err open_one_get(struct tx *tx, struct call *call, struct workspace *workspace)
{
    enum err err = workspace_get(tx, call->params[0], call->arena, workspace);

    if (err == ERR_NOT_FOUND || (!err && (workspace->closed_us || !opens(call, workspace->tenant))))
        return missing(call);
    return err;
}

/* ---- read ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct workspaces found;
    struct json_writer *json;
    enum err err = workspace_list(tx, call->arena, &found);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++)
        if (opens(call, found.list[i].tenant))
            workspace_out(json, &found.list[i]);
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct workspace workspace;
    enum err err = open_one_get(tx, call, &workspace);

    if (!err)
        workspace_out(call_json(call, 200), &workspace);
    return err;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* ---- make and change ---- */

/* Limits are the server's to give: whoever has them may not lift them. */
static enum err fields_read(struct call *call, struct workspace *workspace)
{
    const char *why;
    enum err err;

    if ((err = call_get_text(call, "name", &workspace->name)) ||
        (err = call_get_limits(call, &workspace->limits)))
        return err;
    if (key_name_check(workspace->name, &why)) {
        call_fail(call, 422, "name: %s", why);
        return ERR_INVALID;
    }
    return json_get(call->body, "limits") ? call_need_all(call) : OK;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct workspace *workspace = call->data;
    enum err err = workspace_insert(tx, workspace);

    if (err == ERR_CONFLICT)
        call_fail(call, 409,
                  "workspace_id: %.*s is taken, maybe by a closed workspace that has not been "
                  "erased",
                  STR_ARG(workspace->tenant));
    if (err == ERR_LIMIT)
        call_fail(call, 409, "there are %d workspaces, as many as may be", WORKSPACES_MAX);
    if (err)
        return err;
    workspace->created_us = workspace->updated_us = tx->now_us;
    tx_notify(tx, TOPIC_KEYS, workspace->tenant);
    workspace_out(call_json(call, 201), workspace);
    return call_then_refresh(call);
}

static enum err create_prepare(struct call *call)
{
    struct workspace *workspace = ARENA_NEW(call->arena, struct workspace);
    enum err err;

    if ((err = call_body_object(call)) ||
        (err = call_get_text(call, "workspace_id", &workspace->tenant)))
        return err;
    if (str_is_none(workspace->tenant))
        workspace->tenant = call_new_id(call);
    if (!workspace_id_is_valid(workspace->tenant))
        return call_fail(call, 422, "workspace_id: must be 1 to %d of a-z A-Z 0-9 . _ -",
                         WORKSPACE_ID_BYTES_MAX);
    workspace->name = workspace->tenant;
    if ((err = fields_read(call, workspace)))
        return err;
    call->data = workspace;
    return call_then_write(call, create_apply);
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    const struct workspace *wanted = call->data;
    struct workspace workspace;
    enum err err = open_one_get(tx, call, &workspace);

    if (err)
        return err;
    if (!str_is_none(wanted->name))
        workspace.name = wanted->name;
    if (json_get(call->body, "limits"))
        workspace.limits = wanted->limits;
    workspace.updated_us = tx->now_us;
    if ((err = workspace_change(tx, &workspace)))
        return err;
    tx_notify(tx, TOPIC_KEYS, workspace.tenant);
    workspace_out(call_json(call, 200), &workspace);
    return call_then_refresh(call);
}

static enum err change_prepare(struct call *call)
{
    struct workspace *wanted = ARENA_NEW(call->arena, struct workspace);
    enum err err;

    if ((err = call_body_object(call)) || (err = fields_read(call, wanted)))
        return err;
    call->data = wanted;
    return call_then_write(call, change_apply);
}

/* ---- close ---- */

static enum err close_apply(struct tx *tx, struct call *call)
{
    enum err err = workspace_close(tx, call->params[0]);

    if (err == ERR_NOT_FOUND)
        return missing(call);
    if (err)
        return err;
    tx_notify(tx, TOPIC_KEYS, call->params[0]);
    call_empty(call, 204);
    return call_then_refresh(call);
}

static enum err close_prepare(struct call *call)
{
    if (str_eq(call->params[0], TENANT_DEFAULT))
        return call_fail(call, 409,
                         "the workspace default stays: it is where calls go that name none");
    return call_then_write(call, close_apply);
}

static const struct route routes[] = {
    {HTTP_POST, "/v1/workspaces", create_prepare, PERMIT_ADMIN, ROUTE_SERVER, "Make a workspace"},
    {HTTP_GET, "/v1/workspaces", list_prepare, PERMIT_KNOWN, 0,
     "List the workspaces that the key opens"},
    {HTTP_GET, "/v1/workspaces/{workspace_id}", get_prepare, PERMIT_KNOWN, 0, "Get a workspace"},
    {HTTP_PATCH, "/v1/workspaces/{workspace_id}", change_prepare, PERMIT_ADMIN, 0,
     "Rename a workspace, or set its limits"},
    {HTTP_DELETE, "/v1/workspaces/{workspace_id}", close_prepare, PERMIT_ADMIN, ROUTE_SERVER,
     "Close a workspace: no key opens it any more; what is in it stays until it is erased"},
};

const struct route_list routes_workspaces = {routes, ARRAY_LEN(routes)};
