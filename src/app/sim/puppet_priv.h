/* puppet_priv.h -- a scripted worker: puppet.c is the process and its frames, puppet_run.c the runs
 * in it. */
#ifndef APP_SIM_PUPPET_PRIV_H
#define APP_SIM_PUPPET_PRIV_H

#include "app/sim/puppet.h"
#include "io/loop.h"
#include "worker/frame.h"

struct puppet {
    struct puppets *owner;
    struct list in_all;
    struct list runs; /* puppet_run.in_puppet */
    struct stream *channel;
    struct frame_reader reader;
    struct timer late; /* what it does a while after it was told */
    int64_t last_id;   /* of its asks */
    int64_t shutdown_id;
    bool is_gone, is_hung;
};

/* What is known of a run over all its attempts. */
struct past_run {
    int64_t attempts; /* the highest that was started */
    int64_t step;     /* of the last checkpoint that was acknowledged */
};

/* Neither copied nor kept. */
void puppet_send(struct puppet *puppet, struct frame_writer *frame);
void puppet_reply(struct puppet *puppet, int64_t re, struct str blob);
/* As a crash of the process; nothing of it is heard of again. */
void puppet_die(struct puppet *puppet, int code);

/* ---- puppet_run.c ---- */

void puppet_run_start(struct puppet *puppet, const struct frame *frame);
void puppet_run_cancel(struct puppet *puppet, const struct frame *frame);
/* An answer to one of its asks. */
void puppet_run_answer(struct puppet *puppet, const struct frame *frame);
/* Their timers stop: the process is gone or hangs. */
void puppet_runs_freeze(struct puppet *puppet);

#endif
