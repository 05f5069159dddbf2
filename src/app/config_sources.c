/* Finds the values of settings: in the file under "runbell", in variables, in flags. */
#include "app/config_priv.h"
#include "base/log.h"
#include "base/nearest.h"
#include "io/disk.h"

#define PREFIX "RUNBELL_"
#define FILE_SUFFIX "_FILE"
#define SECRET_BYTES_MAX (64 * KIB)
#define TYPO_DISTANCE_MAX 2

/* ---- the file ---- */

static const struct setting *setting_find(struct str section, struct str key)
{
    for (size_t i = 0; i < setting_count; i++)
        if (str_eq(str_of(settings[i].section), section) && str_eq(str_of(settings[i].key), key))
            return &settings[i];
    return NULL;
}

static bool is_section(struct str key)
{
    for (size_t i = 0; i < setting_count; i++)
        if (settings[i].section[0] && str_eq(str_of(settings[i].section), key))
            return true;
    return false;
}

/* What somebody meant who wrote `key` into `section`: a key of any section, or a section. */
static struct str nearest_name(struct config_reader *r, struct str section, struct str key)
{
    struct str best = STR_NONE;
    unsigned least = NEAREST_FAR + 1;

    for (size_t i = 0; i < setting_count; i++) {
        bool is_here = str_eq(str_of(settings[i].section), section);
        unsigned distance = 2 * nearest_distance(key, str_of(settings[i].key)) + !is_here;

        if (distance < least) {
            least = distance;
            best = setting_name(&settings[i], r->arena);
        }
        distance = 2 * nearest_distance(key, str_of(settings[i].section));
        if (settings[i].section[0] && str_is_empty(section) && distance < least) {
            least = distance;
            best = str_of(settings[i].section);
        }
    }
    return best;
}

static enum err refuse_unknown(struct config_reader *r, struct str section, struct str key)
{
    struct str name = nearest_name(r, section, key);

    return config_refuse(r, "%s: runbell.%.*s%s%.*s is not known; did you mean runbell.%.*s?",
                         r->file, STR_ARG(section), section.len ? "." : "", STR_ARG(key),
                         STR_ARG(name));
}

static enum err read_member(struct config_reader *r, struct str section, struct str key,
                            const struct json *json)
{
    const struct setting *setting = setting_find(section, key);
    struct setting_value value = {.base_dir = r->config->project_dir};
    enum err err;

    if (!setting)
        return refuse_unknown(r, section, key);
    if (json_is_null(json))
        return OK;
    value.origin = arena_printf(r->arena, "%s: runbell.%.*s", r->file,
                                STR_ARG(setting_name(setting, r->arena)));
    err = setting_from_json(r, setting, json, &value);
    return err ? err : setting_apply(r, setting, &value);
}

static enum err read_section(struct config_reader *r, struct str section, const struct json *object)
{
    struct json_iter iter = json_iter(object);
    const struct json *value;
    struct str key;
    enum err err = OK;

    if (json_is_null(object))
        return OK;
    if (json_type(object) != JSON_OBJECT)
        return config_refuse(r, "%s: runbell%s%.*s must be an object, not %s", r->file,
                             section.len ? "." : "", STR_ARG(section),
                             json_type_name(json_type(object)));
    while (!err && json_next(&iter, &key, &value)) {
        if (str_is_empty(section) && is_section(key))
            err = read_section(r, key, value);
        else
            err = read_member(r, section, key, value);
    }
    return err;
}

/* ---- variables ---- */

static struct str variable_of(const struct setting *setting, struct arena *arena)
{
    struct str name = arena_printf(arena, PREFIX "%s%s%s", setting->section,
                                   setting->section[0] ? "_" : "", setting->key);
    char *text = arena_cstr(arena, name);

    for (size_t i = 0; i < name.len; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
    return str_range(text, name.len);
}

/* Without memory: compares as variable_of would write it. */
static bool is_variable_of(const struct setting *setting, struct str name)
{
    const struct str pieces[] = {STR(PREFIX), str_of(setting->section),
                                 str_of(setting->section[0] ? "_" : ""), str_of(setting->key)};

    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        if (!str_eq_nocase(str_first(name, pieces[i].len), pieces[i]))
            return false;
        name = str_from(name, pieces[i].len);
    }
    return str_is_empty(name) || (setting_is_secret(setting) && str_eq(name, STR(FILE_SUFFIX)));
}

bool setting_is_variable(struct str name)
{
    for (size_t i = 0; i < setting_count; i++)
        if (is_variable_of(&settings[i], name))
            return true;
    return false;
}

static enum err read_text(struct config_reader *r, const struct setting *setting, struct str text,
                          struct str origin)
{
    struct setting_value value = {.origin = origin, .base_dir = r->sources->working_dir};
    enum err err = setting_from_text(r, setting, text, &value);

    return err ? err : setting_apply(r, setting, &value);
}

/* RUNBELL_STORE_FILE=/run/secrets/store: the value stands in that file. */
static enum err read_secret_file(struct config_reader *r, const struct setting *setting,
                                 struct str name)
{
    struct str variable = arena_printf(r->arena, "%.*s" FILE_SUFFIX, STR_ARG(name));
    struct str path = env_find_process(&r->env, variable), text;
    enum err err;

    if (str_is_none(path) || str_is_empty(path))
        return OK;
    err = config_read_file(r, config_path(r->arena, r->sources->working_dir, path),
                           SECRET_BYTES_MAX, &text);
    if (err)
        return config_refuse(r, "%.*s names the file %.*s, which cannot be read; name another one",
                             STR_ARG(variable), STR_ARG(path));
    return read_text(r, setting, text, variable);
}

/* An empty variable counts as none: that is how compose files leave one out. */
static enum err read_variables(struct config_reader *r, const struct setting *setting)
{
    struct str name = variable_of(setting, r->arena), text;
    enum err err = OK;

    if (setting->alias) {
        text = env_find_process(&r->env, str_of(setting->alias));
        if (!str_is_none(text) && !str_is_empty(text))
            err = read_text(r, setting, text, str_of(setting->alias));
    }
    if (!err && setting_is_secret(setting))
        err = read_secret_file(r, setting, name);
    text = env_find_process(&r->env, name);
    if (!err && !str_is_none(text) && !str_is_empty(text))
        err = read_text(r, setting, text, name);
    return err;
}

/* Others may have variables of this prefix (a build, a cluster), so a foreign name is no error. */
static void warn_of_typo(struct config_reader *r, struct str name)
{
    if (!str_starts(name, STR(PREFIX)) || setting_is_variable(name))
        return;
    for (size_t i = 0; i < setting_count; i++) {
        struct str known = variable_of(&settings[i], r->arena);

        if (nearest_distance(name, known) > TYPO_DISTANCE_MAX)
            continue;
        log_warn("config", "the variable %.*s is not known and is ignored; did you mean %.*s?",
                 STR_ARG(name), STR_ARG(known));
        return;
    }
}

static void warn_of_typos(struct config_reader *r)
{
    for (size_t i = 0; r->env.process && r->env.process[i]; i++) {
        struct str entry = str_of(r->env.process[i]);

        warn_of_typo(r, str_first(entry, str_find_char(entry, '=')));
    }
    for (size_t i = 0; i < r->env.added_count; i++)
        warn_of_typo(r, r->env.added[i].name);
}

/* ---- flags ---- */

/* "tls.cert" is written --tls-cert. */
static struct str flag_of(struct config_reader *r, const char *name)
{
    struct str text = arena_printf(r->arena, "--%s", name);
    char *written = arena_cstr(r->arena, text);

    for (size_t i = 0; i < text.len; i++)
        if (written[i] == '.' || written[i] == '_')
            written[i] = '-';
    return str_range(written, text.len);
}

static enum err read_flag(struct config_reader *r, const struct config_flag *flag)
{
    struct str rest = str_of(flag->name), section = STR(""), key;
    size_t dot = str_find_char(rest, '.');
    const struct setting *setting;

    key = rest;
    if (dot < rest.len) {
        section = str_first(rest, dot);
        key = str_from(rest, dot + 1);
    }
    setting = setting_find(section, key);
    if (!setting)
        return config_refuse(
            r, "%.*s is not known; did you mean %.*s?", STR_ARG(flag_of(r, flag->name)),
            STR_ARG(flag_of(r, arena_cstr(r->arena, nearest_name(r, section, key)))));
    return read_text(r, setting, str_of(flag->value), flag_of(r, flag->name));
}

/* ---- all ---- */

/* What systemd's LoadCredential= gave; NULL: nothing of this name. */
static const char *find_credential(struct config_reader *r, const char *name)
{
    struct str folder = env_find_process(&r->env, STR("CREDENTIALS_DIRECTORY"));
    const char *path;

    if (str_is_none(folder) || str_is_empty(folder))
        return NULL;
    path = arena_cstr(r->arena, arena_printf(r->arena, "%.*s/%s", STR_ARG(folder), name));
    return r->sources->disk->exists(r->sources->disk, path) ? path : NULL;
}

static enum err check_together(struct config_reader *r)
{
    struct config *config = r->config;
    struct str why = STR_NONE;

    if (!config->tls_cert != !config->tls_key)
        return config_refuse(r, "tls.%s is set and tls.%s is not; HTTPS needs both",
                             config->tls_cert ? "cert" : "key", config->tls_cert ? "key" : "cert");
    if (config->proxy_login && !config->proxy)
        return config_refuse(r, "egress.proxy_login is set and egress.proxy is not");
    if (config->upstream.header_count > 0 && !config->upstream_url)
        return config_refuse(r, "upstream_headers is set and upstream is not");
    if (s3_settings_check(&config->blobs, r->arena, &why))
        return config_refuse(r, "%.*s", STR_ARG(why));
    config->egress.dev = config->dev;
    if (!config->secret_key_file)
        config->secret_key_file = find_credential(r, "runbell-secret-key");
    return OK;
}

enum err config_read_settings(struct config_reader *r)
{
    const struct json *ours = json_get(r->root, "runbell");
    enum err err = ours ? read_section(r, STR(""), ours) : OK;

    for (size_t i = 0; !err && i < setting_count; i++)
        err = read_variables(r, &settings[i]);
    for (size_t i = 0; !err && i < r->sources->flag_count; i++)
        err = read_flag(r, &r->sources->flags[i]);
    if (!err)
        warn_of_typos(r);
    return err ? err : check_together(r);
}
