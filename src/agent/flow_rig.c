/* flow_rig.c -- see flow_rig.h. */
#include "agent/flow_rig.h"

#include "store/checkpoints.h"
#include "store/fresh_rig.h"

#define CLAIM_LEASE_US (60 * US_PER_SECOND)

static const struct graph graph_list[] = {
    {.id = {"agent", 5}, .kind = GRAPH_BUILTIN},
    {.id = {"other", 5}, .kind = GRAPH_PYTHON},
};

void flow_open(struct flow *flow, const char *postgres_url)
{
    memset(flow, 0, sizeof(*flow));
    outbox_rig_open(&flow->rig, postgres_url);
    arena_init(&flow->arena);
    buf_init(&flow->notes, MIB);
    flow->config = (struct agent_config){
        .graphs = {graph_list, ARRAY_LEN(graph_list)},
        .node_id = STR("node"),
        .attempts_max = 3,
    };
}

void flow_close(struct flow *flow)
{
    outbox_rig_close(&flow->rig);
    arena_release(&flow->arena);
    buf_release(&flow->notes);
}

/* ---- transactions ---- */

static void notes_keep(struct flow *flow, const struct tx *tx)
{
    static const char *const names[TOPIC_COUNT] = {"run_pending", "run_cancel", "run_done",
                                                   "delivery_due", "keys"};

    buf_clear(&flow->notes);
    for (size_t i = 0; i < tx->note_count; i++)
        buf_addf(&flow->notes, "%s %.*s;", names[tx->notes[i].topic], STR_ARG(tx->notes[i].key));
}

static enum err once(struct tx *tx, bool keeps, enum err (*apply)(struct tx *, void *),
                     void *context)
{
    enum err err;

    tx->note_count = 0;
    assert_int_equal(db_savepoint(tx->db), OK);
    err = apply(tx, context);
    if (err || !keeps)
        assert_int_equal(db_savepoint_rollback(tx->db), OK);
    else
        assert_int_equal(db_savepoint_release(tx->db), OK);
    return err;
}

enum err flow_apply(struct flow *flow, enum err (*apply)(struct tx *tx, void *context),
                    void *context)
{
    struct tx *tx = outbox_rig_begin(&flow->rig);
    enum err first = once(tx, false, apply, context);
    enum err err = once(tx, true, apply, context);

    assert_int_equal(first, err);
    notes_keep(flow, tx);
    assert_int_equal(outbox_rig_end(&flow->rig, OK), OK);
    return err;
}

/* ---- creating ---- */

struct creation {
    struct flow *flow;
    struct run_new what;
    struct run_request request;
    struct run run;
};

static enum err create_apply(struct tx *tx, void *context)
{
    struct creation *c = context;

    return run_create(tx, &c->flow->config, &c->what, &c->flow->arena, &c->run, &c->flow->error);
}

enum err flow_create(struct flow *flow, const char *run_id, const char *thread_id, const char *body)
{
    struct str text = flow_json(flow, body);
    struct creation creation = {
        .flow = flow,
        .what = {.tenant = FLOW_TENANT,
                 .thread_id = str_of(thread_id),
                 .run_id = str_of(run_id),
                 .fresh_thread_id = arena_printf(&flow->arena, "thread-of-%s", run_id),
                 .headers = STR("{\"header\":\"h\",\"who\":\"header\"}"),
                 .request = &creation.request},
    };
    const struct json *root = NULL;

    assert_int_equal(json_parse(&flow->arena, text, &root, NULL), OK);
    if (run_request_parse(&flow->arena, text, root, &creation.request, &flow->error))
        fail_msg("%s: %s", body, flow->error.text);
    return flow_apply(flow, create_apply, &creation);
}

void flow_make(struct flow *flow, const char *run_id, const char *thread_id, const char *body)
{
    enum err err = flow_create(flow, run_id, thread_id, body);

    if (err)
        fail_msg("%s: %s (%s)", run_id, err_name(err), flow->error.text);
}

/* ---- claiming ---- */

struct claiming {
    struct flow *flow;
    struct run_claim what;
    struct runs runs;
};

static enum err claim_apply(struct tx *tx, void *context)
{
    struct claiming *c = context;

    return run_claim(tx, &c->what, &c->flow->arena, &c->runs);
}

struct str flow_claim(struct flow *flow, int64_t limit)
{
    struct claiming claiming = {.flow = flow,
                                .what = {.node = flow->config.node_id,
                                         .lease_us = CLAIM_LEASE_US,
                                         .graph_ids = STR("[\"agent\"]"),
                                         .limit = limit}};
    struct str ids = STR("");

    assert_int_equal(flow_apply(flow, claim_apply, &claiming), OK);
    for (size_t i = 0; i < claiming.runs.count; i++)
        ids = arena_printf(&flow->arena, "%.*s%s%.*s", STR_ARG(ids), i > 0 ? "," : "",
                           STR_ARG(claiming.runs.list[i].run_id));
    return ids;
}

/* ---- ending ---- */

struct ending {
    struct flow *flow;
    struct run run;
    const struct run_outcome *outcome; /* NULL: lost */
    const char *lost_type;
    struct str action;
    bool ended;
};

static enum err end_apply(struct tx *tx, void *context)
{
    struct ending *e = context;

    if (e->outcome)
        return run_finish(tx, &e->flow->config, &e->run, e->outcome, &e->ended);
    return run_lost(tx, &e->flow->config, &e->run, str_of(e->lost_type),
                    STR("The worker process of the run ended: it was killed by a signal."),
                    &e->ended);
}

static bool end_attempt(struct flow *flow, const char *run_id, int64_t attempt,
                        const struct run_outcome *outcome, const char *lost_type)
{
    struct ending ending = {
        .flow = flow,
        .run = {.tenant = FLOW_TENANT, .run_id = str_of(run_id), .attempt = attempt},
        .outcome = outcome,
        .lost_type = lost_type};

    assert_int_equal(flow_apply(flow, end_apply, &ending), OK);
    return ending.ended;
}

bool flow_finish_attempt(struct flow *flow, const char *run_id, int64_t attempt,
                         const struct run_outcome *outcome)
{
    return end_attempt(flow, run_id, attempt, outcome, NULL);
}

void flow_finish(struct flow *flow, const char *run_id, const struct run_outcome *outcome)
{
    struct run run;

    assert_int_equal(flow_run(flow, run_id, &run), OK);
    assert_true(end_attempt(flow, run_id, run.attempt, outcome, NULL));
}

bool flow_lose_by(struct flow *flow, const char *run_id, int64_t attempt, const char *type)
{
    return end_attempt(flow, run_id, attempt, NULL, type);
}

bool flow_lose(struct flow *flow, const char *run_id, int64_t attempt)
{
    return flow_lose_by(flow, run_id, attempt, "WorkerCrash");
}

static enum err cancel_apply(struct tx *tx, void *context)
{
    struct ending *e = context;

    return run_cancel(tx, &e->flow->config, &e->run, e->action);
}

void flow_cancel(struct flow *flow, const char *run_id, const char *action)
{
    struct ending ending = {.flow = flow, .action = str_of(action)};

    assert_int_equal(flow_run(flow, run_id, &ending.run), OK);
    assert_int_equal(flow_apply(flow, cancel_apply, &ending), OK);
}

/* ---- looking ---- */

enum err flow_run(struct flow *flow, const char *run_id, struct run *run)
{
    struct tx *tx = outbox_rig_begin(&flow->rig);

    *run = (struct run){0};
    return outbox_rig_end(&flow->rig,
                          run_get(tx, FLOW_TENANT, STR_NONE, str_of(run_id), &flow->arena, run));
}

enum err flow_thread(struct flow *flow, const char *thread_id, struct thread *thread)
{
    struct tx *tx = outbox_rig_begin(&flow->rig);

    *thread = (struct thread){0};
    return outbox_rig_end(&flow->rig,
                          thread_get(tx, FLOW_TENANT, str_of(thread_id), &flow->arena, thread));
}

struct str flow_run_status(struct flow *flow, const char *run_id)
{
    struct run run;

    return flow_run(flow, run_id, &run) ? STR("gone") : run.status;
}

struct str flow_thread_status(struct flow *flow, const char *thread_id)
{
    struct thread thread;

    return flow_thread(flow, thread_id, &thread) ? STR("gone") : thread.status;
}

size_t flow_deliveries(struct flow *flow, const char *run_id)
{
    struct delivery_row *rows;

    return outbox_rig_list(&flow->rig, run_id, NULL, &rows);
}

struct str flow_payload(struct flow *flow, const char *run_id)
{
    struct delivery_row *rows;
    struct str body = STR_NONE;
    struct tx *tx;

    assert_int_equal(outbox_rig_list(&flow->rig, run_id, NULL, &rows), 1);
    ASSERT_STR(rows[0].kind, "run");
    ASSERT_STR(rows[0].url, FLOW_HOOK);
    ASSERT_STR(rows[0].policy, "durable");
    ASSERT_STR(rows[0].content_type, "application/json");
    assert_int_equal(rows[0].state, DELIVERY_DUE);
    tx = outbox_rig_begin(&flow->rig);
    assert_int_equal(
        outbox_rig_end(&flow->rig, delivery_get_body(tx, FLOW_TENANT, rows[0].delivery_id,
                                                     &flow->arena, &body)),
        OK);
    return body;
}

struct str flow_result(struct flow *flow, const char *run_id)
{
    struct str result = STR_NONE;
    struct run run;
    struct tx *tx;

    assert_int_equal(flow_run(flow, run_id, &run), OK);
    tx = outbox_rig_begin(&flow->rig);
    assert_int_equal(outbox_rig_end(&flow->rig, run_result(tx, &run, &flow->arena, &result)), OK);
    return result;
}

/* ---- JSON ---- */

struct str flow_json(struct flow *flow, const char *text)
{
    char *copy = arena_cstr(&flow->arena, str_of(text));

    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return str_of(copy);
}

struct str flow_member(struct str object, const char *path)
{
    struct str rest = str_of(path), key;

    while (!str_is_none(object) && str_split(&rest, '.', &key))
        object = json_raw(object, key);
    return object;
}

/* ---- checkpoints ---- */

static enum err checkpoint_apply(struct tx *tx, void *context)
{
    return checkpoint_put(tx, context);
}

void flow_checkpoint(struct flow *flow, const char *thread_id, const char *checkpoint_id,
                     const char *run_id)
{
    struct checkpoint checkpoint = {.tenant = FLOW_TENANT,
                                    .thread_id = str_of(thread_id),
                                    .ns = STR(""),
                                    .checkpoint_id = str_of(checkpoint_id),
                                    .run_id = str_of(run_id),
                                    .serde = STR("msgpack"),
                                    .body = STR("body"),
                                    .metadata = STR("{}")};

    assert_int_equal(flow_apply(flow, checkpoint_apply, &checkpoint), OK);
}

struct str flow_checkpoints(struct flow *flow, const char *thread_id)
{
    struct checkpoint_filter filter = {
        .tenant = FLOW_TENANT, .thread_id = str_of(thread_id), .ns = STR(""), .limit = 100};
    struct tx *tx = outbox_rig_begin(&flow->rig);
    struct checkpoint *found = NULL;
    struct str ids = STR("");
    size_t count = 0;

    assert_int_equal(
        outbox_rig_end(&flow->rig, checkpoint_list(tx, &filter, &flow->arena, &found, &count)), OK);
    for (size_t i = 0; i < count; i++)
        ids = arena_printf(&flow->arena, "%.*s%s%.*s", STR_ARG(ids), i > 0 ? "," : "",
                           STR_ARG(found[i].checkpoint_id));
    return ids;
}

/* ---- running ---- */

static int setup(void **state)
{
    static struct flow flow;

    flow_open(&flow, fresh_postgres_url());
    *state = &flow;
    return 0;
}

static int teardown(void **state)
{
    flow_close(*state);
    return 0;
}

int flow_run_tests(const struct CMUnitTest *tests, size_t count)
{
    return fresh_run_tests(tests, count, setup, teardown);
}
