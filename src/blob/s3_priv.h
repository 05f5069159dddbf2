/* s3_priv.h -- the insides of s3.h: what the loop of the service does (s3_job.c) for those who ask
 * on other loops (s3.c).
 *
 *   waiting ── a connection is free ──▶ attempt ──▶ answer ──▶ over
 *                                          ▲           │ momentary, and there is time
 *                                          └── pause ──┘ */
#ifndef BLOB_S3_PRIV_H
#define BLOB_S3_PRIV_H

#include "base/arena.h"
#include "base/list.h"
#include "blob/blob.h"
#include "blob/key_source.h"
#include "blob/s3.h"
#include "blob/s3_answer.h"
#include "blob/sigv4.h"
#include "blob/spool.h"
#include "http/fetch.h"

#define S3_WORDS_MAX 1024

enum s3_kind { S3_PUT, S3_GET, S3_REMOVE, S3_KIND_COUNT };

struct s3_job;

struct s3 {
    struct blob_store base;
    struct arena arena; /* of the texts below */
    struct loop *loop;  /* its own thread's; NULL: stopped */
    struct tls_client *tls;
    struct spools *spools;
    struct fetch_origin origin;
    struct str host; /* the header Host */
    struct str path; /* of the bucket: "/", "/bucket/" */
    struct str bucket, prefix;
    struct str link_base; /* "https://host:port"; STR_NONE: there are no links */
    struct str link_host, link_path;
    struct sigv4_key key; /* who signs, unless there is a source of keys; region and service */
    struct key_source_settings key_settings;
    struct key_source *keys; /* NULL: none */
    int64_t link_s, timeout_ms;
    unsigned connections_max; /* of each kind */
    struct message starting, stopping;
    /* The loop's. */
    struct fetch_client *http;
    struct list waiting[S3_KIND_COUNT], under_way;
    unsigned open[S3_KIND_COUNT], waiting_count;
    bool is_over, is_down, removes_singly;
    char words[S3_WORDS_MAX]; /* what is wrong; "" */
};

/* One request with its attempts; stands in the struct of whoever asks, zeroed before. */
struct s3_job {
    /* Given. */
    struct s3 *s3;
    enum s3_kind kind;
    struct str method;
    struct blob_key key; /* of the object; "": it is about the bucket */
    struct sigv4_pair query;
    size_t query_count;                                          /* 0 or 1 */
    struct str body;                                             /* borrowed until the end */
    struct spool *spool;                                         /* instead; NULL: none */
    uint64_t size;                                               /* of body or spool */
    struct sha256_text hash;                                     /* of it, if it is not empty */
    struct str md5, checksum;                                    /* base64; STR_NONE: not said */
    void (*on_bytes)(struct s3_job *job, struct str bytes);      /* of an object; may pause */
    void (*on_end)(struct s3_job *job, enum s3_verdict verdict); /* once, last */
    /* Inside. */
    struct list node;
    struct arena arena; /* of the attempt under way */
    struct fetch *fetch;
    struct timer timer;
    struct buf said; /* the body of an error, or of a removal's answer: for on_end too */
    struct s3_answer answer;
    unsigned attempt;
    int64_t began_us, until_ms;
    uint64_t given, skip, sent; /* of the object, to the owner and before it; of the spool */
    bool is_open, is_paused, is_reading, is_read;
};

struct s3 *s3_of(struct blob_store *store);
/* Any thread: what is signed with now. False: there is nothing. */
bool s3_key(const struct s3 *s3, int64_t now_us, struct sigv4_key *key);
/* To the loop of the service and back; once it is stopped, at once. */
void s3_post(struct s3 *s3, struct message *message, void (*run)(struct message *message));
void s3_post_back(struct s3 *s3, struct loop *loop, struct message *message,
                  void (*done)(struct message *message));

/* s3_job.c: on the service's loop, or by anybody once it is stopped (then it ends at once). */
void s3_job_start(struct s3_job *job);
void s3_job_cancel(struct s3_job *job); /* no on_end */
void s3_job_pause(struct s3_job *job);  /* of an object's bytes; some may still come */
void s3_job_resume(struct s3_job *job);
/* All that is under way ends. */
void s3_jobs_end(struct s3 *s3);

/* s3_objects.c */
struct blob_put *s3_put_new(struct blob_store *store, struct loop *loop, struct str key,
                            const struct blob_put_events *events);
void s3_put_add(struct blob_put *put, struct str bytes);
size_t s3_put_pending(const struct blob_put *put);
void s3_put_end(struct blob_put *put);
void s3_put_cancel(struct blob_put *put);
struct blob_get *s3_get_new(struct blob_store *store, struct loop *loop, struct str key,
                            const struct blob_get_events *events);
void s3_get_next(struct blob_get *get);
void s3_get_free(struct blob_get *get);

/* s3_remove.c */
void s3_remove(struct blob_store *store, struct loop *loop, const struct str *keys, size_t count,
               void (*on_done)(void *context, const bool *gone), void *context);

#endif
