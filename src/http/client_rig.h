/* client_rig.h -- a client on a loop's thread, and receivers that do what a test tells them, over
 * blocking sockets.
 *
 * A receiver takes one connection after the other and hands each to `serve`. It counts connections
 * and the requests it has read. */
#ifndef HTTP_CLIENT_RIG_H
#define HTTP_CLIENT_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "http/client.h"

struct receiver {
    uint16_t port;
    int listening;
    pthread_t thread;
    void (*serve)(struct receiver *receiver, int fd); /* the receiver closes fd afterwards */
    const void *script;                               /* for `serve` */
    atomic_int connections, requests;
    atomic_bool stopping;
};

void receiver_start(struct receiver *receiver);
void receiver_stop(struct receiver *receiver);
/* One request with its body by Content-Length; false if the client has closed. */
bool receiver_read(struct receiver *receiver, int fd);
void receiver_write(int fd, struct str bytes);
/* The next close resets. */
void receiver_reset_on_close(int fd);
#define RECEIVER_OKAY "HTTP/1.1 200 OK\r\nX-First: yes\r\nContent-Length: 2\r\n\r\nok"

/* For `serve`: answers every request with RECEIVER_OKAY. */
void receiver_answer_all(struct receiver *receiver, int fd);
/* Until the client closes or the receiver is stopped. */
void receiver_hold(struct receiver *receiver, int fd);

struct client_rig {
    struct world *world;
    struct loop *loop;
    struct http_client *client;
    struct egress_policy policy;
    struct tls_client *tls;
    struct http_budget budget; /* of the next sends */
};

/* dev policy, short budgets. */
void client_rig_start(struct client_rig *rig);
void client_rig_stop(struct client_rig *rig);

/* A result with its borrowed parts copied. */
struct outcome {
    struct http_result result;
    char body[128 * 1024];
    char first_header[64]; /* name and value of the first, "name: value" */
};

/* POST of 5 bytes to http://127.0.0.1:port/hook, unless `request` says otherwise; waits for the
 * end. */
const struct outcome *client_rig_post(struct client_rig *rig, uint16_t port);
const struct outcome *client_rig_send(struct client_rig *rig,
                                      const struct http_client_request *request);
struct http_client_request client_rig_request(const struct client_rig *rig, uint16_t port);
void client_rig_assert(const struct outcome *outcome, enum http_outcome wanted);
/* Of the client, read on its thread, once nothing is busy. */
struct http_client_stats client_rig_stats(struct client_rig *rig);
/* Waits until so many are idle; fails the test after 5 s. */
void client_rig_wait_idle(struct client_rig *rig, unsigned wanted);
void client_rig_call(struct client_rig *rig, void (*call)(struct client_rig *rig));

#endif
