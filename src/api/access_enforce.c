/* Tests the object that a path names against the caller's filter, in the transaction that works
 * with it. */
#include "api/access_priv.h"

#include "agent/run_create.h"
#include "store/crons.h"

/* Streams tell of errors in an event. */
static void refuse_stream(struct call *call)
{
    call_json(call, 200);
    call->content_type = "text/event-stream";
    buf_add_cstr(&call->reply, "event: error\ndata: {\"error\":\"NotFound\","
                               "\"message\":\"404: Run not found\"}\n\n");
}

static void refuse(struct call *call, enum access_object object)
{
    bool names_run = !str_is_none(access_param(call, "run_id"));

    if (access_of(call) == ACCESS_RUNS_FOLLOW)
        refuse_stream(call);
    else if (access_of(call) == ACCESS_THREADS_COPY)
        call_fail(call, 409, "Thread not found");
    else if (object == ACCESS_OF_ASSISTANTS)
        call_fail(call, 404, "Assistant not found");
    else if (object == ACCESS_OF_CRONS)
        call_fail(call, 404, "Cron not found");
    else if (names_run)
        call_fail(call, 404, "Run not found");
    else
        call_fail(call, 404, "Thread with ID %.*s not found",
                  STR_ARG(access_param(call, "thread_id")));
}

static enum err thread_metadata(struct tx *tx, struct call *call, struct str *metadata)
{
    struct str tenant = call->principal.tenant, thread_id = access_param(call, "thread_id");
    struct str run_id = access_param(call, "run_id");
    struct run run;
    enum err err;

    if (!str_is_none(thread_id))
        return thread_get_metadata(tx, tenant, thread_id, tx->arena, metadata);
    err = run_get(tx, tenant, STR_NONE, run_id, tx->arena, &run);
    if (err)
        return err;
    err = thread_get_metadata(tx, tenant, run.thread_id, tx->arena, metadata);
    if (err == ERR_NOT_FOUND) { /* a thread for this run only: it goes with the run's end */
        *metadata = run.metadata;
        return OK;
    }
    return err;
}

static enum err assistant_metadata(struct tx *tx, struct call *call, struct str *metadata)
{
    struct assistant assistant;
    enum err err = assistant_resolve(tx, call->setup->agent, call->principal.tenant,
                                     access_param(call, "assistant_id"), tx->arena, &assistant);

    *metadata = assistant.metadata;
    return err;
}

static enum err cron_metadata(struct tx *tx, struct call *call, struct str *metadata)
{
    struct cron_row cron;
    enum err err =
        crons_get(tx, call->principal.tenant, access_param(call, "cron_id"), tx->arena, &cron);

    *metadata = cron.metadata;
    return err;
}

enum err access_enforce(struct tx *tx, struct call *call, bool *refused)
{
    static const struct {
        const char *param;
        enum access_object object;
        enum err (*metadata)(struct tx *tx, struct call *call, struct str *metadata);
    } named[] = {
        {"thread_id", ACCESS_OF_THREADS, thread_metadata},
        {"run_id", ACCESS_OF_THREADS, thread_metadata},
        {"assistant_id", ACCESS_OF_ASSISTANTS, assistant_metadata},
        {"cron_id", ACCESS_OF_CRONS, cron_metadata},
    };
    struct str metadata;
    size_t i = 0;
    enum err err;

    *refused = false;
    while (i < ARRAY_LEN(named) && str_is_none(access_param(call, named[i].param)))
        i++;
    if (i == ARRAY_LEN(named) || str_is_none(call->access.filters[named[i].object]))
        return OK;
    err = named[i].metadata(tx, call, &metadata);
    if (err == ERR_NOT_FOUND) {
        /* The route says so itself, or makes it. */
        *refused = access_of(call) == ACCESS_RUNS_FOLLOW;
        if (*refused)
            refuse_stream(call);
        return OK;
    }
    if (err || access_admits(call, named[i].object, metadata))
        return err;
    *refused = true;
    refuse(call, named[i].object);
    return OK;
}
