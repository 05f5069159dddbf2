/* exchange.h -- one request and its reply, as the one sees it who answers.
 *
 * It lives until its owner has ended it exactly once; all calls are made on its loop's thread
 * (server.h says how it comes to its owner, and what happens when the client leaves). */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "io/loop.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER
};

struct http_header {
    struct str name;
    struct str value;
};

struct http_exchange;
/* Borrowed from the exchange; valid until it ends, or is shed: then there is an empty one. */
struct http_request {
    enum http_method method;
    struct str method_text;
    struct str target;                 /* as sent */
    struct str path;                   /* without query; not decoded */
    struct str query;                  /* without '?'; STR_NONE if absent */
    const struct http_header *headers; /* in order; names as sent */
    size_t header_count;
    struct str body; /* whole, once on_request runs (unless streamed) */
    struct address peer;
    bool keep_alive;
};

/* First header of that name (any letter case), or STR_NONE. */
struct str http_header_find(const struct http_header *headers, size_t count, const char *name);

const struct http_request *http_exchange_request(const struct http_exchange *exchange);
/* Lives as long as the exchange. */
struct arena *http_exchange_arena(struct http_exchange *exchange);
struct loop *http_exchange_loop(struct http_exchange *exchange);
bool http_exchange_is_gone(const struct http_exchange *exchange); /* the client has left */
void http_exchange_set_data(struct http_exchange *exchange, void *data);
void *http_exchange_data(const struct http_exchange *exchange);
/* Gives up the request and what lies in the arena: for a stream that may last for hours. Not before
 * on_request. The arena may be used again. */
void http_exchange_shed(struct http_exchange *exchange);
/* Called once when the client leaves, or ends its side, while the exchange is parked or streams, or
 * (with http_plan.on_start) while its body comes. */
void http_exchange_on_gone(struct http_exchange *exchange,
                           void (*on_gone)(struct http_exchange *exchange));

/* Called once when the exchange is over, on whichever way it ends: for what it took from somebody.
 */
void http_exchange_at_end(struct http_exchange *exchange, void (*at_end)(void *context),
                          void *context);
/* Resets the connection, as if the client had left: on_gone says so to the owner. */
void http_exchange_cut(struct http_exchange *exchange);

/* The whole reply at once, with Content-Length and Date; ends the exchange. `headers` and `body`
 * are taken over before return. HEAD and 204/304 send no body. */
void http_reply(struct http_exchange *exchange, int status, const struct http_header *headers,
                size_t header_count, struct str body);

/* "Not Found" of 404; "" for a rare one. */
struct str http_status_words(int status);

/* A streamed reply: head now (chunked), then any number of writes, then http_end. */
void http_begin(struct http_exchange *exchange, int status, const struct http_header *headers,
                size_t header_count);
/* The same with a Content-Length: writes must not go beyond it, and an http_end that comes before
 * it resets the connection. */
void http_begin_sized(struct http_exchange *exchange, int status, const struct http_header *headers,
                      size_t header_count, uint64_t length);
void http_write(struct http_exchange *exchange, struct str bytes);
size_t http_pending_bytes(const struct http_exchange *exchange);
/* Called each time pending bytes have gone out after a write that had to wait. */
void http_exchange_on_drain(struct http_exchange *exchange,
                            void (*on_drain)(struct http_exchange *exchange));
void http_end(struct http_exchange *exchange);
/* From on_request on: 101, and from then on the connection is no longer HTTP's. What the client
 * sends goes to on_bytes (borrowed), http_write sends bytes as they are; http_end ends the
 * connection, the client's end is on_gone. `headers` in addition to Connection. */
void http_upgrade(struct http_exchange *exchange, const struct http_header *headers,
                  size_t header_count,
                  void (*on_bytes)(struct http_exchange *exchange, struct str bytes));
/* Ends the exchange and resets the connection: the client must notice that the reply is not whole.
 */
void http_break(struct http_exchange *exchange);
/* Of a streamed body, and of what comes after http_upgrade. Pieces of the same read may still come
 * after a pause; the client's leaving is not noticed meanwhile. */
void http_body_pause(struct http_exchange *exchange);
void http_body_resume(struct http_exchange *exchange);

/* With http_plan.on_start: how long the body is; 0: there is none; HTTP_LENGTH_UNKNOWN: chunks. */
#define HTTP_LENGTH_UNKNOWN UINT64_MAX
uint64_t http_body_length(const struct http_exchange *exchange);
/* From now on the body's pieces (borrowed) go to on_body, and its end to on_whole, which may be
 * called from within. */
void http_body_take(struct http_exchange *exchange,
                    void (*on_body)(struct http_exchange *exchange, struct str piece),
                    void (*on_whole)(struct http_exchange *exchange));
/* Does the client wait for `100 Continue` before it sends the body? http_continue says it. */
bool http_awaits_continue(const struct http_exchange *exchange);
void http_continue(struct http_exchange *exchange);

#endif
