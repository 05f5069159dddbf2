/* outbox_query.h -- reading the outbox for people: deliveries by object, state and endpoint, newest
 * first, and their attempts. Nothing here changes a row. */
#ifndef STORE_OUTBOX_QUERY_H
#define STORE_OUTBOX_QUERY_H

#include "store/outbox.h"

#define OUTBOX_LIST_MAX 1000
#define OUTBOX_ATTEMPTS_MAX 1000

struct delivery_row {
    int64_t delivery_id;
    struct str tenant;
    struct str endpoint_id;
    struct str url; /* as stored: whoever shows it masks it */
    struct str origin;
    struct str webhook_id;
    struct str kind;
    struct str object_id;
    struct str policy;
    enum delivery_state state;
    struct str state_reason; /* STR_NONE: none */
    int64_t attempts;
    int64_t next_us; /* 0 unless due */
    int64_t created_us, updated_us, ended_us;
    int64_t resend_of; /* 0: none */
    struct str content_type;
    int64_t body_bytes;
};

struct attempt_row {
    int64_t attempt_id;
    int64_t number;
    int64_t started_us, ended_us; /* ended 0: under way */
    struct str result;            /* STR_NONE: under way */
    int64_t status;               /* 0: none */
    struct str detail;
    struct str address;
    int64_t dns_us, connect_us, tls_us, first_byte_us, total_us; /* -1: not reached */
    struct str excerpt;
};

struct delivery_filter {
    struct str tenant;
    struct str object_id;   /* STR_NONE: any */
    struct str endpoint_id; /* STR_NONE: any */
    struct str state;       /* STR_NONE: any */
    int64_t before_id;      /* ids less than this; 0: from the newest */
    int64_t limit;          /* 1 … OUTBOX_LIST_MAX */
};

/* ERR_NOT_FOUND. */
enum err delivery_get(struct tx *tx, struct str tenant, int64_t delivery_id, struct arena *arena,
                      struct delivery_row *delivery) MUST_USE;
enum err delivery_list(struct tx *tx, const struct delivery_filter *filter, struct arena *arena,
                       struct delivery_row **found, size_t *count) MUST_USE;
/* The bytes that are sent. ERR_NOT_FOUND. */
enum err delivery_get_body(struct tx *tx, struct str tenant, int64_t delivery_id,
                           struct arena *arena, struct str *body) MUST_USE;
/* Of one delivery, the first first; at most OUTBOX_ATTEMPTS_MAX. */
enum err attempt_list(struct tx *tx, struct str tenant, int64_t delivery_id, struct arena *arena,
                      struct attempt_row **found, size_t *count) MUST_USE;

#endif
