/* settings.c -- reads the three shapes of config.json, writes the one that holds them all. */
#include "fleet/settings.h"

#include "base/json.h"

#define CONFIG_BYTES_MAX MIB

/* ---- reading ---- */

/* The first of these that is there, null or not. */
static const struct json *first_of(const struct json *a, const struct json *b, const struct json *c)
{
    return a ? a : b ? b : c;
}

static const char *take_text(const struct json *value, struct str *text, const char *wrong)
{
    if (json_is_absent(value))
        return NULL;
    if (json_type(value) != JSON_STRING)
        return wrong;
    *text = json_string(value);
    return NULL;
}

static const char *take_word(const struct json *value, const char *const *words, struct str *text,
                             const char *wrong)
{
    struct str word = STR_NONE;

    if (take_text(value, &word, wrong))
        return wrong;
    if (str_is_none(word))
        return NULL;
    if (!str_is_one_of(word, words))
        return wrong;
    *text = word;
    return NULL;
}

static void take_flag(const struct json *value, enum setting *flag)
{
    if (json_type(value) == JSON_BOOL)
        *flag = json_bool(value, false) ? SETTING_YES : SETTING_NO;
}

/* A model is an id, or an object with one. */
static const char *take_model(const struct json *root, const struct json *configurable,
                              struct str *model_id)
{
    const struct json *nested = json_get(configurable, "llm_model_config");
    const struct json *model =
        first_of(json_get(root, "model"), json_get(json_get(root, "runtime"), "model"), NULL);

    if (json_type(model) == JSON_OBJECT)
        model = first_of(json_get(model, "model_id"), json_get(model, "id"), NULL);
    return take_text(first_of(json_get(nested, "modelId"), model, NULL), model_id,
                     "model must be a text, or an object with an id");
}

static const char *take_sharing(const struct json *root, const struct json *configurable,
                                struct agent_settings *s)
{
    static const char *const visibilities[] = {"tenant", "user", NULL};
    static const char *const accesses[] = {"read", "run", "write", NULL};
    const struct json *permissions = json_get(root, "permissions");
    const char *wrong =
        take_word(first_of(json_get(root, "visibility_scope"), json_get(permissions, "visibility"),
                           json_get(configurable, "visibility_scope")),
                  visibilities, &s->visibility, "visibility_scope must be tenant or user");

    return wrong ? wrong
                 : take_word(json_get(permissions, "tenant_access_level"), accesses, &s->access,
                             "permissions.tenant_access_level must be read, run or write");
}

static const char *take_all(const struct json *root, struct agent_settings *s)
{
    const struct json *configurable = json_get(json_get(root, "config"), "configurable");
    const char *wrong;

    if ((wrong = take_text(json_get(root, "name"), &s->name, "name must be a text")) ||
        (wrong = take_text(json_get(root, "description"), &s->description,
                           "description must be a text")) ||
        (wrong = take_sharing(root, configurable, s)) ||
        (wrong = take_model(root, configurable, &s->model_id)))
        return wrong;
    take_flag(first_of(json_get(root, "triggers_paused"), json_get(configurable, "triggers_paused"),
                       NULL),
              &s->triggers_paused);
    take_flag(json_get(configurable, "skip_memory_write_protection"), &s->skips_memory_protection);
    if (!str_is_none(s->name) && (str_trim(s->name).len == 0 || s->name.len > AGENT_NAME_BYTES_MAX))
        return "name must have 1 to 200 bytes";
    if (s->description.len > AGENT_DESCRIPTION_BYTES_MAX)
        return "description must have at most 4096 bytes";
    return NULL;
}

enum err settings_read(struct arena *arena, struct str text, struct agent_settings *settings,
                       struct str *why)
{
    struct agent_settings found = {.triggers_paused = SETTING_UNSAID,
                                   .skips_memory_protection = SETTING_UNSAID};
    const struct json *root;
    struct json_error error;
    const char *wrong;

    if (json_parse(arena, str_trim(text), &root, &error)) {
        *why =
            arena_printf(arena, "is not valid JSON: %s at byte %zu", error.reason, error.position);
        return ERR_INVALID;
    }
    wrong = json_type(root) == JSON_OBJECT ? take_all(root, &found) : "must be an object";
    if (wrong) {
        *why = str_of(wrong);
        return ERR_INVALID;
    }
    *settings = found;
    return OK;
}

static void take_over(struct str *text, struct str over)
{
    if (!str_is_none(over))
        *text = over;
}

void settings_apply(struct agent_settings *s, const struct agent_settings *over)
{
    take_over(&s->name, over->name);
    take_over(&s->description, over->description);
    take_over(&s->visibility, over->visibility);
    take_over(&s->access, over->access);
    take_over(&s->model_id, over->model_id);
    take_over(&s->metadata, over->metadata);
    take_over(&s->configurable, over->configurable);
    if (over->triggers_paused != SETTING_UNSAID)
        s->triggers_paused = over->triggers_paused;
    if (over->skips_memory_protection != SETTING_UNSAID)
        s->skips_memory_protection = over->skips_memory_protection;
}

/* ---- writing ---- */

static void put_said(struct json_writer *w, const char *key, struct str text)
{
    if (!str_is_none(text))
        json_put_str(w, key, text);
}

static void put_flag(struct json_writer *w, const char *key, enum setting flag)
{
    if (flag != SETTING_UNSAID)
        json_put_bool(w, key, flag == SETTING_YES);
}

static struct str merged(struct arena *arena, struct str base, struct str over)
{
    struct str text;
    struct buf out;

    buf_init(&out, 2 * CONFIG_BYTES_MAX);
    json_merge(&out, base, over);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* A member that is an object; anything else counts as none. */
static struct str object_in(struct str object, const char *key)
{
    struct str raw = str_is_none(object) ? STR_NONE : json_raw(object, str_of(key));

    return str_starts(raw, STR("{")) ? raw : STR_NONE;
}

static struct str written(struct arena *arena, struct buf *out)
{
    struct str text = arena_str(arena, buf_str(out));

    buf_release(out);
    return text;
}

static struct str model_text(struct arena *arena, struct str model_id)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, CONFIG_BYTES_MAX);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_put_str(&w, "modelId", model_id);
    json_end_object(&w);
    return written(arena, &out);
}

static struct str configurable_text(struct arena *arena, struct str old,
                                    const struct agent_settings *s)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, CONFIG_BYTES_MAX);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    if (!str_is_none(s->model_id))
        json_put_raw(
            &w, "llm_model_config",
            merged(arena, object_in(old, "llm_model_config"), model_text(arena, s->model_id)));
    put_flag(&w, "triggers_paused", s->triggers_paused);
    if (str_is_none(old) || str_is_none(json_raw(old, STR("backend_type"))))
        json_put_str(&w, "backend_type", STR("default"));
    put_flag(&w, "skip_memory_write_protection", s->skips_memory_protection);
    put_said(&w, "visibility_scope", s->visibility);
    json_end_object(&w);
    return merged(arena, merged(arena, old, s->configurable), written(arena, &out));
}

static struct str permissions_text(struct arena *arena, const struct agent_settings *s)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, CONFIG_BYTES_MAX);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_put_str(&w, "tenant_access_level", s->access);
    json_end_object(&w);
    return written(arena, &out);
}

/* What is to be said, over what stands in `base`. */
static struct str over_text(struct arena *arena, struct str base, const struct agent_settings *s)
{
    struct str config = object_in(base, "config"), configurable = object_in(config, "configurable");
    struct json_writer w;
    struct buf inner, out;

    buf_init(&inner, 2 * CONFIG_BYTES_MAX);
    json_writer_init(&w, &inner);
    json_begin_object(&w);
    json_put_raw(&w, "configurable", configurable_text(arena, configurable, s));
    json_end_object(&w);

    buf_init(&out, 2 * CONFIG_BYTES_MAX);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    put_said(&w, "name", s->name);
    put_said(&w, "description", s->description);
    put_said(&w, "visibility_scope", s->visibility);
    put_flag(&w, "triggers_paused", s->triggers_paused);
    json_put_raw(&w, "config", merged(arena, config, written(arena, &inner)));
    if (!str_is_none(s->metadata))
        json_put_raw(&w, "metadata", merged(arena, object_in(base, "metadata"), s->metadata));
    if (!str_is_none(s->access))
        json_put_raw(&w, "permissions",
                     merged(arena, object_in(base, "permissions"), permissions_text(arena, s)));
    json_end_object(&w);
    return written(arena, &out);
}

static bool says_the_same(struct arena *arena, struct str a, struct str b)
{
    const struct json *left, *right;

    return !json_parse(arena, a, &left, NULL) && !json_parse(arena, b, &right, NULL) &&
           json_equals(left, right);
}

struct str settings_write(struct arena *arena, struct str base,
                          const struct agent_settings *settings)
{
    struct str trimmed = str_trim(base), whole;
    struct buf out;

    whole = merged(arena, trimmed, over_text(arena, trimmed, settings));
    if (!str_is_none(base) && says_the_same(arena, trimmed, whole))
        return base;
    buf_init(&out, 4 * CONFIG_BYTES_MAX);
    json_pretty(&out, whole);
    if (!out.failed)
        return written(arena, &out);
    buf_release(&out); /* nested so deeply that nobody will read it */
    return whole;
}
