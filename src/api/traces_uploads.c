/* traces_uploads.c -- large values go to the blob store as they come.
 *
 *   reserve the key (a write) ─┐
 *   pieces ──▶ the blob store ─┴▶ both: the blob gets its name ──▶ its batch may be written
 *
 * The reservation is committed before the blob has its name (store/blobs.h). One that is given up
 * leaves its reservation, which runs out. */
#include "api/traces_multipart_priv.h"
#include "base/mem.h"
#include "store/blobs.h"

/* Nothing of it is under way any more. */
static void upload_free(struct upload *upload)
{
    struct ingest *in = upload->in;

    list_remove(&upload->node);
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
    if (!upload->is_reserved || !upload->is_whole)
        return;
    upload->is_ended = true;
    blob_put_end(upload->put);
}

static enum err reserve_apply(struct tx *tx, struct store_work *work)
{
    struct upload *upload = CONTAINER_OF(work, struct upload, reserve);

    return blobs_reserve(tx, str_range(upload->key.text, BLOB_KEY_BYTES));
}

static void reserve_done(struct store_work *work, enum err err)
{
    struct upload *upload = CONTAINER_OF(work, struct upload, reserve);

    upload->is_reserved = true;
    if (!upload->gathering) {
        upload_free(upload);
    } else if (err) {
        blob_put_cancel(upload->put);
        upload_over(upload, err);
    } else {
        try_end(upload);
    }
}

struct upload *upload_new(struct ingest *in)
{
    struct upload *upload = MEM_NEW(struct upload);

    upload->in = in;
    upload->gathering = in->filling;
    upload->gathering->uploads_open++;
    list_push(&in->uploads, &upload->node);
    blob_key_make(loop_rng(in->loop), &upload->key);
    upload->put = blob_put_new(
        in->blobs, in->loop, str_range(upload->key.text, BLOB_KEY_BYTES),
        &(struct blob_put_events){.on_room = on_room, .on_done = on_done, .context = upload});
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
    blob_put_add(upload->put, bytes);
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
    if (upload->is_ended)
        return; /* on_done comes */
    blob_put_cancel(upload->put);
    if (upload->is_reserved)
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
            pending += blob_put_pending(upload->put);
    }
    return pending;
}
