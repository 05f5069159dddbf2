/* model_call.h -- one question to a model over HTTP, with patience: what says that it is busy (429,
 * 5xx, no connection) is asked again, later each time, unless it has begun to answer.
 *
 * A built-in model's answer is made already, and comes the same way.
 *
 * on_done runs once, never from inside model_call_start. Main loop only. */
#ifndef NATIVE_MODEL_CALL_H
#define NATIVE_MODEL_CALL_H

#include "format/url.h"
#include "native/model.h"
#include "native/model_demo.h"
#include "native/wire.h"

struct model_target {
    enum model_protocol protocol;
    struct url url; /* the base: ".../v1" (OpenAI), the host (Anthropic) */
    struct str key; /* STR_NONE: none is needed */
    struct str model;
    bool is_built_in; /* demo.stream is the answer: nobody is called */
    struct demo_answer demo;
};

struct model_call {
    struct wire wire;
    struct loop *loop;
    struct arena *arena;
    struct model_answer answer;
    struct model_target target;
    struct buf body;
    struct timer again;
    unsigned attempt;
    bool is_open;                                             /* `answer` holds something */
    void (*on_done)(struct model_call *call, struct str why); /* STR_NONE: `answer` is whole */
    void *context;
};

void model_call_init(struct model_call *call, struct loop *loop, struct http_client *client,
                     struct arena *arena);
/* call->body is the question; on_text of the answer is given pieces as they come. */
void model_call_start(struct model_call *call, const struct model_target *target,
                      void (*on_text)(void *context, struct str piece), void *context);
void model_call_stop(struct model_call *call); /* no callback any more */
void model_call_release(struct model_call *call);
bool model_call_is_busy(const struct model_call *call);

#endif
