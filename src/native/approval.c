/* A person is asked before a tool is called, in the shape of LangChain's human-in-the-loop
 * middleware, which agent-inbox and agent-chat-ui show:
 *
 *   asked     {"action_requests": [{"name", "args", "description"}],
 *              "review_configs": [{"action_name", "allowed_decisions": […]}]}
 *   answered  {"decisions": [{"type": "approve"} | {"type": "edit", "edited_action": {"name",
 * "args"}} | {"type": "reject" | "respond", "message"}]}, one for each in order
 *
 * Besides, the value has the older form, which speaks of one call:
 *
 *   asked     {"action_request": {"action", "args"}, "config": {"allow_…"}, "description"}
 *   answered  [{"type": "accept" | "edit" | "ignore" | "response", "args"}]
 *
 * Whoever knows that form only, or shows one action at a time, answers for the first: a person is
 * asked again about the others. No call is made before all are decided. */
#include "native/run_priv.h"

#include "base/uuid.h"

#define VALUE_BYTES_MAX (16 * MIB)

/* ---- asking ---- */

static bool asks(struct native_run *run, const struct tool_call *call)
{
    const struct tool_entries *tools = &native_top(run)->agent->tools;

    if (!str_is_none(call->invalid_why))
        return false;
    if (toolbox_has(call->name) || str_eq(call->name, TASK_TOOL)) {
        if (json_bool(json_get_str(tools->interrupts, call->name), false))
            return true;
        return run->spec.protects_memory && toolbox_writes_memory(call, run->arena);
    }
    for (size_t i = 0; i < tools->count; i++)
        if (str_eq(tools->list[i].name, call->name))
            return tools_asks(tools, &tools->list[i]);
    return false;
}

static bool is_approved(const struct native_run *run, struct str id)
{
    for (size_t i = 0; i < run->approved_count; i++)
        if (str_eq(run->approved[i], id))
            return true;
    return false;
}

void approval_needed(struct native_run *run, const struct tool_calls *open,
                     struct tool_calls *needed)
{
    needed->count = 0;
    for (size_t i = 0; i < open->count; i++)
        if (asks(run, &open->list[i]) && !is_approved(run, open->list[i].id))
            needed->list[needed->count++] = open->list[i];
}

static struct str description_of(struct native_run *run, const struct tool_call *call)
{
    return arena_printf(run->arena, "Tool execution requires approval\n\nTool: %.*s\nArgs: %.*s",
                        STR_ARG(call->name), STR_ARG(call->args));
}

static void request_out(struct json_writer *json, struct native_run *run,
                        const struct tool_call *call)
{
    json_begin_object(json);
    json_put_str(json, "name", call->name);
    json_put_raw(json, "args", call->args);
    json_put_str(json, "description", description_of(run, call));
    json_end_object(json);
}

/* The same for clients that know the older form only: it speaks of one call, the first. */
static void older_out(struct json_writer *json, struct native_run *run,
                      const struct tool_call *call)
{
    json_key(json, "action_request");
    json_begin_object(json);
    json_put_str(json, "action", call->name);
    json_put_raw(json, "args", call->args);
    json_end_object(json);
    json_put_raw(json, "config",
                 STR("{\"allow_ignore\":true,\"allow_respond\":true,\"allow_edit\":true,"
                     "\"allow_accept\":true}"));
    json_put_str(json, "description", description_of(run, call));
}

void approval_ask(struct native_run *run, const struct tool_calls *needed)
{
    struct rng *rng = loop_rng(run->native->loop);
    struct json_writer json;
    struct buf out;

    run->task_id = new_message_id(run->arena, rng);
    buf_init(&out, VALUE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    json_begin_object(&json);
    json_put_str(&json, "id", new_message_id(run->arena, rng));
    json_key(&json, "value");
    json_begin_object(&json);
    json_key(&json, "action_requests");
    json_begin_array(&json);
    for (size_t i = 0; i < needed->count; i++)
        request_out(&json, run, &needed->list[i]);
    json_end_array(&json);
    json_key(&json, "review_configs");
    json_begin_array(&json);
    for (size_t i = 0; i < needed->count; i++) {
        json_begin_object(&json);
        json_put_str(&json, "action_name", needed->list[i].name);
        json_put_raw(&json, "allowed_decisions",
                     STR("[\"approve\",\"edit\",\"reject\",\"respond\"]"));
        json_end_object(&json);
    }
    json_end_array(&json);
    older_out(&json, run, &needed->list[0]);
    json_end_object(&json);
    json_end_object(&json);
    json_end_array(&json);
    run->interrupts = arena_str(run->arena, buf_str(&out));
    buf_release(&out);
}

/* ---- answered ---- */

static void answer_for(struct native_run *run, const struct tool_call *call, struct str text,
                       bool is_error)
{
    const struct tool_answer answer = {call, text, is_error};
    struct str message = conversation_tool(run->arena, loop_rng(run->native->loop), &answer);

    conversation_add(&native_top(run)->messages, message);
}

static bool edit(struct native_run *run, const struct tool_call *call, struct str decision,
                 struct str *why)
{
    struct str action = json_raw(decision, STR("edited_action"));
    struct str args, name_raw;
    const struct json *name = NULL;

    if (str_is_none(action) || action.data[0] != '{')
        action = json_raw(decision, STR("args")); /* the older form: {"action", "args"} */
    if (str_is_none(action) || action.data[0] != '{') {
        *why = STR("decisions: edit needs edited_action {name, args}");
        return false;
    }
    args = json_raw(action, STR("args"));
    name_raw = json_raw(action, STR("name"));
    if (!str_is_none(name_raw) && json_parse(run->arena, name_raw, &name, NULL))
        name = NULL;
    if (str_is_none(args) || args.data[0] != '{') {
        *why = STR("decisions: edited_action.args must be an object");
        return false;
    }
    conversation_edit_call(&native_top(run)->messages, call,
                           str_is_none(json_string(name)) ? call->name : json_string(name), args);
    run->approved[run->approved_count++] = call->id;
    return true;
}

/* The words of a person, in either form. */
static struct str words_of(const struct json *decision, struct str fallback)
{
    struct str text = json_string(json_get(decision, "message"));

    if (str_is_none(text))
        text = json_string(json_get(decision, "args"));
    return str_is_none(text) || text.len == 0 ? fallback : text;
}

static bool decide(struct native_run *run, const struct tool_call *call, struct str decision,
                   struct str *why)
{
    const struct json *json;
    struct str type;

    if (json_parse(run->arena, decision, &json, NULL))
        return false;
    type = json_string(json_get(json, "type"));
    if (str_eq(type, STR("approve")) || str_eq(type, STR("accept"))) {
        run->approved[run->approved_count++] = call->id;
        return true;
    }
    if (str_eq(type, STR("edit")))
        return edit(run, call, decision, why);
    if (str_eq(type, STR("respond")) || str_eq(type, STR("response"))) {
        answer_for(run, call, words_of(json, STR("")), false);
        return true;
    }
    if (str_eq(type, STR("reject")) || str_eq(type, STR("ignore"))) {
        answer_for(run, call,
                   words_of(json, arena_printf(run->arena, "User rejected the tool call for `%.*s`",
                                               STR_ARG(call->name))),
                   true);
        return true;
    }
    *why = STR("decisions: type must be approve, edit, reject or respond");
    return false;
}

/* What clients send: {"decisions": […]}, the array alone, or one decision for one request. With an
 * interrupt's id before it: {"<id>": …}. */
static struct str decisions_of(struct native_run *run, struct str resume)
{
    struct str list = resume, inner;
    const struct json *asked;

    if (resume.data[0] == '{') {
        struct str key, value;
        size_t at = 0;

        if (json_parse(run->arena, run->interrupts, &asked, NULL) == OK &&
            json_raw_next(resume, &at, &key, &value) &&
            str_eq(key, json_string(json_get(json_item(asked, 0), "id"))))
            return decisions_of(run, value);
        inner = json_raw(resume, STR("decisions"));
        list = !str_is_none(inner) ? inner : arena_printf(run->arena, "[%.*s]", STR_ARG(resume));
    }
    return list.len && list.data[0] == '[' ? list : STR("[]");
}

bool approval_take(struct native_run *run, struct str resume, struct str *why)
{
    struct tool_calls open, needed;
    struct str list, key, decision;
    size_t at = 0, count = 0;

    if (str_is_none(run->interrupts)) {
        *why = STR("command.resume: the thread waits for no decision");
        return false;
    }
    list = resume.len ? decisions_of(run, resume) : STR("[]");
    conversation_calls(&native_top(run)->messages, true, &open);
    approval_needed(run, &open, &needed);
    while (json_raw_next(list, &at, &key, &decision))
        count++;
    if (count == 0 || count > needed.count) {
        *why = arena_printf(run->arena,
                            "command.resume: must be {\"decisions\": […]} with a decision for each "
                            "of the %zu actions, in their order, not %zu",
                            needed.count, count);
        return false;
    }
    at = 0;
    for (size_t i = 0; i < needed.count && json_raw_next(list, &at, &key, &decision); i++)
        if (!decide(run, &needed.list[i], decision, why))
            return false;
    run->interrupts = STR_NONE;
    return true;
}
