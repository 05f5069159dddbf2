/* /v1/fleet/agents: agents as files, made, listed, changed, removed. */
#include "api/fleet_priv.h"

#include "fleet/agent_body.h"

/* ---- list ---- */

struct agent_list {
    struct fleet_agent_filter filter;
    struct fleet_page page;
};

static enum err list_apply(struct tx *tx, struct call *call)
{
    const struct agent_list *asked = call->data;
    int64_t size = asked->page.size;
    struct fleet_agent *found;
    struct json_writer *json;
    size_t count;
    enum err err = fleet_agent_list(tx, &asked->filter, tx->arena, &found, &count);

    if (err)
        return err;
    fleet_page_begin(call, &json);
    for (size_t i = 0; i < count && (int64_t)i < size; i++)
        agent_json_out(json, &found[i], NULL);
    if ((int64_t)count > size)
        fleet_page_end(call, found[size - 1].created_us, found[size - 1].agent_id);
    else
        fleet_page_end(call, 0, STR_NONE);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    static const char *const audiences[] = {"user", "tenant", NULL};
    struct agent_list *asked = ARENA_NEW(call->arena, struct agent_list);
    struct str audience = query_get(&call->query, "audience");
    struct str name = query_get(&call->query, "name");
    enum err err;

    if ((err = call_query_word(call, "audience", audiences)) ||
        (err = fleet_page_read(call, &asked->page)))
        return err;
    asked->filter = (struct fleet_agent_filter){
        .tenant = call->principal.tenant,
        .user_id = fleet_person(call).user_id,
        .only_own = str_eq(audience, STR("user")),
        .only_shared = str_eq(audience, STR("tenant")),
        .name = str_is_empty(name) ? STR_NONE : name,
        .before_us = asked->page.before_us,
        .before_id = asked->page.before_id,
        .limit = asked->page.size + 1,
    };
    call->data = asked;
    return call_then_read(call, list_apply);
}

/* ---- create, change ---- */

static bool wants_files(const struct call *call)
{
    return str_eq(query_get(&call->query, "include"), STR("files"));
}

static enum err edit_read(struct call *call, struct agent_edit **edit)
{
    struct str why;
    enum err err = call_body_object(call);

    if (err)
        return err;
    *edit = ARENA_NEW(call->arena, struct agent_edit);
    err =
        agent_body_read(call->arena, &(struct body_text){call->body_text, call->body}, *edit, &why);
    if (err)
        call_fail(call, 422, "%.*s", STR_ARG(why));
    return err;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct fleet_agent agent = {.tenant = call->principal.tenant, .agent_id = call_new_id(call)};
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    enum err err = agent_create(&work, call->data, &agent);

    return err ? fleet_failed(call, &work, err)
               : fleet_agent_reply(tx, call, 201, &agent, wants_files(call));
}

static enum err create_prepare(struct call *call)
{
    struct agent_edit *edit;
    enum err err = edit_read(call, &edit);

    if (err)
        return err;
    edit->parent_commit = STR_NONE;
    call->data = edit;
    return call_then_write(call, create_apply);
}

static enum err patch_apply(struct tx *tx, struct call *call)
{
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    struct fleet_agent agent;
    enum err err = fleet_agent_of(tx, call, AGENT_WRITE, &agent);

    if (err)
        return err;
    err = agent_change(&work, call->data, &agent);
    return err ? fleet_failed(call, &work, err)
               : fleet_agent_reply(tx, call, 200, &agent, wants_files(call));
}

static enum err patch_prepare(struct call *call)
{
    struct agent_edit *edit;
    enum err err = edit_read(call, &edit);

    if (err)
        return err;
    call->data = edit;
    return call_then_write(call, patch_apply);
}

/* ---- get, delete ---- */

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct fleet_agent agent;
    enum err err = fleet_agent_of(tx, call, AGENT_READ, &agent);

    return err ? err : fleet_agent_reply(tx, call, 200, &agent, wants_files(call));
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    struct fleet_agent agent;
    enum err err = fleet_agent_of(tx, call, AGENT_OWN, &agent);

    if (!err)
        err = agent_remove(&work, &agent);
    return err ? err : call_empty(call, 204);
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)

static const struct route routes[] = {
    {HTTP_GET, "/v1/fleet/agents", list_prepare, PERMIT_READ, FLEET, "List agents"},
    {HTTP_POST, "/v1/fleet/agents", create_prepare, PERMIT_EDIT, FLEET | ROUTE_IDEMPOTENT,
     "Make an agent of files and settings"},
    {HTTP_GET, "/v1/fleet/agents/{agent_id}", get_prepare, PERMIT_READ, FLEET,
     "Get an agent; ?include=files with its files"},
    {HTTP_PATCH, "/v1/fleet/agents/{agent_id}", patch_prepare, PERMIT_EDIT, FLEET,
     "Change an agent's files and settings: one new version, or none"},
    {HTTP_DELETE, "/v1/fleet/agents/{agent_id}", delete_prepare, PERMIT_EDIT, FLEET,
     "Delete an agent with all its versions"},
};

const struct route_list routes_fleet_agents = {routes, ARRAY_LEN(routes)};
