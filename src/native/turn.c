/* turn.c -- what a run does next, from its state alone:
 *
 *   the last answer has open calls ─▶ ask a person │ carry out the next one
 *   it has none                    ─▶ the conversation is over: the run, or a sub-agent's task
 *   something was said behind it   ─▶ ask the model
 *
 * A sub-agent's conversation lies on top of the agent's until it is over. */
#include "native/run_priv.h"

#define TOOLS_MAX_OF_AGENT 256
#define DESCRIPTION_BYTES_MAX (64 * KIB)

/* ---- tools' answers ---- */

static void answer_add(struct native_run *run, const struct tool_call *call, struct str text,
                       bool is_error)
{
    struct frame *frame = native_top(run);
    const struct tool_answer answer = {call, text, is_error};
    struct str message = conversation_tool(run->arena, loop_rng(run->native->loop), &answer);

    trace_tool_end(run, call, text, is_error);
    conversation_add(&frame->messages, message);
    stream_message(run, "tools", message);
}

static bool has_open_calls(struct native_run *run)
{
    struct tool_calls open;

    conversation_calls(&native_top(run)->messages, true, &open);
    return open.count > 0;
}

/* After an answer that may have been the last one of its message. */
static void after_tool(struct native_run *run)
{
    if (has_open_calls(run))
        turn_go(run);
    else
        state_save(run);
}

static void on_called(struct mcp_server *server, struct str why)
{
    struct native_run *run = server->context;
    struct tool_calls open;
    bool is_error = true;
    struct str text = why;

    if (str_is_none(why))
        text = mcp_result_text(run->arena, server->result, &is_error);
    conversation_calls(&native_top(run)->messages, true, &open);
    answer_add(run, &open.list[0], text, is_error);
    after_tool(run);
}

static const struct tool_entry *entry_of(const struct agent_spec *agent, struct str name)
{
    for (size_t i = 0; i < agent->tools.count; i++)
        if (str_eq(agent->tools.list[i].name, name))
            return &agent->tools.list[i];
    return NULL;
}

/* ---- sub-agents ---- */

static bool task_begin(struct native_run *run, const struct tool_call *call, struct str *why)
{
    const struct json *args;
    const struct agent_spec *agent;
    struct str task, type;
    struct frame *frame;

    if (json_parse(run->arena, call->args, &args, NULL))
        args = NULL;
    task = json_string(json_get(args, "description"));
    type = json_string(json_get(args, "subagent_type"));
    agent = str_is_none(type) ? NULL : spec_find(&run->spec, type);
    if (!agent || str_is_none(task)) {
        *why = STR("Error: task needs a description and the subagent_type of a sub-agent");
        return false;
    }
    frame = &run->frames[run->frame_count++];
    *frame = (struct frame){.agent = agent, .call = *call};
    conversation_init(&frame->messages, run->arena);
    conversation_add(&frame->messages,
                     conversation_human(run->arena, loop_rng(run->native->loop), task));
    run->tool_span.id = STR_NONE; /* it has one of its own */
    trace_task_begin(run, frame);
    return true;
}

static void task_end(struct native_run *run)
{
    struct frame *frame = native_top(run);
    struct tool_call call = frame->call;
    struct str text = said_text(&frame->messages.list[frame->messages.count - 1], run->arena);

    trace_task_end(run, frame, text, STR_NONE);
    run->frame_count--;
    answer_add(run, &call, text, false);
}

/* ---- one call ---- */

/* True: it has its answer, or another conversation has begun; false: its answer comes later. */
static bool call_run(struct native_run *run, const struct tool_call *call)
{
    struct frame *frame = native_top(run);
    const struct tool_entry *entry = entry_of(frame->agent, call->name);
    struct files skills = frame->agent->skills; /* only read */
    struct toolbox box = {.arena = run->arena,
                          .files = &run->files,
                          .skills = &skills,
                          .memories = &run->spec.memories,
                          .todos = &frame->todos,
                          .now_us = loop_wall_us(run->native->loop)};
    struct str why = STR_NONE;
    bool is_error;

    trace_tool_begin(run);
    if (!str_is_none(call->invalid_why)) {
        answer_add(run, call, arena_printf(run->arena, "Error: %.*s", STR_ARG(call->invalid_why)),
                   true);
    } else if (str_eq(call->name, TASK_TOOL) && run->frame_count < FRAMES_MAX) {
        if (!task_begin(run, call, &why))
            answer_add(run, call, why, true);
    } else if (toolbox_has(call->name)) {
        why = toolbox_run(&box, call, &is_error);
        answer_add(run, call, why, is_error);
    } else if (entry) {
        size_t server = spec_server(&run->spec, entry->server_url);

        mcp_call(&run->servers[server], call->name, call->args, on_called, run);
        return false;
    } else {
        answer_add(run, call,
                   arena_printf(run->arena, "Error: %.*s is not a valid tool", STR_ARG(call->name)),
                   true);
    }
    return true;
}

/* ---- the model ---- */

static void task_tool(struct native_run *run, struct model_tool *tool)
{
    const struct spec *spec = &run->spec;
    struct buf out;

    buf_init(&out, DESCRIPTION_BYTES_MAX);
    buf_add_cstr(&out, "Give a piece of work to a sub-agent, which sees nothing of this "
                       "conversation and answers once. Sub-agents:\n");
    for (size_t i = 1; i < spec->count; i++)
        buf_addf(&out, "- %.*s: %.*s\n", STR_ARG(spec->agents[i].name),
                 STR_ARG(spec->agents[i].description));
    *tool = (struct model_tool){
        TASK_TOOL, arena_str(run->arena, buf_str(&out)),
        STR("{\"type\":\"object\",\"properties\":{\"description\":{\"type\":\"string\"},"
            "\"subagent_type\":{\"type\":\"string\"}},\"required\":[\"description\","
            "\"subagent_type\"]}")};
    buf_release(&out);
}

static const struct mcp_tool *listed(const struct mcp_server *server, struct str name)
{
    for (size_t i = 0; i < server->tool_count; i++)
        if (str_eq(server->tools[i].name, name))
            return &server->tools[i];
    return NULL;
}

static size_t tools_of(struct native_run *run, struct model_tool *tools, struct str *missing)
{
    const struct agent_spec *agent = native_top(run)->agent;
    size_t count = 0;

    for (size_t i = 0; i < toolbox_count; i++)
        tools[count++] = toolbox_tools[i];
    if (run->frame_count < FRAMES_MAX)
        task_tool(run, &tools[count++]);
    for (size_t i = 0; i < agent->tools.count; i++) {
        const struct tool_entry *entry = &agent->tools.list[i];
        const struct mcp_tool *tool =
            listed(&run->servers[spec_server(&run->spec, entry->server_url)], entry->name);

        if (!tool) {
            *missing = arena_printf(run->arena, "the MCP server %.*s has no tool %.*s",
                                    STR_ARG(entry->server_url), STR_ARG(entry->name));
            return count;
        }
        tools[count++] = (struct model_tool){tool->name, tool->description, tool->schema};
    }
    return count;
}

static void on_text(void *context, struct str piece)
{
    stream_text(context, piece);
}

static void on_answered(struct model_call *call, struct str why)
{
    struct native_run *run = call->context;
    struct model_answer *answer = &call->answer;
    struct str message;

    run->tokens += answer->input_tokens + answer->output_tokens;
    if (!str_is_none(why)) {
        struct str type = call->target.demo.error_type;

        trace_model_end(run, STR_NONE, why);
        native_fail(run, str_is_none(type) ? "ModelError" : arena_cstr(run->arena, type), why);
        return;
    }
    message = model_answer_message(answer, run->arena, run->answer_id);
    if (!conversation_add(&native_top(run)->messages, message)) {
        native_fail(run, "ModelError", STR("the model's answer is no message"));
        return;
    }
    trace_model_end(run, message, STR_NONE);
    stream_message(run, "model", message);
    if (answer->call_count > 0)
        state_save(run);
    else
        turn_go(run);
}

/* The words with which a run ends that does too much; STR_NONE: it may go on. */
static struct str limit_reached(struct native_run *run)
{
    if (run->step >= run->steps_max)
        return arena_printf(run->arena,
                            "Recursion limit of %lld reached without hitting a stop condition.",
                            (long long)run->steps_max);
    if (run->tokens >= run->tokens_max)
        return arena_printf(run->arena,
                            "The run has used %lld tokens; config.configurable.max_total_tokens "
                            "is %lld.",
                            (long long)run->tokens, (long long)run->tokens_max);
    return STR_NONE;
}

static void model_ask(struct native_run *run)
{
    struct frame *frame = native_top(run);
    struct model_tool *tools = ARENA_ARRAY(run->arena, struct model_tool, TOOLS_MAX_OF_AGENT);
    struct str why = limit_reached(run);
    struct model_target target;
    struct model_question question = {.prompt = frame->agent->prompt,
                                      .messages = &frame->messages,
                                      .tools = tools,
                                      .answer_tokens_max = ANSWER_TOKENS_MAX};

    if (!str_is_none(why)) {
        native_fail(run, "GraphRecursionError", why);
        return;
    }
    question.tool_count = tools_of(run, tools, &why);
    if (!str_is_none(why) || spec_model(&run->spec, frame->agent, &target, &why)) {
        native_fail(run, "AgentError", why);
        return;
    }
    if (target.is_built_in && demo_answer(target.model, frame->agent->script, &frame->messages,
                                          loop_rng(run->native->loop), run->arena, &target.demo)) {
        native_fail(run, "AgentError", target.demo.why);
        return;
    }
    question.protocol = target.protocol;
    question.model = target.model;
    buf_clear(&run->model.body);
    model_question_write(&run->model.body, &question);
    if (run->model.body.failed) {
        native_fail(run, "ModelError",
                    STR("the conversation is larger than a request may be, 32 MiB"));
        return;
    }
    run->step++;
    run->answer_id = arena_printf(run->arena, "run-%.*s",
                                  STR_ARG(new_message_id(run->arena, loop_rng(run->native->loop))));
    run->model.on_done = on_answered;
    run->model.context = run;
    trace_model_begin(run);
    model_call_start(&run->model, &target, on_text, run);
}

/* ---- the loop ---- */

static void open_next(struct native_run *run);

static bool servers_are_ready(const struct native_run *run)
{
    for (size_t i = 0; i < run->server_count; i++)
        if (!run->servers[i].is_ready)
            return false;
    return true;
}

/* True: go on at once. */
static bool step(struct native_run *run)
{
    struct frame *frame = native_top(run);
    const struct said *answer = conversation_last_answer(&frame->messages);
    struct tool_calls open, needed;

    if (frame->messages.count == 0) {
        native_fail(run, "InvalidInput", STR("input.messages: there is no message to answer"));
        return false;
    }
    conversation_calls(&frame->messages, true, &open);
    if (open.count == 0 && answer == &frame->messages.list[frame->messages.count - 1]) {
        if (run->frame_count == 1) {
            native_end(run, RUN_SUCCESS, STR_NONE);
            return false;
        }
        task_end(run);
        return true;
    }
    if (open.count == 0) {
        run->approved_count = 0;
        if (servers_are_ready(run))
            model_ask(run);
        else
            open_next(run); /* one has said that its tools have changed */
        return false;
    }
    approval_needed(run, &open, &needed);
    if (needed.count > 0) {
        approval_ask(run, &needed);
        stream_interrupt(run);
        native_end(run, RUN_SUCCESS, STR_NONE);
        return false;
    }
    if (!call_run(run, &open.list[0]))
        return false;
    if (native_top(run) == frame && !has_open_calls(run)) {
        state_save(run);
        return false;
    }
    return true;
}

void turn_go(struct native_run *run)
{
    while (step(run)) {
    }
}

/* ---- MCP servers ---- */

static void on_opened(struct mcp_server *server, struct str why)
{
    struct native_run *run = server->context;

    if (str_is_none(why))
        open_next(run);
    else
        native_fail(run, "AgentError", why);
}

static void open_next(struct native_run *run)
{
    for (size_t i = 0; i < run->server_count; i++)
        if (!run->servers[i].is_ready) {
            mcp_open(&run->servers[i], on_opened, run);
            return;
        }
    turn_go(run);
}

void turn_begin(struct native_run *run)
{
    const struct spec *spec = &run->spec;
    struct str why;

    run->servers = ARENA_ARRAY(run->arena, struct mcp_server, spec->server_count + 1);
    for (; run->server_count < spec->server_count; run->server_count++) {
        struct mcp_server *server = &run->servers[run->server_count];

        mcp_init(server, run->native->loop, run->native->client, run->arena);
        if (spec_server_aim(&spec->servers[run->server_count], server, &why)) {
            run->server_count++;
            native_fail(run, "AgentError", why);
            return;
        }
    }
    open_next(run);
}
