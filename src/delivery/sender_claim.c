/* Takes what is due for the lanes that are ready, all in one write, and starts it when that is
 * committed. */
#include "delivery/sender_priv.h"
#include "io/loop.h"

/* After a claim that found nothing of what was said to be due (another node has it). */
#define REST_MS 50
#define REPLAY_PART 8

/* ---- on the writer ---- */

static enum err claim_apply(struct tx *tx, struct store_work *work)
{
    struct claim_work *c = CONTAINER_OF(work, struct claim_work, work);

    arena_reset(&c->arena);
    return outbox_claim(tx, &c->claim, &c->arena, &c->rows, &c->row_count);
}

void claim_init(struct claim_work *c)
{
    arena_init_keeping(&c->arena, CLAIM_KEPT_BYTES);
    for (size_t i = 0; i < CLAIM_ROWS_MAX; i++)
        arena_init_keeping(&c->row_arenas[i], ROW_KEPT_BYTES);
}

void claim_release(struct claim_work *c)
{
    arena_release(&c->arena);
    for (size_t i = 0; i < CLAIM_ROWS_MAX; i++)
        arena_release(&c->row_arenas[i]);
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

static bool is_due(const struct lane *lane, enum outbox_line line, int64_t now_us)
{
    return lane->next_us[line] && lane->next_us[line] <= now_us;
}

/* Of the places: half for retries, an eighth for what is sent once more, if they want them; what
 * others do not want is theirs. With few places the lines take turns. */
static void share_out(struct lane *lane, struct outbox_claim_lane *c, int64_t now_us)
{
    bool is_fresh = is_due(lane, OUTBOX_FRESH, now_us),
         is_retry = is_due(lane, OUTBOX_RETRY, now_us);
    unsigned turn = ++lane->turns, replays = 0, retries = 0;

    if (is_due(lane, OUTBOX_REPLAY, now_us)) {
        replays = c->room >= REPLAY_PART ? c->room / REPLAY_PART : turn % REPLAY_PART == 0;
        replays = is_fresh || is_retry ? replays : c->room;
    }
    if (is_retry) {
        unsigned rest = c->room - replays;

        retries = rest > 1 ? rest / 2 : rest && turn % 2;
        retries = is_fresh ? retries : rest;
    }
    c->shares[OUTBOX_RETRY] = retries;
    c->shares[OUTBOX_REPLAY] = replays;
}

static unsigned smaller(size_t a, size_t b)
{
    return (unsigned)(a < b ? a : b);
}

/* Adds one lane to the claim; `left` rows may still be taken. */
static unsigned add_lane(struct delivery *d, struct lane *lane, size_t left, size_t each)
{
    struct claim_work *c = &d->claim;
    struct outbox_claim_lane *claim_lane = &c->rooms[c->claim.lane_count];
    size_t places = places_for(d, lane->origin, d->active_count + CLAIM_ROWS_MAX - left);
    unsigned room = smaller(smaller(smaller(origin_room(lane->origin), each), left), places);

    if (room == 0)
        return 0;
    lane->place = LANE_CLAIMING;
    lane->is_nudged = false;
    lane->origin->claiming += room;
    *claim_lane = (struct outbox_claim_lane){.lane = lane->name, .room = room};
    share_out(lane, claim_lane, store_now_us(d->config.store));
    c->lanes[c->claim.lane_count++] = lane;
    return room;
}

/* ---- back on the loop ---- */

static void lane_claimed(struct delivery *d, size_t index, enum err err)
{
    struct claim_work *c = &d->claim;
    struct lane *lane = c->lanes[index];
    struct outbox_claim_lane *room = &c->rooms[index];
    unsigned taken = err ? 0 : room->taken;

    lane->place = LANE_ASLEEP;
    lane->origin->claiming -= room->room;
    if (err || taken == 0)
        lane->rest_until_ms = loop_mono_ms(d->loop) + (err ? RETRY_MS : REST_MS);
    if (!err) {
        memcpy(lane->next_us, room->next_us, sizeof(lane->next_us));
        if (lane->is_nudged)
            lane_hint(lane, OUTBOX_FRESH, store_now_us(d->config.store));
    }
}

static void claim_done(struct store_work *work, enum err err)
{
    struct claim_work *c = CONTAINER_OF(work, struct claim_work, work);
    struct delivery *d = c->delivery;

    c->is_busy = false;
    failure_log_note(&c->failures, loop_mono_ms(d->loop), err, LOG_WARN, "delivery",
                     "claims failed");
    for (size_t i = 0; i < c->claim.lane_count; i++)
        lane_claimed(d, i, err);
    for (size_t i = 0; !err && i < c->row_count; i++)
        attempt_add(c->lanes[c->rows[i].lane_index], &c->rows[i], &c->row_arenas[i],
                    c->began_ms + d->config.tuning.lease_ms);
    outbox_claimed_wipe(c->rows, err ? 0 : c->row_count);
    for (size_t i = 0; i < c->claim.lane_count; i++) {
        origin_pump(c->lanes[i]->origin);
        if (d->phase == PHASE_RUNNING)
            lane_consider(c->lanes[i]);
    }
    settle_pump(d);
    claim_pump(d);
    stop_check(d);
}

static struct lane *next_ready(struct delivery *d)
{
    struct list *node = list_pop(&d->ready);
    struct lane *lane;

    REQUIRE(node && d->ready_count > 0);
    d->ready_count--;
    lane = LIST_ITEM(node, struct lane, node);
    lane->place = LANE_ASLEEP;
    return lane;
}

/* Lanes that got no place now wait for one behind the others. */
static void fill_claim(struct delivery *d)
{
    size_t left = CLAIM_ROWS_MAX, tries = d->ready_count;
    size_t sharing = tries < CLAIM_LANES_MAX ? tries : CLAIM_LANES_MAX;
    size_t each = sharing ? CLAIM_ROWS_MAX / sharing : 0;

    d->claim.claim.lane_count = 0;
    while (tries-- > 0 && left > 0 && d->claim.claim.lane_count < CLAIM_LANES_MAX) {
        struct lane *lane = next_ready(d);
        unsigned room = add_lane(d, lane, left, each);

        left -= room;
        if (room == 0)
            lane_consider(lane);
    }
}

void claim_pump(struct delivery *d)
{
    struct claim_work *c = &d->claim;
    struct delivery_tuning *tuning = &d->config.tuning;
    struct store_work *settle;

    if (c->is_busy || d->phase != PHASE_RUNNING || d->active_bytes >= tuning->bytes_max)
        return;
    if (d->active_count >= tuning->active_max)
        return;
    fill_claim(d);
    if (c->claim.lane_count == 0)
        return;
    c->is_busy = true;
    c->delivery = d;
    c->claim.node = d->config.node;
    c->began_ms = loop_mono_ms(d->loop);
    c->claim.lease_us = tuning->lease_ms * US_PER_MS;
    c->claim.bytes_max = tuning->bytes_max - d->active_bytes;
    c->claim.lanes = c->rooms;
    c->claim.row_arenas = c->row_arenas;
    c->work = (struct store_work){
        .apply = claim_apply, .done = claim_done, .reply_to = d->loop, .class = STORE_OUTCOME};
    settle = settle_begin(d);
    if (settle)
        settle->with = &c->work; /* one commit for both */
    store_write(d->config.store, settle ? settle : &c->work);
}
