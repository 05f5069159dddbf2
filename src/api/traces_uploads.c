/* traces_uploads.c -- large values go to the blob store as they come.
 *
 *   reserve the key (a write) ──▶ pieces ──▶ the blob store ──▶ durable: its batch may be written
 *       │ pieces that come meanwhile wait in memory ▲
 *       └───────────────────────────────────────────┘
 *
 * The reservation is committed before the blob store has a byte (store/blobs.h): not even half a
 * file is left that nobody knows of. One that is given up leaves its reservation, which runs out.
 */
#include "api/traces_multipart_priv.h"
#include "base/mem.h"
#include "store/blobs.h"

/* Nothing of it is under way any more. */
static void upload_free(struct upload *upload)
{
    struct ingest *in = upload->in;

    list_remove(&upload->node);
    buf_release(&upload->early);
    mem_free(upload);
    ingest_on_change(in);
}

static void on_room(void *context)
{
    struct upload *upload = context;

    ingest_on_change(upload->in);
}

/* The end of one that was not given up: its batch need not wait for it any longer. */
static void upload_over(struct upload *upload, enum err err)
{
    if (err && !upload->in->failed)
        upload->in->failed = err;
    if (upload->gathering)
        upload->gathering->uploads_open--;
    upload_free(upload);
}

static void on_done(void *context, enum err err)
{
    upload_over(context, err);
}

static void try_end(struct upload *upload)
{
    if (!upload->put || !upload->is_whole)
        return;
    upload->is_ended = true;
    blob_put_end(upload->put);
}

/* The key is reserved: what has come so far goes on its way. */
static void begin(struct upload *upload)
{
    struct ingest *in = upload->in;

    upload->put = blob_put_new(
        in->blobs, in->loop, str_range(upload->key.text, BLOB_KEY_BYTES),
        &(struct blob_put_events){.on_room = on_room, .on_done = on_done, .context = upload});
    if (upload->early.len)
        blob_put_add(upload->put, buf_str(&upload->early));
    buf_release(&upload->early);
    try_end(upload);
}

static enum err reserve_apply(struct tx *tx, struct store_work *work)
{
    struct upload *upload = CONTAINER_OF(work, struct upload, reserve);

    return blobs_reserve(tx, str_range(upload->key.text, BLOB_KEY_BYTES));
}

static void reserve_done(struct store_work *work, enum err err)
{
    struct upload *upload = CONTAINER_OF(work, struct upload, reserve);

    if (!upload->gathering)
        upload_free(upload);
    else if (err)
        upload_over(upload, err);
    else
        begin(upload);
}

struct upload *upload_new(struct ingest *in)
{
    struct upload *upload = MEM_NEW(struct upload);

    upload->in = in;
    upload->gathering = in->filling;
    upload->gathering->uploads_open++;
    list_push(&in->uploads, &upload->node);
    blob_key_make(loop_rng(in->loop), &upload->key);
    buf_init(&upload->early, BLOB_BYTES_MAX);
    upload->reserve.apply = reserve_apply;
    upload->reserve.done = reserve_done;
    upload->reserve.reply_to = in->loop;
    upload->reserve.class = STORE_REPLY;
    store_write(in->store, &upload->reserve);
    return upload;
}

void upload_add(struct upload *upload, struct str bytes)
{
    upload->size += (int64_t)bytes.len;
    if (upload->put)
        blob_put_add(upload->put, bytes);
    else
        buf_add(&upload->early, bytes);
}

void upload_end(struct upload *upload)
{
    upload->is_whole = true;
    try_end(upload);
}

void upload_give_up(struct upload *upload)
{
    upload->gathering->uploads_open--;
    upload->gathering = NULL;
    if (upload->is_ended || !upload->put)
        return; /* on_done comes, or reserve_done */
    blob_put_cancel(upload->put);
    upload_free(upload);
}

void uploads_give_up(struct ingest *in)
{
    struct list *node = in->uploads.next;

    while (node != &in->uploads) {
        struct upload *upload = LIST_ITEM(node, struct upload, node);

        node = node->next;
        if (upload->gathering)
            upload_give_up(upload);
    }
}

size_t uploads_pending(const struct ingest *in)
{
    size_t pending = 0;

    for (struct list *node = in->uploads.next; node != &in->uploads; node = node->next) {
        const struct upload *upload = LIST_ITEM(node, struct upload, node);

        if (upload->gathering)
            pending += upload->put ? blob_put_pending(upload->put) : upload->early.len;
    }
    return pending;
}
