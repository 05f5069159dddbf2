/* Puts a run into the queue. */
#include "agent/run_create.h"

#include "agent/auth_user.h"
#include "agent/run_cancel.h"
#include "auth/filter.h"
#include "base/uuid.h"
#include "store/quota.h"

#define RUN_JSON_MAX (256 * MIB)
#define LIVE_PAGE 1000

struct maker {
    struct tx *tx;
    const struct agent_config *config;
    const struct run_new *in;
    struct arena *arena;
    struct request_error *error;
    struct assistant assistant;
    struct thread thread;
    bool thread_is_new;
    struct run *run;
};

/* ---- assistants ---- */

static enum err assistant_make(struct tx *tx, struct str tenant, const struct graph *graph,
                               struct arena *arena, struct assistant *assistant)
{
    *assistant = (struct assistant){
        .tenant = tenant,
        .assistant_id = graph_assistant_id(arena, graph->id),
        .graph_id = graph->id,
        .name = graph->id,
        .config = str_is_none(graph->config) ? STR("{}") : graph->config,
        .context = str_is_none(graph->context) ? STR("{}") : graph->context,
        .metadata = STR("{\"created_by\":\"system\"}"),
        .version = 1,
        .created_us = tx->now_us,
        .updated_us = tx->now_us,
    };
    return assistant_insert(tx, assistant);
}

enum err assistant_resolve(struct tx *tx, const struct agent_config *config, struct str tenant,
                           struct str id_or_graph, struct arena *arena, struct assistant *assistant)
{
    struct str id = id_or_graph;
    const struct graph *graph = graphs_find(&config->graphs, id_or_graph);
    enum err err;

    if (graph)
        id = graph_assistant_id(arena, graph->id);
    err = assistant_get(tx, tenant, id, arena, assistant);
    if (err == ERR_NOT_FOUND && graph && tx->is_write)
        err = assistant_make(tx, tenant, graph, arena, assistant);
    return err;
}

bool assistant_is_admitted(const struct assistant *assistant, struct str filter,
                           struct arena *arena)
{
    return str_eq(assistant->assistant_id, graph_assistant_id(arena, assistant->graph_id)) ||
           auth_filter_admits(filter, assistant->metadata);
}

enum err assistants_ensure(struct tx *tx, const struct agent_config *config, struct str tenant)
{
    for (size_t i = 0; i < config->graphs.count; i++) {
        const struct graph *graph = &config->graphs.list[i];
        struct assistant assistant;
        enum err err = OK;

        if (graph->kind != GRAPH_NATIVE)
            err = assistant_resolve(tx, config, tenant, graph->id, tx->arena, &assistant);
        if (err)
            return err;
    }
    return OK;
}

/* ---- JSON ---- */

static struct str keep(struct maker *m, struct buf *out)
{
    struct str copy = arena_str(m->arena, buf_str(out));

    buf_clear(out);
    return copy;
}

/* The union of object texts, the later ones win; STR_NONE and null count as empty. */
static struct str merge_all(struct maker *m, const struct str *objects, size_t count)
{
    struct str merged = STR("{}");
    struct buf out;

    buf_init(&out, RUN_JSON_MAX);
    for (size_t i = 0; i < count; i++) {
        if (str_is_none(objects[i]) || objects[i].len == 0 || objects[i].data[0] != '{')
            continue;
        json_merge(&out, merged, objects[i]);
        merged = keep(m, &out);
    }
    buf_release(&out);
    return merged;
}

static struct str wrap(struct maker *m, const char *key, struct str value)
{
    return arena_printf(m->arena, "{\"%s\":%.*s}", key, STR_ARG(value));
}

static struct str raw_of(struct str object, const char *key)
{
    return str_is_none(object) ? STR_NONE : json_raw(object, str_of(key));
}

/* {"run_id":…,"thread_id":…,"graph_id":…,"assistant_id":…} and who made it: what the server says
 * and nobody overrides. */
static struct str server_configurable(struct maker *m)
{
    struct json_writer json;
    struct buf out;
    struct str text;

    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "run_id", m->run->run_id);
    json_put_str(&json, "thread_id", m->run->thread_id);
    json_put_str(&json, "graph_id", m->assistant.graph_id);
    json_put_str(&json, "assistant_id", m->assistant.assistant_id);
    auth_user_put(&json, m->in->user);
    json_end_object(&json);
    text = keep(m, &out);
    buf_release(&out);
    return text;
}

/* {"user_id": …}: what graphs find under this name unless somebody gave them another. */
static struct str user_configurable(struct maker *m)
{
    struct str identity =
        str_is_none(m->in->user) ? STR_NONE : json_raw(m->in->user, STR("identity"));

    return str_is_none(identity) ? STR_NONE : wrap(m, "user_id", identity);
}

static struct str checkpoint_configurable(struct maker *m)
{
    const struct run_request *request = m->in->request;
    struct json_writer json;
    struct buf out;
    struct str by_id;

    if (str_is_none(request->checkpoint_id))
        return request->checkpoint;
    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "checkpoint_id", request->checkpoint_id);
    json_end_object(&json);
    by_id = keep(m, &out);
    buf_release(&out);
    return merge_all(m, (struct str[]){by_id, request->checkpoint}, 2);
}

/* config.configurable without what belongs to one run only: kept on the thread for later state
 * calls. */
static bool is_of_one_run(struct str key)
{
    static const char *const keys[] = {"checkpoint_id", "checkpoint_ns", "checkpoint_map",
                                       "thread_id",     "run_id",        NULL};

    return str_is_one_of(key, keys) || str_starts(key, STR("__")) || auth_user_is_member(key);
}

static struct str without_one_run(struct maker *m, struct str object)
{
    struct str text;
    struct buf out;

    buf_init(&out, RUN_JSON_MAX);
    json_without(&out, object, is_of_one_run);
    text = keep(m, &out);
    buf_release(&out);
    return text;
}

static struct str lasting_configurable(struct maker *m)
{
    return merge_all(m,
                     (struct str[]){raw_of(m->assistant.config, "configurable"),
                                    raw_of(m->thread.config, "configurable"), m->in->headers,
                                    raw_of(m->in->request->config, "configurable")},
                     4);
}

static struct str effective_config(struct maker *m, struct str lasting)
{
    struct str given = merge_all(m,
                                 (struct str[]){user_configurable(m), lasting,
                                                checkpoint_configurable(m), m->in->request->tracer},
                                 4);
    struct str configurable;

    if (plugin_is_there(&m->config->plugins.auth))
        given = auth_user_strip(m->arena, given);
    configurable = merge_all(m, (struct str[]){given, server_configurable(m)}, 2);

    return merge_all(m,
                     (struct str[]){m->assistant.config, m->in->request->config,
                                    wrap(m, "configurable", configurable),
                                    wrap(m, "metadata", m->run->metadata)},
                     4);
}

static void put_if(struct json_writer *json, const char *key, struct str raw)
{
    if (!str_is_none(raw))
        json_put_raw(json, key, raw);
}

/* The arguments of the run, as the API shows them and the executor gets them. */
static struct str kwargs_text(struct maker *m, struct str lasting)
{
    const struct run_request *r = m->in->request;
    struct str context = merge_all(m, (struct str[]){m->assistant.context, r->context}, 2);
    struct json_writer json;
    struct buf out;
    struct str text;

    if (!str_is_none(r->context) && r->context.data[0] != '{')
        context = r->context;
    buf_init(&out, RUN_JSON_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    put_if(&json, "input", r->input);
    put_if(&json, "command", r->command);
    json_put_raw(&json, "config", effective_config(m, lasting));
    json_put_raw(&json, "context", context);
    json_put_raw(&json, "stream_mode", r->stream_modes);
    put_if(&json, "interrupt_before", r->interrupt_before);
    put_if(&json, "interrupt_after", r->interrupt_after);
    if (!str_is_none(r->webhook))
        json_put_str(&json, "webhook", r->webhook);
    put_if(&json, "feedback_keys", r->feedback_keys);
    json_put_bool(&json, "temporary", m->run->temporary);
    json_put_bool(&json, "subgraphs", r->stream_subgraphs);
    json_put_bool(&json, "resumable", r->stream_resumable);
    json_put_str(&json, "durability", r->durability);
    if (r->strict_resume)
        json_put_bool(&json, "strict_resume", true);
    if (r->is_protocol)
        json_put_str(&json, "protocol", STR("v2"));
    json_end_object(&json);
    text = keep(m, &out);
    buf_release(&out);
    return text;
}

/* ---- steps ---- */

static void say_no_thread(struct maker *m)
{
    snprintf(m->error->text, sizeof(m->error->text), "Thread with ID %.*s not found",
             STR_ARG(m->in->thread_id));
}

static enum err thread_find_or_make(struct maker *m)
{
    const struct run_new *in = m->in;
    bool stateless = str_is_none(in->thread_id);
    enum err err = ERR_NOT_FOUND;

    if (!stateless)
        err = thread_get_for_update(m->tx, in->tenant, in->thread_id, m->arena, &m->thread);
    if (!err && !auth_filter_admits(in->thread_filter, m->thread.metadata)) {
        say_no_thread(m);
        return ERR_NOT_FOUND;
    }
    if (err != ERR_NOT_FOUND)
        return err;
    if (!stateless && !in->request->create_thread) {
        say_no_thread(m);
        return ERR_NOT_FOUND;
    }
    m->thread_is_new = true;
    m->thread = (struct thread){
        .tenant = in->tenant,
        .thread_id = stateless ? in->fresh_thread_id : in->thread_id,
        .status = THREAD_BUSY,
        .metadata = STR("{}"),
        .config = STR("{}"),
        .interrupts = STR("{}"),
        .temporary = stateless && !in->request->keep,
        .created_us = m->tx->now_us,
        .updated_us = m->tx->now_us,
    };
    if (!m->thread.temporary && m->config->thread_life.ttl_us > 0) {
        m->thread.ttl_us = m->config->thread_life.ttl_us;
        m->thread.ttl_strategy = m->config->thread_life.strategy;
    }
    return OK;
}

/* What becomes of the live runs of the thread, in the order of their making. */
static enum err strategy_apply(struct maker *m)
{
    struct str strategy = m->in->request->multitask_strategy;
    struct runs live;
    enum err err;

    if (m->thread_is_new || str_eq(strategy, STR("enqueue")))
        return OK;
    do { /* a round ends those that are pending; the one that runs ends later */
        err = run_list_live(m->tx, m->in->tenant, m->thread.thread_id, LIVE_PAGE, m->tx->arena,
                            &live);
        if (err || live.count == 0)
            return err;
        if (str_eq(strategy, STR("reject"))) {
            snprintf(m->error->text, sizeof(m->error->text), "%s", RUN_BUSY_TEXT);
            return ERR_CONFLICT;
        }
        for (size_t i = 0; !err && i < live.count; i++)
            err = run_cancel(m->tx, m->config, &live.list[i], strategy);
    } while (!err && live.count == LIVE_PAGE);
    return err;
}

static struct str ids_metadata(struct maker *m)
{
    struct json_writer json;
    struct buf out;
    struct str text;

    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "graph_id", m->assistant.graph_id);
    json_put_str(&json, "assistant_id", m->assistant.assistant_id);
    json_end_object(&json);
    text = keep(m, &out);
    buf_release(&out);
    return text;
}

static enum err thread_save(struct maker *m, struct str lasting)
{
    struct thread *t = &m->thread;

    t->metadata = merge_all(m,
                            (struct str[]){t->metadata,
                                           m->thread_is_new ? m->in->request->metadata : STR_NONE,
                                           ids_metadata(m)},
                            3);
    t->config = merge_all(
        m, (struct str[]){t->config, wrap(m, "configurable", without_one_run(m, lasting))}, 2);
    t->graph_id = m->assistant.graph_id;
    t->status = THREAD_BUSY;
    t->updated_us = m->tx->now_us;
    return m->thread_is_new ? thread_insert(m->tx, t) : thread_update(m->tx, t);
}

static void run_fill(struct maker *m)
{
    const struct run_request *r = m->in->request;
    int64_t due_us = m->tx->now_us + (int64_t)(r->after_seconds * (double)US_PER_SECOND);

    *m->run = (struct run){
        .tenant = m->in->tenant,
        .run_id = m->in->run_id,
        .thread_id = m->thread.thread_id,
        .assistant_id = m->assistant.assistant_id,
        .graph_id = m->assistant.graph_id,
        .status = RUN_PENDING,
        .multitask_strategy = r->multitask_strategy,
        .webhook = m->config->webhooks_disabled ? STR_NONE : r->webhook,
        .traceparent = m->in->traceparent,
        .temporary = m->thread.temporary,
        .resumable = r->stream_resumable,
        .created_us = due_us, /* clients read here when it is to start */
        .updated_us = m->tx->now_us,
        .due_us = r->after_seconds > 0 ? due_us : 0,
    };
    m->run->metadata = merge_all(
        m, (struct str[]){m->assistant.metadata, m->thread.metadata, r->metadata, ids_metadata(m)},
        4);
}

static enum err assistant_find(struct maker *m)
{
    struct str id = m->in->request->assistant_id;
    enum err err = assistant_resolve(m->tx, m->config, m->in->tenant, id, m->arena, &m->assistant);

    if (!err && !assistant_is_admitted(&m->assistant, m->in->assistant_filter, m->arena))
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        snprintf(m->error->text, sizeof(m->error->text),
                 "No assistant found for \"%.*s\". Make sure the assistant ID is for a valid "
                 "assistant or a valid "
                 "graph ID.",
                 STR_ARG(str_first(id, 64)));
    return err;
}

static enum err refused(struct maker *m, enum err err, const struct usage_refusal *refusal)
{
    if (err != ERR_LIMIT)
        return err;
    m->error->retry_after_s = refusal->retry_after_s;
    usage_refusal_text(refusal, m->error->text, sizeof(m->error->text));
    return err;
}

static enum err payers_ask(struct maker *m)
{
    struct usage_refusal refusal;
    enum err err = usage_admit_run(m->tx, &m->in->payers, &refusal);

    if (!err)
        err = quota_admit_bytes(m->tx, &m->in->payers, &refusal);
    return refused(m, err, &refusal);
}

static enum err thread_pay(struct maker *m)
{
    struct usage_refusal refusal;

    if (!m->thread_is_new)
        return OK;
    return refused(m, quota_admit_thread(m->tx, &m->in->payers, &refusal), &refusal);
}

enum err run_create(struct tx *tx, const struct agent_config *config, const struct run_new *new_run,
                    struct arena *arena, struct run *run, struct request_error *error)
{
    struct maker maker = {
        .tx = tx, .config = config, .in = new_run, .arena = arena, .error = error, .run = run};
    struct maker *m = &maker;
    const struct json *parsed;
    struct str lasting;
    enum err err;

    *error = (struct request_error){.text = ""};
    if ((err = assistant_find(m)) || (err = payers_ask(m)) || (err = thread_find_or_make(m)) ||
        (err = thread_pay(m)) || (err = strategy_apply(m)))
        return err;
    run_fill(m);
    lasting = lasting_configurable(m);
    run->kwargs = kwargs_text(m, lasting);
    if (json_parse(tx->arena, run->kwargs, &parsed, NULL)) {
        snprintf(error->text, sizeof(error->text), "the run's arguments are nested too deeply");
        return ERR_INVALID;
    }
    if ((err = thread_save(m, lasting)) || (err = run_insert(tx, run)) ||
        (err = usage_count_run(tx, &new_run->payers, run->tenant, run->run_id)))
        return err;
    tx_notify(tx, TOPIC_RUN_PENDING, run->thread_id);
    return OK;
}
