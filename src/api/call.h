/* call.h -- one request on its way through its stages.
 *
 *   prepare (net loop, no database) ──▶ read (a reader) ─┐
 *        │                         ──▶ write (the writer)├──▶ any next stage, or the reply
 *        │                         ──▶ ask (a worker)  ──┘
 *        └──▶ reply
 *
 * A stage is a plain function of the call. It says what comes next with call_then_…, or fills the
 * reply. What it returns as an error becomes the error's reply (api/reply.c) unless it has filled
 * one itself. Stages in a transaction may be run again from their start: they write only into the
 * call. */
#ifndef API_CALL_H
#define API_CALL_H

#include "api/access.h"
#include "api/api.h"
#include "api/call_input.h"
#include "api/call_wait.h"
#include "base/json.h"
#include "format/query.h"
#include "store/usage.h"

#define CALL_PARAMS_MAX 4
#define CALL_HEADERS_MAX 8
#define CALL_PURSES_MAX 2
#define REPLY_BYTES_MAX (256 * MIB)

struct call;

typedef enum err (*call_step)(struct call *call);
typedef enum err (*call_tx_step)(struct tx *tx, struct call *call);

/* What a client that reads a run's events is to get. */
struct call_stream {
    struct str run_id;
    enum reader_start start;
    int64_t after_id;
    bool wait;                        /* one JSON value at the end, instead of events */
    bool empty_end;                   /* nothing but the status at the end: cancel with wait */
    bool quiet, cancel_on_disconnect; /* quiet: a run that does not exist is an empty stream */
    struct str tool_id; /* the result is that of a tool (mcp.c): the request's id; STR_NONE: not */
    const struct json *modes; /* array: only events of these modes; NULL: all */
};

/* What a client that follows rows is to get (feed.h). */
struct call_feed {
    const struct feed_source *source;
    struct str key;
    int64_t cursor;
};

struct call {
    struct store_work work;
    struct api *api;
    const struct api_setup *setup;
    struct http_exchange *exchange;
    const struct http_request *request;
    struct arena *arena;
    const struct route *route;
    bool path_exists, is_undone;        /* without a route: another method has one; call_undo */
    struct str params[CALL_PARAMS_MAX]; /* decoded path segments, in order */
    struct query query;
    struct key_set *keys; /* holds principal's strings */
    struct principal principal;
    struct call_access access;                   /* what the user's own auth handlers said */
    struct purse peer;                           /* without a key; caller NULL: none */
    const struct purse *purses[CALL_PURSES_MAX]; /* that pay for it (spending.c) */
    size_t purse_count;
    struct rate_state rate;
    int64_t retry_after_s;      /* the reply says so; 0: nothing */
    struct str idempotency_key; /* STR_NONE: none */
    struct str request_id;
    int64_t began_us; /* monotonic */
    enum err err;     /* that the reply tells of */

    struct str body_text; /* JSON, scrubbed */
    const struct json *body;
    void *data; /* of the route */

    enum call_stage next;
    call_step step;
    void (*take)(struct call *call);
    void (*release)(struct call *call); /* of `data`, at the end; may be NULL */
    call_tx_step tx_step;               /* of the next stage */
    call_tx_step running;               /* of the one under way */
    size_t transactions;                /* done so far: for work in pieces */
    struct dispatch_ask ask;
    enum err ask_err;
    struct str ask_answer, ask_state;
    struct call_stream stream;
    struct call_feed feed;
    struct call_waiter waiter;
    struct key_refresh refresh;

    int status;
    struct buf reply;
    size_t gate_bytes;           /* held in setup->ingest */
    struct call_splice *splices; /* splice.h */
    size_t splice_count;
    struct json_writer json; /* into reply */
    const char *content_type;
    struct http_header headers[CALL_HEADERS_MAX];
    size_t header_count;
};

/* ---- saying what comes next ---- */

enum err call_then_read(struct call *call, call_tx_step step);
enum err call_then_write(struct call *call, call_tx_step step);
/* call->ask.ask must be filled but for on_answer; then `step` runs on the net loop with ask_err,
 * ask_answer and ask_state (copies in the call's arena). */
enum err call_then_ask(struct call *call, call_step step);
/* call->stream must be filled. The head of the reply is what the call holds. */
enum err call_then_stream(struct call *call);

/* `take` runs on the net loop; the exchange is its own from then on. It calls call_free. */
enum err call_then_take(struct call *call, void (*take)(struct call *call));

/* The reply is what the call holds, but it waits until this process knows the keys as they are now.
 */
enum err call_then_refresh(struct call *call);

/* ---- what the caller may do ---- */

/* Beyond what the route needs. ERR_DENIED: the reply (403) is filled. */
enum err call_need(struct call *call, enum permission permission) MUST_USE;
/* Who pays for runs that it makes; in its arena. */
struct usage_payers call_payers(struct call *call);
/* Every workspace: what concerns the server. */
enum err call_need_all(struct call *call) MUST_USE;
/* Nothing happens until call_resume, on the net loop: `step` runs then. */
enum err call_then_park(struct call *call);
void call_resume(struct call *call, call_step step);

/* ---- the reply ---- */

void call_header(struct call *call, const char *name, struct str value); /* value is copied */
/* {"detail": "…"} with this status; returns OK, so that it can end a step. */
enum err call_fail(struct call *call, int status, const char *format, ...) PRINTF_LIKE(3, 4);
/* Empties the reply, for a step that begins to write it; returns the writer. */
struct json_writer *call_json(struct call *call, int status);
enum err call_empty(struct call *call, int status); /* no body */
/* What the asked executor said: its answer, or its error in words. */
enum err call_reply_answer(struct call *call);
/* X-Pagination-Total and, if there is more, X-Pagination-Next. */
void call_page(struct call *call, int64_t total, int64_t offset, size_t given);
/* The one place where an err becomes a status. */
int call_status_of(enum err err);

#endif
