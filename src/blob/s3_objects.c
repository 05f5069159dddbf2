/* s3_objects.c -- objects put and read: what is asked on any loop, and answered there; s3_job.c
 * makes the requests on the loop of the service. Each of these structs travels between the two as a
 * message. */
#include "base/mem.h"
#include "blob/s3_priv.h"

#define MEMORY_BYTES_MAX (1 * MIB) /* of one put; beyond, it is spooled */
#define SENDING_BYTES (256 * KIB)  /* what a spooled put counts for while it is sent */
#define HOLD_BYTES_MAX (4 * MIB)   /* what may still come of an object that is paused */

struct s3_put {
    struct blob_put base;
    struct message message;
    struct s3 *s3;
    struct loop *loop;
    struct blob_put_events events;
    struct blob_key key;
    struct sha256_run run;
    struct buf bytes;
    struct spool *spool; /* NULL: all is in `bytes` */
    uint64_t size;
    bool is_sending;
    enum err err;
    struct s3_job job;
};

struct s3_get {
    struct blob_get base;
    struct s3 *s3;
    struct loop *loop;
    struct blob_get_events events;
    struct blob_key key;
    struct message asking, closing;
    bool is_asked, is_freed, is_closing;
    /* The service's loop, but for `out` and `err`, which travel with `asking`. */
    struct s3_job job;
    struct buf hold, out; /* come, not yet asked for; given */
    enum err err, end_err;
    bool has_begun, has_ended, is_wanted;
};

static void key_copy(struct blob_key *to, struct str key)
{
    memcpy(to->text, key.data, BLOB_KEY_BYTES);
    to->text[BLOB_KEY_BYTES] = '\0';
}

/* ---- put, on the service's loop ---- */

static enum err put_err(enum s3_verdict verdict)
{
    return verdict == S3_GOOD ? OK : verdict == S3_AGAIN ? ERR_AGAIN : ERR_IO;
}

static void put_done(struct message *message);

static void put_over(struct s3_job *job, enum s3_verdict verdict)
{
    struct s3_put *put = CONTAINER_OF(job, struct s3_put, job);

    put->err = put_err(verdict);
    if (put->spool)
        spool_free(put->spool);
    s3_post_back(put->s3, put->loop, &put->message, put_done);
}

static void put_run(struct message *message)
{
    struct s3_put *put = CONTAINER_OF(message, struct s3_put, message);
    struct s3_job *job = &put->job;

    job->s3 = put->s3;
    job->kind = S3_PUT;
    job->method = STR("PUT");
    job->key = put->key;
    job->body = buf_str(&put->bytes);
    job->spool = put->spool;
    job->size = put->size;
    job->on_end = put_over;
    s3_job_start(job);
}

/* ---- put, on its own loop ---- */

static void put_free(struct s3_put *put)
{
    sha256_give_up(&put->run);
    buf_release(&put->bytes);
    mem_free(put);
}

static void put_done(struct message *message)
{
    struct s3_put *put = CONTAINER_OF(message, struct s3_put, message);
    struct blob_put_events events = put->events;
    enum err err = put->err;

    put_free(put);
    events.on_done(events.context, err);
}

static void on_spool_room(void *context)
{
    struct s3_put *put = context;

    if (put->events.on_room && !put->is_sending)
        put->events.on_room(put->events.context);
}

static void on_spool_end(void *context, enum err err)
{
    struct s3_put *put = context;

    if (!err) {
        s3_post(put->s3, &put->message, put_run);
        return;
    }
    put->err = err;
    spool_free(put->spool);
    put_done(&put->message);
}

static const struct spool_events spool_events = {on_spool_room, on_spool_end, NULL};

static struct s3_put *put_of(struct blob_put *put)
{
    return CONTAINER_OF(put, struct s3_put, base);
}

void s3_put_add(struct blob_put *base, struct str bytes)
{
    struct s3_put *put = put_of(base);

    sha256_add(&put->run, bytes);
    put->size += bytes.len;
    if (!put->spool && put->size > MEMORY_BYTES_MAX) {
        put->spool = spool_new(put->s3->spools, put->loop, &spool_events, put);
        if (put->bytes.len > 0)
            spool_add(put->spool, buf_str(&put->bytes));
        buf_release(&put->bytes);
    }
    if (put->spool)
        spool_add(put->spool, bytes);
    else
        buf_add(&put->bytes, bytes);
}

size_t s3_put_pending(const struct blob_put *base)
{
    const struct s3_put *put = (const struct s3_put *)base;

    if (put->is_sending)
        return put->spool ? SENDING_BYTES : put->bytes.len;
    return put->spool ? spool_pending(put->spool) : put->bytes.len;
}

void s3_put_end(struct blob_put *base)
{
    struct s3_put *put = put_of(base);
    struct sha256 digest = sha256_end(&put->run);

    sha256_write(&digest, &put->job.hash);
    put->is_sending = true;
    if (put->spool)
        spool_end(put->spool);
    else
        s3_post(put->s3, &put->message, put_run);
}

void s3_put_cancel(struct blob_put *base)
{
    struct s3_put *put = put_of(base);

    if (put->spool)
        spool_free(put->spool);
    put_free(put);
}

struct blob_put *s3_put_new(struct blob_store *store, struct loop *loop, struct str key,
                            const struct blob_put_events *events)
{
    struct s3_put *put = MEM_NEW(struct s3_put);

    put->base.ops = store->ops;
    put->s3 = s3_of(store);
    put->loop = loop;
    put->events = *events;
    key_copy(&put->key, key);
    sha256_begin(&put->run);
    buf_init(&put->bytes, MEMORY_BYTES_MAX);
    return &put->base;
}

/* ---- get, on the service's loop ---- */

static void get_done(struct message *message);

/* What was asked for, if it is there. */
static void get_answer(struct s3_get *get)
{
    size_t len = get->hold.len < BLOB_PIECE_BYTES ? get->hold.len : BLOB_PIECE_BYTES;

    if (!get->is_wanted || (len == 0 && !get->has_ended))
        return;
    get->is_wanted = false;
    get->err = len > 0 ? OK : get->end_err;
    buf_clear(&get->out);
    buf_add(&get->out, str_first(buf_str(&get->hold), len));
    buf_consume(&get->hold, len);
    if (get->hold.len < BLOB_PIECE_BYTES && !get->has_ended)
        s3_job_resume(&get->job);
    s3_post_back(get->s3, get->loop, &get->asking, get_done);
}

static void get_bytes(struct s3_job *job, struct str bytes)
{
    struct s3_get *get = CONTAINER_OF(job, struct s3_get, job);

    buf_add(&get->hold, bytes);
    REQUIRE(!get->hold.failed);
    if (get->hold.len >= BLOB_PIECE_BYTES)
        s3_job_pause(job);
    get_answer(get);
}

static void get_over(struct s3_job *job, enum s3_verdict verdict)
{
    struct s3_get *get = CONTAINER_OF(job, struct s3_get, job);

    get->has_ended = true;
    get->end_err = verdict == S3_MISSING ? ERR_NOT_FOUND : put_err(verdict);
    get_answer(get);
}

static void get_run(struct message *message)
{
    struct s3_get *get = CONTAINER_OF(message, struct s3_get, asking);

    get->is_wanted = true;
    if (get->has_begun) {
        get_answer(get);
        return;
    }
    get->has_begun = true;
    get->job.s3 = get->s3;
    get->job.kind = S3_GET;
    get->job.method = STR("GET");
    get->job.key = get->key;
    get->job.on_bytes = get_bytes;
    get->job.on_end = get_over;
    s3_job_start(&get->job);
}

static void get_gone(struct message *message);

static void get_close(struct message *message)
{
    struct s3_get *get = CONTAINER_OF(message, struct s3_get, closing);

    if (get->has_begun && !get->has_ended)
        s3_job_cancel(&get->job);
    get->is_wanted = false;
    s3_post_back(get->s3, get->loop, message, get_gone);
}

/* ---- get, on its own loop ---- */

/* The last letter: an answer that was on its way has come before it. */
static void get_gone(struct message *message)
{
    struct s3_get *get = CONTAINER_OF(message, struct s3_get, closing);

    buf_release(&get->hold);
    buf_release(&get->out);
    mem_free(get);
}

static void close_begin(struct s3_get *get)
{
    get->is_closing = true;
    s3_post(get->s3, &get->closing, get_close);
}

static void get_done(struct message *message)
{
    struct s3_get *get = CONTAINER_OF(message, struct s3_get, asking);

    get->is_asked = false;
    if (!get->is_freed)
        get->events.on_piece(get->events.context, get->err, buf_str(&get->out));
    else if (!get->is_closing)
        close_begin(get);
}

static struct s3_get *get_of(struct blob_get *get)
{
    return CONTAINER_OF(get, struct s3_get, base);
}

void s3_get_next(struct blob_get *base)
{
    struct s3_get *get = get_of(base);

    REQUIRE(!get->is_asked);
    get->is_asked = true;
    s3_post(get->s3, &get->asking, get_run);
}

void s3_get_free(struct blob_get *base)
{
    struct s3_get *get = get_of(base);

    get->is_freed = true;
    if (get->s3->loop || !get->is_asked) /* else the answer lies in the mailbox */
        close_begin(get);
}

struct blob_get *s3_get_new(struct blob_store *store, struct loop *loop, struct str key,
                            const struct blob_get_events *events)
{
    struct s3_get *get = MEM_NEW(struct s3_get);

    get->base.ops = store->ops;
    get->s3 = s3_of(store);
    get->loop = loop;
    get->events = *events;
    key_copy(&get->key, key);
    buf_init(&get->hold, HOLD_BYTES_MAX);
    buf_init(&get->out, BLOB_PIECE_BYTES);
    return &get->base;
}
