/* shared_skills.c -- one change of a skill: its files checked as an agent's would be. */
#include "fleet/shared_skills.h"

#include "fleet/agent_files.h"
#include "fleet/skill.h"

#define MAIN_FILE STR("SKILL.md")

/* ---- who may ---- */

static bool may_see(const struct fleet_skill *skill, const struct person *person)
{
    return str_eq(skill->owner_id, person->user_id) || str_eq(skill->visibility, STR("workspace"));
}

static bool may_change(const struct fleet_skill *skill, const struct person *person)
{
    return str_eq(skill->owner_id, person->user_id) || person->is_admin;
}

enum err shared_skill_find(struct agent_work *work, const struct fleet_skill *wanted,
                           bool to_change, struct fleet_skill *skill)
{
    struct fleet_skill found;
    enum err err = fleet_skill_get(work->tx, wanted->tenant, wanted->name, work->arena, &found);

    if (err)
        return err;
    if (!may_see(&found, work->person))
        return ERR_NOT_FOUND;
    *skill = found;
    if (!to_change || may_change(&found, work->person))
        return OK;
    work->why = STR("only its owner and administrators may change a skill");
    return ERR_DENIED;
}

/* ---- the files ---- */

struct plan {
    struct agent_work *work;
    struct tree_key key;
    struct tree_files before; /* without contents */
    struct tree_change *changes;
    size_t count;
};

static bool is_in(const struct plan *plan, struct str path)
{
    for (size_t i = 0; i < plan->count; i++)
        if (str_eq(plan->changes[i].path, path))
            return true;
    return false;
}

static enum err plan_begin(struct plan *plan, const struct shared_skill_edit *edit,
                           const struct fleet_skill *skill)
{
    struct arena *arena = plan->work->arena;
    enum err err = OK;

    plan->key = fleet_skill_tree(arena, skill->tenant, skill->name);
    if (skill->version > 0)
        err = tree_list(plan->work->tx, &plan->key, skill->version, arena, &plan->before);
    plan->changes = ARENA_ARRAY(arena, struct tree_change, edit->count + plan->before.count + 1);
    plan->count = edit->count;
    if (edit->count)
        memcpy(plan->changes, edit->changes, edit->count * sizeof(*plan->changes));
    for (size_t i = 0; edit->replaces && i < plan->before.count; i++)
        if (!is_in(plan, plan->before.list[i].path))
            plan->changes[plan->count++] =
                (struct tree_change){plan->before.list[i].path, STR_NONE};
    return err;
}

/* As it would stand in an agent: what holds there holds here. */
static enum err plan_check(struct plan *plan, const struct fleet_skill *skill)
{
    struct agent_work *work = plan->work;
    struct tree_files after =
        agent_files_after(work->arena, &plan->before, plan->changes, plan->count);
    struct tree_files whole = {ARENA_ARRAY(work->arena, struct tree_file, after.count + 1), 0};

    whole.list[whole.count++] = (struct tree_file){.path = PROMPT_PATH, .content = STR("")};
    for (size_t i = 0; i < after.count; i++) {
        struct tree_file *file = &whole.list[whole.count++];

        *file = after.list[i];
        file->path = arena_printf(work->arena, "skills/%.*s/%.*s", STR_ARG(skill->name),
                                  STR_ARG(after.list[i].path));
    }
    if (after.count > 0)
        return agent_files_check(work->arena, &whole, &work->why);
    work->why = STR("files: there must be a SKILL.md");
    return ERR_INVALID;
}

static enum err description_take(struct plan *plan, struct fleet_skill *skill)
{
    struct agent_work *work = plan->work;
    struct str text = STR_NONE;
    struct skill parsed;
    enum err err = OK;

    for (size_t i = 0; i < plan->count; i++)
        if (str_eq(plan->changes[i].path, MAIN_FILE))
            text = plan->changes[i].content;
    if (str_is_none(text))
        err = tree_read_file(work->tx, &plan->key, skill->version, MAIN_FILE, work->arena, &text);
    if (!err)
        err = skill_parse(work->arena, skill->name, text, &parsed, &work->why);
    if (!err)
        skill->description = parsed.description;
    return err;
}

/* ---- one version, one row ---- */

static enum err commit(struct plan *plan, struct fleet_skill *skill)
{
    struct agent_work *work = plan->work;
    const struct tree_commit commit = {
        .changes = plan->changes,
        .count = plan->count,
        .author_id = work->person->user_id,
        .author_email = work->person->email,
        .message = STR_NONE,
    };
    struct tree_version made;
    enum err err = tree_commit(work->tx, &plan->key, &commit, work->arena, &made);

    if (err)
        return err;
    skill->version = made.version;
    skill->commit_hash = made.commit_hash;
    return OK;
}

static enum err taken(struct agent_work *work, const struct fleet_skill *skill)
{
    work->why =
        arena_printf(work->arena, "name: there is a skill %.*s already", STR_ARG(skill->name));
    return ERR_CONFLICT;
}

enum err shared_skill_create(struct agent_work *work, const struct shared_skill_edit *edit,
                             struct fleet_skill *skill)
{
    struct plan plan = {.work = work};
    struct fleet_skill there;
    enum err err = OK;

    if (!skill_name_is_valid(skill->name)) {
        work->why = STR("name: must be 1 to 64 lower-case letters, digits and single hyphens "
                        "inside");
        return ERR_INVALID;
    }
    err = fleet_skill_get(work->tx, skill->tenant, skill->name, work->arena, &there);
    if (err != ERR_NOT_FOUND)
        return err ? err : taken(work, skill);
    skill->owner_id = work->person->user_id;
    skill->owner_email = work->person->email;
    skill->visibility = str_is_none(edit->visibility) ? STR("workspace") : edit->visibility;
    skill->created_us = skill->updated_us = work->tx->now_us;
    if ((err = plan_begin(&plan, edit, skill)) || (err = plan_check(&plan, skill)) ||
        (err = description_take(&plan, skill)) || (err = tree_insert(work->tx, &plan.key)) ||
        (err = commit(&plan, skill)))
        return err;
    return fleet_skill_insert(work->tx, skill);
}

enum err shared_skill_change(struct agent_work *work, const struct shared_skill_edit *edit,
                             struct fleet_skill *skill)
{
    struct tree_key key = fleet_skill_tree(work->arena, skill->tenant, skill->name);
    struct plan plan = {.work = work};
    enum err err = tree_lock(work->tx, &key, &skill->version);

    if (err)
        return err;
    if (!str_is_none(edit->visibility))
        skill->visibility = edit->visibility;
    skill->updated_us = work->tx->now_us;
    if ((err = plan_begin(&plan, edit, skill)) || (err = plan_check(&plan, skill)) ||
        (err = description_take(&plan, skill)) || (err = commit(&plan, skill)))
        return err;
    return fleet_skill_update(work->tx, skill);
}

enum err shared_skill_remove(struct agent_work *work, const struct fleet_skill *skill)
{
    const struct tree_key key = fleet_skill_tree(work->arena, skill->tenant, skill->name);
    enum err err = fleet_skill_delete(work->tx, skill->tenant, skill->name);

    return err ? err : tree_delete(work->tx, &key);
}

/* ---- into an agent ---- */

struct taking {
    struct agent_work *work;
    struct tree_change *changes;
    size_t count;
};

static enum err change_add(struct taking *taking, struct tree_change change)
{
    if (tree_change_find(taking->changes, taking->count, change.path) < taking->count) {
        taking->work->why = arena_printf(taking->work->arena, "files: %.*s stands there twice",
                                         STR_ARG(change.path));
        return ERR_INVALID;
    }
    taking->changes[taking->count++] = change;
    return OK;
}

/* The folder goes, and is written anew. */
static enum err link_take(struct taking *taking, struct str tenant, const struct skill_link *link)
{
    struct agent_work *work = taking->work;
    const struct fleet_skill wanted = {.tenant = tenant, .name = link->handle};
    const struct tree_key key = fleet_skill_tree(work->arena, tenant, link->handle);
    struct tree_files files;
    struct fleet_skill skill;
    enum err err = shared_skill_find(work, &wanted, false, &skill);

    if (err == ERR_NOT_FOUND) {
        work->why = arena_printf(work->arena, "files: %.*s: the workspace has no skill %.*s",
                                 STR_ARG(link->path), STR_ARG(str_first(link->handle, 64)));
        return ERR_INVALID;
    }
    if (!err)
        err = tree_read(work->tx, &key, skill.version, work->arena, &files);
    if (err)
        return err;
    err = change_add(taking, (struct tree_change){link->path, STR_NONE});
    for (size_t i = 0; !err && i < files.count; i++)
        err = change_add(
            taking, (struct tree_change){arena_printf(work->arena, "%.*s/%.*s", STR_ARG(link->path),
                                                      STR_ARG(files.list[i].path)),
                                         files.list[i].content});
    return err;
}

enum err shared_skills_take(struct agent_work *work, struct str tenant,
                            const struct agent_edit *edit, struct agent_edit *whole)
{
    struct taking taking = {.work = work, .count = edit->count};
    enum err err = OK;

    *whole = *edit;
    if (edit->link_count == 0)
        return OK;
    taking.changes = ARENA_ARRAY(work->arena, struct tree_change,
                                 edit->count + edit->link_count * (TREE_FILES_MAX + 1));
    if (edit->count)
        memcpy(taking.changes, edit->changes, edit->count * sizeof(*taking.changes));
    for (size_t i = 0; !err && i < edit->link_count; i++)
        err = link_take(&taking, tenant, &edit->links[i]);
    whole->changes = taking.changes;
    whole->count = taking.count;
    whole->link_count = 0;
    return err;
}
