/* The streams of the built-in agents. */
#include "agent/builtin_events.h"

#define EVENT_BYTES_MAX (256 * MIB)

struct piece {
    struct json_writer json;
    struct buf out;
};

static void piece_begin(struct piece *piece)
{
    buf_init(&piece->out, EVENT_BYTES_MAX);
    json_writer_init(&piece->json, &piece->out);
}

static void piece_emit(struct builtin_events *events, const char *name, struct piece *piece)
{
    events->execution->events->on_event(events->execution, str_of(name), buf_str(&piece->out));
    buf_release(&piece->out);
}

static bool has_mode(const struct json *kwargs, const char *mode)
{
    struct json_iter iter = json_iter(json_get(kwargs, "stream_mode"));
    const struct json *item;

    while (json_next(&iter, NULL, &item))
        if (str_eq(json_string(item), str_of(mode)))
            return true;
    return false;
}

/* The members that every event of the modes `events` and `messages-tuple` carries. */
static void metadata_out(struct json_writer *json, const struct builtin_events *events)
{
    const struct run *run = &events->execution->run;

    json_begin_object(json);
    json_put_str(json, "run_id", run->run_id);
    json_put_str(json, "thread_id", run->thread_id);
    json_put_str(json, "graph_id", run->graph_id);
    json_put_str(json, "assistant_id", run->assistant_id);
    json_put_str(json, "langgraph_node", run->graph_id);
    json_put_i64(json, "langgraph_step", events->message_count + 1);
    json_end_object(json);
}

/* One object of the mode `events`; `data` is written by the caller. */
static void chain_begin(struct piece *piece, const struct builtin_events *events, const char *event)
{
    struct json_writer *json = &piece->json;

    piece_begin(piece);
    json_begin_object(json);
    json_put_str(json, "event", str_of(event));
    json_put_str(json, "name", events->execution->run.graph_id);
    json_put_str(json, "run_id", events->execution->run.run_id);
    json_put_raw(json, "parent_ids", STR("[]"));
    json_put_raw(json, "tags", STR("[]"));
    json_key(json, "metadata");
    metadata_out(json, events);
    json_key(json, "data");
}

static void chain_emit(struct builtin_events *events, const char *event, const char *key,
                       struct str value)
{
    struct piece piece;

    if (!events->events)
        return;
    chain_begin(&piece, events, event);
    json_begin_object(&piece.json);
    json_put_raw(&piece.json, key, value);
    json_end_object(&piece.json);
    json_end_object(&piece.json);
    piece_emit(events, "events", &piece);
}

static void emit_raw(struct builtin_events *events, const char *name, struct str data)
{
    events->execution->events->on_event(events->execution, str_of(name), data);
}

static void task_emit(struct builtin_events *events, const char *key, struct str value)
{
    struct piece piece;

    if (!events->tasks)
        return;
    piece_begin(&piece);
    json_begin_object(&piece.json);
    json_put_str(&piece.json, "id", events->execution->run.run_id);
    json_put_str(&piece.json, "name", events->execution->run.graph_id);
    json_put_raw(&piece.json, key, value);
    json_put_raw(&piece.json, "interrupts", STR("[]"));
    json_end_object(&piece.json);
    piece_emit(events, "tasks", &piece);
}

static void checkpoint_emit(struct builtin_events *events, const struct builtin_state *state)
{
    struct piece piece;

    if (!events->checkpoints && !events->debug)
        return;
    piece_begin(&piece);
    json_begin_object(&piece.json);
    json_put_raw(&piece.json, "values", state->values);
    json_key(&piece.json, "metadata");
    metadata_out(&piece.json, events);
    json_put_raw(&piece.json, "next", state->next);
    json_end_object(&piece.json);
    if (events->checkpoints)
        emit_raw(events, "checkpoints", buf_str(&piece.out));
    if (events->debug) {
        struct str payload = arena_str(&events->execution->arena, buf_str(&piece.out));

        buf_clear(&piece.out);
        buf_addf(&piece.out, "{\"step\":%lld,\"type\":\"checkpoint\",\"payload\":",
                 (long long)events->message_count);
        buf_add(&piece.out, payload);
        buf_add_char(&piece.out, '}');
        emit_raw(events, "debug", buf_str(&piece.out));
    }
    buf_release(&piece.out);
}

void builtin_events_begin(struct builtin_events *events, struct execution *execution,
                          const struct json *kwargs)
{
    struct str input = json_raw(execution->run.kwargs, STR("input"));

    *events = (struct builtin_events){
        .execution = execution,
        .values = has_mode(kwargs, "values"),
        .updates = has_mode(kwargs, "updates"),
        .messages = has_mode(kwargs, "messages"),
        .messages_tuple = has_mode(kwargs, "messages-tuple"),
        .events = has_mode(kwargs, "events"),
        .tasks = has_mode(kwargs, "tasks"),
        .checkpoints = has_mode(kwargs, "checkpoints"),
        .debug = has_mode(kwargs, "debug"),
    };
    chain_emit(events, "on_chain_start", "input", input);
    task_emit(events, "input", input);
}

void builtin_events_values(struct builtin_events *events, const struct builtin_state *state)
{
    if (events->values)
        emit_raw(events, "values", state->values);
    checkpoint_emit(events, state);
}

/* The message with an id: clients of the message modes tell messages apart by it. */
static struct str message_with_id(struct builtin_events *events, struct str message, struct str *id)
{
    struct arena *arena = &events->execution->arena;
    struct str head;

    *id = arena_printf(arena, "%.*s-%lld", STR_ARG(events->execution->run.run_id),
                       (long long)events->message_count);
    head = arena_printf(arena, "{\"type\":\"ai\",\"id\":\"%.*s\",", STR_ARG(*id));
    return arena_concat(arena, (struct str[]){head, str_from(message, 1)}, 2);
}

static void message_modes(struct builtin_events *events, struct str message)
{
    struct piece piece;
    struct str id;
    struct str with_id = message_with_id(events, message, &id);

    if (events->messages) {
        piece_begin(&piece);
        json_begin_object(&piece.json);
        json_key_str(&piece.json, id);
        json_begin_object(&piece.json);
        json_key(&piece.json, "metadata");
        metadata_out(&piece.json, events);
        json_end_object(&piece.json);
        json_end_object(&piece.json);
        piece_emit(events, "messages/metadata", &piece);
        piece_begin(&piece);
        json_begin_array(&piece.json);
        json_raw_out(&piece.json, with_id);
        json_end_array(&piece.json);
        emit_raw(events, "messages/partial", buf_str(&piece.out));
        piece_emit(events, "messages/complete", &piece);
    }
    if (events->messages_tuple) {
        piece_begin(&piece);
        json_begin_array(&piece.json);
        json_raw_out(&piece.json, with_id);
        metadata_out(&piece.json, events);
        json_end_array(&piece.json);
        piece_emit(events, "messages", &piece);
    }
}

void builtin_events_message(struct builtin_events *events, const struct builtin_state *state,
                            struct str message)
{
    struct arena *arena = &events->execution->arena;
    const struct str parts[] = {STR("{\""), events->execution->run.graph_id,
                                STR("\":{\"messages\":["), message, STR("]}}")};
    struct str update = arena_concat(arena, parts, ARRAY_LEN(parts));

    events->message_count++;
    message_modes(events, message);
    if (events->updates)
        emit_raw(events, "updates", update);
    chain_emit(events, "on_chain_stream", "chunk", update);
    builtin_events_values(events, state);
}

void builtin_events_interrupt(struct builtin_events *events, const struct builtin_state *state)
{
    const struct str parts[] = {STR("{\"__interrupt__\":"), state->interrupts, STR("}")};
    struct str text = arena_concat(&events->execution->arena, parts, ARRAY_LEN(parts));

    if (events->values)
        emit_raw(events, "values", text);
    if (events->updates)
        emit_raw(events, "updates", text);
    chain_emit(events, "on_chain_stream", "chunk", text);
}

struct str builtin_events_result(struct builtin_events *events, const struct builtin_state *state)
{
    struct piece piece;
    struct str result = state->values;

    task_emit(events, "result", state->values);
    chain_emit(events, "on_chain_end", "output", state->values);
    if (!str_is_none(state->interrupts)) {
        const struct str parts[] = {STR("{\"__interrupt__\":"), state->interrupts, STR("}")};

        piece_begin(&piece);
        json_merge(&piece.out, state->values,
                   arena_concat(&events->execution->arena, parts, ARRAY_LEN(parts)));
        result = arena_str(&events->execution->arena, buf_str(&piece.out));
        buf_release(&piece.out);
    }
    return result;
}
