/* traces_multipart_priv.h -- POST /runs/multipart on its way in: what its three files share.
 *
 *   pieces ──▶ inflate ──▶ multipart ──▶ parts ──┬▶ a batch of spans ──▶ written when it has grown
 *      ▲       traces_multipart.c   traces_parts.c │                       large, or at the end
 *      │                                         └▶ the blob store: large values (traces_uploads.c)
 *      └── paused while a batch waits behind another, or the blob store behind the network
 *
 * So memory does not grow with the body. Writing early is no promise: the answer comes when all is
 * committed, and merging does not mind if the same is sent again. When the body breaks off or stops
 * making sense, whole parts before that are kept and the answer says what is wrong. */
#ifndef API_TRACES_MULTIPART_PRIV_H
#define API_TRACES_MULTIPART_PRIV_H

#include "api/traces_priv.h"
#include "blob/blob.h"
#include "format/inflate.h"
#include "format/json_check.h"
#include "format/multipart.h"

#define BATCH_BYTES_MAX (4 * MIB)
#define UPLOAD_PENDING_MAX (1 * MIB) /* on its way to the blob store; beyond, the client waits */
#define BLOB_BYTES_MIN (128 * KIB)   /* smaller values stand in their row */
#define OBJECT_BYTES_MAX (4 * MIB)   /* of a run without its values, of a feedback */
#define VALUE_BYTES_MAX (64 * MIB)   /* without a blob store */
#define BLOB_BYTES_MAX (512 * MIB)
#define PART_NAME_BYTES_MAX 1200

/* A batch that fills, then is written once its uploads are done. */
struct gathering {
    struct span_batch batch;
    size_t uploads_open;
};

/* One large value. It lives until nothing of it is under way. */
struct upload {
    struct ingest *in;
    struct gathering *gathering; /* NULL: given up */
    struct blob_put *put;        /* NULL: its key is not reserved yet */
    struct buf early;            /* what has come meanwhile */
    struct store_work reserve;
    struct blob_key key;
    int64_t size;
    bool is_whole, is_ended;
    struct list node; /* in->uploads */
};

/* The part under way. */
struct part {
    struct span_part is;
    char name[PART_NAME_BYTES_MAX];
    size_t name_len;
    struct str mime_type;
    bool is_skipped;
    struct upload *upload; /* NULL: it is held */
    struct json_check check;
    bool has_begun;   /* a value that is uploaded: its first byte that is no blank has come … */
    struct str after; /* … and this is to stand behind its last (span_shape.h) */
    char *known;      /* of a part that says its length; in the batch's arena */
    size_t known_len;
    struct buf unknown; /* of the others */
};

/* On the heap: it outlives the exchange if the client leaves while something is under way. */
struct ingest {
    struct call *call; /* NULL: the client has left */
    struct store *store;
    struct blob_store *blobs; /* NULL: there is none */
    struct http_exchange *exchange;
    struct loop *loop;
    struct arena arena;
    struct str tenant;
    struct inflate *inflate; /* NULL: the body is plain */
    struct multipart multipart;
    struct part part;
    struct buf held; /* came while it was paused */
    bool has_more;   /* inflate has more of what it was given */
    enum err broken; /* the body makes no sense from some byte on */
    struct str broken_words;
    struct gathering *filling, *writing; /* writing NULL: none */
    struct store_work work;
    bool is_applied; /* work is with the writer */
    struct list uploads;
    enum err failed;  /* of a writing or an upload: nothing is promised */
    bool is_paused;   /* the network */
    bool is_whole;    /* the body has come */
    bool is_ended;    /* … and has been taken */
    bool is_finished; /* the last batch is with the writer */
    bool is_busy;     /* within a piece of the body, or giving up: not to be entered again */
};

/* traces_multipart.c */
void ingest_on_change(struct ingest *in); /* something is done: goes on with what can go on */
bool ingest_is_full(const struct ingest *in);
/* Between two parts: what has been gathered is written if it is much, unless another batch is. */
void ingest_make_room(struct ingest *in);

/* traces_parts.c */
struct multipart_handler parts_handler(struct ingest *in);

/* traces_uploads.c */
struct upload *upload_new(struct ingest *in);
void upload_add(struct upload *upload, struct str bytes);
void upload_end(struct upload *upload);
/* These two may be the last that was under way: then they free the ingest if the client has left.
 */
void upload_give_up(struct upload *upload);
void uploads_give_up(struct ingest *in); /* all */
size_t uploads_pending(const struct ingest *in);

#endif
