/* worker.h -- one child process that hosts graphs: started, greeted, asked, watched, ended.
 *
 *   worker_start ──▶ STARTING ──hello──▶ LOADING ──ready──▶ READY ──▶ on_gone (exit, end of file,
 * bad frame, missed pings, kill)
 *
 * It knows the frames and the greeting, not what runs are: those messages go to the owner.
 * Everything happens on the loop it was started on. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "io/loop.h"
#include "worker/frame.h"

enum worker_state { WORKER_STARTING, WORKER_LOADING, WORKER_READY, WORKER_GONE };

struct worker;

struct worker_events {
    /* A frame that is not part of the greeting or an answer: run.*, ckpt.*, store.batch … */
    void (*on_frame)(void *context, struct worker *worker, const struct frame *frame);
    /* A graph or another part did not load; `what` names it, both texts are for a person. */
    void (*on_load_error)(void *context, struct worker *worker, struct str what,
                          struct str message);
    void (*on_ready)(void *context, struct worker *worker, const struct frame *ready);
    /* Once; then the worker is freed. All open asks were answered with ERR_AGAIN before. */
    void (*on_gone)(void *context, struct worker *worker, const char *why);
};

struct worker_config {
    struct loop *loop;
    const char *name;        /* "python", "js": for log lines; static */
    const char *const *argv; /* borrowed until worker_start returns */
    const char *const *env;
    const char *cwd;
    struct str init; /* the members of the init message, without braces; borrowed, must outlive */
    int64_t load_timeout_ms;  /* from start to ready */
    int64_t ping_interval_ms; /* 0: no pings */
    const struct worker_events *events;
    void *context;
};

/* ERR_NOT_FOUND: no such program. On an error no callback comes. */
enum err worker_start(const struct worker_config *config, struct worker **worker,
                      const char **why) MUST_USE;
enum worker_state worker_state(const struct worker *worker);
int worker_process_id(const struct worker *worker);
/* Sends a finished frame; dropped when the worker is gone. ERR_LIMIT: too large, nothing was sent.
 */
enum err worker_send(struct worker *worker, struct frame_writer *frame) MUST_USE;
size_t worker_pending_bytes(const struct worker *worker);

/* Puts "id" into the frame (which must have been begun, not ended), sends it and waits for the
 * answer. `answer` is NULL unless err is OK, or ERR_INVALID … with the worker's own error in its
 * header. ERR_AGAIN: gone or timed out. Runs exactly once unless cancelled. */
struct worker_ask;
struct worker_ask *worker_ask(struct worker *worker, struct frame_writer *frame, int64_t timeout_ms,
                              void (*on_answer)(void *context, enum err err,
                                                const struct frame *answer),
                              void *context);
void worker_ask_cancel(struct worker_ask *ask);

/* Asks it to end by itself, and kills it after grace_ms. on_gone follows. */
void worker_stop(struct worker *worker, int64_t grace_ms);
/* Kills it now; on_gone follows. */
void worker_kill(struct worker *worker, const char *why);
/* Kills and forgets it without callbacks. */
void worker_free(struct worker *worker);

/* Maps the code of a worker's error answer ("invalid", "not_found" …) to an err. */
enum err worker_error(struct str code);

#endif
