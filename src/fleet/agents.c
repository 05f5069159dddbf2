/* agents.c -- one change of an agent: its files checked as a whole, one version, one row. */
#include "fleet/agents.h"

#include "base/buf.h"
#include "base/json.h"
#include "fleet/agent_assistant.h"
#include "fleet/agent_files.h"
#include "fleet/shared_skills.h"

#define METADATA_BYTES_MAX (128 * KIB)
#define TOOLS_NONE STR("{\n  \"tools\": [],\n  \"interrupt_config\": {}\n}\n")

/* ---- who may ---- */

static enum agent_right right_of_others(struct str access)
{
    return str_eq(access, STR("write")) ? AGENT_WRITE
           : str_eq(access, STR("run")) ? AGENT_RUN
                                        : AGENT_READ;
}

bool agent_allows(const struct fleet_agent *agent, const struct person *person,
                  enum agent_right right)
{
    if (str_eq(agent->owner_id, person->user_id))
        return true;
    if (!str_eq(agent->visibility, STR("tenant")))
        return false;
    return person->is_admin || right <= right_of_others(agent->access);
}

enum err agent_find(struct tx *tx, const struct fleet_agent *wanted, const struct person *person,
                    enum agent_right right, struct arena *arena, struct fleet_agent *agent)
{
    struct fleet_agent found;
    enum err err = fleet_agent_get(tx, wanted->tenant, wanted->agent_id, arena, &found);

    if (err)
        return err;
    if (!agent_allows(&found, person, AGENT_READ))
        return ERR_NOT_FOUND;
    *agent = found;
    return agent_allows(&found, person, right) ? OK : ERR_DENIED;
}

/* ---- the files of a change ---- */

struct plan {
    struct agent_work *work;
    const struct fleet_agent *agent;
    struct tree_files before;    /* without contents */
    struct tree_change *changes; /* what is to be done, with room for two more */
    size_t count;
    struct agent_settings settings; /* as they will be */
};

static struct tree_key key_of(const struct fleet_agent *agent)
{
    return (struct tree_key){agent->tenant, agent->agent_id};
}

static enum err invalid(struct agent_work *work, const char *words)
{
    work->why = str_of(words);
    return ERR_INVALID;
}

static size_t find_change(const struct plan *plan, struct str path)
{
    return tree_change_find(plan->changes, plan->count, path);
}

static void set_file(struct plan *plan, struct str path, struct str content)
{
    size_t at = find_change(plan, path);

    plan->changes[at] = (struct tree_change){path, content};
    if (at == plan->count)
        plan->count++;
}

/* What will stand there without further doing; STR_NONE: nothing. */
static enum err content_after(struct plan *plan, struct str path, struct str *content)
{
    const struct tree_key key = key_of(plan->agent);
    size_t at = find_change(plan, path);
    enum err err = OK;

    *content = STR_NONE;
    if (at < plan->count)
        *content = plan->changes[at].content;
    else if (tree_files_find(&plan->before, path))
        err = tree_read_file(plan->work->tx, &key, plan->agent->version, path, plan->work->arena,
                             content);
    return err;
}

/* Is the path to go without being named itself: by its folder, or with all the rest? */
static bool goes_along(const struct agent_edit *edit, struct str path)
{
    for (size_t i = 0; i < edit->count; i++) {
        struct str folder = edit->changes[i].path;

        if (str_is_none(edit->changes[i].content) && str_starts(path, folder) &&
            str_starts(str_from(path, folder.len), STR("/")))
            return true;
    }
    return edit->replaces;
}

/* The edit's changes, and what goes with them. */
static enum err plan_begin(struct plan *plan, const struct agent_edit *edit)
{
    struct arena *arena = plan->work->arena;
    const struct tree_key key = key_of(plan->agent);
    enum err err = tree_list(plan->work->tx, &key, plan->agent->version, arena, &plan->before);

    if (err)
        return err;
    plan->changes = ARENA_ARRAY(arena, struct tree_change, edit->count + plan->before.count + 3);
    plan->count = edit->count;
    if (edit->count)
        memcpy(plan->changes, edit->changes, edit->count * sizeof(*plan->changes));
    for (size_t i = 0; i < plan->before.count; i++) {
        struct str path = plan->before.list[i].path;

        if (goes_along(edit, path) && find_change(plan, path) == plan->count)
            set_file(plan, path, STR_NONE);
    }
    return OK;
}

static void put_unless_none(struct str *text, struct str fallback)
{
    if (str_is_none(*text))
        *text = fallback;
}

/* Whoever reads a bundle sees where it was made. */
static struct str origin_text(const struct plan *plan)
{
    struct json_writer w;
    struct str text;
    struct buf out;

    buf_init(&out, 64 * KIB);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_put_str(&w, "tenant_id", plan->agent->tenant);
    json_put_str(&w, "ls_user_id", plan->work->person->user_id);
    json_end_object(&w);
    text = arena_str(plan->work->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* A project of `deepagents deploy` says in agent.json what config.json says here; it becomes that.
 */
static enum err settings_base(struct plan *plan, struct str *base, struct agent_settings *found)
{
    static const struct str deploy_path = {"agent.json", 10};
    struct agent_work *work = plan->work;
    struct str path = SETTINGS_PATH, text;
    enum err err = content_after(plan, SETTINGS_PATH, base);

    text = *base;
    if (!err && str_is_none(text)) {
        path = deploy_path;
        err = content_after(plan, deploy_path, &text);
        if (!err && !str_is_none(text))
            set_file(plan, deploy_path, STR_NONE);
    }
    if (err || str_is_none(text))
        return err;
    err = settings_read(work->arena, text, found, &work->why);
    if (err)
        work->why = arena_printf(work->arena, "%.*s %.*s", STR_ARG(path), STR_ARG(work->why));
    return err;
}

static enum err plan_settings(struct plan *plan, const struct agent_settings *over)
{
    struct agent_settings s = {.triggers_paused = SETTING_UNSAID,
                               .skips_memory_protection = SETTING_UNSAID};
    struct str base = STR_NONE;
    bool had_access;
    enum err err = settings_base(plan, &base, &s);

    if (err)
        return err;
    had_access = !str_is_none(s.access);
    settings_apply(&s, over);
    if (!had_access && str_eq(s.access, plan->agent->access))
        s.access = STR_NONE; /* as it is anyway: nothing for config.json to say */
    if (str_is_none(s.name))
        s.name = plan->agent->name;
    if (str_is_none(s.name) || str_trim(s.name).len == 0)
        return invalid(plan->work, "name: an agent must have one");
    put_unless_none(&s.description, STR(""));
    put_unless_none(&s.visibility, STR("tenant"));
    if (s.triggers_paused == SETTING_UNSAID)
        s.triggers_paused = SETTING_NO;
    if (s.skips_memory_protection == SETTING_UNSAID)
        s.skips_memory_protection = SETTING_NO;
    if (str_is_none(base))
        s.metadata = origin_text(plan);
    set_file(plan, SETTINGS_PATH, settings_write(plan->work->arena, base, &s));
    plan->settings = s;
    return OK;
}

static enum err plan_make(struct plan *plan, const struct agent_edit *edit)
{
    struct agent_work *work = plan->work;
    struct tree_files after;
    struct str tools;
    enum err err = plan_begin(plan, edit);

    if (!err)
        err = plan_settings(plan, &edit->settings);
    if (!err)
        err = content_after(plan, TOOLS_PATH, &tools);
    if (err)
        return err;
    if (str_is_none(tools))
        set_file(plan, TOOLS_PATH, TOOLS_NONE);
    after = agent_files_after(work->arena, &plan->before, plan->changes, plan->count);
    return agent_files_check(work->arena, &after, &work->why);
}

/* ---- one version, one row ---- */

static enum err commit(struct plan *plan, const struct agent_edit *edit, struct fleet_agent *agent)
{
    struct agent_work *work = plan->work;
    const struct tree_key key = key_of(agent);
    const struct tree_commit commit = {
        .changes = plan->changes,
        .count = plan->count,
        .author_id = work->person->user_id,
        .author_email = work->person->email,
        .message = edit->message,
    };
    struct tree_version made;
    enum err err = tree_commit(work->tx, &key, &commit, work->arena, &made);

    if (err)
        return err;
    agent->version = made.version;
    agent->commit_hash = made.commit_hash;
    return OK;
}

static enum err merge_metadata(struct agent_work *work, struct str over, struct fleet_agent *agent)
{
    enum err err = OK;
    struct buf out;

    if (str_is_none(over))
        return OK;
    buf_init(&out, METADATA_BYTES_MAX);
    json_merge(&out, agent->metadata, over);
    if (out.failed)
        err = invalid(work, "metadata: are larger than 128 KiB");
    else
        agent->metadata = arena_str(work->arena, buf_str(&out));
    buf_release(&out);
    return err;
}

/* Who may write an agent may not give it away. */
static bool shares_as_before(const struct fleet_agent *before, const struct agent_settings *s)
{
    return str_eq(before->visibility, s->visibility) &&
           (str_is_none(s->access) || str_eq(before->access, s->access));
}

static enum err row_fill(struct plan *plan, const struct agent_edit *edit,
                         struct fleet_agent *agent)
{
    const struct agent_settings *s = &plan->settings;

    if (!agent_allows(agent, plan->work->person, AGENT_OWN) && !shares_as_before(agent, s)) {
        plan->work->why = STR("only its owner may change who may see or use an agent");
        return ERR_DENIED;
    }
    agent->name = s->name;
    agent->description = s->description;
    agent->visibility = s->visibility;
    if (!str_is_none(s->access))
        agent->access = s->access;
    agent->updated_us = plan->work->tx->now_us;
    return merge_metadata(plan->work, edit->metadata, agent);
}

bool agent_is_runnable(const struct fleet_agent *agent)
{
    return str_eq(agent->visibility, STR("tenant")) && !str_eq(agent->access, STR("read"));
}

/* ---- what is done ---- */

static bool is_paused(const struct plan *plan)
{
    return plan->settings.triggers_paused == SETTING_YES;
}

enum err agent_create(struct agent_work *work, const struct agent_edit *edit,
                      struct fleet_agent *agent)
{
    struct fleet_agent made = {
        .tenant = agent->tenant,
        .agent_id = agent->agent_id,
        .owner_id = work->person->user_id,
        .owner_email = work->person->email,
        .access = STR("run"),
        .metadata = STR("{}"),
        .created_us = work->tx->now_us,
    };
    struct plan plan = {.work = work, .agent = &made};
    const struct tree_key key = key_of(&made);
    struct agent_edit whole;
    enum err err = shared_skills_take(work, agent->tenant, edit, &whole);

    if (err || (err = plan_make(&plan, &whole)) || (err = row_fill(&plan, edit, &made)) ||
        (err = tree_insert(work->tx, &key)) || (err = commit(&plan, edit, &made)) ||
        (err = fleet_agent_insert(work->tx, &made)) ||
        (err = agent_assistant_follow(work, &made, is_paused(&plan))))
        return err;
    *agent = made;
    return OK;
}

enum err agent_change(struct agent_work *work, const struct agent_edit *edit,
                      struct fleet_agent *agent)
{
    struct fleet_agent made = *agent;
    struct plan plan = {.work = work, .agent = &made};
    const struct tree_key key = key_of(&made);
    struct agent_edit whole;
    enum err err = tree_lock(work->tx, &key, &made.version);

    /* Who waited for the lock finds a newer version than the row said. */
    if (!err)
        err = fleet_agent_get(work->tx, made.tenant, made.agent_id, work->arena, &made);
    if (err)
        return err;
    if (!str_is_none(edit->parent_commit) && !str_eq(edit->parent_commit, made.commit_hash)) {
        work->why = arena_printf(work->arena, "the newest version is %.*s, not %.*s",
                                 STR_ARG(made.commit_hash), STR_ARG(edit->parent_commit));
        return ERR_CONFLICT;
    }
    if ((err = shared_skills_take(work, made.tenant, edit, &whole)) ||
        (err = plan_make(&plan, &whole)) || (err = row_fill(&plan, edit, &made)) ||
        (err = commit(&plan, edit, &made)) || (err = fleet_agent_update(work->tx, &made)) ||
        (err = agent_assistant_follow(work, &made, is_paused(&plan))))
        return err;
    *agent = made;
    return OK;
}

enum err agent_put(struct agent_work *work, const struct agent_edit *edit,
                   struct fleet_agent *agent, bool *is_new)
{
    struct fleet_agent wanted = {
        .tenant = agent->tenant, .agent_id = agent->agent_id, .owner_id = work->person->user_id};
    struct plan plan = {.work = work, .agent = &wanted};
    struct fleet_agent found;
    enum err err = plan_make(&plan, edit); /* as a new one: for its name */

    if (err)
        return err;
    wanted.name = plan.settings.name;
    err = fleet_agent_by_name(work->tx, &wanted, work->arena, &found);
    *is_new = err == ERR_NOT_FOUND || (!err && !agent_allows(&found, work->person, AGENT_WRITE));
    if (*is_new)
        return agent_create(work, edit, agent);
    if (err || (err = agent_change(work, edit, &found)))
        return err;
    *agent = found;
    return OK;
}

/* ---- from old versions ---- */

/* All files of a version, to be written. */
static enum err edit_of_version(struct agent_work *work, const struct fleet_agent *source,
                                int64_t version, struct agent_edit *edit)
{
    const struct tree_key key = key_of(source);
    struct tree_change *changes;
    struct tree_version found;
    struct tree_files files;
    enum err err = tree_version_get(work->tx, &key, version, work->arena, &found);

    if (!err)
        err = tree_read(work->tx, &key, found.version, work->arena, &files);
    if (err)
        return err;
    changes = ARENA_ARRAY(work->arena, struct tree_change, files.count + 1);
    for (size_t i = 0; i < files.count; i++)
        changes[i] = (struct tree_change){files.list[i].path, files.list[i].content};
    *edit = (struct agent_edit){
        .changes = changes,
        .count = files.count,
        .replaces = true,
        .settings = {.triggers_paused = SETTING_UNSAID, .skips_memory_protection = SETTING_UNSAID},
    };
    return OK;
}

enum err agent_restore(struct agent_work *work, int64_t version, struct fleet_agent *agent)
{
    struct agent_edit edit;
    enum err err = edit_of_version(work, agent, version, &edit);

    if (err)
        return err;
    edit.message = arena_printf(work->arena, "Restored version %lld", (long long)version);
    return agent_change(work, &edit, agent);
}

static struct str copy_name(struct arena *arena, struct str name)
{
    struct str copy =
        str_first(arena_printf(arena, "Copy of %.*s", STR_ARG(name)), AGENT_NAME_BYTES_MAX);

    while (!str_is_utf8(copy)) /* cut within a character */
        copy.len--;
    return copy;
}

enum err agent_clone(struct agent_work *work, const struct fleet_agent *source, int64_t version,
                     struct str name, struct fleet_agent *agent)
{
    struct agent_edit edit;
    enum err err = edit_of_version(work, source, version, &edit);

    if (err)
        return err;
    edit.settings.name = str_is_none(name) ? copy_name(work->arena, source->name) : name;
    edit.metadata = source->metadata;
    edit.message = arena_printf(work->arena, "Cloned from %.*s", STR_ARG(source->agent_id));
    return agent_create(work, &edit, agent);
}

enum err agent_remove(struct agent_work *work, const struct fleet_agent *agent)
{
    const struct tree_key key = key_of(agent);
    enum err err = fleet_agent_delete(work->tx, agent->tenant, agent->agent_id);

    if (err || (err = tree_delete(work->tx, &key)))
        return err;
    return agent_assistant_remove(work, agent);
}
