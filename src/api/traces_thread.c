/* traces_thread.c -- GET /runs/threads/{thread_id}: what was said in a conversation, as text.
 *
 * Of each turn, the oldest first, the messages of the root's inputs and outputs: each is one JSON
 * object as it was sent, an empty line between two. What a turn repeats of earlier ones (most send
 * the whole history) is told once. Values without messages are told as one message. */
#include "api/route.h"
#include "api/traces_query.h"
#include "base/map.h"
#include "store/span_values.h"

#define PREVIEW_BYTES_MAX (1 * MIB)

enum kind { ALL, PAIRS, FIRST_HUMAN, LAST_AI, KIND_COUNT };
static const char *const kinds[KIND_COUNT] = {"all_messages", "human_ai_pairs", "first_human",
                                              "last_ai"};

enum speaker { OTHER, HUMAN, AI };

struct thread_query {
    struct traces_query asked;
    struct call *call;
    unsigned wanted; /* bits 1 << enum kind */
    bool is_begun;
    struct map told; /* by their id, else by their text */
    struct buf text[KIND_COUNT];
    int64_t turns;
    enum err err; /* of a visit */
};

static void thread_empty(struct thread_query *q)
{
    if (!q->is_begun)
        return;
    map_release(&q->told);
    for (size_t i = 0; i < KIND_COUNT; i++)
        buf_release(&q->text[i]);
    q->is_begun = false;
}

static void thread_restart(void *context)
{
    struct thread_query *q = context;

    thread_empty(q);
    map_init(&q->told);
    for (size_t i = 0; i < KIND_COUNT; i++)
        buf_init(&q->text[i], PREVIEW_BYTES_MAX);
    q->is_begun = true;
    q->turns = 0;
    q->err = OK;
}

/* ---- one message ---- */

/* What LangChain writes has its class at the end of `id`. */
static struct str role_of(const struct json *message)
{
    const struct json *id = json_get(message, "id"), *part;
    struct json_iter iter = json_iter(id);
    struct str role = json_string(json_get(message, "role")), ignored;

    if (str_is_empty(role))
        role = json_string(json_get(message, "type"));
    if (json_type(id) == JSON_ARRAY)
        while (json_next(&iter, &ignored, &part))
            role = json_string(part);
    return role;
}

static enum speaker speaker_of(const struct json *message)
{
    static const struct {
        const char *role;
        enum speaker speaker;
    } roles[] = {{"user", HUMAN},   {"human", HUMAN}, {"HumanMessage", HUMAN},
                 {"assistant", AI}, {"ai", AI},       {"AIMessage", AI}};
    struct str role = role_of(message);

    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (str_eq(role, str_of(roles[i].role)))
            return roles[i].speaker;
    return OTHER;
}

/* What does not fit any more is left out, as a whole. */
static void tell(struct buf *out, struct str message)
{
    if (out->len + message.len + 2 > PREVIEW_BYTES_MAX)
        return;
    buf_add(out, out->len ? STR("\n\n") : STR(""));
    buf_add(out, message);
}

static void message_add(struct thread_query *q, struct str raw, const struct json *message)
{
    struct str id = json_string(json_get(message, "id"));
    struct str key = str_is_empty(id) ? raw : id;
    enum speaker speaker = speaker_of(message);

    if (map_find(&q->told, key))
        return;
    map_put(&q->told, key, q);
    tell(&q->text[ALL], raw);
    if (speaker != OTHER)
        tell(&q->text[PAIRS], raw);
    if (speaker == HUMAN && q->text[FIRST_HUMAN].len == 0)
        tell(&q->text[FIRST_HUMAN], raw);
    if (speaker == AI) {
        buf_truncate(&q->text[LAST_AI], 0);
        tell(&q->text[LAST_AI], raw);
    }
}

/* ---- one turn ---- */

/* {"role": …, "content": …} of a value without messages: its only text, else all of it. */
static struct str message_of(struct arena *arena, const char *role, struct str text,
                             const struct json *value)
{
    struct json_iter iter = json_iter(value);
    const struct json *only = value;
    struct str ignored, content = STR_NONE;
    struct json_writer json;
    struct buf out;

    if (json_type(value) == JSON_OBJECT && json_count(value) == 1)
        (void)!json_next(&iter, &ignored, &only);
    if (json_type(only) == JSON_STRING)
        content = json_string(only);
    buf_init(&out, PREVIEW_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "role", str_of(role));
    if (content.data)
        json_put_str(&json, "content", content);
    else
        json_put_raw(&json, "content", text);
    json_end_object(&json);
    return buf_keep(&out, arena);
}

static void value_add(struct thread_query *q, struct arena *arena, const char *role,
                      struct str text)
{
    const struct json *value, *messages, *message;
    struct str ignored, raw;
    struct json_iter iter;
    size_t at = 0;

    if (str_is_none(text) || json_parse(arena, text, &value, NULL))
        return;
    messages = json_get(value, "messages");
    if (json_type(messages) != JSON_ARRAY) {
        raw = message_of(arena, role, text, value);
        if (json_count(value) > 0 && raw.data && !json_parse(arena, raw, &message, NULL))
            message_add(q, raw, message);
        return;
    }
    iter = json_iter(messages);
    text = json_raw(text, STR("messages"));
    while (json_next(&iter, &ignored, &message) && json_raw_next(text, &at, &ignored, &raw))
        if (json_type(message) == JSON_OBJECT)
            message_add(q, raw, message);
}

static bool thread_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct thread_query *q = context;
    struct span_value values[SPAN_FIELD_COUNT];

    q->err = span_values_get(tx, &match->span->row, 1u << SPAN_INPUTS | 1u << SPAN_OUTPUTS,
                             match->arena, values);
    if (q->err)
        return false;
    q->turns++;
    value_add(q, match->arena, "user", values[SPAN_INPUTS].bytes);
    value_add(q, match->arena, "assistant", values[SPAN_OUTPUTS].bytes);
    return true;
}

/* ---- the call ---- */

static enum err reply(struct call *call, struct thread_query *q)
{
    struct json_writer *json;

    if (q->turns == 0)
        return call_fail(call, 404, "there is no such conversation in this project");
    json = call_json(call, 200);
    json_begin_object(json);
    json_put_str(json, "thread_id", call->params[0]);
    json_key(json, "previews");
    json_begin_object(json);
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (q->wanted & 1u << i)
            json_put_str(json, kinds[i], buf_str(&q->text[i]));
    json_end_object(json);
    json_end_object(json);
    return OK;
}

static enum err thread_apply(struct tx *tx, struct call *call)
{
    struct thread_query *q = call->data;
    const struct span_visitor visitor = {thread_restart, thread_visit, q};
    enum err err = traces_query_step(tx, call, &q->asked, &visitor, q->turns > 0);

    if (err || q->err)
        return err ? err : q->err;
    return q->asked.is_over ? reply(call, q) : call_then_read(call, thread_apply);
}

static void thread_release(struct call *call)
{
    struct thread_query *q = call->data;

    traces_query_release(&q->asked);
    thread_empty(q);
}

/* Nothing named: all of them. */
static enum err wanted_read(struct call *call, unsigned *wanted)
{
    struct str name;
    size_t position = 0;

    *wanted = 0;
    while (query_next(&call->query, "select", &position, &name)) {
        size_t kind = 0;

        while (kind < KIND_COUNT && !str_eq(name, str_of(kinds[kind])))
            kind++;
        if (kind == KIND_COUNT) {
            call_fail(call, 422,
                      "select: must be all_messages, human_ai_pairs, first_human or last_ai");
            return ERR_INVALID;
        }
        *wanted |= 1u << kind;
    }
    if (*wanted == 0)
        *wanted = (1u << KIND_COUNT) - 1;
    return OK;
}

static enum err thread_prepare(struct call *call)
{
    struct thread_query *q = ARENA_NEW(call->arena, struct thread_query);
    struct uuid project;
    enum err err = wanted_read(call, &q->wanted);

    if (err)
        return err;
    if (uuid_parse_loose(query_get(&call->query, "session_id"), &project))
        return call_fail(call, 422, "session_id: must be the id of a project");
    q->call = call;
    traces_query_project(call, &q->asked, project);
    q->asked.query = (struct span_query){.tenant = call->principal.tenant,
                                         .only_roots = true,
                                         .ascending = true,
                                         .thread_id = call->params[0],
                                         .start_min_us = INT64_MIN,
                                         .start_max_us = INT64_MAX};
    call->data = q;
    call->release = thread_release;
    return call_then_read(call, thread_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/runs/threads/{thread_id}", thread_prepare, PERMIT_READ, ROUTE_TRACES,
     "What was said in a conversation"},
};

const struct route_list routes_traces_thread = {routes, ARRAY_LEN(routes)};
