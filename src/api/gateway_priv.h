/* gateway_priv.h -- one request on its way to the upstream and back (gateway.c), its body
 * (gateway_body.c), its headers (gateway_headers.c), runs whose webhook is taken over
 * (gateway_runs.c), WebSockets (gateway_socket.c). */
#ifndef API_GATEWAY_PRIV_H
#define API_GATEWAY_PRIV_H

#include "api/call_priv.h"
#include "base/list.h"
#include "gateway/upstream.h"
#include "http/fetch.h"

/* Answers that are shorter are told with their length, as the upstream did. */
#define WHOLE_BYTES_MAX MIB

struct passages {
    const struct gateway *gateway;
    struct fetch_client *client;
    struct list all;
    struct timer drain;
};

struct intent;

/* In the exchange's arena. */
struct passage {
    struct list node;
    struct passages *passages;
    struct call *call;
    struct http_exchange *exchange;
    struct fetch *fetch;
    struct str target;           /* STR_NONE: the client's own */
    struct str body;             /* STR_NONE: the client's own */
    const struct intent *intent; /* of a webhook that was taken out; NULL: none was */
    struct http_header *headers; /* of the answer */
    size_t header_count;
    int status;
    uint64_t length;      /* of the answer, as the upstream said it */
    struct buf held;      /* an answer that is sent in one piece, or looked at */
    struct timer timer;   /* of the body, while its client rests */
    size_t pending_bytes; /* that the upstream had not taken when it was looked at last */
    bool holds, is_begun, is_upgraded, answers_run, is_located, takes_body, has_length;
};

void gateway_take(struct call *call);
struct passage *passage_of(struct call *call); /* the one that its route has made, or a new one */
void passage_break(struct passage *passage);   /* the client is gone, or must notice */
/* "the upstream URL WORDS: WHY"; once the answer has begun, it breaks off. */
void passage_fail(struct passage *passage, int status, const char *words, const char *why);

/* gateway_body.c: the rest of a request whose body goes on as it comes */
void gateway_body_describe(struct passage *passage, struct fetch_request *request);
void gateway_body_on_drain(void *passage);
void gateway_body_on_continue(void *passage);

/* gateway_headers.c; both in the arena */
size_t gateway_request_headers(struct call *call, struct http_header **headers);
void gateway_answer_headers(struct arena *arena, const struct fetch_head *head,
                            struct passage *passage);

/* gateway_runs.c */
/* Its body must be understood, so it is taken whole. */
bool gateway_is_understood(const struct call *call);
/* Makes a run, or a cron, perhaps with a webhook. Unless it is passed on as it is, an error with
 * the reply filled, or the next stage. */
enum err gateway_run_prepare(struct call *call) MUST_USE;
/* The head has come, and in the end the whole answer, of a run whose webhook was taken. */
void gateway_run_on_head(struct passage *passage, const struct fetch_head *head);
void gateway_run_on_end(struct passage *passage, bool is_whole);

/* gateway_socket.c: the answer is 101 */
bool gateway_socket_is_asked(const struct http_request *request);
void gateway_socket_start(struct passage *passage, const struct fetch_head *head);

#endif
