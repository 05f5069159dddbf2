/* Spans on their way to the writer. */
#include "agent/span_parcels.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "trace/span_write.h"

#define WAITING_BYTES_MAX (32 * MIB)

struct parcel {
    struct store_work work;
    struct span_parcels *owner;
    struct span_batch batch;
    struct str tenant;
    size_t bytes;
};

static enum err parcel_apply(struct tx *tx, struct store_work *work)
{
    struct parcel *parcel = CONTAINER_OF(work, struct parcel, work);

    return span_write(tx, parcel->tenant, &parcel->batch);
}

/* On the writer's thread. */
static void parcel_done(struct store_work *work, enum err err)
{
    struct parcel *parcel = CONTAINER_OF(work, struct parcel, work);

    if (err)
        log_error("agent", "%zu bytes of traces could not be stored", parcel->bytes);
    atomic_fetch_sub(&parcel->owner->waiting_bytes, parcel->bytes);
    span_batch_release(&parcel->batch);
    mem_free(parcel);
}

static bool is_full(struct span_parcels *parcels, size_t bytes)
{
    bool full = atomic_load(&parcels->waiting_bytes) + bytes > WAITING_BYTES_MAX;

    if (full && !parcels->drops)
        log_warn("agent", "traces of runs are left out: the store does not keep up with them");
    parcels->drops = full;
    return full;
}

void span_parcels_init(struct span_parcels *parcels, struct store *store)
{
    parcels->store = store;
    atomic_init(&parcels->waiting_bytes, 0);
    parcels->drops = false;
}

void span_parcels_send(struct span_parcels *parcels, struct str tenant, struct str text)
{
    struct parcel *parcel;
    struct str why;
    char *copy;

    if (is_full(parcels, text.len))
        return;
    parcel = MEM_NEW(struct parcel);
    parcel->owner = parcels;
    parcel->bytes = text.len;
    span_batch_init(&parcel->batch);
    parcel->tenant = arena_str(&parcel->batch.arena, tenant);
    copy = arena_cstr(&parcel->batch.arena, text);
    json_scrub_nul(copy, text.len);
    if (span_batch_add_batch(&parcel->batch, str_range(copy, text.len), &why))
        log_error("agent", "a run's traces are not understood: %.*s", STR_ARG(why));
    atomic_fetch_add(&parcels->waiting_bytes, parcel->bytes);
    parcel->work.apply = parcel_apply;
    parcel->work.done = parcel_done;
    parcel->work.class = STORE_BULK;
    store_write(parcels->store, &parcel->work);
}
