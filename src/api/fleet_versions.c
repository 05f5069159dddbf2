/* /v1/fleet/agents/{id}/versions, diff, restore, clone: what an agent was, and what is made of it.
 */
#include "api/fleet_priv.h"

#include "fleet/agent_diff.h"
#include "fleet/agent_files.h"
#include "fleet/bundle.h"

struct version_call {
    struct fleet_page page;
    int64_t from, to; /* 0: none given */
    bool has_from;
    struct str name;         /* of a clone */
    struct agent_edit *edit; /* what is compared with the newest version */
};

static struct tree_key key_of(const struct fleet_agent *agent)
{
    return (struct tree_key){agent->tenant, agent->agent_id};
}

static enum err no_version(struct call *call, int64_t version)
{
    call_fail(call, 404, "the agent has no version %lld", (long long)version);
    return ERR_NOT_FOUND;
}

/* ---- list, get ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    const struct version_call *asked = call->data;
    size_t size = (size_t)asked->page.size;
    struct tree_versions found;
    struct fleet_agent agent;
    struct json_writer *json;
    struct tree_key key;
    enum err err = fleet_agent_of(tx, call, AGENT_READ, &agent);

    if (err)
        return err;
    key = key_of(&agent);
    err = tree_version_list(tx, &key, asked->page.before_us, (int64_t)size + 1, tx->arena, &found);
    if (err)
        return err;
    fleet_page_begin(call, &json);
    for (size_t i = 0; i < found.count && i < size; i++)
        agent_json_out_version(json, &found.list[i]);
    /* Its cursor is the version's number. */
    if (found.count > size)
        fleet_page_end(call, found.list[size - 1].version, STR("v"));
    else
        fleet_page_end(call, 0, STR_NONE);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    struct version_call *asked = ARENA_NEW(call->arena, struct version_call);
    enum err err = fleet_page_read(call, &asked->page);

    call->data = asked;
    return err ? err : call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    const struct version_call *asked = call->data;
    struct tree_version version;
    struct tree_files files;
    struct fleet_agent agent;
    struct json_writer *json;
    struct tree_key key;
    enum err err = fleet_agent_of(tx, call, AGENT_READ, &agent);

    if (err)
        return err;
    key = key_of(&agent);
    err = tree_version_get(tx, &key, asked->to, tx->arena, &version);
    if (err == ERR_NOT_FOUND)
        return no_version(call, asked->to);
    if (err || (err = tree_read(tx, &key, version.version, tx->arena, &files)))
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    json_key(json, "version");
    agent_json_out_version(json, &version);
    json_key(json, "files");
    agent_json_out_files(json, &files);
    json_end_object(json);
    return OK;
}

static enum err get_prepare(struct call *call)
{
    struct version_call *asked = ARENA_NEW(call->arena, struct version_call);
    enum err err = fleet_version_read(call, call->params[1], "version", &asked->to);

    call->data = asked;
    return err ? err : call_then_read(call, get_apply);
}

/* ---- diff ---- */

/* Version 0 is the empty tree before the first. */
static enum err files_at(struct tx *tx, struct call *call, const struct fleet_agent *agent,
                         int64_t number, struct tree_files *files)
{
    const struct tree_key key = key_of(agent);
    struct tree_version version;
    enum err err = OK;

    *files = (struct tree_files){.count = 0};
    if (number == 0)
        return OK;
    err = tree_version_get(tx, &key, number, tx->arena, &version);
    if (err == ERR_NOT_FOUND)
        return no_version(call, number);
    return err ? err : tree_read(tx, &key, number, tx->arena, files);
}

static void put_diff(struct call *call, int64_t from, int64_t to, const struct tree_files *before,
                     const struct tree_files *after)
{
    struct json_writer *json = call_json(call, 200);

    json_begin_object(json);
    json_put_i64(json, "from", from);
    if (to)
        json_put_i64(json, "to", to);
    else
        json_put_null(json, "to");
    json_key(json, "files");
    agent_diff_out(json, before, after);
    json_end_object(json);
}

static enum err diff_apply(struct tx *tx, struct call *call)
{
    const struct version_call *asked = call->data;
    struct tree_files before, after;
    struct fleet_agent agent;
    int64_t from, to;
    enum err err = fleet_agent_of(tx, call, AGENT_READ, &agent);

    if (err)
        return err;
    to = asked->to ? asked->to : agent.version;
    from = asked->has_from ? asked->from : to - 1;
    if ((err = files_at(tx, call, &agent, from, &before)) ||
        (err = files_at(tx, call, &agent, to, &after)))
        return err;
    put_diff(call, from, to, &before, &after);
    return OK;
}

static enum err diff_prepare(struct call *call)
{
    struct version_call *asked = ARENA_NEW(call->arena, struct version_call);
    struct str from = query_get(&call->query, "from");
    enum err err;

    asked->has_from = !str_is_empty(from);
    call->data = asked;
    if ((err = fleet_version_read(call, from, "from", &asked->from)) ||
        (err = fleet_version_read(call, query_get(&call->query, "to"), "to", &asked->to)))
        return err;
    return call_then_read(call, diff_apply);
}

/* The newest version against an archive. */
static enum err compare_apply(struct tx *tx, struct call *call)
{
    const struct version_call *asked = call->data;
    struct tree_files before, after;
    struct fleet_agent agent;
    enum err err = fleet_agent_of(tx, call, AGENT_READ, &agent);

    if (err || (err = files_at(tx, call, &agent, agent.version, &before)))
        return err;
    after = agent_files_after(tx->arena, &(struct tree_files){0}, asked->edit->changes,
                              asked->edit->count);
    put_diff(call, agent.version, 0, &before, &after);
    return OK;
}

static enum err compare_prepare(struct call *call)
{
    struct version_call *asked = ARENA_NEW(call->arena, struct version_call);
    struct str why;

    asked->edit = ARENA_NEW(call->arena, struct agent_edit);
    call->data = asked;
    if (!bundle_read(call->arena, call->request->body, asked->edit, &why))
        return call_then_read(call, compare_apply);
    call_fail(call, 422, "%.*s", STR_ARG(why));
    return ERR_INVALID;
}

/* ---- restore, clone ---- */

static enum err restore_apply(struct tx *tx, struct call *call)
{
    const struct version_call *asked = call->data;
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    struct fleet_agent agent;
    enum err err = fleet_agent_of(tx, call, AGENT_WRITE, &agent);

    if (err)
        return err;
    err = agent_restore(&work, asked->to, &agent);
    if (err == ERR_NOT_FOUND)
        return no_version(call, asked->to);
    return err ? fleet_failed(call, &work, err) : fleet_agent_reply(tx, call, 200, &agent, false);
}

static enum err restore_prepare(struct call *call)
{
    struct version_call *asked = ARENA_NEW(call->arena, struct version_call);
    enum err err = call_body_object(call);

    call->data = asked;
    if (err || (err = call_get_int(call, "version", 1, INT64_MAX, &asked->to)))
        return err;
    if (asked->to)
        return call_then_write(call, restore_apply);
    call_fail(call, 422, "version: must be given");
    return ERR_INVALID;
}

static enum err clone_apply(struct tx *tx, struct call *call)
{
    const struct version_call *asked = call->data;
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    struct fleet_agent source,
        agent = {.tenant = call->principal.tenant, .agent_id = call_new_id(call)};
    enum err err = fleet_agent_of(tx, call, AGENT_READ, &source);

    if (err)
        return err;
    err = agent_clone(&work, &source, asked->to, asked->name, &agent);
    if (err == ERR_NOT_FOUND)
        return no_version(call, asked->to);
    return err ? fleet_failed(call, &work, err) : fleet_agent_reply(tx, call, 201, &agent, false);
}

static enum err clone_prepare(struct call *call)
{
    struct version_call *asked = ARENA_NEW(call->arena, struct version_call);
    enum err err = call_body_object(call);

    call->data = asked;
    if (err || (err = call_get_int(call, "version", 1, INT64_MAX, &asked->to)) ||
        (err = call_get_text(call, "name", &asked->name)))
        return err;
    if (asked->name.len > AGENT_NAME_BYTES_MAX) {
        call_fail(call, 422, "name: must have at most 200 bytes");
        return ERR_INVALID;
    }
    return call_then_write(call, clone_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)
#define PATH "/v1/fleet/agents/{agent_id}"

static const struct route routes[] = {
    {HTTP_GET, PATH "/versions", list_prepare, PERMIT_READ, FLEET, "List an agent's versions"},
    {HTTP_GET, PATH "/versions/{version}", get_prepare, PERMIT_READ, FLEET,
     "The files of one version"},
    {HTTP_GET, PATH "/diff", diff_prepare, PERMIT_READ, FLEET,
     "What is different between two versions (?from=&to=), file by file"},
    {HTTP_POST, PATH "/diff", compare_prepare, PERMIT_READ, FLEET,
     "What is different between the newest version and a ZIP archive"},
    {HTTP_POST, PATH "/restore", restore_prepare, PERMIT_EDIT, FLEET,
     "A new version with the files of an old one"},
    {HTTP_POST, PATH "/clone", clone_prepare, PERMIT_EDIT, FLEET | ROUTE_IDEMPOTENT,
     "A new agent with the files of this one"},
};

const struct route_list routes_fleet_versions = {routes, ARRAY_LEN(routes)};
