/* user_app_priv.h -- what user_app.c (which requests are the app's), user_app_call.c (one of them
 * on its way) and user_app_socket.c (one that has become a WebSocket) share. */
#ifndef API_USER_APP_PRIV_H
#define API_USER_APP_PRIV_H

#include "agent/app_request.h"
#include "api/call_priv.h"
#include "api/user_app.h"
#include "http/websocket.h"

#define SEEN_HEADER "x-runbell-app" /* with a token: the app has had this request already */
#define APP_HEADERS_MAX 100         /* of an answer; more are left out */

/* It belongs to its net loop; what it asks of the worker outlives the exchange if the client
 * leaves, until the last event has come. */
struct user_app_call {
    struct list node; /* while it has an exchange or a WebSocket */
    struct app_request request;
    struct arena arena; /* the request's texts */
    struct timer timeout;
    int64_t timeout_ms;
    struct http_exchange *exchange; /* NULL: ended, or a WebSocket now */
    struct call *call;              /* NULL: its answer has begun */
    struct websocket *ws;           /* NULL: it is none, or has ended */
    size_t given_bytes;             /* of the body or messages, not yet taken by the app */
    size_t owed_bytes;              /* of credit for the answer */
    uint64_t left_bytes;            /* of an answer whose length was said */
    bool is_sized;
    bool is_answered; /* the last event has come */
};

struct app_answer_head {
    struct http_header headers[APP_HEADERS_MAX + REPLY_HEADERS_MAX];
    size_t count;
    size_t bytes;
    struct str length; /* its Content-Length; STR_NONE: not said */
};

/* The exchange is its own from now on; it is taken up at its head. */
void user_app_take(struct call *call);
/* Behind the last event and the last of the client. */
void user_app_call_free(struct user_app_call *c);

/* user_app_socket.c */
/* Does the request ask for a WebSocket of the app's? */
bool user_app_socket_is_asked(const struct call *call);
/* The app has accepted; the exchange becomes a WebSocket. */
void user_app_socket_begin(struct user_app_call *c, const struct app_answer_head *head);
void user_app_socket_on_event(struct user_app_call *c, const struct app_event *event);
/* The server stops. */
void user_app_socket_break(struct user_app_call *c);

#endif
