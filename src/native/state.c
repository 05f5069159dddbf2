/* A run's state: read from a checkpoint, changed by input, stored. */
#include "native/run_priv.h"

#include "base/uuid.h"

#define BODY_BYTES_MAX (128 * MIB)

static struct rng *rng_of(struct native_run *run)
{
    return loop_rng(run->native->loop);
}

static struct str take(struct native_run *run, struct buf *out)
{
    struct str text = arena_str(run->arena, buf_str(out));

    buf_release(out);
    return text;
}

static struct str some(struct str raw)
{
    return str_eq(raw, STR("null")) ? STR_NONE : raw;
}

/* ---- loading ---- */

static bool is_own(struct str key)
{
    return str_eq(key, STR("messages")) || str_eq(key, STR("files")) || str_eq(key, STR("todos"));
}

static struct str without_own(struct native_run *run, struct str object)
{
    struct buf out;

    buf_init(&out, VALUES_BYTES_MAX);
    json_without(&out, object, is_own);
    return take(run, &out);
}

/* The members of an object of values over the state's. */
static enum err values_merge(struct native_run *run, struct str values, struct str *why)
{
    struct frame *root = &run->frames[0];
    struct str todos = some(json_raw(values, STR("todos")));
    struct buf out;

    if (!str_is_none(todos) && todos.len && todos.data[0] == '[')
        root->todos = todos;
    files_merge(&run->files, json_raw(values, STR("files")));
    buf_init(&out, VALUES_BYTES_MAX);
    json_merge(&out, run->rest, without_own(run, values));
    run->rest = take(run, &out);
    return conversation_merge(&root->messages, json_raw(values, STR("messages")), rng_of(run), why);
}

static void frame_init(struct native_run *run, struct frame *frame, const struct agent_spec *agent)
{
    *frame = (struct frame){.agent = agent};
    conversation_init(&frame->messages, run->arena);
}

/* {"frames": [{"agent", "call_id", "messages", "todos"}], "approved": [id]} */
static void script_load(struct native_run *run, struct str script)
{
    struct str frames = json_raw(script, STR("frames")), key, value, why;
    const struct json *root;
    const struct agent_spec *agent;
    struct frame *frame = &run->frames[1];
    struct tool_calls open;
    size_t at = 0;

    if (json_parse(run->arena, script, &root, NULL))
        return;
    for (size_t i = 0; i < json_count(json_get(root, "approved")) && i < MODEL_CALLS_MAX; i++)
        run->approved[run->approved_count++] =
            json_string(json_item(json_get(root, "approved"), i));
    if (str_is_none(frames) || !json_raw_next(frames, &at, &key, &value))
        return;
    root = json_item(json_get(root, "frames"), 0);
    agent = spec_find(&run->spec, json_string(json_get(root, "agent")));
    conversation_calls(&run->frames[0].messages, true, &open);
    for (size_t i = 0; agent && i < open.count; i++) {
        if (!str_eq(open.list[i].id, json_string(json_get(root, "call_id"))))
            continue;
        frame_init(run, frame, agent);
        frame->call = open.list[i];
        frame->todos = some(json_raw(value, STR("todos")));
        if (conversation_merge(&frame->messages, json_raw(value, STR("messages")), rng_of(run),
                               &why) == OK)
            run->frame_count = 2;
        return;
    }
}

void state_load(struct native_run *run)
{
    struct builtin_state state = {.values = STR_NONE};
    struct str why;

    run->rest = STR("{}");
    files_init(&run->files, run->arena);
    frame_init(run, &run->frames[0], &run->spec.agents[0]);
    run->frame_count = 1;
    if (!run->has_head || builtin_load(run->arena, &run->head, &state))
        return;
    run->parent_id = run->head.checkpoint_id;
    if (values_merge(run, state.values, &why))
        run->frames[0].messages.count = 0;
    if (!str_is_none(state.script))
        script_load(run, state.script);
    run->interrupts = state.interrupts;
    run->task_id = state.task_id;
    run->step = state.at;
}

/* ---- input ---- */

/* What was asked for is not coming any more: models want an answer to each call. */
static void close_open_calls(struct native_run *run)
{
    struct frame *root = &run->frames[0];
    struct tool_calls open;

    run->frame_count = 1;
    run->interrupts = STR_NONE;
    run->approved_count = 0;
    conversation_calls(&root->messages, true, &open);
    for (size_t i = 0; i < open.count; i++) {
        const struct tool_answer answer = {
            &open.list[i],
            STR("The call was cancelled: another message came before it was carried out."), true};

        conversation_add(&root->messages, conversation_tool(run->arena, rng_of(run), &answer));
    }
}

static bool command_take(struct native_run *run, struct str command)
{
    struct str resume = json_raw(command, STR("resume"));
    struct str update = some(json_raw(command, STR("update")));
    struct str why = STR_NONE;

    if (!str_is_none(some(json_raw(command, STR("goto"))))) {
        native_fail(run, "InvalidCommand",
                    STR("command.goto: a Fleet agent has no nodes to go to"));
        return false;
    }
    if (!str_is_none(update) && values_merge(run, update, &why)) {
        native_fail(run, "InvalidInput",
                    str_is_none(why) ? STR("command.update is no object") : why);
        return false;
    }
    if (str_is_none(resume))
        return true;
    if (!approval_take(run, resume, &why)) {
        native_fail(run, "InvalidCommand", why);
        return false;
    }
    return true;
}

bool state_input(struct native_run *run)
{
    struct str kwargs = run->execution->run.kwargs, why = STR_NONE;
    struct str command = some(json_raw(kwargs, STR("command")));
    struct str input = some(json_raw(kwargs, STR("input")));

    if (run->execution->resume && run->has_head &&
        str_eq(run->head.run_id, run->execution->run.run_id))
        return true; /* an earlier attempt has taken it */
    run->step = 0;
    if (!str_is_none(command) && command.len && command.data[0] == '{')
        return command_take(run, command);
    if (str_is_none(input))
        return true;
    close_open_calls(run);
    if (input.data[0] != '{' || values_merge(run, input, &why)) {
        native_fail(run, "InvalidInput",
                    str_is_none(why) ? STR("input must be an object with messages") : why);
        return false;
    }
    return true;
}

/* ---- writing ---- */

struct str state_values(struct native_run *run)
{
    struct frame *root = &run->frames[0];
    struct buf own, out;
    struct str text;

    buf_init(&own, VALUES_BYTES_MAX);
    buf_add_cstr(&own, "{\"messages\":");
    conversation_write(&own, &root->messages);
    buf_add_cstr(&own, ",\"files\":");
    files_write(&own, &run->files);
    if (!str_is_none(root->todos)) {
        buf_add_cstr(&own, ",\"todos\":");
        buf_add(&own, root->todos);
    }
    buf_add_char(&own, '}');
    buf_init(&out, VALUES_BYTES_MAX);
    json_merge(&out, run->rest, buf_str(&own));
    buf_release(&own);
    text = take(run, &out);
    return text;
}

static void frame_write(struct json_writer *json, const struct frame *frame)
{
    json_begin_object(json);
    json_put_str(json, "agent", frame->agent->name);
    json_put_str(json, "call_id", frame->call.id);
    json_put_raw(json, "todos", frame->todos);
    json_key(json, "messages");
    conversation_write(json->out, &frame->messages);
    json->comma_due = true;
    json_end_object(json);
}

static struct str script_of(struct native_run *run)
{
    struct json_writer json;
    struct buf out;

    if (run->frame_count < 2 && run->approved_count == 0)
        return STR_NONE;
    buf_init(&out, VALUES_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_key(&json, "frames");
    json_begin_array(&json);
    if (run->frame_count > 1)
        frame_write(&json, &run->frames[1]);
    json_end_array(&json);
    json_key(&json, "approved");
    json_begin_array(&json);
    for (size_t i = 0; i < run->approved_count; i++)
        json_str_out(&json, run->approved[i]);
    json_end_array(&json);
    json_end_object(&json);
    return take(run, &out);
}

static struct str metadata_of(struct native_run *run)
{
    const struct run *r = &run->execution->run;

    return arena_printf(run->arena,
                        "{\"source\":\"loop\",\"step\":%lld,\"parents\":{},\"thread_id\":\"%.*s\","
                        "\"run_id\":\"%.*s\",\"graph_id\":\"%.*s\",\"assistant_id\":\"%.*s\","
                        "\"run_attempt\":%lld,\"agent_version\":%lld}",
                        (long long)run->step, STR_ARG(r->thread_id), STR_ARG(r->run_id),
                        STR_ARG(r->graph_id), STR_ARG(r->assistant_id), (long long)r->attempt,
                        (long long)run->spec.row.version);
}

void state_checkpoint(struct native_run *run, struct str next, struct checkpoint *made,
                      struct str *rendered)
{
    struct loop *loop = run->native->loop;
    int64_t now_us = loop_wall_us(loop);
    struct uuid_text id;
    struct builtin_state state = {
        .thread_id = run->execution->run.thread_id,
        .checkpoint_id = arena_str(run->arena, uuid_write(uuid_v6(loop_rng(loop), now_us, 0), &id)),
        .parent_id = run->parent_id,
        .values = state_values(run),
        .metadata = metadata_of(run),
        .next = next,
        .task_id = run->task_id,
        .interrupts = run->interrupts,
        .script = script_of(run),
        .at = run->step,
        .created_us = now_us,
    };

    *made = (struct checkpoint){
        .tenant = run->execution->run.tenant,
        .thread_id = state.thread_id,
        .ns = STR(""),
        .checkpoint_id = state.checkpoint_id,
        .parent_id = state.parent_id,
        .run_id = run->execution->run.run_id,
        .serde = BUILTIN_SERDE,
        .body = builtin_body(run->arena, &state),
        .metadata = state.metadata,
    };
    if (rendered)
        *rendered = builtin_render(run->arena, &state);
}

/* ---- storing ---- */

/* A run that has ended, or has another attempt, stores no more. */
static enum err fence(struct tx *tx, const struct run *r)
{
    struct run found;
    enum err err = run_get(tx, r->tenant, STR_NONE, r->run_id, tx->arena, &found);

    if (err)
        return err == ERR_NOT_FOUND ? ERR_CONFLICT : err;
    return run_status_is_live(found.status) && found.attempt == r->attempt ? OK : ERR_CONFLICT;
}

/* What the agent wrote below /memories/ is a new version of its files, by its owner. */
static enum err memories_store(struct tx *tx, struct native_run *run)
{
    const struct files *memories = &run->spec.memories;
    const struct person owner = {.user_id = run->spec.row.owner_id,
                                 .email = run->spec.row.owner_email};
    struct agent_work work = {.tx = tx, .arena = tx->arena, .person = &owner};
    struct tree_change *changes = ARENA_ARRAY(tx->arena, struct tree_change, memories->count + 1);
    struct agent_edit edit = {
        .changes = changes,
        .settings = {.triggers_paused = SETTING_UNSAID, .skips_memory_protection = SETTING_UNSAID},
        .message = STR("Written by the agent"),
    };
    struct fleet_agent row = run->spec.row;

    for (size_t i = 0; i < memories->count; i++)
        if (memories->list[i].is_dirty)
            changes[edit.count++] = (struct tree_change){str_from(memories->list[i].path, 1),
                                                         memories->list[i].content};
    return edit.count ? agent_change(&work, &edit, &row) : OK;
}

static enum err save_apply(struct tx *tx, struct store_work *work)
{
    struct native_run *run = CONTAINER_OF(work, struct native_run, work);
    enum err err = fence(tx, &run->execution->run);

    if (!err)
        err = memories_store(tx, run);
    return err || run->execution->run.temporary ? err : checkpoint_put(tx, &run->next);
}

static void save_done(struct store_work *work, enum err err)
{
    struct native_run *run = CONTAINER_OF(work, struct native_run, work);

    run->is_working = false;
    if (!err) {
        run->parent_id = run->next.checkpoint_id;
        for (size_t i = 0; i < run->spec.memories.count; i++)
            run->spec.memories.list[i].is_dirty = false;
    }
    if (run->is_over)
        native_leave(run);
    else if (err)
        native_fail(run, "StateError", STR("The state of the run could not be stored."));
    else
        turn_go(run);
}

void state_save(struct native_run *run)
{
    state_checkpoint(run, STR("[\"model\"]"), &run->next, NULL);
    run->work.apply = save_apply;
    run->work.done = save_done;
    run->work.class = STORE_EVENT;
    run->work.reply_to = run->native->loop;
    run->is_working = true;
    store_write(run->native->store, &run->work);
}
