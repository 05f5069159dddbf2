/* /v1/fleet/skills: skills that a workspace keeps once for all its agents. A skill's id is its
 * name. */
#include "api/fleet_priv.h"

#include "fleet/agent_body.h"
#include "fleet/shared_skills.h"

/* ---- what is shown ---- */

static void put_skill(struct json_writer *json, const struct fleet_skill *skill,
                      const struct tree_files *files)
{
    json_begin_object(json);
    json_put_str(json, "id", skill->name);
    json_put_str(json, "repo_handle", skill->name);
    json_put_str(json, "name", skill->name);
    json_put_str(json, "description", skill->description);
    json_put_str(json, "visibility", skill->visibility);
    json_key(json, "owners");
    json_begin_array(json);
    json_str_out(json, skill->owner_id);
    json_end_array(json);
    json_put_str(json, "owner_email", skill->owner_email);
    json_put_i64(json, "version", skill->version);
    json_put_str(json, "commit_hash", skill->commit_hash);
    json_put_time(json, "created_at", skill->created_us);
    json_put_time(json, "updated_at", skill->updated_us);
    if (files) {
        json_key(json, "files");
        agent_json_out_files(json, files);
    }
    json_end_object(json);
}

static enum err reply_skill(struct tx *tx, struct call *call, int status,
                            const struct fleet_skill *skill)
{
    const struct tree_key key = fleet_skill_tree(tx->arena, skill->tenant, skill->name);
    struct tree_files files;
    enum err err = tree_read(tx, &key, skill->version, tx->arena, &files);

    if (!err)
        put_skill(call_json(call, status), skill, &files);
    return err;
}

/* The one the path names. */
static enum err skill_of(struct call *call, struct agent_work *work, bool to_change,
                         struct fleet_skill *skill)
{
    const struct fleet_skill wanted = {.tenant = call->principal.tenant, .name = call->params[0]};
    enum err err = shared_skill_find(work, &wanted, to_change, skill);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "there is no skill %.*s", STR_ARG(str_first(call->params[0], 64)));
    return fleet_failed(call, work, err);
}

/* ---- list, get ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    const struct fleet_page *page = call->data;
    const struct fleet_place place = {page->before_us, page->before_id, page->size + 1};
    const struct person person = fleet_person(call);
    struct fleet_skills found;
    struct json_writer *json;
    enum err err =
        fleet_skill_list(tx, call->principal.tenant, person.user_id, &place, tx->arena, &found);

    if (err)
        return err;
    fleet_page_begin(call, &json);
    for (size_t i = 0; i < found.count && (int64_t)i < page->size; i++)
        put_skill(json, &found.list[i], NULL);
    if ((int64_t)found.count > page->size)
        fleet_page_end(call, found.list[page->size - 1].created_us,
                       found.list[page->size - 1].name);
    else
        fleet_page_end(call, 0, STR_NONE);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    struct fleet_page *page = ARENA_NEW(call->arena, struct fleet_page);
    enum err err = fleet_page_read(call, page);

    call->data = page;
    return err ? err : call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    struct fleet_skill skill;
    enum err err = skill_of(call, &work, false, &skill);

    return err ? err : reply_skill(tx, call, 200, &skill);
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* ---- create, replace, change, delete ---- */

struct skill_body {
    struct str name;
    struct shared_skill_edit edit;
};

static enum err body_read(struct call *call, struct skill_body **body)
{
    static const char *const visibilities[] = {"workspace", "tenant", "user", "private", NULL};
    struct skill_body *read = ARENA_NEW(call->arena, struct skill_body);
    struct str why;
    enum err err = call_body_object(call);

    read->name = STR_NONE;
    read->edit.visibility = STR_NONE;
    *body = read;
    call->data = read;
    if (err || (err = call_get_text(call, "name", &read->name)) ||
        (err = call_get_word(call, "visibility", visibilities, &read->edit.visibility)))
        return err;
    if (str_eq(read->edit.visibility, STR("tenant")))
        read->edit.visibility = STR("workspace");
    if (str_eq(read->edit.visibility, STR("private")))
        read->edit.visibility = STR("user");
    err = agent_body_files(call->arena, call->body, &read->edit.changes, &read->edit.count, &why);
    if (err)
        call_fail(call, 422, "%.*s", STR_ARG(why));
    return err;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    const struct skill_body *body = call->data;
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    struct fleet_skill skill = {.tenant = call->principal.tenant, .name = body->name};
    enum err err = shared_skill_create(&work, &body->edit, &skill);

    return err ? fleet_failed(call, &work, err) : reply_skill(tx, call, 201, &skill);
}

static enum err create_prepare(struct call *call)
{
    struct skill_body *body;
    enum err err = body_read(call, &body);

    if (err)
        return err;
    if (!str_is_none(body->name))
        return call_then_write(call, create_apply);
    call_fail(call, 422, "name: must be given");
    return ERR_INVALID;
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    const struct skill_body *body = call->data;
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    struct fleet_skill skill;
    enum err err = skill_of(call, &work, true, &skill);

    if (err)
        return err;
    if (!str_is_none(body->name) && !str_eq(body->name, skill.name)) {
        call_fail(call, 422, "name: is what agents know the skill by, and stays %.*s",
                  STR_ARG(skill.name));
        return ERR_INVALID;
    }
    err = shared_skill_change(&work, &body->edit, &skill);
    return err ? fleet_failed(call, &work, err) : reply_skill(tx, call, 200, &skill);
}

static enum err patch_prepare(struct call *call)
{
    struct skill_body *body;
    enum err err = body_read(call, &body);

    return err ? err : call_then_write(call, change_apply);
}

static enum err put_prepare(struct call *call)
{
    struct skill_body *body;
    enum err err = body_read(call, &body);

    if (err)
        return err;
    body->edit.replaces = true;
    return call_then_write(call, change_apply);
}

/* One that is gone already is gone. */
static enum err delete_apply(struct tx *tx, struct call *call)
{
    const struct fleet_skill wanted = {.tenant = call->principal.tenant, .name = call->params[0]};
    const struct person person = fleet_person(call);
    struct agent_work work = fleet_work(tx, call, &person);
    struct fleet_skill skill;
    enum err err = shared_skill_find(&work, &wanted, true, &skill);

    if (!err)
        err = shared_skill_remove(&work, &skill);
    if (err && err != ERR_NOT_FOUND)
        return fleet_failed(call, &work, err);
    return call_empty(call, 204);
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)
#define PATH "/v1/fleet/skills"

static const struct route routes[] = {
    {HTTP_GET, PATH, list_prepare, PERMIT_READ, FLEET, "List the workspace's skills"},
    {HTTP_POST, PATH, create_prepare, PERMIT_EDIT, FLEET | ROUTE_IDEMPOTENT,
     "Make a skill of files"},
    {HTTP_GET, PATH "/{skill_id}", get_prepare, PERMIT_READ, FLEET, "A skill with its files"},
    {HTTP_PUT, PATH "/{skill_id}", put_prepare, PERMIT_EDIT, FLEET, "Replace all files of a skill"},
    {HTTP_PATCH, PATH "/{skill_id}", patch_prepare, PERMIT_EDIT, FLEET,
     "Change some files of a skill"},
    {HTTP_DELETE, PATH "/{skill_id}", delete_prepare, PERMIT_EDIT, FLEET,
     "Delete a skill; agents keep the files they have taken"},
};

const struct route_list routes_fleet_skills = {routes, ARRAY_LEN(routes)};
