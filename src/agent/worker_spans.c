/* worker_spans.c -- what runs in workers say of themselves goes into the traces of their tenant.
 *
 * It is told on the side: it is written after everything else (STORE_BULK), and what comes while
 * too much waits already is dropped, so a run never waits for its trace. */
#include "agent/worker_executor_priv.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "trace/span_write.h"

#define WAITING_BYTES_MAX (32 * MIB)

struct parcel {
    struct store_work work;
    struct worker_executor *owner;
    struct span_batch batch;
    struct str tenant;
    size_t bytes;
};

static enum err parcel_apply(struct tx *tx, struct store_work *work)
{
    struct parcel *parcel = CONTAINER_OF(work, struct parcel, work);

    return span_write(tx, parcel->tenant, &parcel->batch);
}

/* On the writer's thread: the executor lives longer than the store. */
static void parcel_done(struct store_work *work, enum err err)
{
    struct parcel *parcel = CONTAINER_OF(work, struct parcel, work);

    if (err)
        log_error("agent", "%zu bytes of traces could not be stored", parcel->bytes);
    atomic_fetch_sub(&parcel->owner->span_bytes, parcel->bytes);
    span_batch_release(&parcel->batch);
    mem_free(parcel);
}

static bool is_full(struct worker_executor *owner, size_t bytes)
{
    bool full = atomic_load(&owner->span_bytes) + bytes > WAITING_BYTES_MAX;

    if (full && !owner->drops_spans)
        log_warn("agent", "traces of runs are left out: the store does not keep up with them");
    owner->drops_spans = full;
    return full;
}

void worker_run_on_spans(struct slot *slot, const struct frame *frame)
{
    struct worker_executor *owner = slot->owner;
    const struct execution *execution = worker_run_execution(slot, frame);
    struct str text = frame_blob(frame, 0), why;
    struct parcel *parcel;
    char *copy;

    if (!execution || is_full(owner, text.len))
        return;
    parcel = MEM_NEW(struct parcel);
    parcel->owner = owner;
    parcel->bytes = text.len;
    span_batch_init(&parcel->batch);
    parcel->tenant = arena_str(&parcel->batch.arena, execution->run.tenant);
    copy = arena_cstr(&parcel->batch.arena, text);
    json_scrub_nul(copy, text.len);
    if (span_batch_add_batch(&parcel->batch, str_range(copy, text.len), &why))
        log_error("agent", "a worker's traces are not understood: %.*s", STR_ARG(why));
    atomic_fetch_add(&owner->span_bytes, parcel->bytes);
    parcel->work.apply = parcel_apply;
    parcel->work.done = parcel_done;
    parcel->work.class = STORE_BULK;
    store_write(owner->setup.store, &parcel->work);
}
