/* listen.h -- the parts of `runbell listen`: what is kept between two starts, the address at the
 * server, the events of an endpoint, and the one way to the local port. */
#ifndef APP_CLI_LISTEN_H
#define APP_CLI_LISTEN_H

#include "app/cli/remote.h"

#define LISTEN_HEADERS_MAX 100
#define LISTEN_OWN_HEADERS_MAX 16

struct listening {
    struct remote *remote;
    struct str target;  /* without a slash at its end, and without its query */
    struct str query;   /* of the target; STR_NONE: none */
    struct arena arena; /* of one webhook */
    struct http_header own_headers[LISTEN_OWN_HEADERS_MAX]; /* --headers */
    size_t own_header_count;
    struct str project, project_id; /* --project: its name and id; STR_NONE: any */
    const char *state_dir, *state_name;
    struct str slug;
    struct str secret; /* that webhooks to the address are signed with besides; STR_NONE: none */
    int64_t cursor;    /* -1: unknown */
    int64_t left;
    bool as_json, skips_verify;
    int code;
};

/* One webhook on its way to the local port. */
struct listen_webhook {
    int64_t number; /* the inspector's, or the endpoint's sequence */
    struct str method, kind, webhook_id;
    struct str below;           /* "/a?b=c" below the address */
    const struct json *headers; /* [[name, value], …] or {name: value, …} */
    struct str body;
};

/* ---- listen_state.c ---- */

/* Finds the file (--state) and reads it, if it is there. `of`: what is listened to, "" for an
 * address. */
void listen_read_state(struct listening *l, struct str of);
void listen_write_state(const struct listening *l);
/* Takes up the inspector or makes it; an exit code. */
int listen_open_address(struct listening *l);
/* --print-secret: one that webhooks to the address are signed with, made at the first time. */
int listen_print_secret(struct listening *l);

/* ---- listen_events.c ---- */

/* --load-from: what an endpoint gets, until the end; an exit code. */
int listen_to_endpoint(struct listening *l, const char *endpoint_id);

/* ---- listen.c ---- */

/* Is it of the project that is asked for? */
bool listen_wants_body(struct listening *l, struct str body);
/* Sends it to the local port, prints what came of it, and keeps the position. False: enough. */
bool listen_relay(struct listening *l, const struct listen_webhook *webhook);

#endif
