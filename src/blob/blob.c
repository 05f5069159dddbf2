/* The faces of blob.h: each call goes to the form behind it. */
#include "blob/blob.h"

struct str blob_key_make(struct rng *rng, struct blob_key *key)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < BLOB_KEY_BYTES; i += 16) {
        uint64_t bits = rng_next(rng);

        for (size_t j = 0; j < 16; j++, bits >>= 4)
            key->text[i + j] = digits[bits & 15];
    }
    key->text[BLOB_KEY_BYTES] = '\0';
    return str_range(key->text, BLOB_KEY_BYTES);
}

struct blob_put *blob_put_new(struct blob_store *store, struct loop *loop, struct str key,
                              const struct blob_put_events *events)
{
    REQUIRE(key.len == BLOB_KEY_BYTES);
    return store->ops->put_new(store, loop, key, events);
}

bool blob_store_is_full(struct blob_store *store)
{
    return store && atomic_load_explicit(&store->is_full, memory_order_relaxed);
}

void blob_put_add(struct blob_put *put, struct str bytes)
{
    put->ops->put_add(put, bytes);
}

size_t blob_put_pending(const struct blob_put *put)
{
    return put->ops->put_pending(put);
}

void blob_put_end(struct blob_put *put)
{
    put->ops->put_end(put);
}

void blob_put_cancel(struct blob_put *put)
{
    put->ops->put_cancel(put);
}

struct blob_get *blob_get_new(struct blob_store *store, struct loop *loop, struct str key,
                              const struct blob_get_events *events)
{
    REQUIRE(key.len == BLOB_KEY_BYTES);
    return store->ops->get_new(store, loop, key, events);
}

void blob_get_next(struct blob_get *get)
{
    get->ops->get_next(get);
}

void blob_get_free(struct blob_get *get)
{
    get->ops->get_free(get);
}

void blob_remove(struct blob_store *store, struct loop *loop, const struct str *keys, size_t count,
                 void (*on_done)(void *context, const bool *gone), void *context)
{
    REQUIRE(count > 0 && count <= BLOB_REMOVE_MAX);
    for (size_t i = 0; i < count; i++)
        REQUIRE(keys[i].len == BLOB_KEY_BYTES);
    store->ops->remove(store, loop, keys, count, on_done, context);
}

bool blob_link(const struct blob_store *store, struct str key, struct str mime_type, int64_t now_us,
               struct buf *out)
{
    return store && store->ops->link && key.len == BLOB_KEY_BYTES &&
           store->ops->link(store, key, mime_type, now_us, out);
}

void blob_store_stop(struct blob_store *store)
{
    if (store)
        store->ops->stop(store);
}

void blob_store_free(struct blob_store *store)
{
    if (store)
        store->ops->free(store);
}
