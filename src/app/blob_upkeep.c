/* blob_upkeep.c -- what is due is listed ──▶ removed ──▶ forgotten in one write. A removal that
 * fails is tried again at the next look; a crash in between, and another node that looks at the
 * same time, repeat removals, which is harmless. */
#include "app/blob_upkeep.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/blobs.h"

#define LOOK_MS (10 * MS_PER_SECOND)
#define PIECE 250

/* Whoever put a blob may still refer to it when its key comes to be due. */
static_assert(2 * BLOB_UPLOAD_MS * US_PER_MS <= BLOBS_UNCLAIMED_US, "an upload outlives its key");

struct blob_upkeep {
    struct loop *loop;
    struct store *store;
    struct blob_store *blobs;
    struct timer timer;
    struct store_work work;
    struct arena arena; /* of one look */
    struct str *keys;
    bool *is_removed;
    size_t count;
    bool has_failed, is_stopped;
};

static void rest(struct blob_upkeep *upkeep, int64_t delay_ms)
{
    if (!upkeep->is_stopped)
        timer_start(&upkeep->timer, delay_ms);
}

static enum err forget_apply(struct tx *tx, struct store_work *work)
{
    struct blob_upkeep *upkeep = CONTAINER_OF(work, struct blob_upkeep, work);
    enum err err = OK;

    for (size_t i = 0; !err && i < upkeep->count; i++)
        if (upkeep->is_removed[i])
            err = blobs_forget(tx, upkeep->keys[i]);
    return err;
}

static void forget_done(struct store_work *work, enum err err)
{
    struct blob_upkeep *upkeep = CONTAINER_OF(work, struct blob_upkeep, work);

    rest(upkeep, !err && upkeep->count == PIECE && !upkeep->has_failed ? 0 : LOOK_MS);
}

static void submit(struct blob_upkeep *upkeep,
                   enum err (*apply)(struct tx *tx, struct store_work *work),
                   void (*done)(struct store_work *work, enum err err))
{
    upkeep->work = (struct store_work){
        .apply = apply, .done = done, .reply_to = upkeep->loop, .class = STORE_BULK};
    store_write(upkeep->store, &upkeep->work);
}

static void on_removed(void *context, const bool *gone)
{
    struct blob_upkeep *upkeep = context;
    size_t left = 0;

    for (size_t i = 0; i < upkeep->count; i++) {
        upkeep->is_removed[i] = gone[i];
        left += !gone[i];
    }
    upkeep->has_failed = left > 0;
    if (left > 0)
        log_error("app", "%zu of %zu blobs could not be removed; they are tried again", left,
                  upkeep->count);
    if (upkeep->is_stopped)
        return;
    if (left < upkeep->count)
        submit(upkeep, forget_apply, forget_done);
    else
        rest(upkeep, LOOK_MS);
}

/* In a write, so that it sees what has been claimed up to now. */
static enum err look_apply(struct tx *tx, struct store_work *work)
{
    struct blob_upkeep *upkeep = CONTAINER_OF(work, struct blob_upkeep, work);

    arena_reset(&upkeep->arena);
    return blobs_list_due(tx, PIECE, &upkeep->arena, &upkeep->keys, &upkeep->count);
}

static void look_done(struct store_work *work, enum err err)
{
    struct blob_upkeep *upkeep = CONTAINER_OF(work, struct blob_upkeep, work);

    if (err || upkeep->count == 0) {
        rest(upkeep, LOOK_MS);
        return;
    }
    upkeep->is_removed = ARENA_ARRAY(&upkeep->arena, bool, upkeep->count);
    if (!upkeep->is_stopped)
        blob_remove(upkeep->blobs, upkeep->loop, upkeep->keys, upkeep->count, on_removed, upkeep);
}

static void on_timer(struct timer *timer)
{
    struct blob_upkeep *upkeep = CONTAINER_OF(timer, struct blob_upkeep, timer);

    submit(upkeep, look_apply, look_done);
}

struct blob_upkeep *blob_upkeep_new(struct loop *loop, struct store *store,
                                    struct blob_store *blobs)
{
    struct blob_upkeep *upkeep = MEM_NEW(struct blob_upkeep);

    upkeep->loop = loop;
    upkeep->store = store;
    upkeep->blobs = blobs;
    upkeep->is_stopped = blobs == NULL;
    arena_init(&upkeep->arena);
    timer_init(&upkeep->timer, loop, on_timer);
    rest(upkeep, LOOK_MS);
    return upkeep;
}

void blob_upkeep_stop(struct blob_upkeep *upkeep)
{
    if (!upkeep)
        return;
    upkeep->is_stopped = true;
    timer_stop(&upkeep->timer);
}

void blob_upkeep_free(struct blob_upkeep *upkeep)
{
    if (!upkeep)
        return;
    timer_stop(&upkeep->timer);
    arena_release(&upkeep->arena);
    mem_free(upkeep);
}
