/* agent_json.c -- the shapes of agent_json.h. */
#include "fleet/agent_json.h"

#include "crypto/base64.h"
#include "fleet/agent_body.h"
#include "fleet/agent_files.h"
#include "format/file_path.h"
#include "format/frontmatter.h"

static void put_base64(struct json_writer *w, struct str bytes)
{
    struct buf out;

    buf_init(&out, 2 * TREE_BYTES_MAX);
    base64_write(&out, bytes);
    json_put_str(w, "content", buf_str(&out));
    json_put_str(w, "encoding", STR("base64"));
    buf_release(&out);
}

/* JSON texts hold every UTF-8 but NUL (PostgreSQL's and some readers' limit, not JSON's). */
static bool is_text(struct str bytes)
{
    return str_is_utf8(bytes) && str_find_char(bytes, '\0') == bytes.len;
}

static void put_file(struct json_writer *w, const struct tree_file *file)
{
    json_begin_object(w);
    if (str_is_none(file->content)) {
        json_put_str(w, "hash", file->hash);
        json_put_i64(w, "size", file->bytes);
    } else if (is_text(file->content)) {
        json_put_str(w, "type", STR("file"));
        json_put_str(w, "content", file->content);
    } else {
        json_put_str(w, "type", STR("file"));
        put_base64(w, file->content);
    }
    json_end_object(w);
}

void agent_json_out_files(struct json_writer *w, const struct tree_files *files)
{
    json_begin_object(w);
    for (size_t i = 0; i < files->count; i++) {
        json_key_str(w, files->list[i].path);
        put_file(w, &files->list[i]);
    }
    json_end_object(w);
}

static void put_permissions(struct json_writer *w, const struct fleet_agent *agent)
{
    json_key(w, "permissions");
    json_begin_object(w);
    json_put_str(w, "visibility", agent->visibility);
    json_put_str(w, "tenant_access_level", agent->access);
    json_end_object(w);
}

/* Of config.json: the model, and the part that says how it runs. */
static void put_config(struct json_writer *w, struct str text)
{
    struct str config = json_raw(text, STR("config")), why;
    struct agent_settings settings;
    struct arena arena;

    arena_init(&arena);
    if (!settings_read(&arena, text, &settings, &why)) {
        json_key(w, "model");
        if (str_is_none(settings.model_id)) {
            json_null_out(w);
        } else {
            json_begin_object(w);
            json_put_str(w, "id", settings.model_id);
            json_end_object(w);
        }
        json_put_raw(w, "config", str_is_none(config) ? STR("{}") : config);
        json_put_bool(w, "triggers_paused", settings.triggers_paused == SETTING_YES);
    }
    arena_release(&arena);
}

/* ---- what the agent is, as members ---- */

#define SUBAGENTS STR("subagents/")

bool agent_is_definition(struct str path)
{
    struct str name = file_path_name(path);

    if (str_eq(path, SETTINGS_PATH) || str_eq(path, PROMPT_PATH) || str_eq(path, TOOLS_PATH))
        return true;
    if (!str_starts(path, SUBAGENTS) || !(str_eq(name, PROMPT_PATH) || str_eq(name, TOOLS_PATH)))
        return false;
    path = str_from(path, SUBAGENTS.len);
    path = str_from(path, str_find_char(path, '/') + 1);
    return str_eq(path, name); /* not of one of its skills */
}

static struct str content_of(const struct tree_files *files, struct str path)
{
    const struct tree_file *file = tree_files_find(files, path);

    return file && is_text(file->content) ? file->content : STR_NONE;
}

static void put_subagent(struct json_writer *w, const struct tree_files *files, struct str name,
                         struct arena *arena)
{
    struct frontmatter *front = ARENA_NEW(arena, struct frontmatter);
    struct str folder = arena_printf(arena, "subagents/%.*s/", STR_ARG(name)), why = STR_NONE;
    struct str text = content_of(files, arena_printf(arena, "%.*sAGENTS.md", STR_ARG(folder)));
    bool is_read = !frontmatter_parse(arena, text, front, &why);

    json_begin_object(w);
    json_put_str(w, "name", name);
    json_put_str(w, "description", is_read ? frontmatter_text(front, "description") : STR_NONE);
    json_put_str(w, "model_id", is_read ? frontmatter_text(front, "model_id") : STR_NONE);
    json_put_str(w, "system_prompt", is_read ? front->body : text);
    json_put_raw(w, "tools",
                 content_of(files, arena_printf(arena, "%.*stools.json", STR_ARG(folder))));
    json_end_object(w);
}

static void put_definition(struct json_writer *w, const struct tree_files *files)
{
    struct arena arena;

    arena_init(&arena);
    json_put_str(w, "system_prompt", content_of(files, PROMPT_PATH));
    json_put_raw(w, "tools", content_of(files, TOOLS_PATH));
    json_key(w, "subagents");
    json_begin_array(w);
    for (size_t i = 0; i < files->count; i++) {
        struct str rest = str_from(files->list[i].path, SUBAGENTS.len);
        struct str name = str_first(rest, str_find_char(rest, '/'));

        if (str_starts(files->list[i].path, SUBAGENTS) &&
            str_eq(str_from(rest, name.len), STR("/AGENTS.md")))
            put_subagent(w, files, name, &arena);
    }
    json_end_array(w);
    arena_release(&arena);
}

void agent_json_out(struct json_writer *w, const struct fleet_agent *agent,
                    const struct agent_contents *contents)
{
    json_begin_object(w);
    json_put_str(w, "id", agent->agent_id);
    json_put_str(w, "assistant_id", agent->agent_id);
    json_put_str(w, "tenant_id", agent->tenant);
    json_put_str(w, "name", agent->name);
    json_put_str(w, "description", agent->description);
    json_put_str(w, "owner_id", agent->owner_id);
    json_put_str(w, "owner_email", agent->owner_email);
    json_put_str(w, "visibility_scope", agent->visibility);
    put_permissions(w, agent);
    json_put_i64(w, "version", agent->version);
    json_put_str(w, "commit_hash", agent->commit_hash);
    json_put_raw(w, "metadata", agent->metadata);
    for (const char *const *key = agent_kept_members; *key; key++) {
        struct str kept = json_raw(agent->metadata, str_of(*key));

        if (!str_is_none(kept))
            json_put_raw(w, *key, kept);
    }
    if (contents) {
        struct str config = content_of(contents->definition, SETTINGS_PATH);

        if (!str_is_none(config))
            put_config(w, config);
        put_definition(w, contents->definition);
    }
    json_put_time(w, "created_at", agent->created_us);
    json_put_time(w, "updated_at", agent->updated_us);
    if (contents && contents->with_files) {
        json_key(w, "files");
        agent_json_out_files(w, contents->definition);
    }
    json_end_object(w);
}

void agent_json_out_version(struct json_writer *w, const struct tree_version *version)
{
    json_begin_object(w);
    json_put_i64(w, "version", version->version);
    json_put_str(w, "commit_hash", version->commit_hash);
    json_key(w, "author");
    json_begin_object(w);
    json_put_str(w, "user_id", version->author_id);
    json_put_str(w, "email", version->author_email);
    json_end_object(w);
    json_put_str(w, "message", version->message);
    json_put_time(w, "created_at", version->created_us);
    json_end_object(w);
}
