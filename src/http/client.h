/* client.h -- the webhook client: HTTP/1.1 requests to addresses that were vetted first.
 *
 * Every phase has a budget and the whole has one clock. The name is resolved once, all answers are
 * vetted (egress.h), the connection goes to a vetted address, and nothing is written where the
 * kernel says that it connected to another. Connections are kept and reused by (vetted address,
 * port, TLS name, client certificate). No redirect is followed, no proxy is taken from the
 * environment, no body is decompressed, and a connection with one surplus byte is closed.
 *
 * A kept connection may have been closed by the receiver while the request was on its way. If it
 * ends before one byte of a response, the request is sent once more on a fresh one, so the receiver
 * may see it twice, unless enum http_reuse says otherwise.
 *
 * One client per loop; all calls on its thread. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "base/buf.h"
#include "http/egress.h"
#include "http/server.h"

struct tls_client;
struct tls_identity;

struct http_budget {
    int64_t dns_ms;
    int64_t connect_ms; /* TCP */
    int64_t tls_ms;
    int64_t first_byte_ms; /* from the request's last byte to the response head's first; informative
                              1xx do not count */
    int64_t total_ms; /* from start to the whole response head; then body_ms more for the excerpt */
    int64_t body_ms;
    size_t body_rate_min; /* bytes per second while the body is read; slower: cut off */
};

extern const struct http_budget http_budget_default; /* 5 s, 5 s, 5 s, 15 s, 15 s, 2 s, 256 B/s */

/* Connections go through it by CONNECT, for http and https. It resolves the receiver's name, so
 * what is vetted is the name and the port as they stand in the URL, or the address if that is one;
 * the answers of DNS are the proxy's to judge. Its own address is the operator's choice and not
 * vetted.
 */
struct http_proxy {
    struct str host;
    uint16_t port;
    struct str authorization; /* "Basic …"; STR_NONE: none */
};

struct http_client_config {
    struct loop *loop;
    const struct egress_policy *policy; /* borrowed */
    struct tls_client *tls;             /* tls.h; borrowed */
    const struct http_proxy *proxy;     /* borrowed; NULL: straight to the receiver */
    size_t response_header_bytes_max;   /* 16 KiB */
    size_t response_body_bytes_max;     /* kept excerpt, then the connection is closed: 64 KiB */
    unsigned idle_connections_max;      /* over all origins: 256 */
    int64_t idle_ms;                    /* how long an idle connection is kept: 30 s */
    int64_t name_keep_ms; /* how long an answer of DNS is used again; 0: 10 s; -1: never */
};

struct http_client;
struct http_send; /* one request under way */
struct http_result;

/* A bearer token by client credentials. Fetched by the same client under the same rules, kept until
 * it expires, fetched anew once when the receiver answers 401. Its endpoint forbidden: HTTP_DENIED;
 * no token for another reason: HTTP_NO_CONNECTION. */
struct http_oauth {
    struct str key; /* sends with the same key share a token */
    bool https;
    struct str host; /* of the token's endpoint */
    uint16_t port;
    struct str target;
    struct str client_id, client_secret;
    struct str scope, audience; /* STR_NONE: not said */
    bool in_body;               /* the credentials stand in the form, not in Authorization */
};

/* ONCE: a kept connection that ends is HTTP_NO_CONNECTION. FRESH: no kept one is taken. */
enum http_reuse { HTTP_REUSE, HTTP_REUSE_ONCE, HTTP_FRESH };

/* Everything is borrowed until on_done has run. Content-Length and Host are made by the client. */
struct http_client_request {
    bool https;
    struct str host; /* name or literal, as in url.h */
    uint16_t port;
    struct str method;
    struct str target; /* request line, byte for byte */
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    const struct http_oauth *oauth;      /* NULL: none; its token replaces any Authorization */
    const struct tls_identity *identity; /* tls.h: the client certificate; NULL: none */
    struct http_budget budget;
    enum http_reuse reuse;
    /* Not NULL: the body of a 2xx comes here piece by piece and is not kept; `so_far` has status
     * and headers. Not from here is the send cancelled: from a later turn. */
    void (*on_piece)(void *context, const struct http_result *so_far, struct str piece);
};

/* How it ended; design.md §9 "Attempt results" is made from this by delivery/. */
enum http_outcome {
    HTTP_ANSWERED,      /* a whole response head came: status is set */
    HTTP_DENIED,        /* egress policy: no packet was sent to the receiver */
    HTTP_NO_NAME,       /* DNS */
    HTTP_NO_CONNECTION, /* refused, unreachable, reset before the first response byte, connect
                           budget */
    HTTP_TLS_FAILED,
    HTTP_TIMED_OUT,   /* connected, but no whole response head in time */
    HTTP_BAD_RESPONSE /* not HTTP, over a limit, cut off within the head */
};

struct http_phases { /* in µs; -1: not reached; 0 dns/connect/tls on a reused connection */
    int64_t dns_us, connect_us, tls_us, first_byte_us, total_us;
};

struct http_result {
    enum http_outcome outcome;
    int status;       /* 0 unless HTTP_ANSWERED */
    const char *why;  /* words for people: "connection refused" …; borrowed as the headers are */
    const char *rule; /* egress rule that denied; else NULL */
    const struct http_header *headers; /* of the response; borrowed until on_done returns */
    size_t header_count;
    struct str body; /* excerpt; borrowed */
    bool body_truncated;
    bool reused;            /* the connection had served before */
    bool resent;            /* a kept connection ended: it went out once more on a fresh one */
    struct address address; /* where it went; ADDRESS_NONE if it did not */
    struct http_phases phases;
};

struct http_client *http_client_new(const struct http_client_config *config);
void http_client_free(
    struct http_client *client); /* cancels what is under way, without callbacks */
/* on_done runs exactly once, later. */
struct http_send *http_client_send(struct http_client *client,
                                   const struct http_client_request *request,
                                   void (*on_done)(void *context, const struct http_result *result),
                                   void *context);
void http_send_cancel(struct http_send *send); /* no callback */

/* For sends that start from now on; borrowed. */
void http_client_set_policy(struct http_client *client, const struct egress_policy *policy);

struct http_client_stats {
    uint64_t connections_opened, connections_reused;
    unsigned connections_idle, connections_busy;
};
struct http_client_stats http_client_stats(const struct http_client *client);

#endif
