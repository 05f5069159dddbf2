/* reload.c -- see reload.h. Settings are compared as `config print` writes them. */
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

static bool secrets_differ(const struct config *old, const struct config *new)
{
    if (old->secret_count != new->secret_count)
        return true;
    for (size_t i = 0; i < old->secret_count; i++)
        if (!str_eq(old->signing_secrets[i], new->signing_secrets[i]))
            return true;
    return false;
}

static bool setting_differs(const struct setting *setting, const struct config *old,
                            const struct config *new)
{
    struct buf before, after;
    bool differs;

    if (setting->type == SETTING_SECRETS)
        return secrets_differ(old, new);
    if (setting->type == SETTING_SECRET) {
        size_t at = setting->offset;

        return !str_eq(str_of(*(const char *const *)(const void *)((const char *)old + at)),
                       str_of(*(const char *const *)(const void *)((const char *)new + at)));
    }
    if (setting->type == SETTING_STORE)
        return !str_eq(str_of(old->store_url), str_of(new->store_url));
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

/* The members of an object of the file that differ, each told once: `prefix` is "", or "http.". */
static void compare_members(struct str old, struct str new, const char *prefix,
                            struct reload_difference *difference)
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
            if (is_live_member(str_of(name)))
                add_name(&difference->live, str_of(name));
            else if (!is_compared_apart(str_of(name)))
                add_name(&difference->waiting, str_of(name));
        }
    }
}

/* The file's other members. */
static void compare_file(const struct config *old, const struct config *new,
                         struct reload_difference *difference)
{
    compare_members(old->file_text, new->file_text, "", difference);
    compare_members(object_or_empty(json_raw(old->file_text, STR("http"))),
                    object_or_empty(json_raw(new->file_text, STR("http"))), "http.", difference);
}

void reload_compare(const struct config *old, const struct config *new,
                    struct reload_difference *difference)
{
    struct arena arena;

    buf_init(&difference->live, NAMES_BYTES_MAX);
    buf_init(&difference->waiting, NAMES_BYTES_MAX);
    arena_init(&arena);
    for (size_t i = 0; i < setting_count; i++) {
        struct str name = setting_name(&settings[i], &arena);

        if (setting_differs(&settings[i], old, new))
            add_name(is_live(name) ? &difference->live : &difference->waiting, name);
    }
    arena_release(&arena);
    compare_file(old, new, difference);
}

void reload_difference_release(struct reload_difference *difference)
{
    buf_release(&difference->live);
    buf_release(&difference->waiting);
}
