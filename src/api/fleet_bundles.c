/* /v1/fleet/agents/…/export.zip and import: agents as archives, byte for byte the same each time.
 */
#include "api/fleet_priv.h"

#include "fleet/bundle.h"

/* ---- out ---- */

/* The name with whatever letters it has, and one that old programs understand. */
static void put_file_name(struct call *call, struct str name)
{
    struct buf out;

    buf_init(&out, 4 * KIB);
    buf_add(&out, STR("attachment; filename=\"agent.zip\"; filename*=UTF-8''"));
    percent_write(&out, name);
    call_header(call, "content-disposition", buf_str(&out));
    buf_release(&out);
}

static enum err export_apply(struct tx *tx, struct call *call)
{
    const int64_t *version = call->data;
    const struct bundle_options options = {
        .only_composite_keys = str_eq(query_get(&call->query, "interrupts"), STR("composite"))};
    struct fleet_agent agent;
    struct bundle bundle;
    enum err err = fleet_agent_of(tx, call, AGENT_READ, &agent);

    if (err)
        return err;
    err = bundle_make(tx, &agent, *version, &options, call->arena, &bundle);
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "the agent has no version %lld", (long long)*version);
    if (err)
        return err;
    call_json(call, 200);
    buf_add(&call->reply, bundle.archive);
    call->content_type = "application/zip";
    call_header(call, "x-agent-version",
                arena_printf(call->arena, "%lld", (long long)bundle.version));
    call_header(call, "x-agent-commit", bundle.commit_hash);
    call_header(call, "x-bundle-sha256", bundle.sha256);
    put_file_name(call, bundle.file_name);
    return OK;
}

static enum err export_prepare(struct call *call)
{
    static const char *const interrupts[] = {"both", "composite", NULL};
    int64_t *version = ARENA_NEW(call->arena, int64_t);
    enum err err = call_query_word(call, "interrupts", interrupts);

    call->data = version;
    if (err ||
        (err = fleet_version_read(call, query_get(&call->query, "version"), "version", version)))
        return err;
    return call_then_read(call, export_apply);
}

/* ---- in ---- */

struct import {
    struct agent_edit edit;
    bool updates; /* an agent of this name gets a new version */
};

static bool is_json(const struct call *call)
{
    struct str body = str_trim(call->request->body);

    return str_starts(body, STR("{"));
}

static enum err archive_of(struct call *call, struct str *archive, struct str *why)
{
    *archive = call->request->body;
    return is_json(call) ? bundle_of_payload(call->arena, call->request->body, archive, why) : OK;
}

static enum err import_read(struct call *call, struct import **import)
{
    struct str name = query_get(&call->query, "name"), archive, why;
    enum err err = archive_of(call, &archive, &why);

    *import = ARENA_NEW(call->arena, struct import);
    if (!err)
        err = bundle_read(call->arena, archive, &(*import)->edit, &why);
    if (err) {
        call_fail(call, err == ERR_LIMIT ? 413 : 422, "%.*s", STR_ARG(why));
        return err;
    }
    if (name.len > AGENT_NAME_BYTES_MAX) {
        call_fail(call, 422, "name: must have at most 200 bytes");
        return ERR_INVALID;
    }
    if (!str_is_empty(name))
        (*import)->edit.settings.name = name;
    (*import)->edit.message = STR("Imported");
    return OK;
}

static enum err import_apply(struct tx *tx, struct call *call)
{
    const struct import *import = call->data;
    struct fleet_agent agent = {.tenant = call->principal.tenant, .agent_id = call_new_id(call)};
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    bool is_new = true;
    enum err err = import->updates ? agent_put(&work, &import->edit, &agent, &is_new)
                                   : agent_create(&work, &import->edit, &agent);

    return err ? fleet_failed(call, &work, err)
               : fleet_agent_reply(tx, call, is_new ? 201 : 200, &agent, false);
}

static enum err import_prepare(struct call *call)
{
    struct import *import;
    enum err err = import_read(call, &import);

    if (err || (err = call_query_bool(call, "update", &import->updates)))
        return err;
    call->data = import;
    return call_then_write(call, import_apply);
}

static enum err replace_apply(struct tx *tx, struct call *call)
{
    const struct import *import = call->data;
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    struct fleet_agent agent;
    enum err err = fleet_agent_of(tx, call, AGENT_WRITE, &agent);

    if (err)
        return err;
    err = agent_change(&work, &import->edit, &agent);
    return err ? fleet_failed(call, &work, err) : fleet_agent_reply(tx, call, 200, &agent, false);
}

static enum err replace_prepare(struct call *call)
{
    struct str parent = query_get(&call->query, "parent_commit");
    struct import *import;
    enum err err = import_read(call, &import);

    if (err)
        return err;
    call->data = import;
    import->edit.parent_commit = str_is_empty(parent) ? STR_NONE : parent;
    return call_then_write(call, replace_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)

static const struct route routes[] = {
    {HTTP_POST, "/v1/fleet/agents/import", import_prepare, PERMIT_EDIT, FLEET | ROUTE_IDEMPOTENT,
     "Make an agent of a ZIP archive, or of a Fleet webhook's payload; ?update=true: or a new "
     "version of the one of this name"},
    {HTTP_GET, "/v1/fleet/agents/{agent_id}/export.zip", export_prepare, PERMIT_READ, FLEET,
     "The agent as a ZIP archive: the same bytes for the same version"},
    {HTTP_POST, "/v1/fleet/agents/{agent_id}/import", replace_prepare, PERMIT_EDIT, FLEET,
     "A new version of the agent with just the files of a ZIP archive"},
};

const struct route_list routes_fleet_bundles = {routes, ARRAY_LEN(routes)};
