/* Takes what is due for the origins that are ready, all in one write, and starts it when that is
 * committed. */
#include "base/log.h"
#include "delivery/sender_priv.h"
#include "io/loop.h"

/* After a claim that found nothing of what was said to be due (another node has it). */
#define REST_MS 50

/* ---- on the writer ---- */

static enum err claim_apply(struct tx *tx, struct store_work *work)
{
    struct claim_work *c = CONTAINER_OF(work, struct claim_work, work);

    return outbox_claim(tx, &c->claim, &c->arena, &c->rows, &c->row_count);
}

/* ---- how much for whom ---- */

/* Places for this origin when `active` are taken. All are open to origins whose last answer was
 * good. The others share one half, and each may have a single place in the next quarter: so many
 * that hang can neither keep out one that has proved itself nor one that is new. */
static size_t places_for(const struct delivery *d, const struct origin *origin, size_t active)
{
    size_t max = d->config.tuning.active_max;

    if (origin->window.is_proven)
        return active < max ? max - active : 0;
    if (active < max / 2)
        return max / 2 - active;
    return origin->attempts == 0 && active < max - max / 4 ? 1 : 0;
}

static unsigned retry_share(struct origin *origin, unsigned room, int64_t now_us)
{
    int64_t retry_us = origin->next_us[OUTBOX_RETRY];

    if (retry_us == 0 || retry_us > now_us)
        return 0;
    if (room > 1)
        return room / 2;
    origin->retries_turn = !origin->retries_turn;
    return origin->retries_turn ? 1 : 0;
}

static unsigned smaller(size_t a, size_t b)
{
    return (unsigned)(a < b ? a : b);
}

/* Adds one origin to the claim; `left` rows may still be taken. */
static unsigned add_origin(struct delivery *d, struct origin *origin, size_t left, size_t each)
{
    struct claim_work *c = &d->claim;
    size_t places = places_for(d, origin, d->active_count + CLAIM_ROWS_MAX - left);
    unsigned room = smaller(smaller(smaller(origin_room(origin), each), left), places);

    if (room == 0)
        return 0;
    origin->is_claiming = true;
    origin->is_nudged = false;
    c->rooms[c->claim.origin_count] = (struct outbox_claim_origin){
        .origin = origin->name,
        .room = room,
        .retry_share = retry_share(origin, room, loop_wall_us(d->loop)),
    };
    c->origins[c->claim.origin_count++] = origin;
    return room;
}

/* ---- back on the loop ---- */

static void origin_claimed(struct delivery *d, size_t index, enum err err)
{
    struct claim_work *c = &d->claim;
    struct origin *origin = c->origins[index];
    struct outbox_claim_origin *room = &c->rooms[index];
    unsigned taken = err ? 0 : room->taken;

    origin->is_claiming = false;
    if (err || taken == 0)
        origin->rest_until_ms = loop_mono_ms(d->loop) + (err ? RETRY_MS : REST_MS);
    if (!err) {
        memcpy(origin->next_us, room->next_us, sizeof(origin->next_us));
        if (origin->is_nudged)
            origin_hint(origin, OUTBOX_FRESH, loop_wall_us(d->loop));
    }
}

static void claim_done(struct store_work *work, enum err err)
{
    struct claim_work *c = CONTAINER_OF(work, struct claim_work, work);
    struct delivery *d = c->delivery;

    c->is_busy = false;
    if (err)
        log_warn("delivery", "a claim failed (%s); it is repeated", err_name(err));
    for (size_t i = 0; i < c->claim.origin_count; i++)
        origin_claimed(d, i, err);
    for (size_t i = 0; !err && i < c->row_count; i++)
        attempt_add(d, c->origins[c->rows[i].origin_index], &c->rows[i]);
    outbox_claimed_wipe(c->rows, err ? 0 : c->row_count);
    arena_reset(&c->arena);
    for (size_t i = 0; i < c->claim.origin_count; i++) {
        origin_pump(c->origins[i]);
        if (d->phase == PHASE_RUNNING)
            origin_consider(c->origins[i]);
    }
    settle_pump(d);
    claim_pump(d);
    stop_check(d);
}

static struct origin *next_ready(struct delivery *d)
{
    struct list *node = list_pop(&d->ready);

    REQUIRE(node && d->ready_count > 0);
    d->ready_count--;
    return LIST_ITEM(node, struct origin, ready);
}

/* Origins that got no place now wait for one behind the others. */
static void fill_claim(struct delivery *d)
{
    size_t left = CLAIM_ROWS_MAX, tries = d->ready_count;
    size_t sharing = tries < CLAIM_ORIGINS_MAX ? tries : CLAIM_ORIGINS_MAX;
    size_t each = sharing ? CLAIM_ROWS_MAX / sharing : 0;

    d->claim.claim.origin_count = 0;
    while (tries-- > 0 && left > 0 && d->claim.claim.origin_count < CLAIM_ORIGINS_MAX) {
        struct origin *origin = next_ready(d);
        unsigned room = add_origin(d, origin, left, each);

        left -= room;
        if (room == 0 && origin_room(origin) > 0) {
            list_push(&d->ready, &origin->ready);
            d->ready_count++;
        }
    }
}

void claim_pump(struct delivery *d)
{
    struct claim_work *c = &d->claim;
    struct delivery_tuning *tuning = &d->config.tuning;

    if (c->is_busy || d->phase != PHASE_RUNNING || d->active_bytes >= tuning->bytes_max)
        return;
    if (d->active_count >= tuning->active_max)
        return;
    fill_claim(d);
    if (c->claim.origin_count == 0)
        return;
    c->is_busy = true;
    c->delivery = d;
    c->claim.node = d->config.node;
    c->claim.lease_us = tuning->lease_ms * US_PER_MS;
    c->claim.bytes_max = tuning->bytes_max - d->active_bytes;
    c->claim.origins = c->rooms;
    c->work = (struct store_work){
        .apply = claim_apply, .done = claim_done, .reply_to = d->loop, .class = STORE_OUTCOME};
    store_write(d->config.store, &c->work);
}
