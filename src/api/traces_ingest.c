/* traces_ingest.c -- what clients of the tracing API send in one JSON body: POST /runs, PATCH
 * /runs/{id}, POST /runs/batch. The first and the last share their paths with the Agent Server's.
 */
#include "api/route.h"
#include "api/runs_priv.h"
#include "api/traces_priv.h"
#include "base/mem.h"
#include "trace/span_write.h"

enum err traces_fail(struct call *call, int status, struct str words)
{
    struct json_writer *json = call_json(call, status);

    json_begin_object(json);
    json_put_str(json, "error", words);
    json_end_object(json);
    return OK;
}

enum err traces_accept(struct call *call, const struct span_batch *batch)
{
    struct str words = span_batch_words(batch, call->arena);
    struct json_writer *json;

    if (!str_is_none(words))
        return traces_fail(call, 422, words);
    json = call_json(call, 202);
    json_begin_object(json);
    json_put_str(json, "message", STR("Runs batch ingested"));
    json_end_object(json);
    return OK;
}

/* ---- one body ---- */

static void batch_release(struct call *call)
{
    span_batch_release(call->data);
    mem_free(call->data);
}

static struct span_batch *batch_new(struct call *call)
{
    struct span_batch *batch = MEM_NEW(struct span_batch);

    span_batch_init(batch);
    call->data = batch;
    call->release = batch_release;
    return batch;
}

static enum err write_apply(struct tx *tx, struct call *call)
{
    struct span_batch *batch = call->data;
    enum err err = span_write(tx, call->principal.tenant, batch);

    return err ? err : traces_accept(call, batch);
}

static enum err run_prepare(struct call *call)
{
    struct span_batch *batch = batch_new(call);

    span_batch_add_object(batch, SPAN_POST, NULL, call->body_text);
    return traces_write(call, batch, write_apply);
}

static enum err patch_prepare(struct call *call)
{
    struct span_batch *batch;
    struct uuid span_id;
    enum err err = call_body_any(call);

    if (err)
        return err;
    if (uuid_parse_loose(call->params[0], &span_id))
        return traces_fail(call, 422, STR("the run's id in the path must be a UUID"));
    batch = batch_new(call);
    span_batch_add_object(batch, SPAN_PATCH, &span_id, call->body_text);
    return traces_write(call, batch, write_apply);
}

static enum err batch_prepare(struct call *call)
{
    struct span_batch *batch = batch_new(call);
    struct str why;

    if (span_batch_add_batch(batch, call->body_text, &why))
        return traces_fail(call, 422, why);
    return traces_write(call, batch, write_apply);
}

/* ---- paths that two APIs share ---- */

static bool runs_are_served(const struct call *call)
{
    return !(call->setup->disabled_groups & 1u << ROUTE_GROUP_RUNS);
}

/* Does it speak of a span? What names an assistant, or nothing that a span has, is the Agent
 * Server's. */
static bool is_span(const struct json *body)
{
    static const char *const keys[] = {"id", "run_type", "name", "trace_id", "session_name"};

    if (json_type(body) != JSON_OBJECT || json_get(body, "assistant_id"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (json_get(body, keys[i]))
            return true;
    return false;
}

/* The route asks for what spans need only. */
static enum err run_of_an_agent(struct call *call, call_step prepare)
{
    enum err err;

    if (!runs_are_served(call))
        return call_fail(call, 404, "Not Found");
    err = call_need(call, PERMIT_RUN);
    return err ? err : prepare(call);
}

/* Auth handlers were asked whether a run may be made, not whether spans may come. */
static bool may_trace(const struct call *call)
{
    return str_is_none(call->principal.user);
}

static enum err either_run_prepare(struct call *call)
{
    enum err err = call_body_any(call);

    if (err)
        return err;
    if (may_trace(call) && is_span(call->body))
        return run_prepare(call);
    return run_of_an_agent(call, runs_create_prepare);
}

static enum err either_batch_prepare(struct call *call)
{
    enum err err = call_body_any(call);

    if (err)
        return err;
    /* Runs of agents come as an array. */
    if (may_trace(call) && json_type(call->body) == JSON_OBJECT)
        return batch_prepare(call);
    return run_of_an_agent(call, runs_batch_prepare);
}

static const struct route routes[] = {
    {HTTP_POST, "/runs", either_run_prepare, PERMIT_TRACE,
     ROUTE_IDEMPOTENT | ROUTE_TRACES | ROUTE_AGAIN | ROUTE_ASKS(ACCESS_RUNS_CREATE),
     "Create a stateless run; or take in one span"},
    {HTTP_POST, "/runs/batch", either_batch_prepare, PERMIT_TRACE,
     ROUTE_IDEMPOTENT | ROUTE_TRACES | ROUTE_AGAIN | ROUTE_ASKS(ACCESS_RUNS_BATCH),
     "Create several stateless runs, all or none; or take in spans"},
    {HTTP_POST, "/runs/multipart", traces_multipart_prepare, PERMIT_TRACE,
     ROUTE_TRACES | ROUTE_AGAIN | ROUTE_STREAMED | ROUTE_ERROR,
     "Take in spans, their values, attachments and feedback"},
    {HTTP_PATCH, "/runs/{span_id}", patch_prepare, PERMIT_TRACE,
     ROUTE_TRACES | ROUTE_AGAIN | ROUTE_ERROR, "Take in what became of a span"},
};

const struct route_list routes_traces_ingest = {routes, ARRAY_LEN(routes)};
