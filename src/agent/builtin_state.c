/* The state of a built-in agent's thread. */
#include "agent/builtin_state.h"

#include "base/json.h"

#define STATE_BYTES_MAX (256 * MIB)

static struct str take(struct arena *arena, struct buf *out)
{
    struct str copy = arena_str(arena, buf_str(out));

    buf_release(out);
    return copy;
}

/* The text between the brackets of an array; empty if it is no array. */
static struct str inside(struct str array)
{
    if (str_is_none(array) || array.len < 2 || array.data[0] != '[')
        return STR("");
    return str_trim(str_range(array.data + 1, array.len - 2));
}

static struct str array_join(struct arena *arena, struct str a, struct str b)
{
    struct str left = inside(a), right = inside(b);
    const struct str parts[] = {STR("["), left, left.len > 0 && right.len > 0 ? STR(",") : STR(""),
                                right, STR("]")};

    return arena_concat(arena, parts, ARRAY_LEN(parts));
}

static struct str without_script(struct arena *arena, struct str object)
{
    size_t position = 0;
    struct str key, value;
    struct json_writer json;
    struct buf out;

    buf_init(&out, STATE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    while (json_raw_next(object, &position, &key, &value)) {
        if (str_eq(key, STR("script")) || str_eq(key, STR("messages")))
            continue;
        buf_add_cstr(&out, json.comma_due ? ",\"" : "\"");
        buf_add(&out, key); /* raw: still escaped */
        buf_add_cstr(&out, "\":");
        buf_add(&out, value);
        json.comma_due = true;
    }
    json_end_object(&json);
    return take(arena, &out);
}

static struct str with_messages(struct arena *arena, struct str object, struct str messages)
{
    const struct str parts[] = {STR("{\"messages\":"), messages, STR("}")};
    struct buf out;

    buf_init(&out, STATE_BYTES_MAX);
    json_merge(&out, object, arena_concat(arena, parts, ARRAY_LEN(parts)));
    return take(arena, &out);
}

struct str builtin_values_merge(struct arena *arena, struct str base, struct str input)
{
    bool has_base = !str_is_none(base) && base.len > 0 && base.data[0] == '{';
    struct str old = has_base ? base : STR("{\"messages\":[]}");
    struct str messages;
    struct buf out;

    if (str_is_none(input) || input.len == 0 || input.data[0] != '{')
        return old;
    messages = array_join(arena, json_raw(old, STR("messages")), json_raw(input, STR("messages")));
    buf_init(&out, STATE_BYTES_MAX);
    json_merge(&out, old, without_script(arena, input));
    return with_messages(arena, take(arena, &out), messages);
}

struct str builtin_values_add(struct arena *arena, struct str values, struct str message)
{
    const struct str one[] = {STR("["), message, STR("]")};
    struct str messages = array_join(arena, json_raw(values, STR("messages")),
                                     arena_concat(arena, one, ARRAY_LEN(one)));

    return with_messages(arena, values, messages);
}

struct str builtin_message(struct arena *arena, struct str content)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, STATE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "role", STR("assistant"));
    json_put_str(&json, "content", content);
    json_end_object(&json);
    return take(arena, &out);
}

static void checkpoint_out(struct json_writer *json, const char *key, struct str thread_id,
                           struct str id)
{
    json_key(json, key);
    if (str_is_none(id)) {
        json_null_out(json);
        return;
    }
    json_begin_object(json);
    json_put_str(json, "thread_id", thread_id);
    json_put_str(json, "checkpoint_id", id);
    json_put_str(json, "checkpoint_ns", STR(""));
    json_put_null(json, "checkpoint_map");
    json_end_object(json);
}

static void tasks_out(struct json_writer *json, const struct builtin_state *state)
{
    json_key(json, "tasks");
    json_begin_array(json);
    if (!str_is_none(state->interrupts)) {
        json_begin_object(json);
        json_put_str(json, "id", state->task_id);
        json_put_raw(json, "name", json_raw(state->metadata, STR("graph_id")));
        json_put_null(json, "error");
        json_put_raw(json, "interrupts", state->interrupts);
        json_put_raw(json, "path", STR("[\"__pregel_pull\"]"));
        json_put_null(json, "checkpoint");
        json_put_null(json, "state");
        json_put_null(json, "result");
        json_end_object(json);
    }
    json_end_array(json);
}

struct str builtin_render(struct arena *arena, const struct builtin_state *state)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, STATE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_raw(&json, "values", state->values);
    json_put_raw(&json, "next", state->next);
    tasks_out(&json, state);
    json_put_raw(&json, "metadata", state->metadata);
    json_put_time(&json, "created_at", state->created_us);
    checkpoint_out(&json, "checkpoint", state->thread_id, state->checkpoint_id);
    checkpoint_out(&json, "parent_checkpoint", state->thread_id, state->parent_id);
    json_put_raw(&json, "interrupts",
                 str_is_none(state->interrupts) ? STR("[]") : state->interrupts);
    json_end_object(&json);
    return take(arena, &out);
}

struct str builtin_body(struct arena *arena, const struct builtin_state *state)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, STATE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_raw(&json, "values", state->values);
    json_put_raw(&json, "next", state->next);
    json_put_str(&json, "task_id", state->task_id);
    json_put_raw(&json, "interrupts", state->interrupts);
    json_put_raw(&json, "script", state->script);
    json_put_i64(&json, "at", state->at);
    json_put_i64(&json, "created_us", state->created_us);
    json_end_object(&json);
    return take(arena, &out);
}

static struct str null_to_none(struct str raw)
{
    return str_eq(raw, STR("null")) ? STR_NONE : raw;
}

enum err builtin_load(struct arena *arena, const struct checkpoint *c, struct builtin_state *state)
{
    const struct json *root;

    if (!str_eq(c->serde, BUILTIN_SERDE) || json_parse(arena, c->body, &root, NULL))
        return ERR_INVALID;
    *state = (struct builtin_state){
        .thread_id = c->thread_id,
        .checkpoint_id = c->checkpoint_id,
        .parent_id = c->parent_id,
        .values = json_raw(c->body, STR("values")),
        .metadata = c->metadata,
        .next = json_raw(c->body, STR("next")),
        .task_id = json_string(json_get(root, "task_id")),
        .interrupts = null_to_none(json_raw(c->body, STR("interrupts"))),
        .script = null_to_none(json_raw(c->body, STR("script"))),
        .at = json_i64(json_get(root, "at"), 0),
        .created_us = json_i64(json_get(root, "created_us"), 0),
    };
    return OK;
}
