/* gateway_runs.c -- a request that makes a run with a webhook: the webhook is taken out and written
 * down before the run is asked for, so that it is delivered whatever dies meanwhile.
 *
 *   check the URL ──▶ intent in the store ──▶ the request, rewritten (gateway/rewrite.h)
 *        └──▶ the upstream refuses (4xx): the intent goes; else the follower waits for the end */
#include "api/gateway_priv.h"

#include "api/runs_priv.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/follower.h"
#include "gateway/outcome.h"
#include "gateway/rewrite.h"
#include "store/intents.h"

#define HELD_OF_RUN_MAX MIB /* an answer that tells of a run is looked at up to here */

/* ---- what is asked for ---- */

enum making { MAKES_NOTHING, MAKES_RUN, MAKES_RUN_ALONE, MAKES_BATCH, MAKES_CRON };

struct maker {
    enum http_method method;
    const char *path;
    enum making making;
    bool answers_run; /* the answer is the run; else a stream, or a result */
};

static const struct maker makers[] = {
    {HTTP_POST, "/threads/{thread_id}/runs", MAKES_RUN, true},
    {HTTP_POST, "/threads/{thread_id}/runs/stream", MAKES_RUN, false},
    {HTTP_POST, "/threads/{thread_id}/runs/wait", MAKES_RUN, false},
    {HTTP_POST, "/runs", MAKES_RUN_ALONE, true},
    {HTTP_POST, "/runs/stream", MAKES_RUN_ALONE, false},
    {HTTP_POST, "/runs/wait", MAKES_RUN_ALONE, false},
    {HTTP_POST, "/runs/batch", MAKES_BATCH, false},
    {HTTP_POST, "/threads/{thread_id}/runs/crons", MAKES_CRON, false},
    {HTTP_POST, "/runs/crons", MAKES_CRON, false},
    {HTTP_PATCH, "/runs/crons/{cron_id}", MAKES_CRON, false},
};

static const struct maker *maker_of(const struct call *call)
{
    for (size_t i = 0; i < ARRAY_LEN(makers); i++)
        if (makers[i].method == call->route->method &&
            strcmp(makers[i].path, call->route->path) == 0)
            return &makers[i];
    return NULL;
}

bool gateway_is_understood(const struct call *call)
{
    return maker_of(call) != NULL;
}

/* Any of that name: of two, servers may read another one than we do. */
static bool has_webhook(const struct json *body)
{
    struct json_iter iter = json_iter(body);
    const struct json *value;
    struct str key;

    while (json_next(&iter, &key, &value))
        if (str_eq(key, STR("webhook")) && !json_is_null(value))
            return true;
    return false;
}

static bool any_has_webhook(const struct json *body)
{
    struct json_iter iter = json_iter(body);
    const struct json *item;

    if (json_type(body) == JSON_OBJECT)
        return has_webhook(body);
    while (json_type(body) == JSON_ARRAY && json_next(&iter, NULL, &item))
        if (json_type(item) == JSON_OBJECT && has_webhook(item))
            return true;
    return false;
}

/* ---- writing it down ---- */

static enum err intent_apply(struct tx *tx, struct call *call)
{
    const struct passage *passage = call->data;
    struct intent intent = *passage->intent;
    enum err err;

    intent.created_us = tx->now_us;
    err = intent_insert(tx, &intent);
    return err ? err : call_then_take(call, gateway_take);
}

/* "/threads/{id}/runs…", of a path that may begin with /thread. */
static struct str thread_of(const struct call *call)
{
    return call->params[0];
}

/* "/runs/stream" becomes "/threads/{id}/runs/stream". */
static struct str target_with_thread(struct call *call, struct str target, struct str thread_id)
{
    struct str base = call->setup->gateway->upstream->base;

    return arena_printf(call->arena, "%.*s/threads/%.*s%.*s", STR_ARG(base), STR_ARG(thread_id),
                        STR_ARG(str_from(target, base.len)));
}

static enum err take_webhook(struct call *call, const struct maker *maker, const struct json *body)
{
    struct passage *passage = passage_of(call);
    bool is_alone = maker->making == MAKES_RUN_ALONE;
    struct intent *intent = ARENA_NEW(call->arena, struct intent);
    struct rewrite rewrite = {.body = call->request->body, .root = body, .makes_thread = is_alone};

    *intent = (struct intent){
        .tenant = call->principal.tenant,
        .intent_id = call_new_id(call),
        .url = json_string(json_get(body, "webhook")),
        .thread_id = is_alone ? call_new_id(call) : thread_of(call),
        .assistant_id = json_string(json_get(body, "assistant_id")),
        .traceparent = call_traceparent(call),
        .drops_thread = is_alone && !rewrite_keeps_thread(body),
        .node = call->setup->agent->node_id,
    };
    rewrite.intent_id = intent->intent_id;
    if (rewrite_run(call->arena, &rewrite, &passage->body))
        return ERR_LIMIT;
    if (is_alone)
        passage->target = target_with_thread(call, passage->target, intent->thread_id);
    passage->intent = intent;
    passage->answers_run = maker->answers_run;
    return call_then_write(call, intent_apply);
}

/* http.disable_webhooks: the run executes, the webhook is dropped. */
static enum err drop_webhook(struct call *call, const struct json *body)
{
    const struct rewrite rewrite = {.body = call->request->body, .root = body};

    if (rewrite_run(call->arena, &rewrite, &passage_of(call)->body))
        return ERR_LIMIT;
    return call_then_take(call, gateway_take);
}

static enum err refuse(struct call *call, const char *words)
{
    call_fail(call, 422, "webhook: %s", words);
    return ERR_INVALID;
}

static enum err check(struct call *call, const struct maker *maker, const struct json *body)
{
    const struct json *webhook = json_get(body, "webhook");

    if (maker->making == MAKES_BATCH)
        return refuse(call, "runs of a batch cannot have one in front of an upstream; make these "
                            "runs one by one");
    if (maker->making == MAKES_CRON)
        return refuse(call, "crons cannot have one in front of an upstream, as it is the upstream "
                            "that makes their runs; leave it out");
    if (json_type(webhook) != JSON_STRING)
        return refuse(call, "must be a string");
    if (maker->making == MAKES_RUN && !outcome_id_is_plain(thread_of(call))) {
        call_fail(call, 422, "thread_id: must be a UUID");
        return ERR_INVALID;
    }
    return run_webhook_check(call, json_string(webhook));
}

enum err gateway_run_prepare(struct call *call)
{
    const struct maker *maker = maker_of(call);
    const struct json *body = NULL;
    struct json_error error;
    enum err err;

    if (!maker)
        return call_then_take(call, gateway_take);
    /* Another parser may make sense of what is not JSON here, and find a webhook there. */
    if (json_parse(call->arena, call->request->body, &body, &error))
        return call_refuse_json(call, &error);
    if (!any_has_webhook(body))
        return call_then_take(call, gateway_take);
    if (call->setup->agent->webhooks_disabled && json_type(body) == JSON_OBJECT)
        return drop_webhook(call, body);
    err = check(call, maker, body);
    return err ? err : take_webhook(call, maker, body);
}

/* ---- what became of it ---- */

struct note {
    struct store_work work;
    struct follower *follower;
    struct str tenant, intent_id, run_id; /* run_id "": it was not made */
    char texts[];
};

static enum err note_apply(struct tx *tx, struct store_work *work)
{
    const struct note *note = CONTAINER_OF(work, struct note, work);

    if (str_is_empty(note->run_id))
        return intent_delete(tx, note->tenant, note->intent_id);
    return intent_locate(tx, note->tenant, note->intent_id, note->run_id);
}

static void note_done(struct store_work *work, enum err err)
{
    struct note *note = CONTAINER_OF(work, struct note, work);

    if (err)
        log_warn("gateway", "what became of a run was not noted (%s); it is looked for",
                 err_name(err));
    mem_free(note);
}

/* Only makes it faster: the intent stands, and its run can be found. */
static void note_write(struct passage *passage, struct str run_id)
{
    const struct intent *intent = passage->intent;
    struct note *note =
        mem_alloc_zero(sizeof(*note) + intent->tenant.len + intent->intent_id.len + run_id.len);
    char *at = note->texts;

    note->tenant = str_put(&at, intent->tenant);
    note->intent_id = str_put(&at, intent->intent_id);
    note->run_id = str_put(&at, run_id);
    note->work.apply = note_apply;
    note->work.done = note_done;
    note->work.class = STORE_OUTCOME;
    store_write(passage->call->setup->store, &note->work);
}

/* ".../threads/{id}/runs/{run_id}…" */
static struct str run_of_location(struct str location)
{
    struct str word = STR("/runs/");
    size_t at = str_find(location, word);
    struct str rest = str_from(location, at + word.len), run_id;

    if (at == location.len || !str_split(&rest, '/', &run_id))
        return STR_NONE;
    return outcome_id_is_plain(run_id) ? run_id : STR_NONE;
}

static void found(struct passage *passage, struct str run_id)
{
    passage->is_located = true;
    follower_hint(passage->passages->gateway->follower, passage->intent->intent_id, run_id);
    note_write(passage, run_id);
}

void gateway_run_on_head(struct passage *passage, const struct fetch_head *head)
{
    struct str at = http_header_find(head->headers, head->header_count, "content-location");
    struct str run_id;

    if (str_is_none(at))
        at = http_header_find(head->headers, head->header_count, "location");
    run_id = str_is_none(at) ? STR_NONE : run_of_location(at);
    if (head->status >= 400 && head->status < 500)
        note_write(passage, STR(""));
    else if (head->status < 300 && !str_is_none(run_id))
        found(passage, run_id);
    passage->holds = passage->answers_run && (!head->has_length || head->length <= HELD_OF_RUN_MAX);
}

void gateway_run_on_end(struct passage *passage, bool is_whole)
{
    struct str run_id = STR_NONE;

    if (is_whole && passage->answers_run && passage->status < 300)
        run_id = outcome_text(passage->call->arena, buf_str(&passage->held), "run_id");
    if (!passage->is_located && outcome_id_is_plain(run_id))
        found(passage, run_id);
    else
        follower_hint(passage->passages->gateway->follower, passage->intent->intent_id, STR(""));
}
