/* threads_priv.h -- what the files of threads share: threads.c (rows), thread_search.c (many at
 * once), state.c (what a graph remembers of one). */
#ifndef API_THREADS_PRIV_H
#define API_THREADS_PRIV_H

#include "api/route.h"
#include "api/search.h"

#include "shape/shape.h"

enum err thread_reply(struct call *call, const struct thread *thread);
/* 404 for the thread of the path; returns OK, as call_fail. */
enum err thread_reply_not_found(struct call *call);

enum err thread_search_prepare(struct call *call);
enum err thread_count_prepare(struct call *call);
enum err thread_prune_prepare(struct call *call);
enum err thread_storage_prepare(struct call *call);
/* thread_stream.c */
enum err thread_stream_prepare(struct call *call);

/* state_select.c: `names` are members of a state, or values.KEY; NULL: all. ERR_INVALID: the reply
 * is filled. The answer is one state, or an array of them. */
enum err state_select_check(struct call *call, const struct json *names) MUST_USE;
void state_select_out(struct json_writer *json, struct str answer, const struct json *names);

/* The last step of a write that made this thread: its graph applies the supersteps (raw JSON), then
 * the thread is answered. If the graph cannot, the thread goes again. */
enum err state_supersteps(struct call *call, const struct thread *thread, struct str supersteps);

#endif
