/* inbox.h -- for tests and benches: a receiver of webhooks that keeps what it gets and answers as
 * it is told.
 *
 * It lives on a loop of its own; `decide` is called there, once for each whole request, before that
 * is counted. What it has received is read under its lock from any thread. */
#ifndef DELIVERY_INBOX_H
#define DELIVERY_INBOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/list.h"
#include "io/loop.h"

#define INBOX_KEPT_MAX 4096

struct inbox_request {
    struct str head; /* request line and headers */
    struct str body;
    struct str webhook_id;
    int64_t attempt;
    int64_t at_us; /* monotonic */
};

enum inbox_act { INBOX_ANSWER, INBOX_HANG, INBOX_RESET, INBOX_CLOSE, INBOX_SEND };

struct inbox_reply {
    enum inbox_act act;
    int status;
    const char *headers; /* whole lines with \r\n; NULL: none */
    const char *bytes;   /* body of ANSWER; everything that SEND sends before it closes */
    int64_t delay_ms;
};

struct inbox {
    struct world *world;
    struct loop *loop;
    struct listen_socket *socket;
    struct listener *listener;
    uint16_t port;
    struct inbox_reply (*decide)(struct inbox *inbox, const struct inbox_request *request);
    struct inbox_reply reply; /* without `decide` */
    void *context;
    bool keeps_nothing; /* for benches: only counted */
    atomic_size_t count;
    pthread_mutex_t lock;
    struct arena arena;
    struct inbox_request *kept[INBOX_KEPT_MAX];
    struct list connections;
    struct message stop_message;
};

/* `inbox` is zeroed but for decide, reply, context, keeps_nothing and port (0: any). */
void inbox_open(struct inbox *inbox, struct world *world);
void inbox_close(struct inbox *inbox);
/* While it is open. */
void inbox_set_reply(struct inbox *inbox, struct inbox_reply reply);
/* "http://127.0.0.1:port" + path; in static memory of the caller's choosing. */
const char *inbox_url(const struct inbox *inbox, const char *path, char *text, size_t bytes);
/* How many requests came, how many of them (of those kept) with this id. */
size_t inbox_count(struct inbox *inbox);
size_t inbox_count_of(struct inbox *inbox, struct str webhook_id);
/* A header of a kept request; STR_NONE: absent. Valid until inbox_close. */
struct str inbox_header(struct inbox *inbox, size_t index, const char *name);

#endif
