/* remote.h -- a running server, as commands ask it: one request at a time, the answer awaited.
 *
 * Each request has a loop of its own for as long as it takes, so that a command is straight-line
 * code, and a callback of a stream may make requests too. HTTP and HTTPS; no redirects, no proxy.
 * Where the server is: --server, RUNBELL_URL, else http://127.0.0.1:8123; who asks: --api-key,
 * RUNBELL_API_KEY. */
#ifndef APP_CLI_REMOTE_H
#define APP_CLI_REMOTE_H

#include "app/cli/session.h"
#include "format/sse.h"
#include "format/url.h"
#include "http/server.h"

#define REMOTE_BODY_BYTES_MAX (256 * MIB)

/* Rows of a table of flags. */
#define ARG_SERVER                                                                                 \
    {                                                                                              \
        "server", "URL", "the server; else RUNBELL_URL, else http://127.0.0.1:8123", NULL          \
    }
#define ARG_API_KEY                                                                                \
    {                                                                                              \
        "api-key", "KEY", "who asks; else RUNBELL_API_KEY", NULL                                   \
    }

struct remote {
    struct session *session;
    struct arena arena;
    struct str base; /* without a slash at its end */
    struct str api_key;
    struct str ca_file;
};

/* CLI_OK, or the exit code: what is to be said has been said. Release it in both cases. */
int remote_open(struct remote *remote, struct session *session) MUST_USE;
void remote_release(struct remote *remote);

struct remote_request {
    struct str url; /* absolute */
    struct str method;
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    int64_t silence_ms; /* how long nothing may come; 0: 30 s */
    /* Each piece of a 2xx body, instead of collecting it; false: enough. */
    bool (*on_piece)(void *context, struct str piece);
    void *context;
    bool ends_by_hand; /* by SIGINT and SIGTERM, as if on_piece had said enough */
    bool skips_verify; /* whoever answers by https may be anybody */
};

struct remote_answer {
    int status;       /* 0: there was none */
    const char *why;  /* static words when status is 0, or the body was cut off; else NULL */
    struct buf body;  /* to be released */
    bool is_complete; /* the body came to its end, or enough of it */
    bool is_ended;    /* by hand */
};

/* From now on SIGINT and SIGTERM wait for a request that ends by hand: whoever has made something
 * that is to be cleaned up is not ended in between. */
void remote_hold_signals(void);

/* Any URL: receivers too. */
void remote_send(struct world *world, const struct remote_request *request,
                 struct remote_answer *answer);

/* A call of the API. CLI_OK and the body in `out` (which the caller has initialised) if it was 2xx;
 * else the reason has been printed, in the server's words where it had some. */
int remote_call(struct remote *remote, const char *method, struct str path, struct str body,
                struct buf *out) MUST_USE;
/* A GET for whoever watches something: where there is no answer, or a 503, it is asked again with
 * pauses for as long as it takes, for servers and their databases restart. */
int remote_look(struct remote *remote, struct str path, struct buf *out) MUST_USE;
/* A GET. What comes is said as it is with --json, else by `print`. */
int remote_say(struct remote *remote, struct str path, void (*print)(const struct json *root));
/* The object in `folder` that the command's operand names: got, or, with a verb, sent `ask` at
 * folder/ID/verb. What comes is said likewise. */
int remote_one(struct remote *remote, const char *folder, const char *verb, struct str ask,
               void (*print)(const struct json *object));
/* The same for answers that the command judges itself: any status. CLI_FAILED: there was none. */
int remote_ask(struct remote *remote, const char *method, struct str path, struct str body,
               struct remote_answer *answer) MUST_USE;

/* Follows a stream for ever, coming back after breaks with the last id; false from on_event ends
 * it. `after`: where it begins; STR_NONE: now. Returns an exit code. */
struct remote_stream {
    struct str path;
    struct str after;
    bool (*on_event)(void *context, const struct sse_event *event);
    void *context;
    bool ends_by_hand; /* SIGINT and SIGTERM end it in order: there is something to clean up */
};
int remote_follow(struct remote *remote, const struct remote_stream *stream) MUST_USE;

/* A whole command: flags, session, server; then `run`, whose exit code it gives. */
int remote_main(const struct arg_command *command, int (*run)(struct remote *remote), int argc,
                char **argv);

/* "/v1/deliveries" with "?key=value" or "&key=value" added, if there is a value. */
void remote_add_query(struct buf *path, const char *key, const char *value);

#endif
