/* app_request.h -- a request to the user's own HTTP app (http.app of langgraph.json), which lives
 * in a worker; its body goes there and its answer comes back piece by piece.
 *
 *   net loop ──app_request_start──▶ main loop ──http.request──▶ worker
 *      │  ▲ └──app_request_body──▶      │  ──http.body …──▶
 *      │  └───────on_event──────────────┘  ◀── http.taken, http.head, http.chunk …, http.end
 *
 * With `"socket":true` among its fields it may become a WebSocket (a head of status 101): then
 * messages go to and fro instead, and APP_CLOSED is the last event if the app closes it.
 *
 * The maker gives no more of a body than APP_CREDIT_BYTES (and one piece) beyond what APP_TAKEN has
 * said. The request belongs to its maker, and must stay until the last event (APP_END, APP_CLOSED
 * or APP_FAILED) has come, also after app_request_cancel; that event comes exactly once. */
#ifndef AGENT_APP_REQUEST_H
#define AGENT_APP_REQUEST_H

#include "agent/executor.h"
#include "base/arena.h"
#include "base/list.h"

#define APP_CREDIT_BYTES (256 * KIB) /* of a body or an answer, taken before it is said */

enum app_event_kind {
    APP_TAKEN,
    APP_HEAD,
    APP_CHUNK,
    APP_TEXT,   /* a message */
    APP_BINARY, /* a message */
    APP_CLOSED,
    APP_END,
    APP_FAILED
};

struct dispatch;
struct slot;

struct app_event {
    struct message message;
    struct app_request *request;
    enum app_event_kind kind;
    /* Of the head; of the body: how many bytes the app has taken; of the close: its code. */
    int status;
    struct str bytes; /* the head's headers as JSON [[name, value], …]; a piece; why it failed */
    char text[];
};

struct app_request {
    struct message message; /* to the main loop */
    struct dispatch *dispatch;
    struct loop *loop; /* of its maker */
    enum graph_kind language;
    struct str fields; /* members of http.request as JSON text, with a comma before each */
    /* On its maker's loop. The event is freed afterwards. */
    void (*on_event)(struct app_request *request, const struct app_event *event);
    /* main loop */
    struct slot *slot; /* the process that has it */
    uint64_t number;
    struct list node;
};

/* Any loop. The request's number is set; it names the request in the next five. */
void app_request_start(struct dispatch *dispatch, struct app_request *request);
/* A piece of the body (copied); is_last: nothing more of it comes. */
void app_request_body(struct app_request *request, struct str piece, bool is_last);
/* A message of the WebSocket (copied), and the end of it as the client said it. */
void app_request_message(struct app_request *request, struct str message, bool is_text);
void app_request_close(struct app_request *request, int code);
/* `bytes` of the answer have been taken. */
void app_request_credit(struct app_request *request, size_t bytes);
/* Nobody waits for the answer any more. */
void app_request_cancel(struct app_request *request);

/* ---- main loop: for executors ---- */

/* About a request that may be over. */
enum app_notice_kind {
    APP_NOTICE_BODY,
    APP_NOTICE_MESSAGE,
    APP_NOTICE_CLOSE,
    APP_NOTICE_CREDIT,
    APP_NOTICE_CANCEL
};

struct app_notice {
    struct message message;
    struct dispatch *dispatch;
    enum graph_kind language;
    enum app_notice_kind kind;
    uint64_t number;
    int64_t bytes;    /* credit */
    struct str piece; /* of the body; a message */
    int code;         /* of the close */
    bool is_last, is_text;
    char text[];
};

/* Posts one; the last one forgets the request. */
void app_request_tell(struct app_request *request, enum app_event_kind kind, int status,
                      struct str bytes);

#endif
