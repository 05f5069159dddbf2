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

/* The file's other members: only the webhooks' can change at run time. */
static void compare_file(const struct config *old, const struct config *new,
                         struct reload_difference *difference)
{
    const struct config *files[] = {old, new};
    struct str key, value;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct str here = files[i]->file_text, there = files[1 - i]->file_text;
        size_t position = 0;

        while (json_raw_next(here, &position, &key, &value)) {
            struct str other = json_raw(there, key);
            bool is_webhooks = str_eq(key, STR("webhooks"));

            if (str_eq(key, STR("runbell")) || str_eq(value, other) ||
                (i == 1 && !str_is_none(other))) /* told already */
                continue;
            add_name(is_webhooks ? &difference->live : &difference->waiting, key);
        }
    }
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
