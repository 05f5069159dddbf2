/* An agent read from its tree, with what the workspace knows. */
#include "native/spec_priv.h"

#include "fleet/agent_files.h"
#include "fleet/env_name.h"
#include "fleet/skill.h"
#include "format/frontmatter.h"
#include "native/model_demo.h"

#define PROMPT_BYTES_MAX (2 * MIB)
#define SKILLS STR("skills/")
#define SUBAGENTS STR("subagents/")
#define MEMORIES STR("memories/")

static struct str content_of(struct spec_loading *l, struct str folder, struct str name)
{
    const struct str parts[] = {folder, name};
    const struct tree_file *file =
        tree_files_find(&l->tree, arena_concat(l->arena, parts, ARRAY_LEN(parts)));

    return file ? file->content : STR_NONE;
}

/* ---- skills ---- */

/* What lies below `from` in the tree stands below `to` for the agent. */
static void files_take(struct spec_loading *l, struct files *files, struct str from, const char *to)
{
    for (size_t i = 0; i < l->tree.count; i++) {
        const struct tree_file *file = &l->tree.list[i];

        if (str_starts(file->path, from) && str_is_utf8(file->content) &&
            file->content.len <= FILE_BYTES_MAX)
            files_put(files,
                      arena_printf(l->arena, "%s%.*s", to, STR_ARG(str_from(file->path, from.len))),
                      file->content, l->spec->row.updated_us);
    }
    for (size_t i = 0; i < files->count; i++)
        files->list[i].is_dirty = false;
}

/* Names and descriptions only: a body is read when it is wanted. */
static void skills_told(struct spec_loading *l, struct buf *out, const struct files *skills)
{
    bool is_first = true;

    for (size_t i = 0; i < skills->count; i++) {
        const struct file *file = &skills->list[i];
        struct str why = STR_NONE;
        struct skill skill;

        if (!str_ends(file->path, STR("/SKILL.md")) ||
            skill_parse(l->arena, STR_NONE, file->content, &skill, &why))
            continue;
        if (is_first)
            buf_add_cstr(out, "\n\n## Skills\n\nInstructions for special work. When one fits, read "
                              "its file with read_file first, and follow it.\n\n");
        is_first = false;
        buf_addf(out, "- %.*s: %.*s (%.*s)\n", STR_ARG(skill.name), STR_ARG(skill.description),
                 STR_ARG(file->path));
    }
}

static void memories_told(struct buf *out, const struct files *memories)
{
    buf_add_cstr(out, "\n\n## Memories\n\nFiles below /memories/ stay when this conversation is "
                      "over. ");
    if (memories->count)
        buf_add_cstr(out, "Read those that may matter:\n\n");
    else
        buf_add_cstr(out, "There are none yet.\n");
    for (size_t i = 0; i < memories->count; i++)
        buf_addf(out, "- %.*s\n", STR_ARG(memories->list[i].path));
}

/* ---- one agent ---- */

static enum err tools_load(struct spec_loading *l, struct str folder, struct agent_spec *agent)
{
    struct str text = content_of(l, folder, TOOLS_PATH), why = STR_NONE;

    if (str_is_none(text))
        return OK;
    if (tools_parse(l->arena, text, &agent->tools, &why))
        return spec_refuse(l, "tools.json ", why);
    return OK;
}

static enum err agent_load(struct spec_loading *l, struct str folder, struct agent_spec *agent)
{
    struct frontmatter *front = ARENA_NEW(l->arena, struct frontmatter);
    struct str text = content_of(l, folder, PROMPT_PATH), why = STR_NONE;
    const struct str skills[] = {folder, SKILLS};
    bool is_main = folder.len == 0;
    struct buf out;

    if (str_is_none(text))
        return spec_refuse(l, "there is no file ",
                           arena_printf(l->arena, "%.*sAGENTS.md", STR_ARG(folder)));
    if (!is_main && frontmatter_parse(l->arena, text, front, &why) == OK) {
        agent->description = frontmatter_text(front, "description");
        if (!str_is_none(frontmatter_text(front, "model_id")))
            agent->model_id = frontmatter_text(front, "model_id");
        text = front->body;
    }
    if (str_is_none(agent->description))
        agent->description = STR("");
    agent->script = content_of(l, folder, DEMO_SCRIPT_PATH);
    files_init(&agent->skills, l->arena);
    files_take(l, &agent->skills, arena_concat(l->arena, skills, ARRAY_LEN(skills)), "/skills/");
    buf_init(&out, PROMPT_BYTES_MAX);
    buf_add(&out, text);
    skills_told(l, &out, &agent->skills);
    memories_told(&out, &l->spec->memories);
    if (out.failed) {
        buf_release(&out);
        return spec_refuse(l, "the prompt is larger than 2 MiB", STR(""));
    }
    agent->prompt = spec_take(l, &out);
    return tools_load(l, folder, agent);
}

static enum err subagents_load(struct spec_loading *l)
{
    struct spec *spec = l->spec;
    enum err err = OK;

    for (size_t i = 0; !err && i < l->tree.count; i++) {
        struct str rest = str_from(l->tree.list[i].path, SUBAGENTS.len);
        struct agent_spec *agent = &spec->agents[spec->count];
        struct str name = str_first(rest, str_find_char(rest, '/'));

        if (!str_starts(l->tree.list[i].path, SUBAGENTS) ||
            !str_eq(str_from(rest, name.len), STR("/AGENTS.md")))
            continue;
        if (spec->count + 1 >= SPEC_AGENTS_MAX)
            return spec_refuse(l, "an agent can have at most 48 sub-agents", STR(""));
        *agent = (struct agent_spec){.name = name, .model_id = spec->agents[0].model_id};
        err = agent_load(l, arena_printf(l->arena, "subagents/%.*s/", STR_ARG(name)), agent);
        spec->count++;
    }
    return err;
}

static void general_add(struct spec *spec)
{
    struct agent_spec *agent = &spec->agents[spec->count];

    if (spec_find(spec, STR("general-purpose")))
        return;
    *agent = spec->agents[0];
    agent->name = STR("general-purpose");
    agent->description =
        STR("Does a piece of work of several steps by itself, with the same tools.");
    spec->count++;
}

/* ---- all ---- */

static enum err settings_load(struct spec_loading *l, struct agent_spec *main)
{
    struct str text = content_of(l, STR(""), SETTINGS_PATH), why = STR_NONE;
    struct agent_settings settings = {.model_id = STR_NONE};

    if (!str_is_none(text) && settings_read(l->arena, text, &settings, &why))
        return spec_refuse(l, "config.json ", why);
    main->model_id = settings.model_id;
    l->spec->protects_memory = settings.skips_memory_protection != SETTING_YES;
    return OK;
}

static enum err agents_load(struct spec_loading *l)
{
    struct spec *spec = l->spec;
    enum err err;

    spec->agents = ARENA_ARRAY(l->arena, struct agent_spec, SPEC_AGENTS_MAX);
    spec->agents[0] = (struct agent_spec){.name = spec->row.name};
    files_init(&spec->memories, l->arena);
    files_take(l, &spec->memories, MEMORIES, "/memories/");
    if ((err = settings_load(l, &spec->agents[0])) ||
        (err = agent_load(l, STR(""), &spec->agents[0])))
        return err;
    spec->count = 1;
    if ((err = subagents_load(l)))
        return err;
    general_add(spec);
    return spec_servers_load(l);
}

enum err spec_load(struct tx *tx, struct str tenant, struct str agent_id, struct arena *arena,
                   struct spec *spec, struct str *why)
{
    const struct tree_key key = {tenant, agent_id};
    const struct secret_owner owner = secret_owner_workspace(tenant);
    struct spec_loading l = {.spec = spec, .arena = arena, .why = why};
    enum err err;

    *spec = (struct spec){.arena = arena};
    if (str_is_none(agent_id))
        return spec_refuse(&l, "config.configurable.agent_id must name a Fleet agent", STR(""));
    err = fleet_agent_get(tx, tenant, agent_id, arena, &spec->row);
    if (err == ERR_NOT_FOUND || (!err && !agent_is_runnable(&spec->row)))
        return spec_refuse(&l, "there is no Fleet agent that runs may use: ", agent_id);
    if (!err)
        err = tree_read(tx, &key, spec->row.version, arena, &l.tree);
    if (!err)
        err = secrets_open(tx, &owner, arena, &spec->secrets, why);
    if (err == ERR_DENIED)
        err = ERR_INVALID;
    return err ? err : agents_load(&l);
}

void spec_release(struct spec *spec)
{
    secrets_wipe(&spec->secrets);
}

const struct agent_spec *spec_find(const struct spec *spec, struct str name)
{
    for (size_t i = 1; i < spec->count; i++)
        if (str_eq(spec->agents[i].name, name))
            return &spec->agents[i];
    return NULL;
}

/* ---- models ---- */

/* "my-models" and "BASE_URL": MY_MODELS_BASE_URL. */
static struct str setting_of(const struct spec *spec, struct str provider, const char *what)
{
    struct str name = env_name(spec->arena, provider);

    return spec_secret(spec, arena_printf(spec->arena, "%.*s_%s", STR_ARG(name), what));
}

static struct str usual_base(struct str provider)
{
    if (str_eq(provider, STR("openai")))
        return STR("https://api.openai.com/v1");
    return str_eq(provider, STR("anthropic")) ? STR("https://api.anthropic.com") : STR_NONE;
}

static enum err base_read(const struct spec *spec, struct str provider, struct str base,
                          struct model_target *target, struct str *why)
{
    const char *reason = "must not be relative";

    if (str_is_none(base)) {
        *why = arena_printf(spec->arena,
                            "nothing is known of the model provider %.*s: the secret "
                            "<PROVIDER>_BASE_URL of the workspace says where it is",
                            STR_ARG(provider));
        return ERR_INVALID;
    }
    if (url_parse(spec->arena, str_trim(base), &target->url, &reason) || target->url.is_relative) {
        *why = arena_printf(spec->arena, "the base URL of the model provider %.*s %s",
                            STR_ARG(provider), reason);
        return ERR_INVALID;
    }
    return OK;
}

static enum err demo_read(const struct spec *spec, struct str model, struct model_target *target,
                          struct str *why)
{
    *target = (struct model_target){.protocol = MODEL_OPENAI, .model = model, .is_built_in = true};
    if (demo_has(model))
        return OK;
    *why = arena_printf(spec->arena,
                        "there is no built-in model demo:%.*s: there are demo:echo and "
                        "demo:script",
                        STR_ARG(model));
    return ERR_INVALID;
}

enum err spec_model(const struct spec *spec, const struct agent_spec *agent,
                    struct model_target *target, struct str *why)
{
    struct str id = agent->model_id, provider, base, protocol;
    size_t colon;

    if (str_is_none(id) || id.len == 0) {
        *why = STR("the agent names no model: config.json needs "
                   "config.configurable.llm_model_config.modelId");
        return ERR_INVALID;
    }
    colon = str_find_char(id, ':');
    provider = colon < id.len                  ? str_first(id, colon)
               : str_starts(id, STR("claude")) ? STR("anthropic")
                                               : STR("openai");
    base = setting_of(spec, provider, "BASE_URL");
    if (str_eq(provider, DEMO_PROVIDER) && str_is_none(base))
        return demo_read(spec, str_from(id, colon + 1), target, why);
    protocol = setting_of(spec, provider, "PROTOCOL");
    *target = (struct model_target){
        .protocol = str_eq(provider, STR("anthropic")) || str_eq(protocol, STR("anthropic"))
                        ? MODEL_ANTHROPIC
                        : MODEL_OPENAI,
        .model = colon < id.len ? str_from(id, colon + 1) : id,
        .key = setting_of(spec, provider, "API_KEY"),
    };
    if (str_is_none(base) && str_is_none(target->key) && !str_is_none(usual_base(provider))) {
        *why =
            arena_printf(spec->arena,
                         "the workspace has no key for the model provider %.*s: "
                         "keep it as the secret %s",
                         STR_ARG(provider),
                         str_eq(provider, STR("openai")) ? "OPENAI_API_KEY" : "ANTHROPIC_API_KEY");
        return ERR_INVALID;
    }
    return base_read(spec, provider, str_is_none(base) ? usual_base(provider) : base, target, why);
}
