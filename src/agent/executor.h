/* executor.h -- what executes runs: worker processes and the built-in agent are two forms of it.
 *
 * All on the main loop. An execution is one attempt of one run; the executor reports events while
 * it lives and exactly one of done or lost at its end, never from inside start. */
#ifndef AGENT_EXECUTOR_H
#define AGENT_EXECUTOR_H

#include "agent/run_end.h"

struct execution;
struct app_request;
struct app_notice;

struct execution_events {
    void (*on_event)(struct execution *execution, struct str name, struct str data);
    void (*on_done)(struct execution *execution, const struct run_outcome *outcome);
    /* The executor is gone; the run may be taken up again. type: "WorkerCrash" … */
    void (*on_lost)(struct execution *execution, struct str type, struct str message);
};

/* Made by the dispatcher; the executor may keep the pointer until it has reported the end. */
struct execution {
    struct run run; /* in `arena` */
    struct arena arena;
    bool resume; /* an earlier attempt left a checkpoint */
    const struct execution_events *events;
    void *data; /* of the executor */
};

/* A question about a graph or a thread's state, or to another part of the user's own, asked by a
 * call on another loop. */
enum agent_ask_kind {
    ASK_STATE_GET,
    ASK_STATE_HISTORY,
    ASK_STATE_UPDATE,
    ASK_STATE_BULK_UPDATE,
    ASK_GRAPH_DRAW,
    ASK_GRAPH_SCHEMAS,
    ASK_GRAPH_SUBGRAPHS,
    ASK_AUTH_CHECK, /* body: the request and what is to be done (docs/worker-protocol.md) */
    ASK_MCP_TOOLS,  /* body: {"url", "refresh"}; of the executor of Fleet agents */
    ASK_STORE_EMBED /* body: items and queries; the answer's state is their vectors */
};

struct agent_ask {
    enum agent_ask_kind kind;
    struct str tenant;
    struct str graph_id;      /* STR_NONE: not of a graph; then: */
    enum graph_kind language; /* whose workers are asked */
    int64_t timeout_ms;       /* 0: a minute */
    struct str thread_id;     /* state questions */
    struct str config;        /* JSON object with configurable */
    struct str
        fields;      /* further members of the request as JSON text: "\"limit\":10"; may be empty */
    struct str body; /* blob: values or supersteps; STR_NONE */
    /* On the main loop, exactly once. On OK answer and state are set (state: new head, updates
     * only; borrowed until it returns); else `answer` is a sentence for the client. */
    void (*on_answer)(struct agent_ask *ask, enum err err, struct str answer, struct str state);
};

struct executor;

struct executor_ops {
    bool (*hosts)(struct executor *executor, const struct graph *graph);
    /* How many more executions it takes now. */
    unsigned (*room)(struct executor *executor);
    /* Since when it could have executed nothing, because none of its processes lives to be ready
     * (loop_mono_ms); 0: it can. */
    int64_t (*down_since_ms)(struct executor *executor);
    void (*start)(struct executor *executor, struct execution *execution);
    /* Asks it to end; done (or lost) follows. */
    void (*cancel)(struct executor *executor, struct execution *execution, struct str reason);
    /* It did not end in time: end it by force; lost follows. */
    void (*kill)(struct executor *executor, struct execution *execution);
    void (*ask)(struct executor *executor, struct agent_ask *ask);
    /* Of the user's own app (app_request.h). NULL: it hosts no apps. */
    void (*app_start)(struct executor *executor, struct app_request *request);
    void (*app_notice)(struct executor *executor, const struct app_notice *notice);
    /* Starts no more; on_stopped when all is over (executions were reported as lost). */
    void (*stop)(struct executor *executor, void (*on_stopped)(void *context), void *context);
    void (*free)(struct executor *executor);
};

struct executor {
    const struct executor_ops *ops;
    /* Set by the dispatcher: room may have grown; and a question that this executor has for
     * whichever has the answer. */
    void (*on_room)(void *context);
    void (*on_ask)(void *context, struct agent_ask *ask);
    void *context;
};

#endif
