/* classify.h -- what became of one attempt, in nine words, the K/Z/D of HTTP.
 *
 *   delivered     a 2xx response head
 *   unreachable   DNS, refused, reset, still connecting at the deadline
 *   tls           the handshake or the certificate
 *   timeout       connected, but no whole response head in time
 *   busy          408, 425, 429, 503 with Retry-After
 *   server_error  other 5xx, and answers that are not HTTP
 *   rejected      3xx (never followed) and other 4xx
 *   gone          410
 *   refused       by our own rules: the address may not be connected to
 *   unknown       the server stopped before the outcome was known
 *
 * Pure. The words are what stands in attempts.result. */
#ifndef DELIVERY_CLASSIFY_H
#define DELIVERY_CLASSIFY_H

#include "base/str.h"
#include "http/client.h"

enum attempt_result {
    RESULT_DELIVERED,
    RESULT_UNREACHABLE,
    RESULT_TLS,
    RESULT_TIMEOUT,
    RESULT_BUSY,
    RESULT_SERVER_ERROR,
    RESULT_REJECTED,
    RESULT_GONE,
    RESULT_REFUSED,
    RESULT_UNKNOWN,
    RESULT_COUNT
};

/* What a result says about the origin: see window.h. */
enum origin_news { ORIGIN_ANSWERED, ORIGIN_FAILED, ORIGIN_UNTRIED };

enum attempt_result classify(const struct http_result *answer);
enum origin_news classify_origin(enum attempt_result result);

struct str result_name(enum attempt_result result);
/* RESULT_UNKNOWN for a word that is none. */
enum attempt_result result_parse(struct str name);
/* A sentence for people: "the receiver refused the message (HTTP 404)". `status` 0: none. Static
 * but for the number, so the caller gives room. */
struct result_words {
    char text[160];
};
struct str result_write_words(enum attempt_result result, int64_t status,
                              struct result_words *words);

#endif
