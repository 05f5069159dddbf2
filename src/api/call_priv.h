/* call_priv.h -- what the parts of the call's machinery share: call.c, reply.c, idempotency.c,
 * run_stream.c. */
#ifndef API_CALL_PRIV_H
#define API_CALL_PRIV_H

#include "api/call.h"
#include "api/route.h"

/* call.c. At the head, before the body is taken; false: it was refused, the answer is sent. */
bool call_open(struct api *api, const struct api_setup *setup, struct http_exchange *exchange);
void call_start(struct http_exchange *exchange); /* the body is there */
void call_reply(struct call *call);
/* The head of a stream, with status 200 and what headers the call has. */
void call_begin(struct call *call, struct str content_type);
void call_free(struct call *call); /* what the call owns; its memory is the exchange's */

/* admit.c: who calls, and whether the route is theirs; an error: the reply is filled */
enum err call_admit(struct call *call) MUST_USE;

/* spending.c: what the caller has left; an error: the reply (429) is filled */
void spending_begin(struct call *call, bool is_own); /* is_own: a call of a run of ours */
void spending_end(struct call *call);
enum err spending_request(struct call *call) MUST_USE;
enum err spending_stream(struct call *call) MUST_USE;
size_t spending_headers(struct call *call, struct http_header *headers); /* at most 7 */
struct slots;
struct slots *api_slots(struct api *api);

/* reply.c */
#define REPLY_HEADERS_MAX (CALL_HEADERS_MAX + CORS_HEADERS_MAX + 10)
size_t reply_headers(struct call *call, struct http_header *headers);
const char *reply_words(enum err err);

/* The body, or what auth handlers made of it, into body_text and body; an empty one is {}. On an
 * error without error->reason the reply is filled. */
enum err call_body_parse(struct call *call, struct json_error *error) MUST_USE;
/* The text alone, with this status: where the dev server is imitated. */
enum err call_fail_as(struct call *call, int status, const char *text);

/* idempotency.c: the step, unless this key was answered before: then that reply */
enum err idempotent_apply(struct tx *tx, struct call *call, call_tx_step step) MUST_USE;

/* run_stream.c */
void run_stream_start(struct call *call);

/* protocol_stream.c: those that follow threads, of one net loop */
struct protocol_streams;
struct protocol_streams *api_protocol_streams(struct api *api);
struct protocol_streams *protocol_streams_new(void);
void protocol_streams_drain(struct protocol_streams *streams);
void protocol_streams_free(struct protocol_streams *streams);

/* splice.c: puts in what is to be put in, then replies */
void splice_start(struct call *call);

/* call_wait.c */
void call_wait_start(struct call *call);
void call_wait_leave(struct call *call); /* before any other stage; harmless if it did not wait */
struct api_waits;                        /* the parked calls of one net loop */
struct api_waits *api_waits(struct api *api);
struct api_waits *api_waits_new(struct store *store, struct loop *loop);
void api_waits_drain(struct api_waits *waits); /* all are over, also those to come */
void api_waits_free(struct api_waits *waits);
void call_read_start(struct call *call); /* call.c */

/* delivery_tail.c */
void delivery_tail_start(struct call *call);
struct api_tails; /* the open tails of one net loop */
struct api_tails *api_tails(struct api *api);
struct api_tails *api_tails_new(struct store *store, struct loop *loop);
void api_tails_drain(struct api_tails *tails);
void api_tails_free(struct api_tails *tails);

struct api_streams; /* the open streams of one net loop */
struct api_streams *api_streams(struct api *api);
struct api_streams *api_streams_new(struct loop *loop);
void api_streams_drain(struct api_streams *streams);
void api_streams_free(struct api_streams *streams);

/* thread_stream.c */
struct api_threads; /* the clients of one net loop that follow threads */
struct api_threads *api_threads(struct api *api);
struct api_threads *api_threads_new(void);
void api_threads_drain(struct api_threads *threads);
void api_threads_free(struct api_threads *threads);

/* feed.c */
void feed_start(struct call *call);

struct api_feeds; /* the clients of one net loop that follow rows */
struct api_feeds *api_feeds(struct api *api);
struct api_feeds *api_feeds_new(void);
void api_feeds_drain(struct api_feeds *feeds);
void api_feeds_free(struct api_feeds *feeds);

/* traces_multipart.c: at the head, of a route that is ROUTE_STREAMED */
void traces_receive(struct call *call, struct http_plan *plan);

/* gateway.c: requests that are passed on to the upstream */
struct passages; /* those of one net loop */
struct passages *api_passages(struct api *api);
struct passages *passages_new(const struct gateway *gateway, struct loop *loop);
void passages_drain(struct passages *passages); /* NULL is fine, so below */
void passages_close(struct passages *passages);
void passages_free(struct passages *passages);
/* At the head: the route of what is passed on though it is none of ours. */
void gateway_route(struct call *call);
bool gateway_takes(const struct call *call);
/* It is passed on from its head on, and its body as it comes (gateway_body.c). */
bool gateway_body_is_streamed(const struct call *call);
enum err gateway_prepare(struct call *call);

/* inspector_receive.c: requests to /in/… are no calls */
struct inbox; /* those of one net loop that wait with their answer */
struct inbox *api_inbox(struct api *api);
struct inbox *inbox_new(void);
void inbox_drain(struct inbox *inbox);
void inbox_free(struct inbox *inbox);
bool inbox_takes(const struct api_setup *setup, const struct http_request *request);
void inbox_receive(struct api *api, const struct api_setup *setup, struct http_exchange *exchange);

/* What this stage has written is undone, and the reply that it has filled stands: of a dry run.
 * Returns what the stage returns. */
enum err call_undo(struct call *call) MUST_USE;

#endif
