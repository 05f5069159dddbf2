/* span_parse.c -- fields of the row first, then the values; the draft changes only when all is
 * right. */
#include "trace/span_parse.h"

#include "base/time.h"
#include "format/dotted_order.h"
#include "format/filter.h"
#include "store/projects.h"
#include "trace/span_shape.h"
#include "trace/usage_parse.h"

#define SECONDS_BELOW 1e11
#define MS_BELOW 1e14
#define US_BELOW 253402300800e6 /* the end of 9999 */

/* One object under way. */
struct reader {
    struct arena *arena;
    struct str text;
    const struct json *object;
    struct span_draft *draft;
    struct str *why;
};

static enum err refuse(struct reader *r, const char *key, const char *words)
{
    *r->why = arena_printf(r->arena, "%s %s", key, words);
    return ERR_INVALID;
}

/* NULL: absent or null. */
static const struct json *member(struct reader *r, const char *key)
{
    const struct json *value = json_get(r->object, key);

    return json_is_null(value) ? NULL : value;
}

enum err span_parse_time(const struct json *value, int64_t *wall_us)
{
    double number = json_double(value, -1);

    if (json_type(value) == JSON_STRING)
        return time_parse_iso(json_string(value), wall_us);
    if (json_type(value) != JSON_NUMBER || !(number >= 0) || number >= US_BELOW)
        return ERR_INVALID;
    if (number >= MS_BELOW)
        *wall_us = json_i64(value, (int64_t)number);
    else
        *wall_us = (int64_t)(number * (number < SECONDS_BELOW ? 1e6 : 1e3) + 0.5);
    return OK;
}

/* ---- fields of the row ---- */

static enum err read_text(struct reader *r, const char *key, unsigned bit, struct str *to)
{
    const struct json *value = member(r, key);

    if (!value)
        return OK;
    if (json_type(value) != JSON_STRING)
        return refuse(r, key, "must be a string");
    *to = json_string(value);
    r->draft->change.given |= bit;
    return OK;
}

static enum err read_id(struct reader *r, const char *key, unsigned bit, struct uuid *to)
{
    const struct json *value = member(r, key);

    if (!value)
        return OK;
    if (uuid_parse_loose(json_string(value), to))
        return refuse(r, key, "must be a UUID");
    r->draft->change.given |= bit;
    return OK;
}

static enum err read_time(struct reader *r, const char *key, unsigned bit, int64_t *to)
{
    const struct json *value = member(r, key);

    if (!value)
        return OK;
    if (span_parse_time(value, to))
        return refuse(r, key, "must be a time: ISO 8601, or a number since 1970");
    r->draft->change.given |= bit;
    return OK;
}

static enum err read_type(struct reader *r)
{
    const struct json *value = member(r, "run_type");

    if (!value)
        return OK;
    r->draft->change.type = span_type_of(json_string(value));
    if (r->draft->change.type == SPAN_TYPE_NONE)
        return refuse(r, "run_type",
                      "must be tool, chain, llm, retriever, embedding, prompt or parser");
    r->draft->change.given |= SPAN_HAS_TYPE;
    return OK;
}

static void marks_add(struct span_draft *draft, unsigned bit, struct marks marks)
{
    draft->change.marks = marks_both(draft->change.marks, marks);
    draft->change.marked |= bit;
}

static enum err read_tags(struct reader *r)
{
    const struct json *value = member(r, "tags"), *tag;
    struct json_iter iter = json_iter(value);
    struct str ignored;

    if (!value)
        return OK;
    if (json_type(value) != JSON_ARRAY)
        return refuse(r, "tags", "must be an array of strings");
    while (json_next(&iter, &ignored, &tag))
        if (json_type(tag) != JSON_STRING)
            return refuse(r, "tags", "must be an array of strings");
    r->draft->change.tags = json_raw(r->text, STR("tags"));
    r->draft->change.given |= SPAN_HAS_TAGS;
    marks_add(r->draft, SPAN_HAS_TAGS, filter_marks_of_tags(value));
    return OK;
}

static enum err read_project(struct reader *r)
{
    const struct json *name = member(r, "session_name");
    struct uuid_text text;
    struct uuid id;
    enum err err;

    if ((err = read_text(r, "session_name", SPAN_HAS_PROJECT, &r->draft->project_name)))
        return err;
    if (name && (json_string(name).len == 0 || json_string(name).len > PROJECT_NAME_BYTES_MAX))
        return refuse(r, "session_name", "must have 1 to 512 bytes");
    if (!member(r, "session_id"))
        return OK;
    if ((err = read_id(r, "session_id", SPAN_HAS_PROJECT, &id)))
        return err;
    r->draft->project_id = arena_str(r->arena, uuid_write(id, &text));
    return OK;
}

/* The dotted order says trace and parent too; what else says them must agree. */
static enum err read_place(struct reader *r)
{
    struct span_change *change = &r->draft->change;
    struct dotted_order order;
    enum err err;

    if ((err = read_id(r, "trace_id", SPAN_HAS_TRACE, &change->trace_id)) ||
        (err = read_id(r, "parent_run_id", SPAN_HAS_PARENT, &change->parent_id)) ||
        (err = read_text(r, "dotted_order", SPAN_HAS_ORDER, &change->dotted_order)))
        return err;
    if (!(change->given & SPAN_HAS_ORDER))
        return change->given & SPAN_HAS_PARENT && uuid_eq(change->parent_id, change->span_id)
                   ? refuse(r, "parent_run_id", "must be another run")
                   : OK;
    if (dotted_order_parse(change->dotted_order, &order))
        return refuse(r, "dotted_order",
                      "must be <time><run id> of each run from the root down, with dots");
    if (!uuid_eq(order.span_id, change->span_id))
        return refuse(r, "dotted_order", "must end in the run's own id");
    if (change->given & SPAN_HAS_TRACE && !uuid_eq(order.trace_id, change->trace_id))
        return refuse(r, "dotted_order", "must begin with the trace_id");
    if (change->given & SPAN_HAS_PARENT &&
        (order.depth == 0 || !uuid_eq(order.parent_id, change->parent_id)))
        return refuse(r, "dotted_order", "must have the parent_run_id before its end");
    change->trace_id = order.trace_id;
    change->given |= SPAN_HAS_TRACE;
    if (order.depth > 0) {
        change->parent_id = order.parent_id;
        change->given |= SPAN_HAS_PARENT;
    }
    return OK;
}

/* ---- values ---- */

/* What goes into a column of text must not hold a NUL. */
static struct str without_nul(struct arena *arena, struct str text)
{
    char *copy;

    if (str_find_char(text, '\0') == text.len)
        return text;
    copy = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.data[i] ? text.data[i] : '?';
    return str_range(copy, text.len);
}

/* The keys that name a thread, the strongest first. */
static void thread_find(struct arena *arena, const struct json *extra, struct span_draft *draft)
{
    static const struct {
        const char *key;
        unsigned bit;
    } keys[] = {{"session_id", SPAN_HAS_SESSION_ID},
                {"conversation_id", SPAN_HAS_CONVERSATION_ID},
                {"thread_id", SPAN_HAS_THREAD_ID}};
    const struct json *metadata = json_get(extra, "metadata");

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct json *value = json_get(metadata, keys[i].key);
        enum json_type type = json_type(value);

        if (type != JSON_STRING && type != JSON_NUMBER)
            continue;
        draft->change.given &= ~(unsigned)SPAN_HAS_THREAD;
        draft->change.given |= keys[i].bit;
        draft->change.thread_id = type == JSON_STRING ? without_nul(arena, json_string(value))
                                  : json_is_integer(value)
                                      ? arena_printf(arena, "%lld", (long long)json_i64(value, 0))
                                      : arena_printf(arena, "%.17g", json_double(value, 0));
        return;
    }
}

static void first_token_find(const struct json *events, struct span_draft *draft)
{
    struct json_iter iter = json_iter(events);
    const struct json *event;
    struct str ignored;
    int64_t wall_us, first_us = 0;

    while (json_type(events) == JSON_ARRAY && json_next(&iter, &ignored, &event))
        if (str_eq(json_string(json_get(event, "name")), STR("new_token")) &&
            !span_parse_time(json_get(event, "time"), &wall_us) &&
            (first_us == 0 || wall_us < first_us))
            first_us = wall_us;
    if (first_us == 0)
        return;
    draft->change.first_token_us = first_us;
    draft->change.given |= SPAN_HAS_FIRST_TOKEN;
}

/* The beginning of the text, whole characters. */
static struct str preview_of(struct str text)
{
    struct str preview = str_first(text, SPAN_ERROR_PREVIEW_BYTES_MAX);

    while (preview.len < text.len && preview.len > 0 &&
           ((unsigned char)text.data[preview.len] & 0xc0) == 0x80)
        preview.len--;
    return preview;
}

static void extra_take(struct arena *arena, const struct json *extra, struct span_draft *draft)
{
    thread_find(arena, extra, draft);
    usage_of_extra(arena, extra, &draft->change.says);
    marks_add(draft, SPAN_HAS_FIELD(SPAN_EXTRA),
              filter_marks_of_metadata(json_get(extra, "metadata")));
}

static void value_take(struct arena *arena, enum span_field field, struct str text,
                       const struct json *value, struct span_draft *draft)
{
    if (field == SPAN_ERROR_TEXT && json_type(value) == JSON_STRING && json_string(value).len == 0)
        return;
    text = span_shape(arena, field, text, value);
    draft->change.values[field] = (struct span_value){.bytes = text, .size = (int64_t)text.len};
    draft->change.given |= SPAN_HAS_FIELD(field);
    if (field == SPAN_EXTRA)
        extra_take(arena, value, draft);
    else if (field == SPAN_INPUTS)
        usage_of_inputs(value, &draft->change.says);
    else if (field == SPAN_OUTPUTS)
        usage_of_outputs(arena, value, &draft->change.says);
    else if (field == SPAN_EVENTS)
        first_token_find(value, draft);
    else if (field == SPAN_ERROR_TEXT)
        draft->change.error_preview = without_nul(
            arena, preview_of(json_type(value) == JSON_STRING ? json_string(value) : text));
}

enum err span_parse_value(struct arena *arena, enum span_field field, struct str text,
                          struct span_draft *draft, struct str *why)
{
    const struct json *value;
    struct json_error error;

    if (json_parse(arena, text, &value, &error)) {
        *why = arena_printf(arena, "not JSON: %s at byte %zu", error.reason, error.position);
        return ERR_INVALID;
    }
    if (!json_is_null(value)) {
        value_take(arena, field, text, value, draft);
        draft->is_said = true;
    }
    return OK;
}

static void read_values(struct reader *r)
{
    struct str key, raw;
    size_t at = 0;

    while (json_raw_next(r->text, &at, &key, &raw))
        for (size_t i = 0; i < SPAN_FIELD_COUNT; i++) {
            struct str name = span_field_name((enum span_field)i);
            const struct json *value = str_eq(key, name) ? json_get_str(r->object, name) : NULL;

            if (!json_is_absent(value))
                value_take(r->arena, (enum span_field)i, raw, value, r->draft);
        }
}

/* ---- the object ---- */

static enum err read_own_id(struct reader *r, bool has_id)
{
    const struct json *value = member(r, "id");
    struct uuid id;

    if (!value)
        return has_id ? OK : refuse(r, "id", "is missing");
    if (uuid_parse_loose(json_string(value), &id))
        return refuse(r, "id", "must be a UUID");
    if (has_id && !uuid_eq(id, r->draft->change.span_id))
        return refuse(r, "id", "is another one than the part's or path's");
    r->draft->change.span_id = id;
    return OK;
}

static enum err read_row(struct reader *r)
{
    struct span_change *change = &r->draft->change;
    enum err err;

    if ((err = read_text(r, "name", SPAN_HAS_NAME, &change->name)) || (err = read_type(r)) ||
        (err = read_time(r, "start_time", SPAN_HAS_START, &change->start_us)) ||
        (err = read_time(r, "end_time", SPAN_HAS_END, &change->end_us)) || (err = read_tags(r)) ||
        (err = read_project(r)))
        return err;
    return read_id(r, "reference_example_id", SPAN_HAS_EXAMPLE, &change->example_id);
}

enum err span_parse(struct arena *arena, struct str text, bool has_id, struct span_draft *draft,
                    struct str *why)
{
    struct span_draft changed = *draft;
    struct reader r = {.arena = arena, .text = text, .draft = &changed, .why = why};
    struct json_error error;
    enum err err;

    if (json_parse(arena, text, &r.object, &error)) {
        *why = arena_printf(arena, "not JSON: %s at byte %zu", error.reason, error.position);
        return ERR_INVALID;
    }
    if (json_type(r.object) != JSON_OBJECT)
        return refuse(&r, "a run", "must be a JSON object");
    if ((err = read_own_id(&r, has_id)) || (err = read_row(&r)) || (err = read_place(&r)))
        return err;
    read_values(&r);
    changed.is_said = true;
    changed.has_object = true;
    *draft = changed;
    return OK;
}
