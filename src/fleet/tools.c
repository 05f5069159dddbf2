/* tools.c -- reads tools.json, and finds what interrupt_config says of a tool. */
#include "fleet/tools.h"

#define NAME_BYTES_MAX 256
#define URL_BYTES_MAX 2048

/* ---- reading ---- */

static enum err refuse(struct arena *arena, struct str *why, size_t index, const char *words)
{
    *why = arena_printf(arena, "tools[%zu] %s", index, words);
    return ERR_INVALID;
}

static bool is_http(struct str url)
{
    return str_starts_nocase(url, STR("http://")) || str_starts_nocase(url, STR("https://"));
}

static enum err entry_parse(struct arena *arena, size_t index, const struct json *json,
                            struct tool_entry *entry, struct str *why)
{
    const struct json *name = json_get(json, "name"), *url = json_get(json, "mcp_server_url");

    *entry = (struct tool_entry){.name = json_string(name),
                                 .server_url = json_string(url),
                                 .server_name = json_string(json_get(json, "mcp_server_name")),
                                 .json = json};
    if (json_type(json) != JSON_OBJECT)
        return refuse(arena, why, index, "must be an object");
    if (str_is_empty(entry->name) || entry->name.len > NAME_BYTES_MAX)
        return refuse(arena, why, index, "must have a name of 1 to 256 bytes");
    if (str_is_empty(entry->server_url) || entry->server_url.len > URL_BYTES_MAX ||
        !is_http(entry->server_url))
        return refuse(arena, why, index, "must have an mcp_server_url with http or https");
    return OK;
}

static enum err interrupts_check(struct arena *arena, const struct json *interrupts,
                                 struct str *why)
{
    struct json_iter iter = json_iter(interrupts);
    const struct json *value;
    struct str key;

    if (json_is_absent(interrupts))
        return OK;
    if (json_type(interrupts) != JSON_OBJECT) {
        *why = STR("interrupt_config must be an object");
        return ERR_INVALID;
    }
    while (json_next(&iter, &key, &value)) {
        if (json_type(value) == JSON_BOOL)
            continue;
        *why = arena_printf(arena, "interrupt_config: \"%.*s\" must be true or false",
                            STR_ARG(str_first(key, 200)));
        return ERR_INVALID;
    }
    return OK;
}

static enum err list_parse(struct arena *arena, const struct json *list, struct tool_entries *tools,
                           struct str *why)
{
    size_t count = json_count(list);
    enum err err = OK;

    if (json_is_absent(list))
        return OK;
    if (json_type(list) != JSON_ARRAY || count > TOOLS_MAX) {
        *why = STR("tools must be an array of at most 200 tools");
        return ERR_INVALID;
    }
    tools->list = ARENA_ARRAY(arena, struct tool_entry, count + 1);
    for (size_t i = 0; !err && i < count; i++)
        err = entry_parse(arena, i, json_item(list, i), &tools->list[i], why);
    tools->count = count;
    return err;
}

enum err tools_parse(struct arena *arena, struct str text, struct tool_entries *tools,
                     struct str *why)
{
    struct tool_entries found = {.count = 0};
    const struct json *root;
    struct json_error error;
    enum err err;

    if (json_parse(arena, str_trim(text), &root, &error)) {
        *why =
            arena_printf(arena, "is not valid JSON: %s at byte %zu", error.reason, error.position);
        return ERR_INVALID;
    }
    if (json_type(root) != JSON_OBJECT) {
        *why = STR("must be an object");
        return ERR_INVALID;
    }
    found.interrupts = json_get(root, "interrupt_config");
    if (!(err = list_parse(arena, json_get(root, "tools"), &found, why)) &&
        !(err = interrupts_check(arena, found.interrupts, why)))
        *tools = found;
    return err;
}

/* ---- interrupt_config ---- */

static struct str without_slash(struct str url)
{
    while (str_ends(url, STR("/")))
        url.len--;
    return url;
}

bool tools_url_eq(struct str a, struct str b)
{
    return str_eq_nocase(without_slash(a), without_slash(b));
}

/* "url::tool" or "url::tool::more": is it this tool's? */
static bool key_is_of(struct str key, const struct tool_entry *tool)
{
    size_t at = str_find(key, STR("::"));
    struct str rest;

    if (at == key.len)
        return str_eq(key, tool->name);
    if (!tools_url_eq(str_first(key, at), tool->server_url))
        return false;
    rest = str_from(key, at + 2);
    return str_eq(str_first(rest, str_find(rest, STR("::"))), tool->name);
}

bool tools_asks(const struct tool_entries *tools, const struct tool_entry *tool)
{
    struct json_iter iter = json_iter(tools->interrupts);
    const struct json *value;
    struct str key;

    while (json_next(&iter, &key, &value))
        if (json_bool(value, false) && key_is_of(key, tool))
            return true;
    return false;
}

static void add_missing(struct json_writer *json, const struct tool_entries *tools)
{
    for (size_t i = 0; i < tools->count; i++) {
        const struct tool_entry *tool = &tools->list[i];
        bool is_told = json_get_str(tools->interrupts, tool->name) != NULL;

        for (size_t before = 0; before < i && !is_told; before++)
            is_told = str_eq(tools->list[before].name, tool->name) &&
                      tools_asks(tools, &tools->list[before]);
        if (is_told || !tools_asks(tools, tool))
            continue;
        json_key_str(json, tool->name);
        json_bool_out(json, true);
    }
}

struct str tools_with_bare_keys(struct arena *arena, struct str text)
{
    struct str interrupts = json_raw(text, STR("interrupt_config")), inside, added, why;
    struct tool_entries tools;
    struct json_writer json;
    struct buf out;

    if (str_is_none(interrupts) || tools_parse(arena, text, &tools, &why) ||
        json_count(tools.interrupts) == 0)
        return text;
    buf_init(&out, TOOLS_MAX * KIB);
    json_writer_init(&json, &out);
    add_missing(&json, &tools);
    added = arena_str(arena, buf_str(&out));
    buf_release(&out);
    if (added.len == 0)
        return text;
    /* Before the blanks and the brace at the end of the object. */
    inside = str_trim(str_first(interrupts, interrupts.len - 1));
    const size_t cut = (size_t)(inside.data + inside.len - text.data);
    const struct str parts[] = {str_first(text, cut), STR(", "), added, str_from(text, cut)};

    return arena_concat(arena, parts, ARRAY_LEN(parts));
}
