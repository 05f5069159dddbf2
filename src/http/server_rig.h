/* server_rig.h -- a server on a thread of its own, for tests that talk to it over blocking sockets.
 *
 * What it answers is chosen by the path:
 *   /hello     "hello"                      /echo      the request's body
 *   /where     method, path, query          /park      nothing until rig_release
 *   /early     404 before the body is read  /stream    "one", "two", "three" in a streamed reply
 *   /large     8 MiB                        /live      a streamed reply that stays open until
 * rig_release /count     streamed body, its length    /break     half a reply, then http_break
 *   /tiny      a body of at most 10 bytes   /slow-sink streamed body, paused until rig_release
 *   /sized     "hello" of 5 bytes, of 9 with a query
 * and, taken up at their head, with a body of at most 1 MiB:
 *   /start     parked; on rig_release the body is taken, at its end its length is the reply
 *   /duplex    a streamed reply that begins at once, with each piece of the body as it comes */
#ifndef HTTP_SERVER_RIG_H
#define HTTP_SERVER_RIG_H

#include <stdatomic.h>

#include "http/server.h"
#include "http/tls.h"

#define RIG_PARKED_MAX 64

struct rig {
    struct world *world;
    struct loop *loop;
    struct listen_socket *socket;
    struct http_server *server;
    struct http_limits limits;
    struct tls_server *tls;
    uint16_t port;
    struct http_exchange *parked[RIG_PARKED_MAX]; /* on the loop's thread only */
    size_t parked_count;
    atomic_int parks, gones, aborts, requests, drained;
    atomic_size_t bytes_seen;
};

/* Zero the rig and set `limits` or `tls` as wanted first; limits of 0 are the default. */
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);
/* For tests whose initial state is a rig: a fresh one with the default limits, and its end. */
int rig_setup(void **state);
int rig_teardown(void **state);
/* Runs on the loop's thread and waits for it. */
void rig_call(struct rig *rig, void (*call)(struct rig *rig));
/* Ends what is parked: parked requests are answered "released", streams end, paused bodies go on.
 */
void rig_release(struct rig *rig);
/* Waits until the counter has reached `wanted`; fails the test after 5 s. */
void rig_wait(atomic_int *counter, int wanted);

/* ---- a blocking client ---- */

int rig_connect(const struct rig *rig);
void rig_send(int fd, struct str bytes);
/* Until the server closes, or `wait_ms` have passed without a byte. The result is static. */
struct str rig_read_all(int fd, int wait_ms);
/* Until `part` has come; fails after 5 s. */
struct str rig_read_until(int fd, const char *part);
/* True if the server has closed (or reset) within wait_ms; reads on until then. */
bool rig_is_closed(int fd, int wait_ms);
/* One connection: send, read all, close. */
struct str rig_ask(const struct rig *rig, struct str bytes);

void rig_assert_status(struct str answer, const char *status_line_start);
void rig_assert_has(struct str answer, const char *part);

#define RIG_GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

#endif
