/* run_priv.h -- a run of a Fleet agent from its start to its end, for the files of this room.
 *
 * All of it lives in the execution's arena but this struct. Exactly one thing is under way at a
 * time: a store work, a question to the model, a question to an MCP server, or the timer `go`. */
#ifndef NATIVE_RUN_PRIV_H
#define NATIVE_RUN_PRIV_H

#include "agent/builtin_state.h"
#include "agent/roster.h"
#include "agent/span_parcels.h"
#include "native/mcp.h"
#include "native/native.h"
#include "native/spec.h"
#include "native/toolbox.h"
#include "native/trace.h"

#define FRAMES_MAX 2         /* the agent and a sub-agent: sub-agents have none of their own */
#define TOOLS_ANSWERS_MAX 64 /* kept of MCP servers that editors have asked */
#define STEPS_MAX_DEFAULT 100
#define TOKENS_MAX_DEFAULT 2000000
#define ANSWER_TOKENS_MAX 8192
#define VALUES_BYTES_MAX (64 * MIB)

struct native {
    struct executor executor;
    struct loop *loop;
    struct store *store;
    struct http_client *client;
    struct roster roster;
    struct span_parcels spans;
    bool traces;
    struct list tools_asks; /* tools_ask.c */
    struct tools_answer *tools_answers[TOOLS_ANSWERS_MAX];
};

/* One conversation: the thread's, or a sub-agent's about one task. */
struct frame {
    const struct agent_spec *agent;
    struct conversation messages;
    struct str todos;                  /* JSON array; STR_NONE: none */
    struct tool_call call;             /* of the task; the root has none */
    struct trace_span task_span, span; /* of the task, and of this conversation in it */
};

struct run_streams {
    bool values, updates, messages, tuples;
};

struct native_run {
    struct roster_entry entry;
    struct native *native;
    struct execution *execution;
    struct arena *arena;
    const struct json *kwargs;
    struct store_work work;
    bool is_working; /* the work is at the store */
    bool is_over;    /* cancelled meanwhile */
    struct timer go;

    struct spec spec;
    struct str why; /* what spec_load said */
    struct checkpoint head;
    bool has_head;

    struct frame frames[FRAMES_MAX];
    size_t frame_count;
    struct files files;
    struct str rest;                      /* the state's other members */
    struct str approved[MODEL_CALLS_MAX]; /* ids of calls that a person has agreed to */
    size_t approved_count;
    struct str interrupts; /* JSON array; STR_NONE */
    struct str task_id;
    int64_t step, steps_max, tokens, tokens_max;

    struct model_call model;
    struct str answer_id;
    struct mcp_server *servers; /* as spec.servers */
    size_t server_count;
    struct checkpoint next; /* being stored */
    struct str parent_id;
    struct run_streams streams;
    struct trace_span root, model_span, tool_span;
    struct buf model_inputs; /* JSON: what was asked; one memory for all questions */
};

/* native.c */
void native_end(struct native_run *run, struct str status, struct str error);
/* Cancelled: interrupted; while the server stops it is given back, to be taken up by the next. */
void native_leave(struct native_run *run);
void native_fail(struct native_run *run, const char *type, struct str message);
struct frame *native_top(struct native_run *run);

/* tools_ask.c: which tools an MCP server has, for an editor. */
void tools_ask_start(struct native *native, struct agent_ask *ask);
void tools_asks_stop(struct native *native); /* those under way are answered: not now */
void tools_answers_release(struct native *native);

/* turn.c: goes on from the state until something has to be waited for. */
void turn_go(struct native_run *run);
/* Opens the MCP servers first. */
void turn_begin(struct native_run *run);

/* state.c */
void state_load(struct native_run *run); /* from the head, or empty */
/* Input or command over the state. False: it has failed, and the run is over. */
bool state_input(struct native_run *run);
struct str state_values(struct native_run *run);
/* A checkpoint of the state, under a new id; `next` of struct builtin_state as given. */
void state_checkpoint(struct native_run *run, struct str next, struct checkpoint *made,
                      struct str *rendered);
/* Stores the state and the memories, then goes on. */
void state_save(struct native_run *run);

/* approval.c */
/* Those of the open calls for which a person is asked and has not agreed yet. */
void approval_needed(struct native_run *run, const struct tool_calls *open,
                     struct tool_calls *needed);
void approval_ask(struct native_run *run, const struct tool_calls *needed);
/* The answer of a person to what was asked. False with *why. */
bool approval_take(struct native_run *run, struct str resume, struct str *why);

/* stream.c */
void stream_begin(struct native_run *run);
void stream_values(struct native_run *run);
void stream_text(struct native_run *run, struct str piece);
/* A message that is whole; of the model or of a tool. */
void stream_message(struct native_run *run, const char *node, struct str message);
void stream_interrupt(struct native_run *run);
struct str stream_result(struct native_run *run);

#endif
