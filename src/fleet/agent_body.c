/* agent_body.c -- from the members of a body to files that change and settings. */
#include "fleet/agent_body.h"

#include "crypto/base64.h"
#include "fleet/agent_files.h"

#define MESSAGE_BYTES_MAX 1000
#define CHANGES_MAX (2 * TREE_FILES_MAX)

struct body_reading {
    struct arena *arena;
    struct tree_change *changes;
    size_t count;
    struct skill_link *links;
    size_t link_count;
    struct str *why;
};

static enum err refuse(struct body_reading *r, const char *where, const char *words)
{
    *r->why = arena_printf(r->arena, "%s: %s", where, words);
    return ERR_INVALID;
}

/* ---- files ---- */

static enum err add(struct body_reading *r, struct str path, struct str content)
{
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->changes[i].path, path)) {
            *r->why = arena_printf(r->arena, "files: %.*s stands there twice", STR_ARG(path));
            return ERR_INVALID;
        }
    if (r->count == CHANGES_MAX)
        return refuse(r, "files", "there are more than an agent may have");
    r->changes[r->count++] = (struct tree_change){path, content};
    return OK;
}

static enum err decode(struct body_reading *r, struct str path, struct str base64,
                       struct str *content)
{
    char *bytes = arena_alloc(r->arena, base64.len + 1);
    size_t len = 0;

    if (base64_decode(base64, bytes, base64.len, &len)) {
        *r->why = arena_printf(r->arena, "files: the content of %.*s is not base64", STR_ARG(path));
        return ERR_INVALID;
    }
    *content = str_range(bytes, len);
    return OK;
}

/* {"type": "skill", "repo_handle": "research"} at "skills/research". */
static enum err read_link(struct body_reading *r, struct str path, const struct json *value)
{
    struct str handle = json_string(json_get(value, "repo_handle"));

    if (!r->links || str_is_none(handle)) {
        *r->why = arena_printf(r->arena,
                               "files: %.*s: a skill of the workspace is named by repo_handle, and "
                               "stands in an agent only",
                               STR_ARG(path));
        return ERR_INVALID;
    }
    if (r->link_count == SKILL_LINKS_MAX)
        return refuse(r, "files", "at most 50 can be skills of the workspace");
    while (str_ends(path, STR("/")))
        path.len--;
    r->links[r->link_count++] = (struct skill_link){path, handle};
    return OK;
}

/* "text", {"content": "text"}, {"content": "…", "encoding": "base64"}, a skill, or null. */
static enum err read_file(struct body_reading *r, struct str path, const struct json *value)
{
    const struct json *text = json_type(value) == JSON_OBJECT ? json_get(value, "content") : value;
    struct str encoding = json_string(json_get(value, "encoding")), content = STR_NONE;

    if (json_is_null(value))
        return add(r, path, STR_NONE);
    if (str_eq(json_string(json_get(value, "type")), STR("skill")))
        return read_link(r, path, value);
    if (json_type(text) != JSON_STRING) {
        *r->why =
            arena_printf(r->arena, "files: %.*s must have a text for its content", STR_ARG(path));
        return ERR_INVALID;
    }
    content = json_string(text);
    if (str_eq(encoding, STR("base64")) && decode(r, path, content, &content))
        return ERR_INVALID;
    return add(r, path, content);
}

static enum err read_files(struct body_reading *r, const struct json *files)
{
    struct json_iter iter = json_iter(files);
    const struct json *value;
    struct str path;
    enum err err = OK;

    if (json_is_absent(files))
        return OK;
    if (json_type(files) != JSON_OBJECT)
        return refuse(r, "files", "must be an object of paths and contents");
    while (!err && json_next(&iter, &path, &value))
        err = read_file(r, path, value);
    return err;
}

static enum err read_deleted(struct body_reading *r, const struct json *paths)
{
    struct json_iter iter = json_iter(paths);
    const struct json *value;
    struct str key;
    enum err err = OK;

    if (json_is_absent(paths))
        return OK;
    if (json_type(paths) != JSON_ARRAY)
        return refuse(r, "deleted_paths", "must be an array of paths");
    while (!err && json_next(&iter, &key, &value)) {
        if (json_type(value) != JSON_STRING)
            return refuse(r, "deleted_paths", "must be an array of paths");
        err = add(r, json_string(value), STR_NONE);
    }
    return err;
}

/* ---- members that stand for files ----
 *
 * What "files" says wins over them: whoever sends back what they were given says it twice. */

static bool is_written(const struct body_reading *r, struct str path)
{
    size_t at = tree_change_find(r->changes, r->count, path);

    return at < r->count && !str_is_none(r->changes[at].content);
}

static struct str pretty(struct arena *arena, struct str json_text)
{
    struct str text;
    struct buf out;

    buf_init(&out, 4 * AGENT_JSON_BYTES_MAX);
    json_pretty(&out, json_text);
    text = buf_keep(&out, arena);
    return str_is_none(text) ? json_text : text;
}

static enum err read_prompt(struct body_reading *r, const struct json *prompt, struct str path)
{
    if (json_is_absent(prompt))
        return OK;
    if (json_type(prompt) != JSON_STRING)
        return refuse(r, "system_prompt", "must be a text");
    if (!is_written(r, path))
        return add(r, path, json_string(prompt));
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->changes[i].path, path) && !str_eq(r->changes[i].content, json_string(prompt)))
            return refuse(r, "system_prompt", "files say something else for AGENTS.md");
    return OK;
}

/* `owner` is the text of the object that may hold "tools". */
static enum err read_tools(struct body_reading *r, struct str owner, struct str path)
{
    struct str raw = json_raw(owner, STR("tools"));

    if (str_is_none(raw) || str_eq(raw, STR("null")))
        return OK;
    if (!str_starts(raw, STR("{")))
        return refuse(r, "tools", "must be an object with tools and interrupt_config");
    if (is_written(r, path))
        return OK;
    return add(r, path, pretty(r->arena, raw));
}

/* A JSON string is a YAML text too. */
static void put_front(struct buf *out, const char *key, struct str text)
{
    struct json_writer w;

    if (str_is_none(text))
        return;
    json_writer_init(&w, out);
    buf_addf(out, "%s: ", key);
    json_str_out(&w, text);
    buf_add_char(out, '\n');
}

static struct str subagent_prompt(struct arena *arena, const struct json *subagent)
{
    struct str prompt = json_string(json_get(subagent, "system_prompt")), text;
    const struct json *model = json_get(subagent, "model");
    struct str model_id = json_string(json_get(subagent, "model_id"));
    struct buf out;

    if (str_is_none(model_id))
        model_id = json_string(json_type(model) == JSON_OBJECT ? json_get(model, "id") : model);
    buf_init(&out, TREE_BYTES_MAX);
    buf_add(&out, STR("---\n"));
    put_front(&out, "description", json_string(json_get(subagent, "description")));
    put_front(&out, "model_id", model_id);
    buf_add(&out, STR("---\n"));
    buf_add(&out, str_is_none(prompt) ? STR("") : prompt);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static enum err read_subagent(struct body_reading *r, const struct json *json, struct str text)
{
    struct str name = json_string(json_get(json, "name")), path;
    enum err err = OK;

    if (str_is_none(name))
        return refuse(r, "subagents", "each must have a name");
    path = arena_printf(r->arena, "subagents/%.*s/AGENTS.md", STR_ARG(name));
    if (!is_written(r, path))
        err = add(r, path, subagent_prompt(r->arena, json));
    return err ? err
               : read_tools(r, text,
                            arena_printf(r->arena, "subagents/%.*s/tools.json", STR_ARG(name)));
}

static enum err read_subagents(struct body_reading *r, const struct body_text *body)
{
    const struct json *list = json_get(body->json, "subagents");
    struct str raw = json_raw(body->text, STR("subagents")), key, text;
    size_t position = 0, index = 0;
    enum err err = OK;

    if (json_is_absent(list))
        return OK;
    if (json_type(list) != JSON_ARRAY)
        return refuse(r, "subagents", "must be an array");
    while (!err && json_raw_next(raw, &position, &key, &text)) {
        const struct json *one = json_item(list, index++);

        err = json_type(one) == JSON_OBJECT ? read_subagent(r, one, text)
                                            : refuse(r, "subagents", "each must be an object");
    }
    return err;
}

/* ---- settings ---- */

static enum err take_object(struct body_reading *r, struct str owner, const char *key,
                            struct str *object)
{
    struct str raw = str_is_none(owner) ? STR_NONE : json_raw(owner, str_of(key));

    if (str_is_none(raw) || str_eq(raw, STR("null")))
        return OK;
    if (!str_starts(raw, STR("{")))
        return refuse(r, key, "must be an object");
    if (raw.len > AGENT_JSON_BYTES_MAX / 4)
        return refuse(r, key, "must have at most 64 KiB");
    *object = raw;
    return OK;
}

const char *const agent_kept_members[] = {"backend", "options", "display", NULL};

/* Members of clients that nothing here reads: kept in the metadata, and shown again. */
static enum err read_kept(struct body_reading *r, struct str text, struct agent_edit *edit)
{
    struct json_writer w;
    struct buf out, merged;
    enum err err = OK;

    buf_init(&out, AGENT_JSON_BYTES_MAX);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    for (const char *const *key = agent_kept_members; !err && *key; key++) {
        struct str object = STR_NONE;

        err = take_object(r, text, *key, &object);
        if (!str_is_none(object))
            json_put_raw(&w, *key, object);
    }
    json_end_object(&w);
    if (!err && out.len > 2) {
        buf_init(&merged, 2 * AGENT_JSON_BYTES_MAX);
        json_merge(&merged, str_is_none(edit->metadata) ? STR("{}") : edit->metadata,
                   buf_str(&out));
        edit->metadata = arena_str(r->arena, buf_str(&merged));
        buf_release(&merged);
    }
    buf_release(&out);
    return err;
}

static enum err read_settings(struct body_reading *r, const struct body_text *body,
                              struct agent_edit *edit)
{
    struct str config = STR_NONE, message = json_string(json_get(body->json, "message"));
    struct agent_settings *s = &edit->settings;
    struct str visibility =
        json_string(json_get(json_get(body->json, "metadata"), "visibility_scope"));
    enum err err = settings_read(r->arena, body->text, s, r->why);

    if (err || (err = take_object(r, body->text, "config", &config)) ||
        (err = take_object(r, config, "configurable", &s->configurable)) ||
        (err = take_object(r, body->text, "metadata", &edit->metadata)))
        return err;
    s->metadata = STR_NONE; /* the row's, not those of config.json */
    if ((err = read_kept(r, body->text, edit)))
        return err;
    if (str_is_none(s->visibility) && !str_is_none(visibility)) {
        if (!str_eq(visibility, STR("tenant")) && !str_eq(visibility, STR("user")))
            return refuse(r, "metadata.visibility_scope", "must be tenant or user");
        s->visibility = visibility;
    }
    if (message.len > MESSAGE_BYTES_MAX)
        return refuse(r, "message", "must have at most 1000 bytes");
    edit->message = message;
    edit->parent_commit = json_string(json_get(body->json, "parent_commit"));
    return OK;
}

enum err agent_body_read(struct arena *arena, const struct body_text *body, struct agent_edit *edit,
                         struct str *why)
{
    struct body_reading r = {.arena = arena, .why = why};
    struct agent_edit found = {.count = 0};
    enum err err;

    r.changes = ARENA_ARRAY(arena, struct tree_change, CHANGES_MAX);
    r.links = ARENA_ARRAY(arena, struct skill_link, SKILL_LINKS_MAX);
    if ((err = read_settings(&r, body, &found)) ||
        (err = read_files(&r, json_get(body->json, "files"))) ||
        (err = read_deleted(&r, json_get(body->json, "deleted_paths"))) ||
        (err = read_prompt(&r, json_get(body->json, "system_prompt"), PROMPT_PATH)) ||
        (err = read_tools(&r, body->text, TOOLS_PATH)) || (err = read_subagents(&r, body)))
        return err;
    found.changes = r.changes;
    found.count = r.count;
    found.links = r.links;
    found.link_count = r.link_count;
    *edit = found;
    return OK;
}

enum err agent_body_files(struct arena *arena, const struct json *body,
                          const struct tree_change **changes, size_t *count, struct str *why)
{
    struct body_reading r = {.arena = arena, .why = why};
    enum err err;

    r.changes = ARENA_ARRAY(arena, struct tree_change, CHANGES_MAX);
    if ((err = read_files(&r, json_get(body, "files"))) ||
        (err = read_deleted(&r, json_get(body, "deleted_paths"))))
        return err;
    *changes = r.changes;
    *count = r.count;
    return OK;
}
