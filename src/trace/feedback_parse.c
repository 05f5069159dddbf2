/* Feedback from JSON, and back. */
#include "trace/feedback_parse.h"

#include "trace/span.h"
#include "trace/span_parse.h"

struct reader {
    struct arena *arena;
    struct str text; /* without \u0000 */
    const struct json *root;
    struct str *why;
};

static enum err refuse(const struct reader *r, const char *key, const char *words)
{
    *r->why = arena_printf(r->arena, "%s: %s", key, words);
    return ERR_INVALID;
}

/* NULL: absent or null. */
static const struct json *member(const struct reader *r, const char *key)
{
    const struct json *value = json_get(r->root, key);

    return json_is_null(value) ? NULL : value;
}

static enum err text_read(const struct reader *r, const char *key, struct str *text)
{
    const struct json *value = member(r, key);

    if (value && json_type(value) != JSON_STRING)
        return refuse(r, key, "must be a text");
    if (value)
        *text = json_string(value);
    return OK;
}

static enum err id_read(const struct reader *r, const char *key, bool *is_there, struct uuid *id)
{
    const struct json *value = member(r, key);

    if (value && uuid_parse_loose(json_string(value), id))
        return refuse(r, key, "must be a UUID");
    *is_there = *is_there || value;
    return OK;
}

/* As it is written; no list, which the clients could not read. */
static enum err raw_read(const struct reader *r, const char *key, struct str *raw)
{
    const struct json *value = member(r, key);

    if (json_type(value) == JSON_ARRAY)
        return refuse(r, key, "must not be a list");
    if (value)
        *raw = json_raw(r->text, str_of(key));
    return OK;
}

static enum err correction_read(const struct reader *r, struct str *correction)
{
    const struct json *value = member(r, "correction");

    if (value && json_type(value) != JSON_OBJECT && json_type(value) != JSON_STRING)
        return refuse(r, "correction", "must be an object or a text");
    return raw_read(r, "correction", correction);
}

static enum err object_read(const struct reader *r, const char *key, struct str *raw)
{
    const struct json *value = member(r, key);

    if (value && json_type(value) != JSON_OBJECT)
        return refuse(r, key, "must be an object");
    return raw_read(r, key, raw);
}

static enum err time_read(const struct reader *r, const char *key, int64_t *wall_us)
{
    const struct json *value = member(r, key);

    if (value && span_parse_time(value, wall_us))
        return refuse(r, key, "must be a time");
    return OK;
}

static enum err score_read(const struct reader *r, struct feedback_row *row)
{
    const struct json *value = member(r, "score");

    if (!value)
        return OK;
    if (json_type(value) != JSON_NUMBER && json_type(value) != JSON_BOOL)
        return refuse(r, "score", "must be a number or a bool");
    row->has_score = true;
    row->score_is_bool = json_type(value) == JSON_BOOL;
    row->score = row->score_is_bool ? json_bool(value, false) : json_double(value, 0);
    return OK;
}

static enum err key_read(const struct reader *r, struct feedback_row *row)
{
    size_t chars = 0;
    enum err err = text_read(r, "key", &row->key);

    if (err)
        return err;
    for (size_t i = 0; i < row->key.len; i++)
        chars += ((unsigned char)row->key.data[i] & 0xc0) != 0x80;
    if (chars == 0 || chars > FEEDBACK_KEY_CHARS_MAX)
        return refuse(r, "key", "must have 1 to 180 characters");
    return OK;
}

static bool is_of(const struct json *value, enum json_type type)
{
    return !value || json_is_null(value) || json_type(value) == type;
}

/* What says no type comes from the API. */
static struct str with_api_type(struct arena *arena, struct str source)
{
    struct str text;
    struct buf out;

    buf_init(&out, source.len + 32);
    json_merge(&out, source, STR("{\"type\":\"api\"}"));
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static enum err source_read(const struct reader *r, struct feedback_row *row)
{
    const struct json *source = member(r, "feedback_source");
    enum err err = object_read(r, "feedback_source", &row->source);

    row->source_type = STR("api");
    if (err || !source) {
        row->source = STR("{\"type\":\"api\",\"metadata\":{}}");
        return err;
    }
    if (!is_of(json_get(source, "type"), JSON_STRING))
        return refuse(r, "feedback_source", "type must be a text: app, api, model or auto_eval");
    if (!is_of(json_get(source, "metadata"), JSON_OBJECT))
        return refuse(r, "feedback_source", "metadata must be an object");
    if (json_type(json_get(source, "type")) == JSON_STRING)
        row->source_type = json_string(json_get(source, "type"));
    else
        row->source = with_api_type(r->arena, row->source);
    return OK;
}

static bool are_categories(const struct json *list)
{
    struct json_iter iter = json_iter(list);
    const struct json *item;

    if (!is_of(list, JSON_ARRAY))
        return false;
    while (json_type(list) == JSON_ARRAY && json_next(&iter, NULL, &item))
        if (json_type(item) != JSON_OBJECT || !is_of(json_get(item, "value"), JSON_NUMBER) ||
            !is_of(json_get(item, "label"), JSON_STRING))
            return false;
    return true;
}

const char *feedback_config_problem(const struct json *config)
{
    static const char *const types[] = {"continuous", "categorical", "freeform"};
    struct str type = json_string(json_get(config, "type"));
    bool is_known = false;

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        is_known = is_known || str_eq(type, str_of(types[i]));
    if (!is_known)
        return "type must be continuous, categorical or freeform";
    if (!is_of(json_get(config, "min"), JSON_NUMBER) ||
        !is_of(json_get(config, "max"), JSON_NUMBER))
        return "min and max must be numbers";
    return are_categories(json_get(config, "categories"))
               ? NULL
               : "categories must be a list of {\"value\": number, \"label\": text}";
}

/* JavaScript may write feedbackConfig. */
static enum err config_read(const struct reader *r, struct str *config)
{
    static const char *const keys[] = {"feedbackConfig", "feedback_config"};
    enum err err = OK;

    for (size_t i = 0; !err && i < ARRAY_LEN(keys); i++) {
        const char *problem = NULL;

        err = object_read(r, keys[i], config);
        if (!err && member(r, keys[i]))
            problem = feedback_config_problem(member(r, keys[i]));
        if (problem)
            err = refuse(r, keys[i], problem);
    }
    return err;
}

/* A UUID as text. */
static enum err id_text_read(const struct reader *r, const char *key, struct str *id)
{
    struct uuid_text text;
    struct uuid uuid;
    bool is_there = false;
    enum err err = id_read(r, key, &is_there, &uuid);

    if (!err && is_there)
        *id = arena_str(r->arena, uuid_write(uuid, &text));
    return err;
}

static enum err open(struct reader *r)
{
    struct json_error error;
    char *copy = arena_cstr(r->arena, r->text);

    json_scrub_nul(copy, r->text.len);
    r->text = str_range(copy, r->text.len);
    if (json_parse(r->arena, r->text, &r->root, &error)) {
        *r->why = arena_printf(r->arena, "not JSON: %s at byte %zu", error.reason, error.position);
        return ERR_INVALID;
    }
    if (json_type(r->root) == JSON_OBJECT)
        return OK;
    *r->why = STR("feedback must be an object");
    return ERR_INVALID;
}

/* What may be said first and later. */
static enum err words_read(const struct reader *r, struct feedback_draft *draft)
{
    enum err err;

    if ((err = score_read(r, &draft->row)) ||
        (err = text_read(r, "comment", &draft->row.comment)) ||
        (err = config_read(r, &draft->config)) || (err = raw_read(r, "value", &draft->row.value)))
        return err;
    return correction_read(r, &draft->row.correction);
}

static enum err place_read(const struct reader *r, struct feedback_draft *draft)
{
    struct feedback_row *row = &draft->row;
    struct uuid_text text;
    struct uuid project;
    bool has_project = false;
    enum err err;

    if ((err = id_read(r, "id", &draft->has_id, &row->feedback_id)) ||
        (err = id_read(r, "run_id", &row->has_span, &row->span_id)) ||
        (err = id_read(r, "trace_id", &row->has_trace, &row->trace_id)) ||
        (err = id_read(r, "session_id", &has_project, &project)))
        return err;
    if (has_project)
        draft->project_id = arena_str(r->arena, uuid_write(project, &text));
    if (!row->has_span && !has_project)
        return refuse(r, "run_id", "or session_id must say what the feedback is about");
    return OK;
}

enum err feedback_parse(struct arena *arena, struct str text, struct feedback_draft *draft,
                        struct str *why)
{
    struct reader r = {arena, text, NULL, why};
    struct feedback_draft read = {0};
    struct feedback_row *row = &read.row;
    enum err err;

    if ((err = open(&r)) || (err = place_read(&r, &read)) || (err = key_read(&r, row)) ||
        (err = words_read(&r, &read)) || (err = source_read(&r, row)) ||
        (err = object_read(&r, "extra", &row->extra)) ||
        (err = id_text_read(&r, "feedback_group_id", &row->group_id)) ||
        (err = id_text_read(&r, "comparative_experiment_id", &row->experiment_id)) ||
        (err = time_read(&r, "created_at", &row->created_us)) ||
        (err = time_read(&r, "start_time", &row->start_us)))
        return err;
    row->is_error = json_bool(json_get(r.root, "error"), false);
    row->does_not_keep = !json_bool(json_get(r.root, "extend_trace_retention"), true);
    *draft = read;
    return OK;
}

enum err feedback_parse_change(struct arena *arena, struct str text, struct feedback_draft *draft,
                               struct str *why)
{
    struct reader r = {arena, text, NULL, why};
    struct feedback_draft read = *draft;
    enum err err = open(&r);

    if (!err)
        err = words_read(&r, &read);
    if (!err)
        *draft = read;
    return err;
}

/* ---- out ---- */

static void id_put(struct json_writer *json, const char *key, bool is_there, struct uuid id)
{
    struct uuid_text text;

    json_put_str(json, key, is_there ? uuid_write(id, &text) : STR_NONE);
}

static void time_put(struct json_writer *json, const char *key, int64_t wall_us)
{
    struct span_time text;

    json_put_str(json, key, wall_us ? span_time_write(wall_us, &text) : STR_NONE);
}

static void score_put(struct json_writer *json, const struct feedback_row *row)
{
    json_key(json, "score");
    if (!row->has_score)
        json_null_out(json);
    else if (row->score_is_bool)
        json_bool_out(json, row->score > 0);
    else
        json_double_out(json, row->score);
}

/* As it came, with the keys that clients expect besides. */
static void source_put(struct json_writer *json, const struct feedback_row *row)
{
    static const char *const expected[] = {"metadata", "user_id", "ls_user_id", "user_name"};
    struct str name, value;
    size_t at = 0;

    json_key(json, "feedback_source");
    json_begin_object(json);
    while (json_raw_next(row->source, &at, &name, &value)) {
        json_key_raw(json, name);
        json_raw_out(json, value);
    }
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        if (str_is_none(json_raw(row->source, str_of(expected[i]))))
            json_put_null(json, expected[i]);
    json_end_object(json);
}

void feedback_json_write(struct json_writer *json, const struct feedback_row *row,
                         struct str project_id)
{
    json_begin_object(json);
    id_put(json, "id", true, row->feedback_id);
    json_put_str(json, "key", row->key);
    time_put(json, "created_at", row->created_us);
    time_put(json, "modified_at", row->modified_us);
    score_put(json, row);
    json_put_raw(json, "value", row->value);
    json_put_str(json, "comment", row->comment);
    json_put_raw(json, "correction", row->correction);
    id_put(json, "run_id", row->has_span, row->span_id);
    json_put_str(json, "session_id", project_id);
    id_put(json, "trace_id", row->has_trace, row->trace_id);
    time_put(json, "start_time", row->start_us);
    json_put_bool(json, "is_root", row->is_root);
    source_put(json, row);
    json_put_str(json, "feedback_group_id", row->group_id);
    json_put_str(json, "comparative_experiment_id", row->experiment_id);
    json_put_raw(json, "extra", row->extra);
    json_put_null(json, "feedback_thread_id");
    json_end_object(json);
}
