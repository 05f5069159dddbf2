/* traces_unload.c -- large values that came inside a body (JSON, OTLP) go to the blob store, a few
 * at a time, before the spans are written.
 *
 *   reserve the keys (one write) ──▶ put … put ──▶ all are durable: the call's own write
 *
 * One that fails fails the request, and the client sends it again; what was put meanwhile is
 * reserved and never claimed, and goes (store/blobs.h). */
#include "api/traces_priv.h"
#include "base/mem.h"
#include "store/blobs.h"
#include "trace/span_batch.h"

#define AT_ONCE 4
#define UNLOAD_BYTES_MIN (256 * KIB) /* what is smaller stands in bodies of rules */

struct unloading;

struct moving {
    struct unloading *of;
    struct blob_key key;
    struct span_value *value; /* in the batch */
};

/* On the heap: it outlives the call if the client leaves. Meanwhile it stands in for the call's
 * data and release. */
struct unloading {
    struct call *call; /* NULL: the client has left */
    struct span_batch *batch;
    void *data;
    void (*release)(struct call *call);
    call_tx_step apply;
    struct blob_store *blobs;
    struct loop *loop;
    struct store_work reserve;
    bool is_reserving, is_busy;
    size_t count, next, open;
    enum err err;
    struct moving list[];
};

static bool is_large(const struct span_batch_entry *entry, size_t layer, size_t field)
{
    bool may_go = field == SPAN_INPUTS || field == SPAN_OUTPUTS || field == SPAN_EVENTS ||
                  field == SPAN_SERIALIZED;

    return may_go && entry->drafts[layer].change.values[field].bytes.len > UNLOAD_BYTES_MIN;
}

/* Counts them, and notes them unless `u` is NULL. */
static size_t large_ones(struct span_batch *batch, struct unloading *u)
{
    size_t count = 0;

    for (struct span_batch_entry *entry = batch->first; entry; entry = entry->next)
        for (size_t layer = 0; layer < SPAN_LAYER_COUNT; layer++)
            for (size_t field = 0; field < SPAN_FIELD_COUNT; field++)
                if (is_large(entry, layer, field)) {
                    if (u)
                        u->list[count].value = &entry->drafts[layer].change.values[field];
                    count++;
                }
    return count;
}

/* Before anything else may run with the call: its own data and release are back. */
static void stand_aside(struct unloading *u)
{
    u->call->data = u->data;
    u->call->release = u->release;
}

static enum err go_on(struct call *call)
{
    struct unloading *u = call->data;
    call_tx_step apply = u->apply;
    enum err err = u->err;

    stand_aside(u);
    mem_free(u);
    return err ? err : call_then_write(call, apply);
}

static void put_next(struct unloading *u);

static void look(struct unloading *u)
{
    if (u->is_busy) /* a stopped store answers at once */
        return;
    u->is_busy = true;
    if (u->call && !u->is_reserving)
        put_next(u);
    u->is_busy = false;
    if (u->open > 0 || u->is_reserving)
        return;
    if (u->call)
        call_resume(u->call, go_on);
    else
        mem_free(u);
}

static void on_put(void *context, enum err err)
{
    struct moving *moving = context;
    struct unloading *u = moving->of;

    u->open--;
    if (err && !u->err)
        u->err = err;
    if (u->call && !err) {
        moving->value->bytes = STR_NONE;
        moving->value->blob_key = arena_str(&u->batch->arena, str_of(moving->key.text));
    }
    look(u);
}

static void put_next(struct unloading *u)
{
    while (!u->err && u->open < AT_ONCE && u->next < u->count) {
        struct moving *moving = &u->list[u->next++];
        struct blob_put *put =
            blob_put_new(u->blobs, u->loop, str_of(moving->key.text),
                         &(struct blob_put_events){.on_done = on_put, .context = moving});

        u->open++;
        moving->value->size = (int64_t)moving->value->bytes.len;
        blob_put_add(put, moving->value->bytes);
        blob_put_end(put);
    }
}

static enum err reserve_apply(struct tx *tx, struct store_work *work)
{
    struct unloading *u = CONTAINER_OF(work, struct unloading, reserve);
    enum err err = OK;

    for (size_t i = 0; !err && i < u->count; i++)
        err = blobs_reserve(tx, str_of(u->list[i].key.text));
    return err;
}

static void reserve_done(struct store_work *work, enum err err)
{
    struct unloading *u = CONTAINER_OF(work, struct unloading, reserve);

    u->is_reserving = false;
    u->err = err;
    look(u);
}

static void release(struct call *call)
{
    struct unloading *u = call->data;

    stand_aside(u);
    u->call = NULL;
    call->release(call);
    if (u->open == 0 && !u->is_reserving)
        mem_free(u);
}

static enum err begin(struct call *call, struct unloading *u)
{
    u->call = call;
    u->data = call->data;
    u->release = call->release;
    u->blobs = call->setup->blobs;
    u->loop = http_exchange_loop(call->exchange);
    call->data = u;
    call->release = release;
    for (size_t i = 0; i < u->count; i++) {
        u->list[i].of = u;
        blob_key_make(loop_rng(u->loop), &u->list[i].key);
    }
    u->is_reserving = true;
    u->reserve = (struct store_work){
        .apply = reserve_apply, .done = reserve_done, .reply_to = u->loop, .class = STORE_REPLY};
    store_write(call->setup->store, &u->reserve);
    return call_then_park(call);
}

enum err traces_write(struct call *call, struct span_batch *batch, call_tx_step apply)
{
    size_t count = call->setup->blobs ? large_ones(batch, NULL) : 0;
    struct unloading *u;

    if (count == 0)
        return call_then_write(call, apply);
    u = mem_alloc_zero(sizeof(*u) + count * sizeof(u->list[0]));
    u->batch = batch;
    u->apply = apply;
    u->count = large_ones(batch, u);
    return begin(call, u);
}
