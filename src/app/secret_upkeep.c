/* The file of keys is looked at, and what it says is carried out. */
#include "app/secret_upkeep.h"

#include "base/failure_log.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "store/endpoint_lock.h"

#define LOOK_MS (2 * MS_PER_SECOND)
#define PAUSE_MS 20    /* between two pieces */
#define PIECE_ROWS 100 /* sealed again, or tried, in one transaction */

struct secret_upkeep {
    struct loop *loop;
    struct store *store;
    struct secret_file file;
    struct keyring *ring;
    struct timer timer;
    struct store_work work;
    struct arena arena; /* of the work under way */
    struct str why;     /* what was wrong with the file at the last look */
    bool has_looked, has_changed;
    struct secret_use *uses;
    size_t use_count;
    /* Of each two the piece under way writes the latter. */
    struct endpoint_unlock unlock, unlocked;
    struct secret_sweep sweep, swept;
    size_t unlocked_count, resealed; /* since the keys changed */
    bool is_stopped;
    struct failure_log unlock_failures, sweep_failures;
};

static void submit(struct secret_upkeep *upkeep,
                   enum err (*apply)(struct tx *tx, struct store_work *work),
                   void (*done)(struct store_work *work, enum err err), bool is_write)
{
    upkeep->work = (struct store_work){
        .apply = apply, .done = done, .reply_to = upkeep->loop, .class = STORE_BULK};
    if (is_write)
        store_write(upkeep->store, &upkeep->work);
    else
        store_read(upkeep->store, &upkeep->work);
}

static void rest(struct secret_upkeep *upkeep)
{
    if (!upkeep->is_stopped)
        timer_start(&upkeep->timer, LOOK_MS);
}

/* ---- sealing again ---- */

static enum err sweep_apply(struct tx *tx, struct store_work *work)
{
    struct secret_upkeep *upkeep = CONTAINER_OF(work, struct secret_upkeep, work);

    upkeep->swept = upkeep->sweep; /* it may be a repetition */
    return secret_sweep(tx, &upkeep->swept, PIECE_ROWS);
}

static void sweep_done(struct store_work *work, enum err err)
{
    struct secret_upkeep *upkeep = CONTAINER_OF(work, struct secret_upkeep, work);

    failure_log_note(&upkeep->sweep_failures, loop_mono_ms(upkeep->loop), err, LOG_ERROR, "secrets",
                     "secrets could not be sealed again");
    if (err) {
        upkeep->has_looked = false;
        rest(upkeep);
        return;
    }
    upkeep->sweep = upkeep->swept;
    upkeep->resealed += upkeep->swept.resealed;
    if (upkeep->sweep.more && !upkeep->is_stopped) {
        timer_start(&upkeep->timer, PAUSE_MS);
        return;
    }
    if (upkeep->resealed)
        log_info("secrets",
                 "%zu secrets are sealed again under the newest key; an older one can be dropped",
                 upkeep->resealed);
    upkeep->resealed = 0;
    rest(upkeep);
}

/* ---- what waits for a key ---- */

static enum err unlock_apply(struct tx *tx, struct store_work *work)
{
    struct secret_upkeep *upkeep = CONTAINER_OF(work, struct secret_upkeep, work);

    upkeep->unlocked = upkeep->unlock;
    return endpoint_unlock(tx, &upkeep->unlocked, PIECE_ROWS, &upkeep->arena);
}

static void unlock_done(struct store_work *work, enum err err)
{
    struct secret_upkeep *upkeep = CONTAINER_OF(work, struct secret_upkeep, work);

    failure_log_note(&upkeep->unlock_failures, loop_mono_ms(upkeep->loop), err, LOG_ERROR,
                     "secrets", "what waits for a key could not be looked at");
    if (err) {
        upkeep->has_looked = false;
        rest(upkeep);
        return;
    }
    upkeep->unlock = upkeep->unlocked;
    upkeep->unlocked_count += upkeep->unlock.unlocked;
    if (upkeep->is_stopped)
        return;
    if (upkeep->unlock.more) {
        timer_start(&upkeep->timer, PAUSE_MS);
        return;
    }
    if (upkeep->unlocked_count)
        log_info("secrets", "%zu endpoints have their secrets again: what was held for them goes",
                 upkeep->unlocked_count);
    upkeep->unlocked_count = 0;
    upkeep->sweep = (struct secret_sweep){0};
    submit(upkeep, sweep_apply, sweep_done, true);
}

/* ---- the file ---- */

static enum err look_apply(struct tx *tx, struct store_work *work)
{
    struct secret_upkeep *upkeep = CONTAINER_OF(work, struct secret_upkeep, work);
    struct keyring_keys keys = {.count = 0};
    struct str why = STR_NONE;
    enum err err;

    arena_reset(&upkeep->arena);
    upkeep->why = STR_NONE;
    err = secret_file_read(&upkeep->file, &upkeep->arena, &keys, &why);
    if (err)
        upkeep->why = why;
    else if (keyring_replace(upkeep->ring, &keys))
        upkeep->has_changed = true;
    secret_wipe(&keys, sizeof(keys));
    upkeep->use_count = 0;
    if (upkeep->has_changed || !upkeep->has_looked)
        return secret_uses(tx, &upkeep->arena, &upkeep->uses, &upkeep->use_count);
    return OK;
}

static bool is_known(const uint32_t *ids, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static void tell_unknown(const struct secret_upkeep *upkeep)
{
    uint32_t ids[KEYRING_KEYS_MAX];
    size_t count = keyring_ids(upkeep->ring, ids);

    for (size_t i = 0; i < upkeep->use_count; i++)
        if (!is_known(ids, count, upkeep->uses[i].key_id))
            log_error("secrets",
                      "%lld secrets are sealed under the key %u, which is not in %s: webhooks that "
                      "need them are held until its line is put back there",
                      (long long)upkeep->uses[i].count, (unsigned)upkeep->uses[i].key_id,
                      upkeep->file.path);
}

static void look_done(struct store_work *work, enum err err)
{
    struct secret_upkeep *upkeep = CONTAINER_OF(work, struct secret_upkeep, work);
    bool is_first = !upkeep->has_looked;

    if (!str_is_none(upkeep->why))
        log_error("secrets", "%.*s; the keys of before stay in use", STR_ARG(upkeep->why));
    if (err || (!is_first && !upkeep->has_changed) || upkeep->is_stopped) {
        rest(upkeep);
        return;
    }
    if (upkeep->has_changed)
        log_info("secrets", "the secret keys have changed");
    upkeep->has_looked = true;
    upkeep->has_changed = false;
    tell_unknown(upkeep);
    upkeep->unlock = (struct endpoint_unlock){0};
    submit(upkeep, unlock_apply, unlock_done, true);
}

static void on_timer(struct timer *timer)
{
    struct secret_upkeep *upkeep = CONTAINER_OF(timer, struct secret_upkeep, timer);

    if (upkeep->unlock.more)
        submit(upkeep, unlock_apply, unlock_done, true);
    else if (upkeep->sweep.more)
        submit(upkeep, sweep_apply, sweep_done, true);
    else
        submit(upkeep, look_apply, look_done, false);
}

struct secret_upkeep *secret_upkeep_new(struct loop *loop, struct store *store,
                                        const struct secret_file *file, struct keyring *ring)
{
    struct secret_upkeep *upkeep = MEM_NEW(struct secret_upkeep);

    upkeep->loop = loop;
    upkeep->store = store;
    upkeep->file = *file;
    upkeep->ring = ring;
    arena_init(&upkeep->arena);
    timer_init(&upkeep->timer, loop, on_timer);
    timer_start(&upkeep->timer, 0);
    return upkeep;
}

void secret_upkeep_stop(struct secret_upkeep *upkeep)
{
    upkeep->is_stopped = true;
    timer_stop(&upkeep->timer);
}

void secret_upkeep_free(struct secret_upkeep *upkeep)
{
    if (!upkeep)
        return;
    timer_stop(&upkeep->timer);
    arena_release(&upkeep->arena);
    mem_free(upkeep);
}
