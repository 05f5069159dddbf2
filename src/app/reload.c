/* reload.c -- see reload.h. Settings are compared as `config print` writes them; what it masks, by
 * its value, and only names are told. */
#include "app/reload.h"

#include "app/config_priv.h"

#define NAMES_BYTES_MAX (64 * KIB)
#define VALUE_BYTES_MAX MIB

static bool is_live(struct str name)
{
    static const char *const live[] = {"log_level",   "log.*",       "heartbeat_s", "egress.allow",
                                       "retention.*", "inspector.*", "limits.*",    "http.*",
                                       "tls.cert",    "tls.key"};

    if (str_eq(name, STR("http.header_bytes_max"))) /* buffers have this size */
        return false;
    for (size_t i = 0; i < ARRAY_LEN(live); i++) {
        struct str pattern = str_of(live[i]);

        if (str_ends(pattern, STR("*")) ? str_starts(name, str_first(pattern, pattern.len - 1))
                                        : str_eq(name, pattern))
            return true;
    }
    return false;
}

/* Of the file, besides our own settings. */
static bool is_live_member(struct str name)
{
    return str_eq(name, STR("webhooks")) || str_eq(name, STR("http.cors"));
}

static bool is_compared_apart(struct str name)
{
    return str_eq(name, STR("runbell")) || str_eq(name, STR("http"));
}

static void add_name(struct buf *names, struct str name)
{
    if (names->len)
        buf_add_cstr(names, ", ");
    buf_add(names, name);
}

static bool lists_differ(const struct str *old, size_t old_count, const struct str *new,
                         size_t new_count)
{
    if (old_count != new_count)
        return true;
    for (size_t i = 0; i < old_count; i++)
        if (!str_eq(old[i], new[i]))
            return true;
    return false;
}

static bool headers_differ(const struct http_header *old, size_t old_count,
                           const struct http_header *new, size_t new_count)
{
    if (old_count != new_count)
        return true;
    for (size_t i = 0; i < old_count; i++)
        if (!str_eq(old[i].name, new[i].name) || !str_eq(old[i].value, new[i].value))
            return true;
    return false;
}

static struct str text_of(const struct setting *setting, const struct config *config)
{
    return str_of(*(const char *const *)(const void *)((const char *)config + setting->offset));
}

/* Shown they are all alike, so the values themselves are compared. */
static bool secret_differs(const struct setting *setting, const struct config *old,
                           const struct config *new)
{
    if (setting->type == SETTING_SECRETS)
        return lists_differ(old->signing_secrets, old->secret_count, new->signing_secrets,
                            new->secret_count);
    if (setting->type == SETTING_HEADERS)
        return headers_differ(old->upstream.headers, old->upstream.header_count,
                              new->upstream.headers, new->upstream.header_count);
    return !str_eq(text_of(setting, old), text_of(setting, new));
}

static bool setting_differs(const struct setting *setting, const struct config *old,
                            const struct config *new)
{
    struct buf before, after;
    bool differs;

    if (setting_is_secret(setting))
        return secret_differs(setting, old, new);
    buf_init(&before, VALUE_BYTES_MAX);
    buf_init(&after, VALUE_BYTES_MAX);
    config_write_value(setting, old, &before);
    config_write_value(setting, new, &after);
    differs = !str_eq(buf_str(&before), buf_str(&after));
    buf_release(&before);
    buf_release(&after);
    return differs;
}

static struct str object_or_empty(struct str text)
{
    return text.len > 0 && text.data[0] == '{' ? text : STR("{}");
}

/* One of the two lists, while it is made: what can change at run time, or what cannot. */
struct half {
    const struct config *old, *new;
    struct buf *names;
    bool is_live;
};

static void add_if(const struct half *half, bool is_live_name, struct str name)
{
    if (is_live_name == half->is_live)
        add_name(half->names, name);
}

/* The members of an object of the file that differ, each told once: `prefix` is "", or "http.". */
static void compare_members(const struct half *half, struct str old, struct str new,
                            const char *prefix)
{
    const struct str texts[] = {old, new};
    struct str key, value;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        size_t position = 0;

        while (json_raw_next(texts[i], &position, &key, &value)) {
            struct str other = json_raw(texts[1 - i], key);
            char name[128];

            if (str_eq(value, other) || (i == 1 && !str_is_none(other))) /* told already */
                continue;
            snprintf(name, sizeof(name), "%s%.*s", prefix, STR_ARG(key));
            if (!is_compared_apart(str_of(name)))
                add_if(half, is_live_member(str_of(name)), str_of(name));
        }
    }
}

/* The file's other members. */
static void compare_file(const struct half *half)
{
    struct str old = half->old->file_text, new = half->new->file_text;

    compare_members(half, old, new, "");
    compare_members(half, object_or_empty(json_raw(old, STR("http"))),
                    object_or_empty(json_raw(new, STR("http"))), "http.");
}

static bool environments_differ(const char *const *old, const char *const *new)
{
    while (*old && *new &&strcmp(*old, *new) == 0) {
        old++;
        new ++;
    }
    return *old || *new;
}

static bool is_told(const struct config *old, const struct config *new, const char *member)
{
    return !str_eq(json_raw(old->file_text, str_of(member)),
                   json_raw(new->file_text, str_of(member)));
}

/* The file may be the same, and what its `env` names another: variables of workers, and of headers
 * of webhooks. */
static void compare_variables(const struct half *half)
{
    const struct config *old = half->old, *new = half->new;

    if (!is_told(old, new, "webhooks") &&
        headers_differ(old->webhooks.headers, old->webhooks.header_count, new->webhooks.headers,
                       new->webhooks.header_count))
        add_if(half, true, STR("webhooks"));
    if (!is_told(old, new, "env") && environments_differ(old->worker_env, new->worker_env))
        add_if(half, false, STR("env"));
}

static void compare(const struct half *half)
{
    struct arena arena;

    arena_init(&arena);
    for (size_t i = 0; i < setting_count; i++) {
        struct str name = setting_name(&settings[i], &arena);

        if (is_live(name) == half->is_live && setting_differs(&settings[i], half->old, half->new))
            add_name(half->names, name);
    }
    arena_release(&arena);
    compare_file(half);
    compare_variables(half);
}

void reload_compare(const struct config *start, const struct config *last, const struct config *new,
                    struct reload_difference *difference)
{
    const struct half live = {last, new, &difference->live, true};
    const struct half waiting = {start, new, &difference->waiting, false};

    buf_init(&difference->live, NAMES_BYTES_MAX);
    buf_init(&difference->waiting, NAMES_BYTES_MAX);
    compare(&live);
    compare(&waiting);
}

void reload_difference_release(struct reload_difference *difference)
{
    buf_release(&difference->live);
    buf_release(&difference->waiting);
}
