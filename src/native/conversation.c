/* Messages: taken in, looked at, written. */
#include "native/conversation.h"

#include "base/mem.h"
#include "base/uuid.h"

#define MESSAGE_BYTES_MAX (16 * MIB)

void conversation_init(struct conversation *c, struct arena *arena)
{
    *c = (struct conversation){.arena = arena};
}

struct str new_message_id(struct arena *arena, struct rng *rng)
{
    struct uuid_text id;

    return arena_str(arena, uuid_write(uuid_v4(rng), &id));
}

static struct str take(struct arena *arena, struct buf *out)
{
    struct str text = arena_str(arena, buf_str(out));

    buf_release(out);
    return text;
}

/* ---- adding ---- */

static bool said_parse(struct arena *arena, struct str text, struct said *said)
{
    *said = (struct said){.text = text};
    if (json_parse(arena, text, &said->json, NULL) || json_type(said->json) != JSON_OBJECT)
        return false;
    said->type = json_string(json_get(said->json, "type"));
    said->id = json_string(json_get(said->json, "id"));
    return !str_is_none(said->type) && !str_is_none(said->id);
}

static void append(struct conversation *c, const struct said *said)
{
    if (c->count == c->room) {
        size_t room = c->room ? 2 * c->room : 16;
        struct said *list = ARENA_ARRAY(c->arena, struct said, room);

        for (size_t i = 0; i < c->count; i++)
            list[i] = c->list[i];
        c->list = list;
        c->room = room;
    }
    c->list[c->count++] = *said;
}

bool conversation_add(struct conversation *c, struct str text)
{
    struct said said;

    if (!said_parse(c->arena, text, &said))
        return false;
    append(c, &said);
    return true;
}

/* ---- as clients send them ---- */

static struct str type_of(struct str word)
{
    static const char *const words[][2] = {
        {"user", "human"}, {"human", "human"},   {"assistant", "ai"},
        {"ai", "ai"},      {"AIMessage", "ai"},  {"system", "system"},
        {"tool", "tool"},  {"remove", "remove"}, {"developer", "system"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(word, str_of(words[i][0])))
            return str_of(words[i][1]);
    return STR_NONE;
}

/* {"type", "id"} and whatever else it says. */
static struct str normalised(struct conversation *c, struct str text, struct str type,
                             struct str id)
{
    struct str key, value;
    size_t at = 0;
    struct json_writer json;
    struct buf out;

    buf_init(&out, MESSAGE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "type", type);
    json_put_str(&json, "id", id);
    while (json_raw_next(text, &at, &key, &value))
        if (!str_eq(key, STR("type")) && !str_eq(key, STR("id")) && !str_eq(key, STR("role"))) {
            json_key_raw(&json, key);
            json_raw_out(&json, value);
        }
    json_end_object(&json);
    return take(c->arena, &out);
}

static void drop(struct conversation *c, struct str id)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->count; i++)
        if (!str_eq(c->list[i].id, id))
            c->list[kept++] = c->list[i];
    c->count = kept;
}

static void put(struct conversation *c, const struct said *said)
{
    for (size_t i = 0; i < c->count; i++)
        if (str_eq(c->list[i].id, said->id)) {
            c->list[i] = *said;
            return;
        }
    append(c, said);
}

static enum err merge_one(struct conversation *c, struct str text, struct rng *rng, struct str *why)
{
    const struct json *json;
    struct str type, id;
    struct said said;

    if (json_parse(c->arena, text, &json, NULL))
        return ERR_INVALID;
    if (json_type(json) == JSON_STRING)
        text = conversation_human(c->arena, rng, json_string(json));
    else if (json_type(json) != JSON_OBJECT) {
        *why = STR("messages must be objects with a role and a content");
        return ERR_INVALID;
    }
    if (json_parse(c->arena, text, &json, NULL))
        return ERR_INVALID;
    type = type_of(json_string(json_get(json, json_get(json, "type") ? "type" : "role")));
    id = json_string(json_get(json, "id"));
    if (str_is_none(type)) {
        *why = STR("a message's role must be user, assistant, system or tool");
        return ERR_INVALID;
    }
    if (str_eq(type, STR("remove"))) {
        drop(c, str_is_none(id) ? STR("") : id);
        return OK;
    }
    if (str_is_none(id))
        id = new_message_id(c->arena, rng);
    if (!said_parse(c->arena, normalised(c, text, type, id), &said))
        return ERR_INVALID;
    put(c, &said);
    return OK;
}

enum err conversation_merge(struct conversation *c, struct str array, struct rng *rng,
                            struct str *why)
{
    struct str key, value;
    size_t at = 0;
    enum err err = OK;

    if (str_is_none(array) || array.len == 0 || str_eq(array, STR("null")))
        return OK;
    if (array.data[0] != '[') /* one alone */
        return merge_one(c, array, rng, why);
    while (!err && json_raw_next(array, &at, &key, &value)) {
        err = merge_one(c, value, rng, why);
        if (c->count > CONVERSATION_MESSAGES_MAX) {
            *why = STR("a thread may have 10,000 messages at most");
            err = ERR_LIMIT;
        }
    }
    return err;
}

void conversation_write(struct buf *out, const struct conversation *c)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < c->count; i++) {
        if (i)
            buf_add_char(out, ',');
        buf_add(out, c->list[i].text);
    }
    buf_add_char(out, ']');
}

/* ---- looking ---- */

const struct said *conversation_last_answer(const struct conversation *c)
{
    size_t i = c->count;

    while (i > 0 && str_eq(c->list[i - 1].type, STR("tool")))
        i--;
    return i > 0 && str_eq(c->list[i - 1].type, STR("ai")) ? &c->list[i - 1] : NULL;
}

static bool is_answered(const struct conversation *c, const struct said *answer, struct str id)
{
    for (const struct said *s = answer + 1; s < c->list + c->count; s++)
        if (str_eq(json_string(json_get(s->json, "tool_call_id")), id))
            return true;
    return false;
}

static void add_calls(const struct conversation *c, const struct said *answer, bool is_invalid,
                      bool only_open, struct tool_calls *calls)
{
    struct str list =
        json_raw(answer->text, is_invalid ? STR("invalid_tool_calls") : STR("tool_calls"));
    struct str key, value;
    size_t at = 0;

    if (str_is_none(list) || list.len == 0 || list.data[0] != '[')
        return;
    while (calls->count < ARRAY_LEN(calls->list) && json_raw_next(list, &at, &key, &value)) {
        struct tool_call *call = &calls->list[calls->count];
        const struct json *json;

        if (json_parse(c->arena, value, &json, NULL))
            continue;
        *call = (struct tool_call){.id = json_string(json_get(json, "id")),
                                   .name = json_string(json_get(json, "name")),
                                   .args = STR("{}")};
        if (is_invalid)
            call->invalid_why = json_string(json_get(json, "error"));
        else if (json_type(json_get(json, "args")) == JSON_OBJECT)
            call->args = json_raw(value, STR("args"));
        if (!str_is_none(call->id) && !(only_open && is_answered(c, answer, call->id)))
            calls->count++;
    }
}

void conversation_calls(const struct conversation *c, bool only_open, struct tool_calls *calls)
{
    const struct said *answer = conversation_last_answer(c);

    calls->count = 0;
    if (!answer)
        return;
    add_calls(c, answer, false, only_open, calls);
    add_calls(c, answer, true, only_open, calls);
}

struct str said_text(const struct said *said, struct arena *arena)
{
    const struct json *content = json_get(said->json, "content");
    struct buf out;

    if (json_type(content) != JSON_ARRAY)
        return str_is_none(json_string(content)) ? STR("") : json_string(content);
    buf_init(&out, MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < json_count(content); i++) {
        const struct json *block = json_item(content, i);
        struct str text = json_type(block) == JSON_STRING ? json_string(block)
                                                          : json_string(json_get(block, "text"));

        if (!str_is_none(text))
            buf_add(&out, text);
    }
    return take(arena, &out);
}

/* ---- making ---- */

struct str conversation_human(struct arena *arena, struct rng *rng, struct str text)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, MESSAGE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "type", STR("human"));
    json_put_str(&json, "id", new_message_id(arena, rng));
    json_put_str(&json, "content", text);
    json_end_object(&json);
    return take(arena, &out);
}

struct str conversation_tool(struct arena *arena, struct rng *rng, const struct tool_answer *answer)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, MESSAGE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "type", STR("tool"));
    json_put_str(&json, "id", new_message_id(arena, rng));
    json_put_str(&json, "content", answer->content);
    json_put_str(&json, "tool_call_id", answer->call->id);
    json_put_str(&json, "name", answer->call->name);
    json_put_str(&json, "status", answer->is_error ? STR("error") : STR("success"));
    json_end_object(&json);
    return take(arena, &out);
}

static void calls_edited(struct json_writer *json, struct str list, const struct tool_call *call,
                         const struct str with[2])
{
    struct str key, value;
    size_t at = 0;

    json_begin_array(json);
    while (json_raw_next(list, &at, &key, &value)) {
        struct buf id;

        buf_init(&id, KIB);
        struct json_writer w;
        json_writer_init(&w, &id);
        json_str_out(&w, call->id);
        if (str_eq(json_raw(value, STR("id")), buf_str(&id))) {
            json_begin_object(json);
            json_put_str(json, "id", call->id);
            json_put_str(json, "name", with[0]);
            json_put_raw(json, "args", with[1]);
            json_put_str(json, "type", STR("tool_call"));
            json_end_object(json);
        } else {
            json_raw_out(json, value);
        }
        buf_release(&id);
    }
    json_end_array(json);
}

void conversation_edit_call(struct conversation *c, const struct tool_call *call, struct str name,
                            struct str args)
{
    const struct said *answer = conversation_last_answer(c);
    const struct str with[2] = {name, args};
    struct str key, value;
    size_t at = 0;
    struct json_writer json;
    struct said edited;
    struct buf out;

    if (!answer)
        return;
    buf_init(&out, MESSAGE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    while (json_raw_next(answer->text, &at, &key, &value)) {
        json_key_raw(&json, key);
        if (str_eq(key, STR("tool_calls")))
            calls_edited(&json, value, call, with);
        else
            json_raw_out(&json, value);
    }
    json_end_object(&json);
    if (said_parse(c->arena, take(c->arena, &out), &edited))
        put(c, &edited);
}
