/* tool_auth.c -- finds, for each tool, who knows what it needs. */
#include "fleet/tool_auth.h"

#include "fleet/agent_files.h"
#include "fleet/tools.h"
#include "format/file_path.h"

#define REQUIREMENTS_BYTES_MAX MIB

struct need {
    const char *type; /* none, api_key, oauth */
    struct str provider;
    const struct str *names; /* variables or scopes */
    size_t count;
};

/* ---- well-known tools ---- */

static const struct {
    const char *prefix; /* of the tool's name */
    const char *type, *provider;
    const char *names; /* between blanks */
} known[] = {
    {"tavily", "api_key", NULL, "TAVILY_API_KEY"},
    {"exa_", "api_key", NULL, "EXA_API_KEY"},
    {"you_", "api_key", NULL, "YDC_API_KEY"},
    {"youcom", "api_key", NULL, "YDC_API_KEY"},
    {"twitter", "api_key", NULL, "TWITTER_API_KEY TWITTER_API_KEY_SECRET"},
    {"gmail_send", "oauth", "google", "gmail.send"},
    {"gmail", "oauth", "google", "gmail.readonly"},
    {"google_calendar_create", "oauth", "google", "calendar.events"},
    {"google_calendar", "oauth", "google", "calendar.readonly"},
    {"google_sheets", "oauth", "google", "spreadsheets"},
    {"google_drive", "oauth", "google", "drive.readonly"},
    {"slack", "oauth", "slack", "chat:write channels:read"},
    {"linear", "oauth", "linear", "read write"},
    {"github", "oauth", "github", "repo"},
    {"outlook", "oauth", "microsoft", "Mail.ReadWrite"},
    {"microsoft_teams", "oauth", "microsoft", "ChannelMessage.Send"},
};

static struct str *words_of(struct arena *arena, struct str text, size_t *count)
{
    struct str *words = ARENA_ARRAY(arena, struct str, text.len / 2 + 1), word;
    size_t n = 0;

    while (str_split(&text, ' ', &word))
        if (word.len > 0)
            words[n++] = word;
    *count = n;
    return words;
}

static bool need_of_known(struct arena *arena, struct str name, struct need *need)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!str_starts(name, str_of(known[i].prefix)))
            continue;
        need->type = known[i].type;
        need->provider = str_of(known[i].provider);
        need->names = words_of(arena, str_of(known[i].names), &need->count);
        return true;
    }
    return false;
}

/* ---- what the entry says itself ---- */

static struct str *texts_of(struct arena *arena, const struct json *array, size_t *count)
{
    struct str *texts = ARENA_ARRAY(arena, struct str, json_count(array) + 1);

    *count = 0;
    for (size_t i = 0; i < json_count(array); i++)
        if (json_type(json_item(array, i)) == JSON_STRING)
            texts[(*count)++] = json_string(json_item(array, i));
    return texts;
}

/* {"auth": {"type", …}} or the same members in the entry itself, as a payload says them. */
static bool need_of_entry(struct arena *arena, const struct json *entry, struct need *need)
{
    const struct json *auth = json_get(entry, "auth");
    const struct json *said = json_type(auth) == JSON_OBJECT ? auth : entry;
    struct str type = json_string(json_get(said, "auth_type"));

    if (str_is_none(type) && said == auth)
        type = json_string(json_get(said, "type"));
    if (str_eq(type, STR("none"))) {
        need->type = "none";
        return true;
    }
    if (str_eq(type, STR("api_key"))) {
        need->type = "api_key";
        need->names = texts_of(arena, json_get(said, "required_env_vars"), &need->count);
        return need->count > 0;
    }
    if (!str_eq(type, STR("oauth")))
        return false;
    need->type = "oauth";
    need->provider = json_string(json_get(said, "auth_provider"));
    if (str_is_none(need->provider))
        need->provider = json_string(json_get(said, "provider"));
    need->names = texts_of(arena, json_get(said, "scopes"), &need->count);
    return true;
}

static bool need_of_server(const struct server_auths *servers, struct str url, struct need *need)
{
    for (size_t i = 0; i < servers->count; i++) {
        const struct server_auth *server = &servers->list[i];

        if (!tools_url_eq(server->url, url))
            continue;
        if (!server->is_oauth && server->count == 0)
            continue;
        need->type = server->is_oauth ? "oauth" : "api_key";
        need->provider = server->provider;
        need->names = server->names;
        need->count = server->count;
        return true;
    }
    return false;
}

/* ---- the list ---- */

struct listing {
    struct arena *arena;
    const struct server_auths *servers;
    struct json_writer out;
    struct tool_entry seen[TOOLS_MAX];
    size_t count;
};

static void put_names(struct json_writer *w, const char *key, const struct need *need)
{
    json_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < need->count; i++)
        json_str_out(w, need->names[i]);
    json_end_array(w);
}

/* Two servers may have a tool of the same name: then each says whose it is. */
static void put_tool(struct listing *l, const struct tool_entry *tool, bool name_is_taken)
{
    struct need need = {.type = "none"};

    if (!need_of_entry(l->arena, tool->json, &need) &&
        !need_of_server(l->servers, tool->server_url, &need) &&
        !need_of_known(l->arena, tool->name, &need))
        need = (struct need){.type = "none"};
    json_begin_object(&l->out);
    json_put_str(&l->out, "tool_name", tool->name);
    json_put_str(&l->out, "auth_type", str_of(need.type));
    if (str_eq(str_of(need.type), STR("api_key")))
        put_names(&l->out, "required_env_vars", &need);
    if (str_eq(str_of(need.type), STR("oauth"))) {
        json_put_str(&l->out, "auth_provider", need.provider);
        put_names(&l->out, "scopes", &need);
    }
    if (name_is_taken)
        json_put_str(&l->out, "mcp_server_url", tool->server_url);
    json_end_object(&l->out);
}

static void add_tool(struct listing *l, const struct tool_entry *tool)
{
    bool name_is_taken = false;

    for (size_t i = 0; i < l->count; i++) {
        if (!str_eq(l->seen[i].name, tool->name))
            continue;
        if (tools_url_eq(l->seen[i].server_url, tool->server_url))
            return;
        name_is_taken = true;
    }
    if (l->count == TOOLS_MAX)
        return;
    l->seen[l->count++] = *tool;
    put_tool(l, tool, name_is_taken);
}

static void add_file(struct listing *l, const struct tree_file *file)
{
    struct tool_entries tools;
    struct str why;

    if (tools_parse(l->arena, file->content, &tools, &why))
        return; /* agent_files_check lets no such file in */
    for (size_t i = 0; i < tools.count; i++)
        add_tool(l, &tools.list[i]);
}

struct str tool_auth_requirements(struct arena *arena, const struct tree_files *files,
                                  const struct server_auths *servers)
{
    struct listing *l = ARENA_NEW(arena, struct listing);
    struct str text;
    struct buf out;

    l->arena = arena;
    l->servers = servers;
    buf_init(&out, REQUIREMENTS_BYTES_MAX);
    json_writer_init(&l->out, &out);
    json_begin_array(&l->out);
    /* The agent's own first, then its sub-agents'. */
    for (size_t i = 0; i < files->count; i++)
        if (str_eq(files->list[i].path, TOOLS_PATH))
            add_file(l, &files->list[i]);
    for (size_t i = 0; i < files->count; i++)
        if (str_starts(files->list[i].path, STR("subagents/")) &&
            str_eq(file_path_name(files->list[i].path), TOOLS_PATH))
            add_file(l, &files->list[i]);
    json_end_array(&l->out);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}
