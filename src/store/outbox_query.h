/* outbox_query.h -- reading the outbox for people: one delivery with its attempts, and the search
 * of the log. Nothing here changes a row.
 *
 * A search costs the same however many deliveries there are: it walks one index (that of the most
 * selective filter given), tests the other filters on at most OUTBOX_SCAN_MAX rows of it, and then
 * answers what it has found with the place where to go on. So a page may be short, or empty, and
 * still not be the last. */
#ifndef STORE_OUTBOX_QUERY_H
#define STORE_OUTBOX_QUERY_H

#include "store/outbox.h"

#define OUTBOX_LIST_MAX 1000
#define OUTBOX_ATTEMPTS_MAX 1000
#define OUTBOX_SCAN_MAX 20000

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
    int64_t resend_of;      /* 0: none */
    struct str replay_id;   /* the replay that made it; STR_NONE: none */
    struct str last_result; /* of its last ended attempt; STR_NONE: none yet */
    int64_t last_status;    /* 0: none */
    bool is_cancelled;      /* while it is being sent: it will not be tried again */
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
    struct str response_type;                                    /* STR_NONE: not said */
    struct str excerpt;
};

/* Every text: STR_NONE is any. */
struct delivery_filter {
    struct str tenant;
    struct str object_id;
    struct str endpoint_id;
    struct str webhook_id;
    struct str kind, not_kind;
    struct str state;
    struct str replay_id;
    struct str result;              /* of the last attempt: a word of delivery/classify.h */
    int64_t status_min, status_max; /* of the last answer; 0, 0: any */
    struct str url;                 /* a part of it, in any letter case; the same for `text` */
    struct str text;                /* in the reason, or in what an attempt said of its failure */
    int64_t since_us, until_us;     /* created in [since, until); 0: open */
    bool is_oldest_first;           /* else newest first */
    int64_t before_id;              /* ids less than this; 0: from the newest */
    int64_t after_id;               /* ids greater than this */
    int64_t limit;                  /* 1 … OUTBOX_LIST_MAX */
};

struct delivery_page {
    struct delivery_row *found;
    size_t count;
    int64_t next; /* before_id, or after_id, of the next page; 0: this was the last */
};

struct delivery_counted {
    int64_t matched;
    int64_t next; /* as of a page */
};

/* ERR_NOT_FOUND. */
enum err delivery_get(struct tx *tx, struct str tenant, int64_t delivery_id, struct arena *arena,
                      struct delivery_row *delivery) MUST_USE;
enum err delivery_search(struct tx *tx, const struct delivery_filter *filter, struct arena *arena,
                         struct delivery_page *page) MUST_USE;
/* How many there are; limit is not read. */
enum err delivery_count(struct tx *tx, const struct delivery_filter *filter,
                        struct delivery_counted *counted) MUST_USE;
/* The first id of the tenant that was given out at this time or later (more or less: where several
 * nodes give ids, they are not quite in the order of time); INT64_MAX if there is none yet. */
enum err delivery_id_at(struct tx *tx, struct str tenant, int64_t created_us,
                        int64_t *delivery_id) MUST_USE;
/* The bytes that are sent. ERR_NOT_FOUND. */
enum err delivery_get_body(struct tx *tx, struct str tenant, int64_t delivery_id,
                           struct arena *arena, struct str *body) MUST_USE;
/* Test sends made since, of which no answer has come; counts no further than `most`. */
enum err delivery_count_unanswered_tests(struct tx *tx, struct str tenant, int64_t since_us,
                                         int64_t most, int64_t *count) MUST_USE;
/* Of one delivery, the first first; at most OUTBOX_ATTEMPTS_MAX. */
enum err attempt_list(struct tx *tx, struct str tenant, int64_t delivery_id, struct arena *arena,
                      struct attempt_row **found, size_t *count) MUST_USE;
enum err attempt_get(struct tx *tx, int64_t attempt_id, struct arena *arena,
                     struct attempt_row *attempt) MUST_USE;

#endif
